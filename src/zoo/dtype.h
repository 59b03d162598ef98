// Element types of weight files, and what one element is as a float.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace infill::zoo {

enum class DType : uint8_t {
  kBool,
  kU8,
  kI8,
  kF8E4M3,  // 4 bits of exponent, 3 of mantissa, no infinity ("E4M3FN"): Micikevicius et al. 2022
  kF8E5M2,
  kU16,
  kI16,
  kF16,
  kBF16,
  kU32,
  kI32,
  kF32,
  kU64,
  kI64,
  kF64,
};

[[nodiscard]] size_t size_of(DType dtype);            // bytes of one element: 1, 2, 4 or 8
[[nodiscard]] std::string_view name_of(DType dtype);  // as in safetensors: "F32", "BF16"
[[nodiscard]] std::optional<DType> dtype_from_name(std::string_view name);
[[nodiscard]] bool is_floating(DType dtype);

// count elements, `stride` elements apart, at any alignment: float32, rounded to nearest. Floats of 8 and 16
// bits are exact; true is 1; a NaN stays one.
void to_float(DType dtype, const std::byte* from, int64_t stride, float* to, size_t count);

}  // namespace infill::zoo
