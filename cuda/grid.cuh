// Launch shapes for kernels that visit pixels.
#pragma once

#include <cstdint>

#include "cuda/language.h"

namespace infill::cuda {

// A block is 32 x 8 pixels: a warp is a row of 32.
constexpr int kBlockColumns = 32;
constexpr int kBlockRows = 8;
constexpr int kBlockThreads = kBlockColumns * kBlockRows;

inline dim3 pixel_block() {
  return dim3(kBlockColumns, kBlockRows);
}

// Blocks over width x height pixels; beyond 65535 rows of blocks a kernel goes on with y + rows_of_grid().
inline dim3 pixel_grid(int32_t width, int32_t height) {
  const int32_t rows = (height + kBlockRows - 1) / kBlockRows;
  return dim3(static_cast<unsigned>((width + kBlockColumns - 1) / kBlockColumns),
              static_cast<unsigned>(rows < 65535 ? rows : 65535));
}
__device__ inline int32_t pixel_x() {
  return static_cast<int32_t>(blockIdx.x * blockDim.x + threadIdx.x);
}
__device__ inline int32_t pixel_y() {
  return static_cast<int32_t>(blockIdx.y * blockDim.y + threadIdx.y);
}
__device__ inline int32_t rows_of_grid() {
  return static_cast<int32_t>(gridDim.y * blockDim.y);
}

// Blocks of kBlockThreads over a list.
inline dim3 list_grid(int64_t count) {
  return dim3(static_cast<unsigned>((count + kBlockThreads - 1) / kBlockThreads));
}
__device__ inline int64_t list_index() {
  return int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}

}  // namespace infill::cuda
