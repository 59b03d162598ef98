// Values of collectives, tensor core products and copies, against loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "cuda/language.h"
#include "cudasim/options.h"
#include "cudasim/testing/device_array.h"

namespace infill::cudasim {
namespace {

constexpr unsigned kAll = ~0u;

// Runs a kernel of (in, out) on one block; 0, 1, 2, ... go in, `results` of each thread come out.
template <class T, class Kernel>
std::vector<T> run(Kernel kernel, unsigned threads, size_t results = 1) {
  const DeviceArray<T> in(counting<T>(threads));
  const DeviceArray<T> out(std::vector<T>(threads * results));
  INFILL_LAUNCH(kernel, 1, threads, 0, nullptr, in.data(), out.data());
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  return out.values();
}

__global__ void shuffles(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  const int v = in[i];
  int* mine = out + 6 * i;
  mine[0] = __shfl_sync(kAll, v, 5);
  mine[1] = __shfl_up_sync(kAll, v, 3);
  mine[2] = __shfl_down_sync(kAll, v, 30);
  mine[3] = __shfl_xor_sync(kAll, v, 9);
  mine[4] = __shfl_down_sync(kAll, v, 3, 8);
  mine[5] = __shfl_sync(kAll, v, 9, 8);
}

TEST(Collectives, Shuffles) {
  const std::vector<int> out = run<int>(shuffles, 64, 6);
  for (int i = 0; i < 64; ++i) {
    const int lane = i % 32;
    const int base = i - lane;
    const int* mine = &out[static_cast<size_t>(6 * i)];
    EXPECT_EQ(mine[0], base + 5);
    EXPECT_EQ(mine[1], lane >= 3 ? i - 3 : i);
    EXPECT_EQ(mine[2], lane + 30 < 32 ? i + 30 : i);
    EXPECT_EQ(mine[3], base + (lane ^ 9));
    EXPECT_EQ(mine[4], lane % 8 + 3 < 8 ? i + 3 : i);
    EXPECT_EQ(mine[5], i / 8 * 8 + 1);
  }
}

__global__ void shuffle_doubles(const double* in, double* out) {
  out[threadIdx.x] = __shfl_xor_sync(kAll, in[threadIdx.x] + 0.25, 31);
}

TEST(Collectives, ShufflesOfEightBytes) {
  const std::vector<double> out = run<double>(shuffle_doubles, 32);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(out[static_cast<size_t>(i)], 31 - i + 0.25);
}

__global__ void votes(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  const int v = in[i];
  int* mine = out + 6 * i;
  mine[0] = static_cast<int>(__ballot_sync(kAll, v % 3 == 0));
  mine[1] = __any_sync(kAll, v == 40);
  mine[2] = __all_sync(kAll, v >= 32);
  mine[3] = static_cast<int>(__match_any_sync(kAll, v % 4));
  mine[4] = __reduce_add_sync(kAll, v);
  mine[5] = __reduce_max_sync(kAll, -v);
}

TEST(Collectives, VotesAndReductions) {
  const std::vector<int> out = run<int>(votes, 64, 6);
  for (int i = 0; i < 64; ++i) {
    const int base = i / 32 * 32;
    unsigned thirds = 0;
    unsigned same = 0;
    int sum = 0;
    for (int lane = 0; lane < 32; ++lane) {
      if ((base + lane) % 3 == 0) thirds |= 1u << lane;
      if ((base + lane) % 4 == i % 4) same |= 1u << lane;
      sum += base + lane;
    }
    const int* mine = &out[static_cast<size_t>(6 * i)];
    EXPECT_EQ(static_cast<unsigned>(mine[0]), thirds);
    EXPECT_EQ(mine[1], base == 32 ? 1 : 0);
    EXPECT_EQ(mine[2], base == 32 ? 1 : 0);
    EXPECT_EQ(static_cast<unsigned>(mine[3]), same);
    EXPECT_EQ(mine[4], sum);
    EXPECT_EQ(mine[5], -base);
  }
}

// Groups of a warp go their own ways, with one collective after the other.
__global__ void groups(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  int v = in[i];
  if (i < 8) {
    v = __shfl_sync(0x000000ffu, v, 1);
    v += __shfl_xor_sync(0x000000ffu, v + static_cast<int>(i), 1);
  } else {
    for (int round = 0; round < 3; ++round) v = __shfl_xor_sync(0xffffff00u, v, 1);
  }
  out[i] = __shfl_sync(kAll, v, static_cast<int>(i));
}

TEST(Collectives, GroupsOfAWarp) {
  const std::vector<int> out = run<int>(groups, 32);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(out[static_cast<size_t>(i)], i < 8 ? 1 + 1 + (i ^ 1) : i ^ 1) << i;
}

__global__ void block_votes(const int* in, int* out) {
  const unsigned i = threadIdx.x;
  int sum = 0;
  for (int round = 1; round < 4; ++round) sum = 1000 * sum + __syncthreads_count(in[i] % (round + 1) == 0);
  out[i] = sum + (__syncthreads_or(in[i] == 69) << 30) + (__syncthreads_and(in[i] < 70) << 29);
}

TEST(Collectives, VotesOfABlock) {
  const std::vector<int> out = run<int>(block_votes, 70);
  for (const int value : out) EXPECT_EQ(value, 35024018 + (1 << 30) + (1 << 29));
}

// Matrix l of `r` row by row: element (i, j) is 64 l + 8 i + j.
template <bool kTransposed>
__global__ void load_matrices(const int*, int* out) {
  INFILL_SHARED(unsigned short, tile, [4][8][8]);
  const unsigned lane = threadIdx.x;
  for (unsigned e = lane; e < 256; e += 32) tile[e / 64][e / 8 % 8][e % 8] = static_cast<unsigned short>(e);
  __syncthreads();
  unsigned r4[4];
  unsigned r2[2];
  const void* row = tile[lane / 8][lane % 8];
  const void* row2 = tile[2 + lane / 8 % 2][lane % 8];
  if (kTransposed) {
    cuda::ptx::ldmatrix_x4_trans(r4, row);
    cuda::ptx::ldmatrix_x2_trans(r2, row2);
  } else {
    cuda::ptx::ldmatrix_x4(r4, row);
    cuda::ptx::ldmatrix_x2(r2, row2);
  }
  for (int i = 0; i < 4; ++i) out[6 * lane + i] = static_cast<int>(r4[i]);
  for (int i = 0; i < 2; ++i) out[6 * lane + 4 + i] = static_cast<int>(r2[i]);
}

void expect_matrices(const std::vector<int>& out, bool transposed) {
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 6; ++i) {
      const int matrix = i < 4 ? i : i - 2;
      const int major = lane / 4;
      const int minor = 2 * (lane % 4);
      const int low = 64 * matrix + (transposed ? 8 * minor + major : 8 * major + minor);
      const int high = 64 * matrix + (transposed ? 8 * (minor + 1) + major : 8 * major + minor + 1);
      EXPECT_EQ(out[static_cast<size_t>(6 * lane + i)], low | high << 16) << lane << " " << i;
    }
  }
}

