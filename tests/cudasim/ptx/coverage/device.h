// A kernel that calls a function per element, and its results beside those of plain C++.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "cuda/language.h"

namespace coverage {

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(const std::vector<T>& content) : count_(content.size()) {
    EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&data_), bytes()), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(data_, content.data(), bytes(), cudaMemcpyHostToDevice), cudaSuccess);
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(data_); }

  T* data() { return data_; }
  std::vector<T> download() {
    std::vector<T> result(count_);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(result.data(), data_, bytes(), cudaMemcpyDeviceToHost), cudaSuccess);
    return result;
  }

 private:
  size_t bytes() const { return count_ * sizeof(T); }
  size_t count_;
  T* data_ = nullptr;
};

template <class Function, class In, class Out>
__global__ void __launch_bounds__(128) apply(const In* a, const In* b, Out* out, int count) {
  const int i = static_cast<int>(blockIdx.x * 128 + threadIdx.x);
  if (i < count) out[i] = Function::device(a[i], b[i]);
}

// Function::device(a, b) on the device for all pairs of `values`.
template <class Function, class Out, class In>
std::vector<Out> on_device(const std::vector<In>& values) {
  std::vector<In> a, b;
  for (const In x : values) {
    for (const In y : values) {
      a.push_back(x);
      b.push_back(y);
    }
  }
  DeviceArray<In> device_a(a), device_b(b);
  DeviceArray<Out> out(std::vector<Out>(a.size()));
  const int count = static_cast<int>(a.size());
  apply<Function, In, Out><<<(count + 127) / 128, 128>>>(device_a.data(), device_b.data(), out.data(), count);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  return out.download();
}

// The same bytes as Function::host(a, b); NaNs are alike.
template <class Function, class Out, class In>
void expect_same(const std::vector<In>& values) {
  const std::vector<Out> results = on_device<Function, Out>(values);
  size_t i = 0;
  for (const In x : values) {
    for (const In y : values) {
      const Out expected = Function::host(x, y), result = results[i++];
      if (expected != expected && result != result) continue;
      ASSERT_EQ(std::memcmp(&expected, &result, sizeof expected), 0)
          << +x << ", " << +y << ": " << +result << ", not " << +expected;
    }
  }
}

template <class T>
std::vector<T> edge_integers() {
  const T low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  return {0,
          1,
          2,
          3,
          7,
          31,
          32,
          33,
          100,
          T(-1),
          T(-2),
          T(-100),
          low,
          T(low + 1),
          high,
          T(high - 1),
          T(0x5A5A5A5A5A5A5A5Aull)};
}
template <class T>
std::vector<T> edge_floats() {
  std::vector<T> values{
      0,        1,       2,        3,        T(0.1),   T(0.5),   T(1.5),          T(2.5),          T(1e10),
      T(1e-10), T(3e38), T(1e-40), T(65504), T(65520), T(127.5), T(2147483648.0), T(4294967296.0), T(9.3e18),
      INFINITY};
  const size_t positive = values.size();
  for (size_t i = 0; i < positive; ++i) values.push_back(-values[i]);
  values.push_back(NAN);
  return values;
}

}  // namespace coverage
