// Arithmetic of f32 and f64. Correctly rounded where PTX demands it; the approximate instructions (.approx:
// rcp, sqrt, rsqrt, ex2, lg2, sin, cos, tanh, div) are as exact as the host's library, so a test that
// compares with a device, or with these, needs the tolerance of the PTX manual.
#pragma once

#include <cmath>

#include "cudasim/ptx/isa/types.h"

namespace infill::cudasim::ptx {

template <class T>
using IfFloat = std::enable_if_t<std::is_floating_point_v<T>, int>;

// To nearest, ties to even, is the default everywhere; these are the others (rounding.cpp).
enum class Rounding { kNearest, kZero, kDown, kUp, kAway };
f32 fma_rounded(f32 a, f32 b, f32 c, Rounding mode);
f64 fma_rounded(f64 a, f64 b, f64 c, Rounding mode);
f32 div_rounded(f32 a, f32 b, Rounding mode);
f64 div_rounded(f64 a, f64 b, Rounding mode);
f32 sqrt_rounded(f32 a, Rounding mode);
f64 sqrt_rounded(f64 a, Rounding mode);
f32 narrow_rounded(long double a, Rounding mode);  // long double holds every s64, u64 and f64 exactly
f64 narrow_rounded_f64(long double a, Rounding mode);

template <class T, IfFloat<T> = 0>
T add(T a, T b) {
  return a + b;
}
template <class T, IfFloat<T> = 0>
T sub(T a, T b) {
  return a - b;
}
template <class T, IfFloat<T> = 0>
T mul(T a, T b) {
  return a * b;
}
template <class T, IfFloat<T> = 0>
T fma(T a, T b, T c) {
  return std::fma(a, b, c);
}
template <class T, IfFloat<T> = 0>
T div(T a, T b) {
  return a / b;
}
template <class T>
T add_rounded(T a, T b, Rounding mode) {
  return fma_rounded(a, T{1}, b, mode);
}
template <class T>
T sub_rounded(T a, T b, Rounding mode) {
  return fma_rounded(a, T{1}, -b, mode);
}
template <class T>
T mul_rounded(T a, T b, Rounding mode) {
  return fma_rounded(a, b, std::signbit(a) != std::signbit(b) ? -T{0} : T{0}, mode);
}

// A NaN loses against a number, -0 is less than +0.
template <class T, IfFloat<T> = 0>
T min(T a, T b) {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  return a < b || (a == b && std::signbit(a)) ? a : b;
}
template <class T, IfFloat<T> = 0>
T max(T a, T b) {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  return a < b || (a == b && std::signbit(a)) ? b : a;
}
// min.NaN and max.NaN: a NaN wins.
template <class T>
T min_nan(T a, T b) {
  return std::isnan(a) || std::isnan(b) ? T(NAN) : min(a, b);
}
template <class T>
T max_nan(T a, T b) {
  return std::isnan(a) || std::isnan(b) ? T(NAN) : max(a, b);
}
template <class T, IfFloat<T> = 0>
T neg(T a) {
  return -a;
}
template <class T, IfFloat<T> = 0>
T abs(T a) {
  return std::fabs(a);
}
template <class T>
T copysign(T sign, T magnitude) {
  return std::copysign(magnitude, sign);
}
template <class T>
T rcp(T a) {
  return T{1} / a;
}
template <class T>
T sqrt(T a) {
  return std::sqrt(a);
}
template <class T>
T rsqrt(T a) {
  return T{1} / std::sqrt(a);
}
template <class T, IfFloat<T> = 0>
T ex2(T a) {
  return std::exp2(a);
}
template <class T>
T lg2(T a) {
  return std::log2(a);
}
template <class T>
T sin(T a) {
  return std::sin(a);
}
template <class T>
T cos(T a) {
  return std::cos(a);
}
template <class T, IfFloat<T> = 0>
T tanh(T a) {
  return std::tanh(a);
}
// .sat: to [0, 1], NaN to 0.
template <class T, IfFloat<T> = 0>
T saturate(T a) {
  return a > 0 ? (a < 1 ? a : T{1}) : T{0};
}
// .ftz: subnormal numbers, as operands and as results, are zeros of their sign.
inline f32 ftz(f32 a) {
  return std::fabs(a) < 0x1p-126f ? std::copysign(0.0f, a) : a;
}

template <class T>
bool testp_finite(T a) {
  return std::isfinite(a);
}
template <class T>
bool testp_infinite(T a) {
  return std::isinf(a);
}
template <class T>
bool testp_number(T a) {
  return !std::isnan(a);
}
template <class T>
bool testp_notanumber(T a) {
  return std::isnan(a);
}
template <class T>
bool testp_normal(T a) {
  return std::isnormal(a);
}
template <class T>
bool testp_subnormal(T a) {
  return std::fpclassify(a) == FP_SUBNORMAL;
}

template <class T>
bool unordered(T a, T b) {
  return std::isunordered(a, b);
}

}  // namespace infill::cudasim::ptx
