// The transfer functions of sRGB (IEC 61966-2-1), continued beyond 0..1: odd about 0, the same power above 1.
//
// Computed from sums and products in a fixed order, not by the C library, so that the bits are the same on
// every machine. Off by at most 1e-6 for magnitudes up to 1 and by a 1e-6th of the result above. NaN and the
// infinities come back as they are.
#pragma once

#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>

namespace infill {

namespace srgb_detail {

// 2^exponent * mantissa; mantissa in [1, 2).
struct Parts {
  int32_t exponent;
  float mantissa;
};
inline Parts parts_of(float normal) {
  const auto bits = std::bit_cast<uint32_t>(normal);
  return {static_cast<int32_t>(bits >> 23U) - 127, std::bit_cast<float>((bits & 0x7FFFFFU) | 0x3F800000U)};
}

inline float power_of_two(int32_t exponent) {
  return std::bit_cast<float>(static_cast<uint32_t>(exponent + 127) << 23U);
}

// The polynomial with these coefficients, lowest power first.
inline float polynomial(const std::array<float, 8>& coefficients, float t) {
  float value = coefficients[7];
  for (size_t i = 7; i-- > 0;) value = value * t + coefficients[i];
  return value;
}

// x^(5/12) = x^(1/2.4) for x >= 2^-9: m^(5/12) by a Chebyshev fit in t = 2m - 3, 2^(5e/12) by table.
inline float power_5_12(float x) {
  constexpr std::array<float, 8> kFit = {1.18405366F,      0.164451852F,     -0.0159891788F,
                                         0.00281320163F,   -0.000601596606F, 0.000143133919F,
                                         -4.28832063e-05F, 1.17333902e-05F};
  constexpr std::array<float, 12> kRoots = {1.0F,        1.05946314F, 1.12246203F, 1.18920708F,
                                            1.25992107F, 1.33483982F, 1.41421354F, 1.49830711F,
                                            1.58740103F, 1.68179286F, 1.78179741F, 1.8877486F};
  const Parts parts = parts_of(x);
  const int32_t twelfths = 5 * parts.exponent + 48;  // not negative
  return polynomial(kFit, 2 * parts.mantissa - 3) * kRoots[static_cast<size_t>(twelfths % 12)] *
         power_of_two(twelfths / 12 - 4);
}

// x^2.4 = x^2 * x^(2/5) for x >= 2^-5, likewise.
inline float power_12_5(float x) {
  constexpr std::array<float, 8> kFit = {1.17607903F,     0.156810507F,    -0.0156818647F,   0.00278818049F,
                                         -0.00060003344F, 0.000143421261F, -4.31677872e-05F, 1.1846706e-05F};
  constexpr std::array<float, 5> kRoots = {1.0F, 1.14869833F, 1.31950796F, 1.51571655F, 1.74110115F};
  const Parts parts = parts_of(x);
  const int32_t fifths = 2 * parts.exponent + 10;  // not negative
  return x * x *
         (polynomial(kFit, 2 * parts.mantissa - 3) * kRoots[static_cast<size_t>(fifths % 5)] *
          power_of_two(fifths / 5 - 2));
}

}  // namespace srgb_detail

// Linear light to the encoded value.
[[nodiscard]] inline float encode_srgb(float linear) {
  const float x = std::abs(linear);
  if (!(x <= FLT_MAX)) return linear;
  if (x <= 0.0031308F) return linear * 12.92F;
  return std::copysign(1.055F * srgb_detail::power_5_12(x) - 0.055F, linear);
}

// The encoded value to linear light.
[[nodiscard]] inline float decode_srgb(float encoded) {
  const float x = std::abs(encoded);
  if (!(x <= FLT_MAX)) return encoded;
  if (x <= 0.04045F) return encoded / 12.92F;
  return std::copysign(srgb_detail::power_12_5((x + 0.055F) / 1.055F), encoded);
}

}  // namespace infill