TEST(Collectives, MatricesAreLoaded) {
  expect_matrices(run<int>(load_matrices<false>, 32, 6), false);
  expect_matrices(run<int>(load_matrices<true>, 32, 6), true);
}

// Small integers that differ in every row and column: exact in every format.
float element_a(int row, int k) {
  return static_cast<float>((row * 5 + k * 3) % 17 - 8);
}
float element_b(int k, int column) {
  return static_cast<float>((k * 7 + column * 11) % 13 - 6);
}
float element_c(int row, int column) {
  return static_cast<float>(row * 8 + column) / 4;
}

std::vector<float> matrix(int rows, int columns, float (*element)(int, int)) {
  std::vector<float> result;
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) result.push_back(element(i, j));
  }
  return result;
}

enum class Format { kHalf, kBfloat16 };

template <Format kFormat>
__device__ unsigned pack(float low, float high) {
  if constexpr (kFormat == Format::kHalf) {
    const __half2 pair = __floats2half2_rn(low, high);
    return *reinterpret_cast<const unsigned*>(&pair);
  } else {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const unsigned*>(&pair);
  }
}

// Fragments as the PTX ISA draws them: g = lane / 4, t = lane % 4.
template <Format kFormat>
__global__ void multiply_16816(const float* a, const float* b, float* c) {
  const int g = static_cast<int>(threadIdx.x) / 4;
  const int t = static_cast<int>(threadIdx.x) % 4;
  unsigned fa[4];
  unsigned fb[2];
  float d[4];
  for (int i = 0; i < 4; ++i) {
    const float* row = a + 16 * (g + 8 * (i % 2)) + 2 * t + 8 * (i / 2);
    fa[i] = pack<kFormat>(row[0], row[1]);
  }
  for (int i = 0; i < 2; ++i) {
    const int k = 2 * t + 8 * i;
    fb[i] = pack<kFormat>(b[8 * k + g], b[8 * (k + 1) + g]);
  }
  for (int i = 0; i < 4; ++i) d[i] = c[8 * (g + 8 * (i / 2)) + 2 * t + i % 2];
  if constexpr (kFormat == Format::kHalf) {
    cuda::ptx::mma_f16_16816(d, fa, fb);
  } else {
    cuda::ptx::mma_bf16_16816(d, fa, fb);
  }
  for (int i = 0; i < 4; ++i) c[8 * (g + 8 * (i / 2)) + 2 * t + i % 2] = d[i];
}

