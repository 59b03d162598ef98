// Kernels whose counts are known (profile_test.py); each is launched once.
#include <cstdio>

#include "cuda/language.h"

namespace {

template <int kStride>
__device__ void strided_shared(float* out) {
  INFILL_SHARED(float, values, [32 * 33]);
  values[threadIdx.x * kStride] = out[threadIdx.x];
  __syncwarp();
  out[threadIdx.x] = values[(threadIdx.x ^ 1) * kStride];
}

}  // namespace

extern "C" {

__global__ void __launch_bounds__(32) shared_stride_1(float* out) {
  strided_shared<1>(out);
}
__global__ void __launch_bounds__(32) shared_stride_2(float* out) {
  strided_shared<2>(out);
}
__global__ void __launch_bounds__(32) shared_stride_32(float* out) {
  strided_shared<32>(out);
}
__global__ void __launch_bounds__(32) shared_stride_33(float* out) {
  strided_shared<33>(out);
}

// 16 bytes a lane: four quarters of a warp, each without conflicts.
__global__ void __launch_bounds__(32) shared_float4(float* out) {
  INFILL_SHARED(float, values, [128]);
  *reinterpret_cast<float4*>(values + 4 * threadIdx.x) = make_float4(out[0], 1, 2, 3);
  __syncwarp();
  const float4 v = *reinterpret_cast<const float4*>(values + 4 * (threadIdx.x ^ 1));
  out[threadIdx.x] = v.x + v.y + v.z + v.w;
}

// All lanes read one word.
__global__ void __launch_bounds__(32) shared_broadcast(float* out) {
  INFILL_SHARED(float, values, [1]);
  if (threadIdx.x == 0) values[0] = out[0];
  __syncwarp();
  out[threadIdx.x] = values[0];
}

// Rows of 16 bytes, 128 bytes apart: all in the same banks. 144 bytes apart: none.
__device__ void load_rows(float* out, int pitch) {
  INFILL_SHARED(unsigned char, rows, [32 * 144]);
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 144; i += 32) rows[i] = 0;
  __syncwarp();
  unsigned loaded[4];
  infill::cuda::ptx::ldmatrix_x4(loaded, rows + threadIdx.x * static_cast<unsigned>(pitch));
  out[threadIdx.x] = static_cast<float>(loaded[0] + loaded[1] + loaded[2] + loaded[3]);
}
__global__ void __launch_bounds__(32) matrix_rows_128(float* out) {
  load_rows(out, 128);
}
__global__ void __launch_bounds__(32) matrix_rows_144(float* out) {
  load_rows(out, 144);
}

__global__ void __launch_bounds__(32) global_stride_1(float* out) {
  out[threadIdx.x] = out[1024 + threadIdx.x];
}
__global__ void __launch_bounds__(32) global_stride_2(float* out) {
  out[threadIdx.x] = out[1024 + 2 * threadIdx.x];
}
__global__ void __launch_bounds__(32) global_stride_8(float* out) {
  out[threadIdx.x] = out[1024 + 8 * threadIdx.x];
}
__global__ void __launch_bounds__(32) global_offset(float* out) {
  out[threadIdx.x] = out[1025 + threadIdx.x];
}
__global__ void __launch_bounds__(32) global_broadcast(float* out) {
  out[threadIdx.x] = out[1024 + blockIdx.x];
}

// In every iteration half of the lanes load: 8 requests of 16 lanes with 16 words between them.
__global__ void __launch_bounds__(32) lanes_in_turns(float* out, const int* turns) {
  float sum = 0;
#pragma unroll 1
  for (int i = 0; i < 8; ++i) {
    if ((threadIdx.x / 16 + static_cast<unsigned>(turns[i])) % 2 != 0) {
      sum += *const_cast<volatile float*>(out + 1024 + threadIdx.x);
      __syncwarp(__activemask());
    }
  }
  out[threadIdx.x] = sum;
}

// 7 multiply-adds by each of 64 lanes, in two blocks.
__global__ void __launch_bounds__(32) multiply_adds(float* out) {
  float sum = out[threadIdx.x];
#pragma unroll 1
  for (int i = 0; i < 7; ++i) sum = fmaf(sum, 1.5f, 2.0f);
  out[threadIdx.x + 32 * blockIdx.x] = sum;
}

// One mma of 16×8×16 by each of two warps.
__global__ void __launch_bounds__(64) matrix_product(float* out) {
  const unsigned left[4] = {}, right[2] = {};
  float sums[4] = {};
  infill::cuda::ptx::mma_f16_16816(sums, left, right);
  out[threadIdx.x] = sums[0];
}

}  // extern "C"

int main() {
  float* out = nullptr;
  int* turns = nullptr;
  const int in_turns[8] = {0, 1, 0, 1, 0, 1, 0, 1};
  if (cudaMalloc(reinterpret_cast<void**>(&out), 8192) != cudaSuccess) return 1;
  if (cudaMalloc(reinterpret_cast<void**>(&turns), sizeof in_turns) != cudaSuccess) return 1;
  cudaMemset(out, 0, 8192);
  cudaMemcpy(turns, in_turns, sizeof in_turns, cudaMemcpyHostToDevice);
  for (auto* kernel : {shared_stride_1, shared_stride_2, shared_stride_32, shared_stride_33, shared_float4,
                       shared_broadcast, matrix_rows_128, matrix_rows_144, global_stride_1, global_stride_2,
                       global_stride_8, global_offset, global_broadcast}) {
    kernel<<<1, 32>>>(out);
  }
  lanes_in_turns<<<1, 32>>>(out, turns);
  multiply_adds<<<2, 32>>>(out);
  matrix_product<<<1, 64>>>(out);
  const cudaError_t error = cudaDeviceSynchronize();
  if (error != cudaSuccess) std::printf("%s\n", cudaGetErrorString(error));
  return error != cudaSuccess;
}
