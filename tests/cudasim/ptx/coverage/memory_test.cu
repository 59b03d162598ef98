// Variables, local memory, calls, tables, asynchronous copies.
#include <algorithm>
#include <cmath>

#include "device.h"

using namespace coverage;

namespace {

__constant__ float stencil[3] = {1.0f, -2.0f, 1.0f};
__device__ int counter = 40;
__device__ short table[4] = {1, -2, 300, -400};

__global__ void __launch_bounds__(32) variables(float* out) {
  out[threadIdx.x] = stencil[threadIdx.x % 3] + table[threadIdx.x % 4];
  if (threadIdx.x == 0) counter += 2;
}

TEST(Memory, Variables) {
  const float changed = 7.0f;
  EXPECT_EQ(cudaMemcpyToSymbol(stencil, &changed, 4, 4), cudaSuccess);
  DeviceArray<float> out(std::vector<float>(32));
  variables<<<1, 32>>>(out.data());
  const std::vector<float> result = out.download();
  const float weights[] = {1, 7, 1}, offsets[] = {1, -2, 300, -400};
  for (int i = 0; i < 32; ++i) EXPECT_EQ(result[i], weights[i % 3] + offsets[i % 4]);
  int count = 0;
  EXPECT_EQ(cudaMemcpyFromSymbol(&count, counter, sizeof count), cudaSuccess);
  EXPECT_EQ(count, 42);
}

__device__ __noinline__ float iterate(float value, int times) {
  for (int i = 0; i < times; ++i) value = value * 0.5f + 1.0f;
  return value;
}
__device__ __noinline__ double chosen(int which, double x) {
  switch (which) {
    case 0:
      return sqrt(x);
    case 1:
      return x * x;
    case 2:
      return 1 / (x + 1);
    case 3:
      return -x;
    case 4:
      return x - 3;
    case 5:
      return floor(x / 2);
    default:
      return 7;
  }
}
__global__ void __launch_bounds__(64) calls(const int* index, float* floats, double* doubles) {
  const int i = static_cast<int>(threadIdx.x);
  float local[16];
  for (int k = 0; k < 16; ++k) local[k] = static_cast<float>(k * 2 + i);
  local[index[i] & 15] += 1000;
  float sum = 0;
  for (int k = 0; k < 4; ++k) sum += local[index[(i + k) % 64] & 15];
  floats[i] = iterate(sum, i % 5);
  doubles[i] = chosen(i % 8, i);
}

TEST(Memory, CallsLocalArraysTables) {
  std::vector<int> index(64);
  for (int i = 0; i < 64; ++i) index[i] = i * 13;
  DeviceArray<int> device_index(index);
  DeviceArray<float> floats(std::vector<float>(64));
  DeviceArray<double> doubles(std::vector<double>(64));
  calls<<<1, 64>>>(device_index.data(), floats.data(), doubles.data());
  const std::vector<float> result = floats.download();
  const std::vector<double> chosen_result = doubles.download();
  for (int i = 0; i < 64; ++i) {
    float local[16], sum = 0;
    for (int k = 0; k < 16; ++k) local[k] = static_cast<float>(k * 2 + i);
    local[index[i] & 15] += 1000;
    for (int k = 0; k < 4; ++k) sum += local[index[(i + k) % 64] & 15];
    for (int k = 0; k < i % 5; ++k) sum = sum * 0.5f + 1.0f;
    EXPECT_EQ(result[i], sum);
    const double x = i, values[] = {std::sqrt(x), x * x, 1 / (x + 1), -x, x - 3, std::floor(x / 2), 7, 7};
    EXPECT_EQ(chosen_result[i], values[i % 8]);
  }
}

__global__ void __launch_bounds__(32) copies(const float* in, float* out, int count) {
  INFILL_DYNAMIC_SHARED(float, staged);
  const int i = static_cast<int>(threadIdx.x);
  infill::cuda::ptx::cp_async<16>(staged + 4 * i, in + 4 * i, max(0, min(16, 4 * (count - 4 * i))));
  infill::cuda::ptx::cp_async_commit();
  infill::cuda::ptx::cp_async<4>(staged + 128 + i, in + i, 4);
  infill::cuda::ptx::cp_async_commit();
  infill::cuda::ptx::cp_async_wait<0>();
  __syncthreads();
  for (int k = 0; k < 4; ++k) out[k * 32 + i] = staged[k * 32 + i];
  out[128 + i] = staged[128 + (i ^ 1)];
}

TEST(Memory, AsynchronousCopies) {
  std::vector<float> in(128);
  for (int i = 0; i < 128; ++i) in[i] = static_cast<float>(i + 1);
  DeviceArray<float> device_in(in), out(std::vector<float>(160));
  copies<<<1, 32, 160 * 4>>>(device_in.data(), out.data(), 101);
  const std::vector<float> result = out.download();
  for (int i = 0; i < 128; ++i) EXPECT_EQ(result[i], i < 101 ? in[i] : 0);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(result[128 + i], in[i ^ 1]);
}

__global__ void __launch_bounds__(64) bounded() {}

TEST(Memory, LaunchBoundsHold) {
  bounded<<<1, 65>>>();
  EXPECT_NE(cudaGetLastError(), cudaSuccess);
  bounded<<<1, 64>>>();
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

}  // namespace