__global__ void multiply_1688(const float* a, const float* b, float* c) {
  const int g = static_cast<int>(threadIdx.x) / 4;
  const int t = static_cast<int>(threadIdx.x) % 4;
  unsigned fa[4];
  unsigned fb[2];
  float d[4];
  for (int i = 0; i < 4; ++i) fa[i] = cuda::ptx::to_tf32(a[8 * (g + 8 * (i % 2)) + t + 4 * (i / 2)]);
  for (int i = 0; i < 2; ++i) fb[i] = cuda::ptx::to_tf32(b[8 * (t + 4 * i) + g]);
  for (int i = 0; i < 4; ++i) d[i] = c[8 * (g + 8 * (i / 2)) + 2 * t + i % 2];
  cuda::ptx::mma_tf32_1688(d, fa, fb);
  for (int i = 0; i < 4; ++i) c[8 * (g + 8 * (i / 2)) + 2 * t + i % 2] = d[i];
}

template <class Kernel>
void expect_product(Kernel kernel, int depth) {
  const DeviceArray<float> a(matrix(16, depth, element_a));
  const DeviceArray<float> b(matrix(depth, 8, element_b));
  const DeviceArray<float> c(matrix(16, 8, element_c));
  INFILL_LAUNCH(kernel, 1, 32, 0, nullptr, a.data(), b.data(), c.data());
  const std::vector<float> product = c.values();
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 8; ++j) {
      float sum = element_c(i, j);
      for (int k = 0; k < depth; ++k) sum += element_a(i, k) * element_b(k, j);
      EXPECT_EQ(product[static_cast<size_t>(8 * i + j)], sum) << i << " " << j;
    }
  }
}

TEST(Collectives, ProductsOfMatrices) {
  expect_product(multiply_16816<Format::kHalf>, 16);
  expect_product(multiply_16816<Format::kBfloat16>, 16);
  expect_product(multiply_1688, 8);
}

TEST(Collectives, Tf32RoundsTiesAwayFromZero) {
  const auto rounded = [](unsigned bits) { return cuda::ptx::to_tf32(__uint_as_float(bits)); };
  EXPECT_EQ(rounded(0x3f800fff), 0x3f800000u);
  EXPECT_EQ(rounded(0x3f801000), 0x3f802000u);
  EXPECT_EQ(rounded(0xbf801000), 0xbf802000u);
  EXPECT_EQ(rounded(0x3fffffff), 0x40000000u) << "into the next power of two";
  EXPECT_EQ(rounded(0x7f800000), 0x7f800000u);
}

template <int kBytes>
__global__ void copy_part(const int* in, int* out) {
  INFILL_SHARED(unsigned char, values, [32][16]);
  const unsigned i = threadIdx.x;
  const int valid = static_cast<int>(i) % (kBytes + 1);
  cuda::ptx::cp_async<kBytes>(values[i], in, valid);
  cuda::ptx::cp_async_commit();
  cuda::ptx::cp_async_wait<0>();
  int sum = 0;
  for (int b = 0; b < kBytes; ++b) sum += values[i][b] << (b % 4 * 8) >> b / 4;
  out[i] = sum;
}

template <int kBytes>
void expect_copies() {
  const std::vector<int> out = run<int>(copy_part<kBytes>, 32);
  const int words[4] = {0, 1, 2, 3};
  const auto* bytes = reinterpret_cast<const unsigned char*>(words);
  for (int i = 0; i < 32; ++i) {
    int sum = 0;
    for (int b = 0; b < i % (kBytes + 1); ++b) sum += bytes[b] << (b % 4 * 8) >> b / 4;
    EXPECT_EQ(out[static_cast<size_t>(i)], sum) << kBytes << " " << i;
  }
}

TEST(Collectives, AsyncCopiesFillWithZeros) {
  expect_copies<4>();
  expect_copies<8>();
  expect_copies<16>();
}

// Which thread comes first says the schedule.
__global__ void order_of_threads(const int*, int* out) {
  out[1 + atomicAdd(out, 1)] = static_cast<int>(threadIdx.x);
}

TEST(Schedules, Differ) {
  const auto run_with = [](Schedule schedule) {
    const Schedule before = options().schedule;
    options().schedule = schedule;
    std::vector<int> order = run<int>(order_of_threads, 100, 2);
    options().schedule = before;
    return std::vector<int>(order.begin() + 1, order.begin() + 101);
  };
  const std::vector<int> forward = run_with(Schedule::kForward);
  const std::vector<int> reverse = run_with(Schedule::kReverse);
  const std::vector<int> random = run_with(Schedule::kRandom);
  EXPECT_EQ(forward, counting<int>(100));
  EXPECT_EQ(std::vector<int>(reverse.rbegin(), reverse.rend()), forward);
  EXPECT_NE(random, forward);
  EXPECT_NE(random, reverse);
  EXPECT_TRUE(std::is_permutation(random.begin(), random.end(), forward.begin()));
}

}  // namespace
}  // namespace infill::cudasim
