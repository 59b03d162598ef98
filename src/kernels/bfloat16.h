// bfloat16, the upper half of a float's bits, as the operands of products; sums are float.
//
// AVX512_BF16 adds two products to a sum at a time and rounds sixteen floats at a time. Elsewhere the same
// operands are widened and multiplied as floats: close to the same result, no faster than float32.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace infill::kernels {

// What the operands of products are rounded to. Everything else is float32.
enum class Precision : uint8_t { kFloat32, kBfloat16 };

using Bfloat16 = uint16_t;  // its bits

// The nearest, of two the even one; NaN stays NaN.
[[nodiscard]] inline Bfloat16 to_bfloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (value != value) return static_cast<Bfloat16>(bits >> 16 | 0x40);
  return static_cast<Bfloat16>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// Whether the processor has AVX512_BF16 and INFILL_ISA does not forbid it.
[[nodiscard]] bool has_bfloat16_products();

// Values behind what is rounded that may be overwritten.
constexpr int32_t kBfloat16Slack = 16;

// Only where has_bfloat16_products().
namespace avx512_bf16 {

// to[r][i] = from[r][i] for i < count, rounded. Steps: from row to row. Rows are written in order, each up to
// kBfloat16Slack - 1 values further than count.
void round_rows(const float* from, ptrdiff_t from_step, int32_t rows, int32_t count, Bfloat16* to,
                ptrdiff_t to_step);

// As gemm-inl.h's of the same name. depth: even; b: for each pair of rows of the panel, column by column the
// two.
void multiply_panel(const Bfloat16* a, ptrdiff_t a_step, int32_t rows, int32_t depth, const Bfloat16* b,
                    int32_t columns, float* c, const Bfloat16* ahead);
constexpr int32_t kRows = 9;  // rows are a multiple of it

// c[i, :] (+)= sum over the pairs k of A[i, k] B[k, :], for `rows` rows, at most 8, of `vectors` vectors of
// 16 floats, at most 3. a: pairs of a row one after the other; b: for each pair, column by column the two.
// Steps in values, from row to row.
void multiply_tile(int32_t rows, int32_t vectors, const Bfloat16* a, ptrdiff_t a_step, const Bfloat16* b,
                   ptrdiff_t b_step, ptrdiff_t pairs, float* c, ptrdiff_t c_step, bool add);

}  // namespace avx512_bf16

}  // namespace infill::kernels
