// One good and one bad kernel for every rule about threads that wait for each other.
#include <gtest/gtest.h>

#include <csignal>
#include <vector>

#include "cuda/language.h"
#include "cudasim/collectives.h"
#include "cudasim/testing/device_array.h"
#include "cudasim/testing/findings.h"

namespace infill::cudasim {
namespace {

constexpr unsigned kAll = ~0u;

template <class Kernel>
Rules rules_of(Kernel kernel, unsigned threads, size_t shared_bytes = 0) {
  const DeviceArray<int> in(counting<int>(256));
  const DeviceArray<int> out(std::vector<int>(256, 0));
  return rules_broken_by(
      [&] { INFILL_LAUNCH(kernel, 1, threads, shared_bytes, nullptr, in.data(), out.data()); });
}

template <bool kBad>
__global__ void leave_early(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  if (kBad && i >= 40) return;
  __syncthreads();
  if (i < 40) out[i] = in[i];
}

TEST(Synchronisation, ThreadsThatLeaveBeforeABarrier) {
  EXPECT_EQ(rules_of(leave_early<false>, 64), Rules{});
  EXPECT_EQ(rules_of(leave_early<true>, 64), Rules{Rule::kDivergentBarrier});
}

template <bool kBad>
__global__ void two_barriers(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  if (kBad && i >= 32) {
    out[i] = in[i];
    __syncthreads();
  } else {
    __syncthreads();
  }
}

TEST(Synchronisation, BarriersInBothBranches) {
  EXPECT_EQ(rules_of(two_barriers<false>, 64), Rules{});
  EXPECT_EQ(rules_of(two_barriers<true>, 64), Rules{Rule::kDivergentBarrier});
}

template <bool kBad>
__global__ void shuffle_some(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  int value = in[i];
  if (!kBad || i % 32 < 16) value += __shfl_xor_sync(kAll, value, 1);
  out[i] = value;
}

TEST(Synchronisation, MaskNamesLanesThatDoNotCome) {
  EXPECT_EQ(rules_of(shuffle_some<false>, 64), Rules{});
  EXPECT_EQ(rules_of(shuffle_some<true>, 64), Rules{Rule::kWarpMask});
}

template <bool kBad>
__global__ void last_warp_is_short(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  const unsigned mask = kBad || i < 32 ? kAll : 0xffu;
  out[i] = in[i] + __shfl_xor_sync(mask, in[i], 1);
}

TEST(Synchronisation, MaskNamesLanesThatDoNotExist) {
  EXPECT_EQ(rules_of(last_warp_is_short<false>, 40), Rules{});
  EXPECT_EQ(rules_of(last_warp_is_short<true>, 40), Rules{Rule::kWarpMask});
}

template <bool kBad>
__global__ void shuffle_of_others(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  if (i < 16) out[i] = __shfl_sync(0xffffu, in[i], kBad ? 20 : 3);
}

TEST(Synchronisation, ShufflesComeFromLanesThatTakePart) {
  EXPECT_EQ(rules_of(shuffle_of_others<false>, 32), Rules{});
  EXPECT_EQ(rules_of(shuffle_of_others<true>, 32), Rules{Rule::kWarpMask});
}

template <bool kBad>
__global__ void mask_without_self(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  const unsigned mask = i < 16 ? 0x0000ffffu : 0xffff0000u;
  out[i] = __ballot_sync(kBad ? ~mask : mask, in[i]) != 0;
}

TEST(Synchronisation, LanesAreInTheirOwnMask) {
  EXPECT_EQ(rules_of(mask_without_self<false>, 32), Rules{});
  EXPECT_EQ(rules_of(mask_without_self<true>, 32).count(Rule::kWarpMask), 1u);
}

template <bool kBad>
__global__ void vote_or_shuffle(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  if (kBad && i % 2 == 0) {
    out[i] = __any_sync(kAll, in[i]);
  } else {
    out[i] = __shfl_sync(kAll, in[i], 0);
  }
}

TEST(Synchronisation, LanesMeetInTheSameCollective) {
  EXPECT_EQ(rules_of(vote_or_shuffle<false>, 32), Rules{});
  EXPECT_EQ(rules_of(vote_or_shuffle<true>, 32).count(Rule::kWarpMask), 1u);
}

template <bool kBad>
__global__ void wait_for_more(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  sync_barrier(2, kBad ? 96 : 64, Site::here());
  out[i] = in[i];
}

TEST(Synchronisation, Deadlock) {
  EXPECT_EQ(rules_of(wait_for_more<false>, 64), Rules{});
  EXPECT_EQ(rules_of(wait_for_more<true>, 64), Rules{Rule::kDeadlock});
}

template <bool kBad>
__global__ void give_up(const int* in, int* out) {
  if (kBad && in[threadIdx.x] == 7) __trap();
  out[threadIdx.x] = in[threadIdx.x];
}

TEST(Synchronisation, TrapEndsTheLaunchAndTheDevice) {
  EXPECT_EQ(rules_of(give_up<false>, 64), Rules{});
  EXPECT_EQ(rules_of(give_up<true>, 64), Rules{Rule::kTrap});
  const DeviceArray<int> in(counting<int>(64));
  const DeviceArray<int> out(64);
  INFILL_LAUNCH(give_up<true>, 1, 64, 0, nullptr, in.data(), out.data());
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure) << "until the device is reset";
  EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(take_findings().size(), 1u);
}

__global__ void use_static_memory(const int* in, int* out) {
  INFILL_SHARED(int, values, [11 * 1024]);
  values[threadIdx.x] = in[threadIdx.x];
  out[threadIdx.x] = values[threadIdx.x];
}

TEST(Synchronisation, SharedMemoryBeyondTheLimit) {
  EXPECT_EQ(rules_of(use_static_memory, 32, 4096), Rules{});
  EXPECT_EQ(rules_of(use_static_memory, 32, 4100), Rules{Rule::kLaunch}) << "static and dynamic together";
}

__device__ int deep(int levels) {
  volatile int rest[256];
  rest[levels % 256] = levels;
  return levels == 0 ? 0 : deep(levels - 1) + rest[levels % 256];
}

__global__ void recurse(const int*, int* out) {
  out[threadIdx.x] = deep(1000);
}

TEST(Synchronisation, FullStackIsNamed) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer reports it in its own way";
#endif
  EXPECT_EXIT(rules_of(recurse, 1), testing::KilledBySignal(SIGSEGV), "");
}

}  // namespace
}  // namespace infill::cudasim
