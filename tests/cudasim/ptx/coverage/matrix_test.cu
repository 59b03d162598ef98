// Tensor cores against plain loops.
#include <type_traits>

#include "device.h"

using namespace coverage;

namespace {

// A is 16×16 in rows, B 16×8 in columns; the fragments come by ldmatrix.
template <class T>
__global__ void __launch_bounds__(32) multiply(const T* a, const T* b, float* out, unsigned* transposed) {
  INFILL_SHARED(T, tile_a, [16][24]);
  INFILL_SHARED(T, tile_b, [8][24]);
  const unsigned lane = threadIdx.x;
  for (unsigned i = lane; i < 256; i += 32) tile_a[i / 16][i % 16] = a[i];
  for (unsigned i = lane; i < 128; i += 32) tile_b[i / 16][i % 16] = b[i];
  __syncwarp();
  unsigned left[4], right[2], turned[2];
  infill::cuda::ptx::ldmatrix_x4(left, &tile_a[lane % 16][lane / 16 * 8]);
  infill::cuda::ptx::ldmatrix_x2(right, &tile_b[lane % 8][lane / 8 % 2 * 8]);
  infill::cuda::ptx::ldmatrix_x2_trans(turned, &tile_b[lane % 8][lane / 8 % 2 * 8]);
  float sums[4] = {1, 2, 3, 4};
  if constexpr (std::is_same_v<T, __half>) {
    infill::cuda::ptx::mma_f16_16816(sums, left, right);
  } else {
    infill::cuda::ptx::mma_bf16_16816(sums, left, right);
  }
  for (unsigned i = 0; i < 4; ++i) out[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = sums[i];
  transposed[2 * lane] = turned[0];
  transposed[2 * lane + 1] = turned[1];
}

template <class T>
void expect_product(T (*to)(float)) {
  std::vector<T> a, b;
  std::vector<float> x, y;
  for (int i = 0; i < 256; ++i) x.push_back(static_cast<float>(i * 37 % 17 - 8)), a.push_back(to(x.back()));
  for (int i = 0; i < 128; ++i) y.push_back(static_cast<float>(i * 29 % 13 - 6)), b.push_back(to(y.back()));
  DeviceArray<T> device_a(a), device_b(b);
  DeviceArray<float> out(std::vector<float>(128));
  DeviceArray<unsigned> transposed(std::vector<unsigned>(64));
  multiply<T><<<1, 32>>>(device_a.data(), device_b.data(), out.data(), transposed.data());
  const std::vector<float> result = out.download();
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      float sum = static_cast<float>(1 + column % 2 + 2 * (row / 8));
      for (int k = 0; k < 16; ++k) sum += x[row * 16 + k] * y[column * 16 + k];
      EXPECT_EQ(result[row * 8 + column], sum) << row << ", " << column;
    }
  }
  const std::vector<unsigned> turned = transposed.download();
  for (int lane = 0; lane < 32; ++lane) {
    for (int matrix = 0; matrix < 2; ++matrix) {
      unsigned short low, high;
      std::memcpy(&low, &b[lane % 4 * 2 * 16 + matrix * 8 + lane / 4], 2);
      std::memcpy(&high, &b[(lane % 4 * 2 + 1) * 16 + matrix * 8 + lane / 4], 2);
      EXPECT_EQ(turned[2 * lane + matrix], low | static_cast<unsigned>(high) << 16);
    }
  }
}

TEST(Matrix, Half) {
  expect_product<__half>([](float x) { return __float2half(x); });
}
TEST(Matrix, Bfloat16) {
  expect_product<__nv_bfloat16>([](float x) { return __float2bfloat16(x); });
}

__global__ void __launch_bounds__(32) multiply_tf32(const float* a, const float* b, float* out) {
  const unsigned group = threadIdx.x / 4, thread = threadIdx.x % 4;
  unsigned left[4], right[2];
  for (unsigned i = 0; i < 4; ++i)
    left[i] = infill::cuda::ptx::to_tf32(a[(group + i % 2 * 8) * 8 + thread + i / 2 * 4]);
  for (unsigned i = 0; i < 2; ++i) right[i] = infill::cuda::ptx::to_tf32(b[group * 8 + thread + i * 4]);
  float sums[4] = {};
  infill::cuda::ptx::mma_tf32_1688(sums, left, right);
  for (unsigned i = 0; i < 4; ++i) out[(group + i / 2 * 8) * 8 + thread * 2 + i % 2] = sums[i];
}

TEST(Matrix, Tf32) {
  std::vector<float> a, b;
  for (int i = 0; i < 128; ++i) a.push_back(static_cast<float>(i * 37 % 101 - 50) / 8);
  for (int i = 0; i < 64; ++i) b.push_back(static_cast<float>(i * 29 % 67 - 33) / 4);
  DeviceArray<float> device_a(a), device_b(b), out(std::vector<float>(128));
  multiply_tf32<<<1, 32>>>(device_a.data(), device_b.data(), out.data());
  const std::vector<float> result = out.download();
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      float sum = 0;
      for (int k = 0; k < 8; ++k) sum += a[row * 8 + k] * b[column * 8 + k];
      EXPECT_EQ(result[row * 8 + column], sum);
    }
  }
}

}  // namespace
