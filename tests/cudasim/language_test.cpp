#include "cuda/language.h"

#include <gtest/gtest.h>

#include <vector>

namespace infill::cudasim {
namespace {

template <int kFactor>
__global__ void __launch_bounds__(64) reverse_block(const float* in, float* out, int count) {
  INFILL_SHARED(float, tile, [64]);
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  tile[threadIdx.x] = i < count ? in[i] : 0.0f;
  __syncthreads();
  if (i < count) out[i] = kFactor * tile[blockDim.x - 1 - threadIdx.x];
}

TEST(Language, BlocksReverseThroughSharedMemory) {
  const int count = 128;
  std::vector<float> in(count);
  for (int i = 0; i < count; ++i) in[i] = static_cast<float>(i);
  float* device_in = nullptr;
  float* device_out = nullptr;
  ASSERT_EQ(cudaMalloc(&device_in, count * sizeof(float)), cudaSuccess);
  ASSERT_EQ(cudaMalloc(&device_out, count * sizeof(float)), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(device_in, in.data(), count * sizeof(float), cudaMemcpyHostToDevice), cudaSuccess);
  INFILL_LAUNCH((reverse_block<3>), dim3(2), dim3(64), 0, nullptr, device_in, device_out, count);
  ASSERT_EQ(cudaGetLastError(), cudaSuccess);
  std::vector<float> out(count);
  ASSERT_EQ(cudaMemcpy(out.data(), device_out, count * sizeof(float), cudaMemcpyDeviceToHost), cudaSuccess);
  for (int i = 0; i < count; ++i) EXPECT_EQ(out[i], 3.0f * static_cast<float>(i / 64 * 64 + 63 - i % 64));
  EXPECT_EQ(cudaFree(device_in), cudaSuccess);
  EXPECT_EQ(cudaFree(device_out), cudaSuccess);
}

}  // namespace
}  // namespace infill::cudasim
