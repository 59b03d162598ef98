#include "kernels/bfloat16.h"

#include <hwy/highway.h>

#include <array>

#if HWY_ARCH_X86
#include <immintrin.h>
#endif

namespace infill::kernels {

#if HWY_ARCH_X86

bool has_bfloat16_products() {
  // Asked once: on a virtual machine each question takes microseconds.
  static const bool has =
      (hwy::SupportedTargets() & HWY_AVX3) != 0 && __builtin_cpu_supports("avx512bf16") != 0;
  return has;
}

// Nothing here is inline or a template with external linkage: no other file may link to AVX-512 by accident.
namespace avx512_bf16 {
namespace {

#define INFILL_AVX512_BF16 gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")
constexpr int32_t kLanes = 16;

template <int kVectors>
[[INFILL_AVX512_BF16]] void multiply_rows(const Bfloat16* a, ptrdiff_t a_step, int32_t rows, int32_t depth,
                                          const Bfloat16* b, float* c, const Bfloat16* ahead) {
  constexpr ptrdiff_t kColumns = ptrdiff_t{kVectors} * kLanes;
  for (int32_t first = 0; first < rows; first += kRows, a += kRows * a_step, c += kRows * kColumns) {
    __m512 sum[kRows][kVectors];
#pragma GCC unroll 9
    for (auto& row : sum) {
#pragma GCC unroll 3
      for (__m512& each : row) each = _mm512_setzero_ps();
    }
    const Bfloat16* from = b;
    for (int32_t k = 0; k < depth; k += 2, from += 2 * kColumns) {
      __m512i columns[kVectors];
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) columns[v] = _mm512_load_si512(from + ptrdiff_t{2} * v * kLanes);
      if (ahead != nullptr) {
#pragma GCC unroll 3
        for (int v = 0; v < kVectors; ++v) __builtin_prefetch(ahead + ptrdiff_t{2} * v * kLanes);
        ahead += 2 * kColumns;
      }
#pragma GCC unroll 9
      for (int r = 0; r < kRows; ++r) {
        int32_t pair;
        __builtin_memcpy(&pair, a + r * a_step + k, sizeof(pair));
        const auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
#pragma GCC unroll 3
        for (int v = 0; v < kVectors; ++v)
          sum[r][v] = _mm512_dpbf16_ps(sum[r][v], x, reinterpret_cast<__m512bh>(columns[v]));
      }
    }
    ahead = nullptr;
#pragma GCC unroll 9
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) _mm512_store_ps(c + r * kColumns + ptrdiff_t{v} * kLanes, sum[r][v]);
    }
  }
}

template <int kTileRows, int kVectors>
[[INFILL_AVX512_BF16]] void multiply_small(const Bfloat16* a, ptrdiff_t a_step, const Bfloat16* b,
                                           ptrdiff_t b_step, ptrdiff_t pairs, float* c, ptrdiff_t c_step,
                                           bool add) {
  __m512 sum[kTileRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v)
      sum[r][v] = add ? _mm512_loadu_ps(c + r * c_step + ptrdiff_t{v} * kLanes) : _mm512_setzero_ps();
  }
  for (ptrdiff_t k = 0; k < pairs; ++k, a += 2, b += b_step) {
    __m512i columns[kVectors];
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) columns[v] = _mm512_loadu_si512(b + ptrdiff_t{2} * v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kTileRows; ++r) {
      int32_t pair;
      __builtin_memcpy(&pair, a + r * a_step, sizeof(pair));
      const auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v)
        sum[r][v] = _mm512_dpbf16_ps(sum[r][v], x, reinterpret_cast<__m512bh>(columns[v]));
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < kVectors; ++v) _mm512_storeu_ps(c + r * c_step + ptrdiff_t{v} * kLanes, sum[r][v]);
  }
}

using MultiplySmall = void (*)(const Bfloat16*, ptrdiff_t, const Bfloat16*, ptrdiff_t, ptrdiff_t, float*,
                               ptrdiff_t, bool);
template <int kTileRows>
constexpr std::array<MultiplySmall, 3> kOfVectors{multiply_small<kTileRows, 1>, multiply_small<kTileRows, 2>,
                                                  multiply_small<kTileRows, 3>};
constexpr std::array<std::array<MultiplySmall, 3>, 8> kMultiplySmall{
    kOfVectors<1>, kOfVectors<2>, kOfVectors<3>, kOfVectors<4>,
    kOfVectors<5>, kOfVectors<6>, kOfVectors<7>, kOfVectors<8>};

}  // namespace

void multiply_tile(int32_t rows, int32_t vectors, const Bfloat16* a, ptrdiff_t a_step, const Bfloat16* b,
                   ptrdiff_t b_step, ptrdiff_t pairs, float* c, ptrdiff_t c_step, bool add) {
  const auto row = static_cast<size_t>(rows - 1);
  kMultiplySmall.at(row).at(static_cast<size_t>(vectors - 1))(a, a_step, b, b_step, pairs, c, c_step, add);
}

void multiply_panel(const Bfloat16* a, ptrdiff_t a_step, int32_t rows, int32_t depth, const Bfloat16* b,
                    int32_t columns, float* c, const Bfloat16* ahead) {
  if (columns == kLanes) {
    multiply_rows<1>(a, a_step, rows, depth, b, c, ahead);
  } else if (columns == 2 * kLanes) {
    multiply_rows<2>(a, a_step, rows, depth, b, c, ahead);
  } else {
    multiply_rows<3>(a, a_step, rows, depth, b, c, ahead);
  }
}

[[INFILL_AVX512_BF16]] void round_rows(const float* from, ptrdiff_t from_step, int32_t rows, int32_t count,
                                       Bfloat16* to, ptrdiff_t to_step) {
  const int32_t full = count / kLanes * kLanes;
  const auto rest = static_cast<__mmask16>((1U << (count - full)) - 1);
  for (int32_t r = 0; r < rows; ++r, from += from_step, to += to_step) {
    for (int32_t i = 0; i < full; i += kLanes) {
      const __m256bh values = _mm512_cvtneps_pbh(_mm512_loadu_ps(from + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), reinterpret_cast<__m256i>(values));
    }
    if (rest != 0) {  // a masked store is much slower than a whole one
      const __m256bh values = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(rest, from + full));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + full), reinterpret_cast<__m256i>(values));
    }
  }
}

}  // namespace avx512_bf16

#else

bool has_bfloat16_products() {
  return false;
}

#endif

}  // namespace infill::kernels
