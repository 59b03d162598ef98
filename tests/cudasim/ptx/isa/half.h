// f16, bf16 and tf32: conversions with one rounding, and arithmetic. An f16 product is exact in f64, and the
// sum of a fused multiply-add is rounded to odd there, so that the rounding to half is the only one that
// counts.
#pragma once

#include "cudasim/ptx/isa/float.h"
#include "cudasim/ptx/isa/integer.h"

namespace infill::cudasim::ptx {

// A binary format with one sign bit: bits of the stored fraction, exponent of the smallest normal number.
struct HalfFormat {
  int fraction, lowest;
  b32 infinity, sign, nan;
};
inline constexpr HalfFormat kF16{10, -14, 0x7C00, 0x8000, 0x7FFF};
inline constexpr HalfFormat kBf16{7, -126, 0x7F80, 0x8000, 0x7FFF};
inline constexpr HalfFormat kTf32{10, -126, 0x7F800000 >> 13, 0x80000000u >> 13, 0x7FFFFFFF >> 13};

inline b32 narrow(f64 value, const HalfFormat& format, Rounding mode = Rounding::kNearest) {
  const b32 sign = std::signbit(value) ? format.sign : 0;
  const f64 magnitude = std::fabs(value);
  if (std::isnan(value)) return format.nan;
  if (std::isinf(value)) return sign | format.infinity;
  if (magnitude == 0) return sign;
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  exponent = std::max(exponent - 1, format.lowest);
  const f64 steps = std::ldexp(magnitude, format.fraction - exponent);  // exact
  f64 whole = 0;
  switch (mode) {
    case Rounding::kNearest:
      whole = std::nearbyint(steps);
      break;
    case Rounding::kZero:
      whole = std::floor(steps);
      break;
    case Rounding::kDown:
      whole = sign ? std::ceil(steps) : std::floor(steps);
      break;
    case Rounding::kUp:
      whole = sign ? std::floor(steps) : std::ceil(steps);
      break;
    case Rounding::kAway:
      whole = std::floor(steps + 0.5);
      break;
  }
  // The implicit one of a normal number raises the exponent by one; a carry out of the fraction does so
  // again.
  const b64 result =
      (static_cast<b64>(exponent - format.lowest) << format.fraction) + static_cast<b64>(whole);
  if (result >= format.infinity) {
    const bool to_infinity = mode == Rounding::kNearest || mode == Rounding::kAway ||
                             (mode == Rounding::kUp && !sign) || (mode == Rounding::kDown && sign);
    return sign | (to_infinity ? format.infinity : format.infinity - 1);
  }
  return sign | static_cast<b32>(result);
}

inline f32 widen(f16 value) {
  const b32 exponent = value.bits >> 10 & 31, fraction = value.bits & 1023;
  const f32 magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                        : exponent == 0
                            ? std::ldexp(static_cast<f32>(fraction), -24)
                            : std::ldexp(static_cast<f32>(fraction | 1024), static_cast<int>(exponent) - 25);
  return value.bits & 0x8000 ? -magnitude : magnitude;
}
inline f32 widen(bf16 value) {
  return as<f32>(b32{value.bits} << 16);
}
inline f32 widen(f32 value) {
  return value;
}
inline f64 widen(f64 value) {
  return value;
}

template <class Half>
Half to_half(f64 value, Rounding mode = Rounding::kNearest) {
  return {static_cast<b16>(narrow(value, std::is_same_v<Half, f16> ? kF16 : kBf16, mode))};
}
inline b32 to_tf32(f32 value, Rounding mode) {
  return narrow(value, kTf32, mode) << 13;
}

// a·b + c, rounded to odd: no later rounding to fewer bits sees a tie where there is none.
inline f64 fma_odd(f64 a, f64 b, f64 c) {
  const f64 product = a * b, sum = product + c;
  const f64 from_c = sum - product, error = (product - (sum - from_c)) + (c - from_c);
  if (error == 0 || !std::isfinite(sum) || (bits(sum) & 1)) return sum;
  return std::nextafter(sum, error > 0 ? INFINITY : -INFINITY);
}

template <class T>
using IfHalf = std::enable_if_t<std::is_same_v<T, f16> || std::is_same_v<T, bf16>, int>;
template <class T, IfHalf<T> = 0>
T add(T a, T b) {
  return to_half<T>(fma_odd(widen(a), 1, widen(b)));
}
template <class T, IfHalf<T> = 0>
T sub(T a, T b) {
  return to_half<T>(fma_odd(widen(a), 1, -widen(b)));
}
template <class T, IfHalf<T> = 0>
T mul(T a, T b) {
  return to_half<T>(f64{widen(a)} * widen(b));
}
template <class T, IfHalf<T> = 0>
T fma(T a, T b, T c) {
  return to_half<T>(fma_odd(widen(a), widen(b), widen(c)));
}
template <class T, IfHalf<T> = 0>
T min(T a, T b) {
  return to_half<T>(min(widen(a), widen(b)));
}
template <class T, IfHalf<T> = 0>
T max(T a, T b) {
  return to_half<T>(max(widen(a), widen(b)));
}
template <class T, IfHalf<T> = 0>
T min_nan(T a, T b) {
  return to_half<T>(min_nan(widen(a), widen(b)));
}
template <class T, IfHalf<T> = 0>
T max_nan(T a, T b) {
  return to_half<T>(max_nan(widen(a), widen(b)));
}
template <class T, IfHalf<T> = 0>
T neg(T a) {
  return {static_cast<b16>(a.bits ^ 0x8000)};
}
template <class T, IfHalf<T> = 0>
T abs(T a) {
  return {static_cast<b16>(a.bits & 0x7FFF)};
}
template <class T, IfHalf<T> = 0>
T ex2(T a) {
  return to_half<T>(std::exp2(widen(a)));
}
template <class T, IfHalf<T> = 0>
T tanh(T a) {
  return to_half<T>(std::tanh(widen(a)));
}
template <class T, IfHalf<T> = 0>
T saturate(T a) {
  return to_half<T>(saturate(widen(a)));
}
template <class T, IfHalf<T> = 0>
T relu(T a) {
  return std::isnan(widen(a)) ? a : to_half<T>(max(widen(a), 0.0f));
}

// Pairs: the same in each half.
template <class T>
struct HalfOf;
template <>
struct HalfOf<f16x2> {
  using type = f16;
};
template <>
struct HalfOf<bf16x2> {
  using type = bf16;
};
template <class Pair, class Operation, class... Pairs>
Pair each(Operation operation, Pairs... pairs) {
  using Half = typename HalfOf<Pair>::type;
  const Half low = operation(Half{static_cast<b16>(pairs.bits)}...);
  const Half high = operation(Half{static_cast<b16>(pairs.bits >> 16)}...);
  return {b32{high.bits} << 16 | low.bits};
}
template <class Pair>
Pair pack(f32 high, f32 low, Rounding mode = Rounding::kNearest) {
  using Half = typename HalfOf<Pair>::type;
  return {b32{to_half<Half>(high, mode).bits} << 16 | to_half<Half>(low, mode).bits};
}

}  // namespace infill::cudasim::ptx
