// One good and one bad kernel for every way in which accesses can race.
#include <gtest/gtest.h>

#include <vector>

#include "cuda/language.h"
#include "cudasim/collectives.h"
#include "cudasim/testing/device_array.h"
#include "cudasim/testing/findings.h"

namespace infill::cudasim {
namespace {

// Runs a kernel of (in, out) with 256 integers each.
template <class Kernel>
Rules rules_of(Kernel kernel, unsigned blocks, unsigned threads) {
  const DeviceArray<int> in(counting<int>(256));
  const DeviceArray<int> out(std::vector<int>(256, 0));
  return rules_broken_by([&] { INFILL_LAUNCH(kernel, blocks, threads, 0, nullptr, in.data(), out.data()); });
}

// In some orders of threads the bad ones read what nobody wrote yet, too.
bool has_race(const Rules& rules) {
  return rules.count(Rule::kRace) != 0;
}

template <bool kBad>
__global__ void exchange_in_warp(const int* in, int* out) {
  INFILL_SHARED(int, values, [128]);
  const unsigned i = threadIdx.x;
  values[i] = in[i];
  if (!kBad) __syncwarp();
  out[i] = values[i ^ 1];
}

TEST(Race, WithinAWarp) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(exchange_in_warp<false>, 1, 128), Rules{});
  EXPECT_TRUE(has_race(rules_of(exchange_in_warp<true>, 1, 128)));
}

template <bool kBad>
__global__ void exchange_in_groups(const int* in, int* out) {
  INFILL_SHARED(int, values, [32]);
  const unsigned i = threadIdx.x;
  values[i] = in[i];
  __syncwarp(0xfu << i / 4 * 4);
  out[i] = values[kBad ? i ^ 4 : i ^ 1];
}

TEST(Race, PartOfAWarpSynchronises) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(exchange_in_groups<false>, 1, 32), Rules{});
  EXPECT_TRUE(has_race(rules_of(exchange_in_groups<true>, 1, 32)));
}

template <bool kBad>
__global__ void exchange_across_warps(const int* in, int* out) {
  INFILL_SHARED(int, values, [64]);
  const unsigned i = threadIdx.x;
  values[i] = in[i];
  if (kBad) {
    __syncwarp();
  } else {
    __syncthreads();
  }
  out[i] = values[63 - i];
}

TEST(Race, BetweenWarps) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(exchange_across_warps<false>, 1, 64), Rules{});
  EXPECT_TRUE(has_race(rules_of(exchange_across_warps<true>, 1, 64)));
}

// The values are right in every order of threads: only the rule sees it.
template <bool kBad>
__global__ void write_after_read(const int* in, int* out) {
  INFILL_SHARED(int, values, [64]);
  const unsigned i = threadIdx.x;
  int sum = 0;
  for (int step = 0; step < 2; ++step) {
    values[i] = in[i];
    __syncthreads();
    sum += values[63 - i];
    if (!kBad) __syncthreads();
  }
  out[i] = sum;
}

TEST(Race, MissingSecondBarrierOfALoop) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(write_after_read<false>, 1, 64), Rules{});
  EXPECT_TRUE(has_race(rules_of(write_after_read<true>, 1, 64)));
}

template <bool kBad>
__global__ void reduce(const int* in, int* out) {
  INFILL_SHARED(int, sums, [256]);
  const unsigned i = threadIdx.x;
  sums[i] = in[i];
  __syncthreads();
  for (unsigned half = 128; half > 0; half /= 2) {
    if (i < half) sums[i] += sums[i + half];
    if (!kBad || half > 32) __syncthreads();
  }
  if (i == 0) *out = sums[0];
}

TEST(Race, LastWarpOfAReduction) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(reduce<false>, 1, 256), Rules{});
  EXPECT_TRUE(has_race(rules_of(reduce<true>, 1, 256)));
}

template <bool kBad>
__global__ void overlapping_tiles(const int* in, int* out) {
  const unsigned i = blockIdx.x * (kBad ? blockDim.x - 1 : blockDim.x) + threadIdx.x;
  out[i] = in[i];
}

TEST(Race, BlocksWriteTheSame) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(overlapping_tiles<false>, 3, 64), Rules{});
  EXPECT_TRUE(has_race(rules_of(overlapping_tiles<true>, 3, 64)));
}

template <bool kBad>
__global__ void smooth(const int* in, int* out) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  const int* from = kBad ? out : in;
  const int left = from[(i + 255) % 256];
  __syncthreads();
  out[i] = left;
}

TEST(Race, BlocksReadWhatOthersWrite) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(smooth<false>, 4, 64), Rules{});
  EXPECT_TRUE(has_race(rules_of(smooth<true>, 4, 64)));
}

// Reads by another block are remembered although this block reads too.
__global__ void read_by_all_written_by_last(const int* in, int* out) {
  if (threadIdx.x == 0) out[1 + blockIdx.x] = out[0];
  if (blockIdx.x == gridDim.x - 1 && threadIdx.x == 0) out[0] = in[1];
}

TEST(Race, WriterHasReadToo) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(read_by_all_written_by_last, 1, 32), Rules{});
  EXPECT_TRUE(has_race(rules_of(read_by_all_written_by_last, 5, 32)));
}

template <bool kBad>
__global__ void histogram(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  if (kBad) {
    out[in[i] & 3] += 1;
  } else {
    atomicAdd(&out[in[i] & 3], 1);
  }
}

TEST(Race, CountingNeedsAtomics) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(histogram<false>, 2, 64), Rules{});
  EXPECT_TRUE(has_race(rules_of(histogram<true>, 1, 64)));
}

template <bool kBad>
__global__ void last_block_sums(const int* in, int* out) {
  INFILL_SHARED(bool, is_last, );
  int* part = out + 2;
  if (threadIdx.x == 0) {
    part[blockIdx.x] = in[blockIdx.x];
    if (!kBad) __threadfence();
    is_last = atomicAdd(&out[0], 1) == static_cast<int>(gridDim.x) - 1;
  }
  __syncthreads();
  if (!is_last || threadIdx.x != 0) return;
  int sum = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) sum += part[i];
  out[1] = sum;
}

TEST(Race, LastBlockNeedsAFence) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(last_block_sums<false>, 5, 32), Rules{});
  EXPECT_TRUE(has_race(rules_of(last_block_sums<true>, 5, 32)));
}

// Bytes of one word are different memory.
template <bool kBad>
__global__ void write_bytes(const int* in, int* out) {
  auto* bytes = reinterpret_cast<unsigned char*>(out);
  const unsigned i = threadIdx.x;
  bytes[kBad ? i / 2 : i] = static_cast<unsigned char>(in[i]);
}

TEST(Race, NeighbouringBytes) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(write_bytes<false>, 1, 64), Rules{});
  EXPECT_TRUE(has_race(rules_of(write_bytes<true>, 1, 64)));
}

// Warps 0 and 1 meet at a barrier of their own; warp 2 does not take part.
template <bool kBad>
__global__ void named_barrier(const int* in, int* out) {
  INFILL_SHARED(int, values, [96]);
  const unsigned i = threadIdx.x;
  values[i] = in[i];
  if (i < 64) {
    sync_barrier(1, 64, Site::here());
    out[i] = values[kBad ? i + 32 : i ^ 32];
  }
}

TEST(Race, NamedBarriersOrderThoseWhoMeet) {
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of(named_barrier<false>, 1, 96), Rules{});
  EXPECT_TRUE(has_race(rules_of(named_barrier<true>, 1, 96)));
}

}  // namespace
}  // namespace infill::cudasim
