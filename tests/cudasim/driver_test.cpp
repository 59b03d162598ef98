// Host API: memory, limits of launches, and injected faults.
#include "cudasim/driver.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <vector>

#include "cuda/language.h"
#include "cudasim/device_memory.h"
#include "cudasim/testing/device_array.h"
#include "cudasim/testing/findings.h"

namespace infill::cudasim {
namespace {

__global__ void fill(float* values, float value) {
  values[threadIdx.x] = value;
}

// Every test begins and ends with a driver that works.
class Faults : public testing::Test {
 protected:
  void SetUp() override { reset_driver(); }
  void TearDown() override {
    reset_driver();
    cudaGetLastError();
  }
};
using Memory = Faults;
using Launches = Faults;

TEST_F(Memory, CopiesOfEveryKind) {
  const DeviceArray<int> a(counting<int>(8));
  const DeviceArray<int> b(8);
  ASSERT_EQ(cudaMemcpy(b.data() + 1, a.data(), 7 * sizeof(int), cudaMemcpyDefault), cudaSuccess);
  ASSERT_EQ(cudaMemset(b.data(), 0xff, sizeof(int)), cudaSuccess);
  EXPECT_EQ(b.values(), (std::vector<int>{-1, 0, 1, 2, 3, 4, 5, 6}));
  std::array<int, 6> host{};
  ASSERT_EQ(cudaMemcpy2D(host.data(), 3 * sizeof(int), b.data() + 1, 4 * sizeof(int), 2 * sizeof(int), 2,
                         cudaMemcpyDeviceToHost),
            cudaSuccess);
  EXPECT_EQ(host, (std::array<int, 6>{0, 1, 0, 4, 5, 0}));
  ASSERT_EQ(cudaMemset2D(b.data(), 4 * sizeof(int), 0, sizeof(int), 2), cudaSuccess);
  EXPECT_EQ(b.values(), (std::vector<int>{0, 0, 1, 2, 0, 4, 5, 6}));
}

TEST_F(Memory, CopiesBeyondAnAllocationAreRefused) {
  const DeviceArray<int> a(counting<int>(8));
  std::vector<int> host(16);
  EXPECT_EQ(cudaMemcpy(a.data(), host.data(), 33, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host.data(), a.data() + 1, 32, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host.data(), a.data(), 32, cudaMemcpyHostToDevice), cudaErrorInvalidValue)
      << "wrong kind";
  EXPECT_EQ(cudaMemset(a.data(), 0, 33), cudaErrorInvalidValue);
}

TEST_F(Memory, FreedTwiceOrWrongly) {
  int* pointer = nullptr;
  ASSERT_EQ(cudaMalloc(&pointer, 64), cudaSuccess);
  EXPECT_EQ(rules_broken_by([&] { EXPECT_EQ(cudaFree(pointer + 1), cudaErrorInvalidValue); }),
            Rules{Rule::kInvalidFree});
  EXPECT_EQ(rules_broken_by([&] { EXPECT_EQ(cudaFree(pointer), cudaSuccess); }), Rules{});
  EXPECT_EQ(rules_broken_by([&] { EXPECT_EQ(cudaFree(pointer), cudaErrorInvalidValue); }),
            Rules{Rule::kInvalidFree});
  EXPECT_EQ(cudaFree(nullptr), cudaSuccess);
}

TEST_F(Memory, CopyThatRunsAfterItsMemoryWasFreed) {
  cudaStream_t first = nullptr;
  cudaStream_t second = nullptr;
  int* pointer = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaMalloc(&pointer, 4), cudaSuccess);
  EXPECT_EQ(rules_broken_by([&] {
              cudaMemsetAsync(pointer, 0, 4, first);
              cudaFreeAsync(pointer, second);
              options().schedule = Schedule::kForward;
              cudaStreamSynchronize(second);
            }),
            Rules{Rule::kUseAfterFree});
  EXPECT_EQ(cudaStreamDestroy(first), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(second), cudaSuccess);
}

TEST_F(Memory, HostMustNotTouchIt) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer reports it in its own way";
#endif
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  EXPECT_EXIT(std::printf("%f", static_cast<double>(*const_cast<volatile float*>(values.data()))),
              testing::KilledBySignal(SIGSEGV), "host use: host: host code touches device memory");
}

TEST_F(Memory, PointersKnowWhatTheyAre) {
  const DeviceArray<float> values(4);
  float* pinned = nullptr;
  float on_stack = 0.0f;
  ASSERT_EQ(cudaMallocHost(&pinned, 16), cudaSuccess);
  cudaPointerAttributes attributes{};
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, values.data() + 3), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  EXPECT_EQ(attributes.device, 0);
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, pinned), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, &on_stack), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST_F(Memory, IsLimited) {
  driver().memory = size_t{1} << 20;
  size_t free_bytes = 0;
  size_t total = 0;
  const size_t before = live_allocations();
  void* first = nullptr;
  void* second = nullptr;
  ASSERT_EQ(cudaMalloc(&first, 600 << 10), cudaSuccess);
  ASSERT_EQ(cudaMemGetInfo(&free_bytes, &total), cudaSuccess);
  EXPECT_EQ(free_bytes, size_t{424} << 10);
  EXPECT_EQ(cudaMalloc(&second, 600 << 10), cudaErrorMemoryAllocation);
  EXPECT_EQ(second, nullptr);
  EXPECT_EQ(live_allocations(), before + 1);
  EXPECT_EQ(cudaFree(first), cudaSuccess);
}

