// cvt: between integers, from floating point to integers (clamped, NaN to 0) and back.
#pragma once

#include "cudasim/ptx/isa/half.h"

namespace infill::cudasim::ptx {

template <class T>
T round_to_integer(T value, Rounding mode) {
  switch (mode) {
    case Rounding::kZero:
      return std::trunc(value);
    case Rounding::kDown:
      return std::floor(value);
    case Rounding::kUp:
      return std::ceil(value);
    default:
      return std::nearbyint(value);
  }
}

template <class D, class T, IfFloat<T> = 0>
D float_to_integer(T value, Rounding mode) {
  const T whole = round_to_integer(value, mode);
  if (std::isnan(whole)) return 0;
  // 2^width and its like are exact in T; the largest integer itself may not be.
  const T end = std::ldexp(T{1}, static_cast<int>(kWidth<D>) - std::is_signed_v<D>);
  if (whole >= end) return std::numeric_limits<D>::max();
  if (whole <= static_cast<T>(std::numeric_limits<D>::min())) return std::numeric_limits<D>::min();
  return static_cast<D>(whole);
}

template <class D, class T>
D integer_to_float(T value, Rounding mode) {
  if (mode == Rounding::kNearest) return static_cast<D>(value);
  if constexpr (std::is_same_v<D, f32>) {
    return narrow_rounded(static_cast<long double>(value), mode);
  } else {
    return narrow_rounded_f64(static_cast<long double>(value), mode);
  }
}

}  // namespace infill::cudasim::ptx
