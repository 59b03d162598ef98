// One good and one bad kernel for every rule about single accesses.
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "cuda/language.h"
#include "cudasim/testing/device_array.h"
#include "cudasim/testing/findings.h"

namespace infill::cudasim {
namespace {

using cuda::ptx::cp_async;
using cuda::ptx::cp_async_commit;
using cuda::ptx::cp_async_wait;

template <bool kBad>
__global__ void copy_tail(const float* in, float* out, int count) {
  const int i = static_cast<int>(threadIdx.x);
  if (kBad ? i <= count : i < count) out[i] = in[i];
}

TEST(Checker, GlobalMemoryOutOfBounds) {
  INFILL_NEEDS_CHECKER();
  const DeviceArray<float> in(counting<float>(20));
  const DeviceArray<float> out(20);
  EXPECT_EQ(
      rules_broken_by([&] { INFILL_LAUNCH(copy_tail<false>, 1, 64, 0, nullptr, in.data(), out.data(), 20); }),
      Rules{});
  EXPECT_EQ(
      rules_broken_by([&] { INFILL_LAUNCH(copy_tail<true>, 1, 64, 0, nullptr, in.data(), out.data(), 20); }),
      Rules{Rule::kOutOfBounds});
}

template <bool kBad>
__global__ void next_in_static_array(const float* in, float* out) {
  INFILL_SHARED(float, first, [64]);
  INFILL_SHARED(float, second, [64]);
  const unsigned i = threadIdx.x;
  first[i] = in[i];
  second[i] = in[i];
  __syncthreads();
  out[i] = first[kBad ? i + 1 : i] + second[i];
}

TEST(Checker, StaticSharedArraysHaveRedZones) {
  INFILL_NEEDS_CHECKER();
  const DeviceArray<float> in(counting<float>(64));
  const DeviceArray<float> out(64);
  EXPECT_EQ(rules_broken_by([&] {
              INFILL_LAUNCH(next_in_static_array<false>, 2, 64, 0, nullptr, in.data(), out.data());
            }),
            Rules{Rule::kRace})
      << "two blocks write the same output";
  EXPECT_EQ(rules_broken_by([&] {
              INFILL_LAUNCH(next_in_static_array<false>, 1, 64, 0, nullptr, in.data(), out.data());
            }),
            Rules{});
  EXPECT_EQ(rules_broken_by(
                [&] { INFILL_LAUNCH(next_in_static_array<true>, 1, 64, 0, nullptr, in.data(), out.data()); }),
            Rules{Rule::kOutOfBounds});
}

template <bool kBad>
__global__ void next_in_dynamic_memory(const float* in, float* out) {
  INFILL_DYNAMIC_SHARED(float, values);
  const unsigned i = threadIdx.x;
  values[i] = in[i];
  __syncthreads();
  out[i] = values[kBad ? i + 1 : i];
}

TEST(Checker, DynamicSharedMemoryEndsWhereTheLaunchSays) {
  INFILL_NEEDS_CHECKER();
  const DeviceArray<float> in(counting<float>(64));
  const DeviceArray<float> out(64);
  EXPECT_EQ(rules_broken_by([&] {
              INFILL_LAUNCH(next_in_dynamic_memory<false>, 1, 64, 256, nullptr, in.data(), out.data());
            }),
            Rules{});
  EXPECT_EQ(rules_broken_by([&] {
              INFILL_LAUNCH(next_in_dynamic_memory<true>, 1, 64, 256, nullptr, in.data(), out.data());
            }),
            Rules{Rule::kOutOfBounds});
}

__global__ void read_one(const float* in, float* out) {
  *out = *in;
}

TEST(Checker, FreedMemory) {
  INFILL_NEEDS_CHECKER();
  const DeviceArray<float> out(1);
  float* in = nullptr;
  ASSERT_EQ(cudaMalloc(&in, sizeof(float)), cudaSuccess);
  ASSERT_EQ(cudaMemset(in, 0, sizeof(float)), cudaSuccess);
  EXPECT_EQ(rules_broken_by([&] { INFILL_LAUNCH(read_one, 1, 1, 0, nullptr, in, out.data()); }), Rules{});
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaFreeAsync(in, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(rules_broken_by([&] { INFILL_LAUNCH(read_one, 1, 1, 0, nullptr, in, out.data()); }),
            Rules{Rule::kUseAfterFree});
}

__global__ void read_at(const float* in, float* out, long long offset) {
  *out = in[offset];
}

TEST(Checker, AddressesFarAway) {
  INFILL_NEEDS_CHECKER();
  const DeviceArray<float> in(counting<float>(4));
  const DeviceArray<float> out(1);
  const float on_the_host = 0.0f;
  for (const long long offset : {-1LL, 1LL << 20, 1LL << 40}) {
    EXPECT_EQ(
        rules_broken_by([&] { INFILL_LAUNCH(read_at, 1, 1, 0, nullptr, in.data(), out.data(), offset); }),
        Rules{Rule::kOutOfBounds})
        << offset;
  }
  for (const float* pointer : {static_cast<const float*>(nullptr), &on_the_host}) {
    EXPECT_EQ(rules_broken_by([&] { INFILL_LAUNCH(read_at, 1, 1, 0, nullptr, pointer, out.data(), 0); }),
              Rules{Rule::kOutOfBounds});
  }
}

template <bool kBad>
__global__ void copy_vectors(const float* in, float* out) {
  const unsigned i = threadIdx.x;
  reinterpret_cast<float4*>(out)[i] = *reinterpret_cast<const float4*>(in + 4 * i + (kBad ? 1 : 0));
}

TEST(Checker, Misaligned) {
  const DeviceArray<float> in(counting<float>(132));
  const DeviceArray<float> out(128);
  EXPECT_EQ(
      rules_broken_by([&] { INFILL_LAUNCH(copy_vectors<false>, 1, 32, 0, nullptr, in.data(), out.data()); }),
      Rules{});
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(
      rules_broken_by([&] { INFILL_LAUNCH(copy_vectors<true>, 1, 32, 0, nullptr, in.data(), out.data()); }),
      Rules{Rule::kMisaligned});
}

template <bool kBad>
__global__ void reverse_written(const float* in, float* out) {
  INFILL_SHARED(float, values, [64]);
  const unsigned i = threadIdx.x;
  if (!kBad || i < 63) values[i] = in[i];
  __syncthreads();
  out[64 * blockIdx.x + i] = values[63 - i];
}

TEST(Checker, UninitialisedSharedMemoryInEveryBlock) {
  INFILL_NEEDS_CHECKER();
  const DeviceArray<float> in(counting<float>(64));
  const DeviceArray<float> out(128);
  EXPECT_EQ(rules_broken_by(
                [&] { INFILL_LAUNCH(reverse_written<false>, 2, 64, 0, nullptr, in.data(), out.data()); }),
            Rules{});
  INFILL_LAUNCH(reverse_written<true>, 2, 64, 0, nullptr, in.data(), out.data());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const std::vector<Finding> findings = take_findings();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].rule, Rule::kUninitialised);
  EXPECT_EQ(findings[0].count, 2) << "the second block does not see what the first one wrote";
}

__global__ void sum_bytes(const unsigned char* in, int* out, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += in[i];
  *out = sum;
}

TEST(Checker, UninitialisedGlobalMemoryByteByByte) {
  INFILL_NEEDS_CHECKER();
  const DeviceArray<unsigned char> in(16);
  const DeviceArray<int> out(1);
  ASSERT_EQ(cudaMemset(in.data(), 1, 7), cudaSuccess);
  EXPECT_EQ(rules_broken_by([&] { INFILL_LAUNCH(sum_bytes, 1, 1, 0, nullptr, in.data(), out.data(), 7); }),
            Rules{});
  EXPECT_EQ(rules_broken_by([&] { INFILL_LAUNCH(sum_bytes, 1, 1, 0, nullptr, in.data(), out.data(), 8); }),
            Rules{Rule::kUninitialised});
}

TEST(Checker, CopiesOnTheDeviceCarryInitialisation) {
  INFILL_NEEDS_CHECKER();
  const DeviceArray<unsigned char> from(16);
  const DeviceArray<unsigned char> to(16);
  const DeviceArray<int> out(1);
  ASSERT_EQ(cudaMemset(from.data(), 1, 5), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(to.data() + 3, from.data(), 8, cudaMemcpyDeviceToDevice), cudaSuccess);
  EXPECT_EQ(
      rules_broken_by([&] { INFILL_LAUNCH(sum_bytes, 1, 1, 0, nullptr, to.data() + 3, out.data(), 5); }),
      Rules{});
  EXPECT_EQ(
      rules_broken_by([&] { INFILL_LAUNCH(sum_bytes, 1, 1, 0, nullptr, to.data() + 3, out.data(), 6); }),
      Rules{Rule::kUninitialised});
}

enum class Pipeline { kGood, kNoWait, kReadsBeforeWait, kShortWait };

template <Pipeline kPipeline>
__global__ void stage(const float* in, float* out) {
  INFILL_SHARED(float, stages, [2][32 * 4]);
  const unsigned i = threadIdx.x;
  for (int s = 0; s < 2; ++s) {
    cp_async<16>(&stages[s][4 * i], in + 128 * s + 4 * i, 16);
    cp_async_commit();
  }
  float sum = 0.0f;
  if (kPipeline == Pipeline::kReadsBeforeWait) sum += stages[0][4 * i];
  if (kPipeline == Pipeline::kShortWait) cp_async_wait<1>();
  if (kPipeline == Pipeline::kGood || kPipeline == Pipeline::kReadsBeforeWait) cp_async_wait<0>();
  __syncthreads();
  if (kPipeline != Pipeline::kNoWait) sum += stages[0][(4 * i + 5) % 128] + stages[1][(4 * i + 5) % 128];
  if (kPipeline == Pipeline::kShortWait) cp_async_wait<0>();
  out[i] = sum;
}

template <Pipeline kPipeline>
Rules rules_of_pipeline() {
  const DeviceArray<float> in(counting<float>(256));
  const DeviceArray<float> out(32);
  return rules_broken_by([&] { INFILL_LAUNCH(stage<kPipeline>, 1, 32, 0, nullptr, in.data(), out.data()); });
}

TEST(Checker, AsyncCopiesAreWaitedFor) {
  EXPECT_EQ(rules_of_pipeline<Pipeline::kGood>(), Rules{});
  EXPECT_EQ(rules_of_pipeline<Pipeline::kNoWait>(), Rules{Rule::kAsyncCopy});
  INFILL_NEEDS_CHECKER();
  EXPECT_EQ(rules_of_pipeline<Pipeline::kReadsBeforeWait>(), Rules{Rule::kAsyncCopy});
  // The second stage is read while pending; its completion then races with those reads.
  EXPECT_EQ(rules_of_pipeline<Pipeline::kShortWait>(), (Rules{Rule::kAsyncCopy, Rule::kRace}));
}

template <bool kBad>
__global__ void copy_misaligned(const float* in, float* out) {
  INFILL_SHARED(float, values, [64]);
  cp_async<8>(&values[2 * threadIdx.x], in + 2 * threadIdx.x + (kBad ? 1 : 0), 8);
  cp_async_commit();
  cp_async_wait<0>();
  out[threadIdx.x] = values[2 * threadIdx.x];
}

TEST(Checker, AsyncCopiesAreAligned) {
  const DeviceArray<float> in(counting<float>(65));
  const DeviceArray<float> out(32);
  EXPECT_EQ(rules_broken_by(
                [&] { INFILL_LAUNCH(copy_misaligned<false>, 1, 32, 0, nullptr, in.data(), out.data()); }),
            Rules{});
  EXPECT_EQ(rules_broken_by([&] {
              INFILL_LAUNCH(copy_misaligned<true>, 1, 32, 0, nullptr, in.data(), out.data());
            }).count(Rule::kMisaligned),
            1u);
}

TEST(Checker, ReportsNameKernelThreadMemoryAndLine) {
  INFILL_NEEDS_CHECKER();
  const DeviceArray<float> in(counting<float>(20));
  const DeviceArray<float> out(20);
  INFILL_LAUNCH(copy_tail<true>, 1, 64, 0, nullptr, in.data(), out.data(), 20);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const std::vector<Finding> findings = take_findings();
  ASSERT_EQ(findings.size(), 2u) << "a read and a write";
  const std::string expected =
      "out of bounds: kernel copy_tail<true> block (0,0,0) thread (20,0,0): read of 4 bytes at byte 80 of "
      "global";
  EXPECT_EQ(findings[0].text.substr(0, expected.size()), expected);
  EXPECT_NE(findings[0].text.find("checker_test.cpp:"), std::string::npos) << findings[0].text;
}

}  // namespace
}  // namespace infill::cudasim
