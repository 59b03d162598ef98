// Lanes together: shuffles, votes, matches, reductions, tiles of cooperative groups, atomics.
#include <cooperative_groups.h>

#include <algorithm>
#include <numeric>

#include "device.h"

using namespace coverage;

namespace {

__global__ void __launch_bounds__(32) shuffles(int* out) {
  const int lane = static_cast<int>(threadIdx.x), value = lane * 10 + 1;
  out[lane] = __shfl_sync(~0u, value, 5);
  out[32 + lane] = __shfl_up_sync(~0u, value, 3);
  out[64 + lane] = __shfl_down_sync(~0u, value, 4, 16);
  out[96 + lane] = __shfl_xor_sync(~0u, value, 6, 8);
  out[128 + lane] = static_cast<int>(__shfl_sync(~0u, (1ll << 40) * lane, lane ^ 1) >> 40);
}

TEST(Warp, Shuffles) {
  DeviceArray<int> out(std::vector<int>(160));
  shuffles<<<1, 32>>>(out.data());
  const std::vector<int> result = out.download();
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(result[lane], 51);
    EXPECT_EQ(result[32 + lane], (lane < 3 ? lane : lane - 3) * 10 + 1);
    EXPECT_EQ(result[64 + lane], (lane % 16 + 4 < 16 ? lane + 4 : lane) * 10 + 1);
    EXPECT_EQ(result[96 + lane], (lane ^ 6) * 10 + 1);
    EXPECT_EQ(result[128 + lane], lane ^ 1);
  }
}

__global__ void __launch_bounds__(32) votes(unsigned* out) {
  const unsigned lane = threadIdx.x;
  unsigned mask;
  asm("mov.u32 %0, %%lanemask_lt;" : "=r"(mask));
  out[lane] = __ballot_sync(~0u, lane % 3 == 0);
  out[32 + lane] = static_cast<unsigned>(__any_sync(~0u, lane == 9)) +
                   2 * static_cast<unsigned>(__all_sync(~0u, lane < 32)) +
                   4 * static_cast<unsigned>(__all_sync(~0u, lane < 31));
  out[64 + lane] = __match_any_sync(~0u, lane / 5);
  out[96 + lane] = mask;
  if (lane < 20) out[128 + lane] = __activemask() & 0xFFFFF;
#if __CUDA_ARCH__ >= 800
  out[160 + lane] = __reduce_add_sync(~0u, lane) + 1000 * __reduce_max_sync(~0u, lane ^ 5) +
                    100000 * __reduce_xor_sync(~0u, lane + 1);
#endif
}

TEST(Warp, Votes) {
  DeviceArray<unsigned> out(std::vector<unsigned>(192));
  votes<<<1, 32>>>(out.data());
  const std::vector<unsigned> result = out.download();
  for (unsigned lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(result[lane], 0x49249249u);
    EXPECT_EQ(result[32 + lane], 3u);
    EXPECT_EQ(result[64 + lane], lane < 30 ? 0x1Fu << lane / 5 * 5 : 3u << 30);
    EXPECT_EQ(result[96 + lane], (1u << lane) - 1);
    EXPECT_EQ(result[160 + lane], 496u + 31000u + 3200000u);
  }
}

__global__ void __launch_bounds__(64) tiles(int* out) {
  const auto tile = cooperative_groups::tiled_partition<16>(cooperative_groups::this_thread_block());
  int sum = static_cast<int>(threadIdx.x * threadIdx.x);
  for (unsigned step = 8; step > 0; step /= 2) sum += tile.shfl_down(sum, step);
  if (tile.thread_rank() == 0) out[threadIdx.x / 16] = sum;
}

TEST(Warp, Tiles) {
  DeviceArray<int> out(std::vector<int>(4));
  tiles<<<1, 64>>>(out.data());
  const std::vector<int> result = out.download();
  for (int tile = 0; tile < 4; ++tile) {
    int sum = 0;
    for (int i = 16 * tile; i < 16 * (tile + 1); ++i) sum += i * i;
    EXPECT_EQ(result[tile], sum);
  }
}

__global__ void __launch_bounds__(128)
    atomics(unsigned* out, unsigned long long* wide, int* owner, float* sum) {
  __shared__ unsigned in_block;
  const unsigned i = blockIdx.x * 128 + threadIdx.x;
  if (threadIdx.x == 0) in_block = 0;
  __syncthreads();
  atomicAdd(&in_block, i);
  atomicAdd(&out[0], 1u);
  atomicMax(&out[1], i);
  atomicMin(&out[2], i + 5);
  atomicOr(&out[3], 1u << (i % 32));
  atomicAnd(&out[4], ~(1u << (i % 7)));
  atomicXor(&out[5], i);
  atomicInc(&out[6], 9);
  atomicDec(&out[7], 9);
  atomicMax(wide, static_cast<unsigned long long>(i) << 33);
  atomicCAS(owner, -1, static_cast<int>(blockIdx.x));
  atomicAdd(sum, 0.5f);
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(&out[8], in_block);
}

TEST(Warp, Atomics) {
  DeviceArray<unsigned> out({0, 0, ~0u, 0, ~0u, 0, 0, 0, 0});
  DeviceArray<unsigned long long> wide({0});
  DeviceArray<int> owner({-1});
  DeviceArray<float> sum({0.0f});
  atomics<<<3, 128>>>(out.data(), wide.data(), owner.data(), sum.data());
  unsigned exclusive = 0;
  for (unsigned i = 0; i < 384; ++i) exclusive ^= i;
  EXPECT_EQ(out.download(), (std::vector<unsigned>{384, 383, 5, ~0u, ~0u << 7, exclusive, 384 % 10,
                                                   10 - 384 % 10, 383 * 192}));
  EXPECT_EQ(wide.download()[0], 383ull << 33);
  EXPECT_GE(owner.download()[0], 0);
  EXPECT_EQ(sum.download()[0], 192.0f);
}

}  // namespace
