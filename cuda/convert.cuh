// Kernels of cuda/convert.h: a thread for each pixel.
#pragma once

#include "cuda/cells.cuh"
#include "cuda/convert.h"
#include "cuda/grid.cuh"

namespace infill::cuda {

// The largest magnitude that fills compute with.
constexpr float kLargestValue = 1e18F;

// Whether a bad value at this pixel is one.
__device__ inline bool counts(const LoadCall& call, int32_t x, int32_t y, int64_t at) {
  if (call.mask.data == nullptr) return true;
  const uint8_t label = call.canvas.label == nullptr ? kKnown : call.canvas.label[at];
  if (label == kExcluded) return false;
  const float m = mask_at(call.mask, call.canvas.x + x, call.canvas.y + y);
  return label == kKnown ? m == 0.0F : m < 1.0F;
}

// Without the 1, a block a multiprocessor at least, ptxas keeps to 32 registers and spills.
template <CellType kType, Access kAccess>
__global__ __launch_bounds__(kBlockThreads, 1) void load_kernel(LoadCall call) {
  const Canvas& canvas = call.canvas;
  const int32_t x = pixel_x();
  if (x >= canvas.width) return;
  for (int32_t y = pixel_y(); y < canvas.height; y += rows_of_grid()) {
    const int64_t at = y * canvas.stride + x;
    if (call.where != nullptr && call.where[at] == 0) continue;
    float values[4];
    read_pixel<kType, kAccess>(call.src, canvas.x + x, canvas.y + y, values);
    if (Cell<kType>::kIsFloat && call.bad != nullptr) {
      int32_t bad = canvas.channels;  // the first channel with a bad value
#pragma unroll
      for (int32_t c = 3; c >= 0; --c) {
        if (c < canvas.channels && !(fabsf(values[c]) <= kLargestValue)) bad = c;
      }
      if (bad < canvas.channels && counts(call, x, y, at)) {
        atomicMin(call.bad, (static_cast<unsigned long long>(y) * static_cast<unsigned>(canvas.channels) +
                             static_cast<unsigned>(bad)) *
                                    static_cast<unsigned>(canvas.width) +
                                static_cast<unsigned>(x));
      }
    }
    const bool keep = call.where != nullptr || canvas.label == nullptr || canvas.label[at] == kKnown;
#pragma unroll
    for (int32_t c = 0; c < 4; ++c) {
      if (c < canvas.channels) canvas.planes[c][at] = keep ? values[c] : 0.0F;
    }
  }
}

__global__ __launch_bounds__(32) void forget_bad_kernel(unsigned long long* bad) {
  if (threadIdx.x == 0) *bad = kNoBadPixel;
}

// Stores the canvas's channels.
template <CellType kType, Access kAccess>
__device__ inline void store_bits(const Picture& dst, int32_t x, int32_t y, int32_t channels,
                                  const uint32_t (&bits)[4]) {
  using Bits = typename Cell<kType>::Bits;
  unsigned char* to = pixel_at(dst, x, y);
#pragma unroll
  for (int32_t c = 0; c < 4; ++c) {
    if (c >= channels) continue;
    store_cell<Bits, kAccess != Access::kBytes>(to + dst.order[c] * dst.channel_stride, bits[c]);
  }
}

template <CellType kType, Access kAccess>
__global__ __launch_bounds__(kBlockThreads) void store_kernel(StoreCall call) {
  const Canvas& canvas = call.canvas;
  const int32_t column = pixel_x();
  if (column >= canvas.width) return;
  const int32_t x = canvas.x + column;
  for (int32_t row = pixel_y(); row < canvas.height; row += rows_of_grid()) {
    const int64_t at = row * canvas.stride + column;
    if (call.where != nullptr && call.where[at] == 0) continue;
    const int32_t y = canvas.y + row;
    if (call.src.alpha >= 0 && !canvas.has_alpha && call.src.data != call.dst.data) {
      using Bits = typename Cell<kType>::Bits;
      constexpr bool kAligned = kAccess != Access::kBytes;
      store_cell<Bits, kAligned>(
          pixel_at(call.dst, x, y) + call.dst.alpha * call.dst.channel_stride,
          load_cell<Bits, kAligned>(pixel_at(call.src, x, y) + call.src.alpha * call.src.channel_stride));
    }
    const float m = mask_at(call.mask, x, y);
    if (!(m > 0.0F)) continue;
    float values[4];
    read_pixel<kType, kAccess>(call.src, x, y, values);
#pragma unroll
    for (int32_t c = 0; c < 4; ++c) {
      if (c >= canvas.channels) continue;
      const float fill = canvas.planes[c][at];
      values[c] =
          m >= 1.0F ? fill : exact::add(values[c], exact::multiply(m, exact::subtract(fill, values[c])));
    }
    if (canvas.has_alpha) {
      // Negative alpha, which a method may overshoot to, is none.
      const float alpha =
          values[3] > 0.0F ? (Cell<kType>::kIsFloat || values[3] < 1.0F ? values[3] : 1.0F) : 0.0F;
      values[3] = alpha;
      if (call.dst.meaning == AlphaMeaning::kStraight) {
#pragma unroll
        for (int32_t c = 0; c < 3; ++c) values[c] = alpha > 0.0F ? exact::divide(values[c], alpha) : 0.0F;
      }
    }
    uint32_t bits[4];
#pragma unroll
    for (int32_t c = 0; c < 4; ++c) bits[c] = Cell<kType>::encode(values[c] == values[c] ? values[c] : 0.0F);
    store_bits<kType, kAccess>(call.dst, x, y, canvas.channels, bits);
  }
}

template <CellType kType, Access kAccess>
__global__ __launch_bounds__(kBlockThreads) void copy_kernel(CopyCall call) {
  using Bits = typename Cell<kType>::Bits;
  const int32_t x = pixel_x();
  if (x >= call.rect.width) return;
  for (int32_t y = pixel_y(); y < call.rect.height; y += rows_of_grid()) {
    const unsigned char* from = pixel_at(call.src, call.rect.x + x, call.rect.y + y);
    unsigned char* to = pixel_at(call.dst, call.rect.x + x, call.rect.y + y);
#pragma unroll
    for (int32_t c = 0; c < 4; ++c) {
      if (c >= call.src.channels) continue;
      store_cell<Bits, kAccess != Access::kBytes>(
          to + c * call.dst.channel_stride,
          load_cell<Bits, kAccess != Access::kBytes>(from + c * call.src.channel_stride));
    }
  }
}

}  // namespace infill::cuda
