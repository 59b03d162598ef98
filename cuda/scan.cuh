// Kernels of cuda/scan.h.
#pragma once

#include "cuda/grid.cuh"
#include "cuda/scan.h"

namespace infill::cuda {

constexpr int kScanThreads = 256;
constexpr int kScanEach = 4;
constexpr int kScanTile = kScanThreads * kScanEach;

// The sum of the values of the threads before this one; total: of all. Every thread of the block calls it.
__device__ inline uint32_t scan_block(uint32_t value, uint32_t* warps, uint32_t& total) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  uint32_t sum = value;
#pragma unroll
  for (unsigned step = 1; step < 32; step *= 2) {
    const uint32_t before = __shfl_up_sync(0xFFFFFFFFU, sum, step);
    if (lane >= step) sum += before;
  }
  if (lane == 31) warps[warp] = sum;
  __syncthreads();
  uint32_t before = 0;
  total = 0;
#pragma unroll
  for (unsigned i = 0; i < kScanThreads / 32; ++i) {
    if (i == warp) before = total;
    total += warps[i];
  }
  __syncthreads();
  return before + sum - value;
}

static_assert(kScanEach == 4, "one uint4 a thread");

// The thread's values, zeros beyond the end. values is aligned to 16 bytes.
__device__ inline void load_each(const uint32_t* values, int64_t first, int64_t count,
                                 uint32_t (&own)[kScanEach]) {
  if (first + kScanEach <= count) {
    const uint4 four = *reinterpret_cast<const uint4*>(values + first);
    own[0] = four.x;
    own[1] = four.y;
    own[2] = four.z;
    own[3] = four.w;
    return;
  }
#pragma unroll
  for (int i = 0; i < kScanEach; ++i) own[i] = first + i < count ? values[first + i] : 0;
}
__device__ inline void store_each(uint32_t* values, int64_t first, int64_t count,
                                  const uint32_t (&own)[kScanEach]) {
  if (first + kScanEach <= count) {
    *reinterpret_cast<uint4*>(values + first) = {own[0], own[1], own[2], own[3]};
    return;
  }
#pragma unroll
  for (int i = 0; i < kScanEach; ++i) {
    if (first + i < count) values[first + i] = own[i];
  }
}

__global__ __launch_bounds__(kScanThreads) void scan_tiles_kernel(uint32_t* values, int64_t count,
                                                                  uint32_t* sums) {
  INFILL_SHARED(uint32_t, warps, [kScanThreads / 32]);
  const int64_t first = int64_t{blockIdx.x} * kScanTile + threadIdx.x * kScanEach;
  uint32_t own[kScanEach];
  load_each(values, first, count, own);
  uint32_t total = 0;
  uint32_t before = scan_block(own[0] + own[1] + own[2] + own[3], warps, total);
#pragma unroll
  for (uint32_t& value : own) {
    const uint32_t next = before + value;
    value = before;
    before = next;
  }
  store_each(values, first, count, own);
  if (threadIdx.x == 0) sums[blockIdx.x] = total;
}

// One block.
__global__ __launch_bounds__(kScanThreads) void scan_sums_kernel(uint32_t* sums, int64_t count,
                                                                 uint32_t* total) {
  INFILL_SHARED(uint32_t, warps, [kScanThreads / 32]);
  uint32_t carry = 0;
  for (int64_t first = 0; first < count; first += kScanThreads) {
    const int64_t i = first + threadIdx.x;
    const uint32_t value = i < count ? sums[i] : 0;
    uint32_t all = 0;
    const uint32_t before = scan_block(value, warps, all);
    if (i < count) sums[i] = carry + before;
    carry += all;
  }
  if (threadIdx.x == 0) *total = carry;
}

__global__ __launch_bounds__(kScanThreads) void add_sums_kernel(uint32_t* values, int64_t count,
                                                                const uint32_t* sums) {
  const int64_t first = int64_t{blockIdx.x} * kScanTile + threadIdx.x * kScanEach;
  const uint32_t before = sums[blockIdx.x];
  uint32_t own[kScanEach];
  load_each(values, first, count, own);
#pragma unroll
  for (uint32_t& value : own) value += before;
  store_each(values, first, count, own);
}

}  // namespace infill::cuda