TEST_F(Launches, LimitsOfADevice) {
  const DeviceArray<float> values(1024);
  const auto launch = [&](dim3 grid, dim3 block, size_t shared_bytes) {
    INFILL_LAUNCH(fill, grid, block, shared_bytes, nullptr, values.data(), 1.0f);
    return cudaGetLastError();
  };
  const auto* function = reinterpret_cast<const void*>(&fill);
  EXPECT_EQ(launch(1, 1024, 0), cudaSuccess);
  EXPECT_EQ(launch(1, 1025, 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(0, 32, 0), cudaErrorInvalidConfiguration) << "an empty grid";
  EXPECT_EQ(launch(dim3(1, 65536), 32, 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(1, dim3(1, 1, 65), 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(1, 32, 48 << 10), cudaSuccess);
  EXPECT_EQ(launch(1, 32, (48 << 10) + 1), cudaErrorInvalidValue) << "before cudaFuncSetAttribute";
  EXPECT_EQ(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, 100 << 10),
            cudaSuccess);
  EXPECT_EQ(launch(1, 32, 100 << 10), cudaSuccess);
  EXPECT_EQ(launch(1, 32, (100 << 10) + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, 164 << 10),
            cudaErrorInvalidValue);
  driver().capability = 90;
  EXPECT_EQ(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 << 10),
            cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST_F(Faults, NoDevice) {
  driver().devices = 0;
  int count = 7;
  void* pointer = nullptr;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  EXPECT_EQ(count, 0);
  EXPECT_EQ(cudaMalloc(&pointer, 4), cudaErrorNoDevice);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorNoDevice);
  EXPECT_STREQ(cudaGetErrorName(cudaGetLastError()), "cudaErrorNoDevice");
}

TEST_F(Faults, OldDriver) {
  driver().version = 12040;
  int version = 0;
  int count = 0;
  EXPECT_EQ(cudaDriverGetVersion(&version), cudaSuccess);
  EXPECT_EQ(version, 12040);
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
}

TEST_F(Faults, SecondAllocationFails) {
  driver().fail_allocation = 2;
  void* pointer = nullptr;
  ASSERT_EQ(cudaMalloc(&pointer, 4), cudaSuccess);
  EXPECT_EQ(cudaFree(pointer), cudaSuccess);
  EXPECT_EQ(cudaMallocAsync(&pointer, 4, nullptr), cudaErrorMemoryAllocation);
  EXPECT_EQ(pointer, nullptr);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "forgotten once asked for";
  ASSERT_EQ(cudaMalloc(&pointer, 4), cudaSuccess) << "only that one fails";
  EXPECT_EQ(cudaFree(pointer), cudaSuccess);
}

TEST_F(Faults, FirstLaunchFails) {
  const DeviceArray<float> values(32);
  driver().fail_launch = 1;
  INFILL_LAUNCH(fill, 1, 32, 0, nullptr, values.data(), 1.0f);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchOutOfResources);
  INFILL_LAUNCH(fill, 1, 32, 0, nullptr, values.data(), 2.0f);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(values.values()[0], 2.0f);
}

TEST_F(Faults, DeviceIsLost) {
  float* values = nullptr;
  ASSERT_EQ(cudaMalloc(&values, 128), cudaSuccess);
  driver().lose_device = 2;
  for (int i = 0; i < 3; ++i) {
    INFILL_LAUNCH(fill, 1, 32, 0, nullptr, values, 1.0f);
    EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "nobody knows yet";
  }
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaFree(values), cudaErrorIllegalAddress) << "every call from now on";
  reset_driver();
  EXPECT_EQ(cudaFree(values), cudaSuccess);
}

TEST_F(Faults, DevicesAreSeparate) {
  driver().devices = 2;
  int count = 0;
  ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  float* values = nullptr;
  ASSERT_EQ(cudaMalloc(&values, 128), cudaSuccess);
  cudaPointerAttributes attributes{};
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, values), cudaSuccess);
  EXPECT_EQ(attributes.device, 1);
  driver().lose_device = 1;
  INFILL_LAUNCH(fill, 1, 32, 0, nullptr, values, 1.0f);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_EQ(device(0).lost, cudaSuccess);
  reset_driver();
  EXPECT_EQ(cudaFree(values), cudaSuccess);
  cudaDeviceProp first{};
  cudaDeviceProp second{};
  driver().devices = 2;
  ASSERT_EQ(cudaGetDeviceProperties(&first, 0), cudaSuccess);
  ASSERT_EQ(cudaGetDeviceProperties(&second, 1), cudaSuccess);
  EXPECT_NE(first.uuid.bytes[15], second.uuid.bytes[15]);
}

}  // namespace
}  // namespace infill::cudasim
