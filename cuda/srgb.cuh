// The transfer functions of sRGB as in src/core/srgb.h, with the same bits.
#pragma once

#include <cfloat>

#include "cuda/exact.cuh"

namespace infill::cuda {

namespace srgb_detail {

__device__ inline float horner(float value, float t, float coefficient) {
  return exact::add(exact::multiply(value, t), coefficient);
}

__device__ inline float power_of_two(int32_t exponent) {
  return exact::bits_as<float>(static_cast<uint32_t>(exponent + 127) << 23U);
}

__device__ inline float mantissa_of(uint32_t bits) {
  return exact::bits_as<float>((bits & 0x7FFFFFU) | 0x3F800000U);
}

// x^(5/12) for x >= 2^-9.
__device__ inline float power_5_12(float x) {
  const auto bits = exact::bits_as<uint32_t>(x);
  const float t = exact::subtract(exact::multiply(2.0F, mantissa_of(bits)), 3.0F);
  float value = 1.17333902e-05F;
  value = horner(value, t, -4.28832063e-05F);
  value = horner(value, t, 0.000143133919F);
  value = horner(value, t, -0.000601596606F);
  value = horner(value, t, 0.00281320163F);
  value = horner(value, t, -0.0159891788F);
  value = horner(value, t, 0.164451852F);
  value = horner(value, t, 1.18405366F);
  const int32_t twelfths = 5 * (static_cast<int32_t>(bits >> 23U) - 127) + 48;  // not negative
  float root = 1.0F;
  switch (twelfths % 12) {
    case 1:
      root = 1.05946314F;
      break;
    case 2:
      root = 1.12246203F;
      break;
    case 3:
      root = 1.18920708F;
      break;
    case 4:
      root = 1.25992107F;
      break;
    case 5:
      root = 1.33483982F;
      break;
    case 6:
      root = 1.41421354F;
      break;
    case 7:
      root = 1.49830711F;
      break;
    case 8:
      root = 1.58740103F;
      break;
    case 9:
      root = 1.68179286F;
      break;
    case 10:
      root = 1.78179741F;
      break;
    case 11:
      root = 1.8877486F;
      break;
    default:
      break;
  }
  return exact::multiply(exact::multiply(value, root), power_of_two(twelfths / 12 - 4));
}

// x^2.4 = x^2 x^(2/5) for x >= 2^-5.
__device__ inline float power_12_5(float x) {
  const auto bits = exact::bits_as<uint32_t>(x);
  const float t = exact::subtract(exact::multiply(2.0F, mantissa_of(bits)), 3.0F);
  float value = 1.1846706e-05F;
  value = horner(value, t, -4.31677872e-05F);
  value = horner(value, t, 0.000143421261F);
  value = horner(value, t, -0.00060003344F);
  value = horner(value, t, 0.00278818049F);
  value = horner(value, t, -0.0156818647F);
  value = horner(value, t, 0.156810507F);
  value = horner(value, t, 1.17607903F);
  const int32_t fifths = 2 * (static_cast<int32_t>(bits >> 23U) - 127) + 10;  // not negative
  float root = 1.0F;
  switch (fifths % 5) {
    case 1:
      root = 1.14869833F;
      break;
    case 2:
      root = 1.31950796F;
      break;
    case 3:
      root = 1.51571655F;
      break;
    case 4:
      root = 1.74110115F;
      break;
    default:
      break;
  }
  return exact::multiply(exact::multiply(x, x),
                         exact::multiply(exact::multiply(value, root), power_of_two(fifths / 5 - 2)));
}

}  // namespace srgb_detail

// Linear light to the encoded value.
__device__ inline float encode_srgb(float linear) {
  const float x = fabsf(linear);
  if (!(x <= FLT_MAX)) return linear;
  if (x <= 0.0031308F) return exact::multiply(linear, 12.92F);
  return copysignf(exact::subtract(exact::multiply(1.055F, srgb_detail::power_5_12(x)), 0.055F), linear);
}

// The encoded value to linear light.
__device__ inline float decode_srgb(float encoded) {
  const float x = fabsf(encoded);
  if (!(x <= FLT_MAX)) return encoded;
  if (x <= 0.04045F) return exact::divide(encoded, 12.92F);
  return copysignf(srgb_detail::power_12_5(exact::divide(exact::add(x, 0.055F), 1.055F)), encoded);
}

}  // namespace infill::cuda
