// bfloat16, the upper half of a float's bits, as the operands of products; sums are float.
//
// AVX512_BF16 adds two products to a sum at a time and rounds sixteen floats at a time. Elsewhere the same
// operands are widened and multiplied as floats: close to the same result, no faster than float32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace infill::kernels {

// What the operands of products are rounded to. Everything else is float32.
enum class Precision : uint8_t { kFloat32, kBfloat16 };

using Bfloat16 = uint16_t;  // its bits

// The nearest, of two the even one; NaN stays NaN.
[[nodiscard]] Bfloat16 to_bfloat16(float value);

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

}  // namespace avx512_bf16

}  // namespace infill::kernels
