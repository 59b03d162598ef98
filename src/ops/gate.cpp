#include "ops/gate.h"

#include <algorithm>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/gate.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace infill::ops::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// How values of T are computed with: in which type, and how many terms of the exponential's series.
template <class T>
struct Computed {
  using Type = T;
  static constexpr int kTerms = sizeof(T) == 8 ? 12 : 6;  // remainder ≤ 2e-16, 2e-7 of the result
};
template <>
struct Computed<c10::BFloat16> {
  using Type = float;
  static constexpr int kTerms = 4;  // remainder ≤ 5e-5, an eightieth of bfloat16's last place
};

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const hn::TFromD<D>* p) {
  return hn::LoadU(d, p);
}

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const c10::BFloat16* p) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, &p->x))));
}

template <class D>
HWY_INLINE void store(D d, hn::Vec<D> v, hn::TFromD<D>* p) {
  hn::StoreU(v, d, p);
}

template <class D>
HWY_INLINE void store(D /*d*/, hn::Vec<D> v, c10::BFloat16* p) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  const auto bits = hn::BitCast(d32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
  const auto nearest = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7FFF))));
  const auto nan = hn::RebindMask(d32, hn::IsNaN(v));
  hn::StoreU(hn::TruncateTo(d16, hn::IfThenElse(nan, hn::Set(d32, 0x7FC0), nearest)), d16, &p->x);
}

// Coefficients of Σ x^i / i!, from i = 1.
constexpr double kFactorial[] = {1.,          1. / 2,       1. / 6,        1. / 24,
                                 1. / 120,    1. / 720,     1. / 5040,     1. / 40320,
                                 1. / 362880, 1. / 3628800, 1. / 39916800, 1. / 479001600};

// e^x for x ≤ 0 as scale + scale·tail with scale = 2^n, so that e^x - 1 keeps its digits near 0. NaN stays
// NaN; below the smallest normal number the result is that number.
template <class V>
struct Exponential {
  V scale;
  V tail;
};

template <int kTerms, class D, class V = hn::Vec<D>>
HWY_INLINE Exponential<V> exponential(D d, V x) {
  using T = hn::TFromD<D>;
  const hn::RebindToSigned<D> di;
  constexpr bool kDouble = sizeof(T) == 8;
  const V lowest = hn::Set(d, static_cast<T>(kDouble ? -708. : -87.));
  x = hn::IfThenElse(hn::Lt(x, lowest), lowest, x);  // a comparison, not Max: NaN passes
  const V n = hn::Round(hn::Mul(x, hn::Set(d, static_cast<T>(1.4426950408889634))));
  // ln 2 in two parts: the first has so few digits that n times it is exact.
  const V high = hn::Set(d, static_cast<T>(kDouble ? 0x1.62e42feep-1 : 0x1.63p-1));
  const V low = hn::Set(d, static_cast<T>(kDouble ? 0x1.a39ef35793c76p-33 : -0x1.bd0105c610ca8p-13));
  const V r = hn::NegMulAdd(n, low, hn::NegMulAdd(n, high, x));
  V sum = hn::Set(d, static_cast<T>(kFactorial[kTerms - 1]));
  for (int i = kTerms - 2; i >= 0; --i) sum = hn::MulAdd(sum, r, hn::Set(d, static_cast<T>(kFactorial[i])));
  constexpr int kMantissa = kDouble ? 52 : 23;
  const auto exponent = hn::Add(hn::ConvertTo(di, n), hn::Set(di, kDouble ? 1023 : 127));
  return {hn::BitCast(d, hn::ShiftLeft<kMantissa>(exponent)), hn::Mul(sum, r)};
}

// sigmoid(g) and 1 - sigmoid(g), neither by subtraction.
template <class V>
struct Sigmoid {
  V value;
  V complement;
};

template <class T, class D, class V = hn::Vec<D>>
HWY_INLINE Sigmoid<V> sigmoid(D d, V g) {
  const auto e = exponential<Computed<T>::kTerms>(d, hn::Neg(hn::Abs(g)));
  const V power = hn::MulAdd(e.scale, e.tail, e.scale);
  const V one = hn::Set(d, 1);
  const V sum = hn::Add(one, power);
  V large;
  if constexpr (sizeof(T) == 2) {
    large = hn::ApproximateReciprocal(sum);
  } else {
    large = hn::Div(one, sum);
  }
  const V small = hn::Mul(power, large);
  const auto negative = hn::Lt(g, hn::Zero(d));
  return {hn::IfThenElse(negative, small, large), hn::IfThenElse(negative, large, small)};
}

// act(f) and act'(f). Comparisons are such that NaN is passed on.
template <class V>
struct Activated {
  V value;
  V slope;
};

template <Activation kActivation, class T, class D, class V = hn::Vec<D>>
HWY_INLINE Activated<V> activate(D d, V f) {
  const V one = hn::Set(d, 1);
  const V zero = hn::Zero(d);
  [[maybe_unused]] const auto negative = hn::Lt(f, zero);
  if constexpr (kActivation == Activation::kNone) {
    return {f, one};
  } else if constexpr (kActivation == Activation::kRelu) {
    return {hn::IfThenElse(negative, zero, f), hn::IfThenElse(hn::Gt(f, zero), one, zero)};
  } else if constexpr (kActivation == Activation::kLeakyRelu) {
    const V slope = hn::Set(d, static_cast<hn::TFromD<D>>(kLeakySlope));
    return {hn::IfThenElse(negative, hn::Mul(slope, f), f), hn::IfThenElse(hn::Gt(f, zero), one, slope)};
  } else {
    const auto e = exponential<Computed<T>::kTerms>(d, hn::IfThenElseZero(negative, f));
    return {hn::IfThenElse(negative, hn::MulAdd(e.scale, e.tail, hn::Sub(e.scale, one)), f),
            hn::IfThenElse(negative, hn::MulAdd(e.scale, e.tail, e.scale), one)};
  }
}

// Rows of at least Lanes(d) values; the last vector of a row may overlap its neighbour.
template <Activation kActivation, class D, class T>
void forward_rows(D d, const T* f, const T* g, T* y, const GateRows& rows) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t row = 0; row < rows.rows; ++row, f += rows.z_stride, g += rows.z_stride, y += rows.y_stride) {
    const auto at = [&](int64_t i) HWY_ATTR {
      const auto a = activate<kActivation, T>(d, load(d, f + i));
      store(d, hn::Mul(a.value, sigmoid<T>(d, load(d, g + i)).value), y + i);
    };
    int64_t i = 0;
    for (; i + lanes <= rows.length; i += lanes) at(i);
    if (i < rows.length) at(rows.length - lanes);
  }
}

template <Activation kActivation, class D, class T>
void backward_rows(D d, const T* f, const T* g, const T* dy, T* df, T* dg, const GateRows& rows) {
  using V = hn::Vec<D>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t last = rows.length - lanes;
  for (int64_t row = 0; row < rows.rows; ++row, f += rows.z_stride, g += rows.z_stride, dy += rows.y_stride,
               df += rows.z_stride, dg += rows.z_stride) {
    const auto at = [&](int64_t i, V& feature, V& gate) HWY_ATTR {
      const auto a = activate<kActivation, T>(d, load(d, f + i));
      const auto s = sigmoid<T>(d, load(d, g + i));
      const V scaled = hn::Mul(load(d, dy + i), s.value);
      feature = hn::Mul(scaled, a.slope);
      gate = hn::Mul(hn::Mul(scaled, a.value), s.complement);
    };
    // The last vector overlaps its neighbour: computed before its inputs are overwritten in place.
    V last_feature;
    V last_gate;
    at(last, last_feature, last_gate);
    for (int64_t i = 0; i + lanes <= rows.length; i += lanes) {
      V feature;
      V gate;
      at(i, feature, gate);
      store(d, feature, df + i);
      store(d, gate, dg + i);
    }
    store(d, last_feature, df + last);
    store(d, last_gate, dg + last);
  }
}

// Calls run(d) with the widest vectors that a row fills without much overlap.
template <class T, class Run>
void with_lanes(int64_t length, const Run& run) {
  using C = typename Computed<T>::Type;
  const hn::ScalableTag<C> full;
  const auto lanes = static_cast<int64_t>(hn::Lanes(full));
  const bool eights = length % 8 == 0 && length % lanes != 0 && length < 4 * lanes;
  if (length >= lanes && !eights) {
    run(full);
  } else if (length >= 8) {  // NOLINT(bugprone-branch-clone): 8 are 4 where vectors are short
    run(hn::CappedTag<C, 8>());
  } else if (length >= 4) {
    run(hn::CappedTag<C, 4>());
  } else {
    run(hn::CappedTag<C, 1>());
  }
}

template <class Run>
void with_activation(Activation activation, const Run& run) {
  switch (activation) {
    case Activation::kNone:
      return run.template operator()<Activation::kNone>();
    case Activation::kElu:
      return run.template operator()<Activation::kElu>();
    case Activation::kRelu:
      return run.template operator()<Activation::kRelu>();
    case Activation::kLeakyRelu:
      return run.template operator()<Activation::kLeakyRelu>();
  }
}

template <class T>
void forward(Activation activation, const T* f, const T* g, T* y, const GateRows& rows) {
  with_activation(activation, [&]<Activation kActivation>() HWY_ATTR {
    with_lanes<T>(rows.length, [&](auto d) HWY_ATTR { forward_rows<kActivation>(d, f, g, y, rows); });
  });
}

template <class T>
void backward(Activation activation, const T* f, const T* g, const T* dy, T* df, T* dg,
              const GateRows& rows) {
  with_activation(activation, [&]<Activation kActivation>() HWY_ATTR {
    with_lanes<T>(rows.length,
                  [&](auto d) HWY_ATTR { backward_rows<kActivation>(d, f, g, dy, df, dg, rows); });
  });
}

}  // namespace

void forward_f32(Activation a, const float* f, const float* g, float* y, const GateRows& r) {
  forward(a, f, g, y, r);
}
void forward_f64(Activation a, const double* f, const double* g, double* y, const GateRows& r) {
  forward(a, f, g, y, r);
}
void forward_bf16(Activation a, const c10::BFloat16* f, const c10::BFloat16* g, c10::BFloat16* y,
                  const GateRows& r) {
  forward(a, f, g, y, r);
}
void backward_f32(Activation a, const float* f, const float* g, const float* dy, float* df, float* dg,
                  const GateRows& r) {
  backward(a, f, g, dy, df, dg, r);
}
void backward_f64(Activation a, const double* f, const double* g, const double* dy, double* df, double* dg,
                  const GateRows& r) {
  backward(a, f, g, dy, df, dg, r);
}
void backward_bf16(Activation a, const c10::BFloat16* f, const c10::BFloat16* g, const c10::BFloat16* dy,
                   c10::BFloat16* df, c10::BFloat16* dg, const GateRows& r) {
  backward(a, f, g, dy, df, dg, r);
}

}  // namespace infill::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infill::ops {

HWY_EXPORT(forward_f32);
HWY_EXPORT(forward_f64);
HWY_EXPORT(forward_bf16);
HWY_EXPORT(backward_f32);
HWY_EXPORT(backward_f64);
HWY_EXPORT(backward_bf16);

template <>
void gate(Activation activation, const float* f, const float* g, float* y, const GateRows& rows) {
  HWY_DYNAMIC_DISPATCH(forward_f32)(activation, f, g, y, rows);
}
template <>
void gate(Activation activation, const double* f, const double* g, double* y, const GateRows& rows) {
  HWY_DYNAMIC_DISPATCH(forward_f64)(activation, f, g, y, rows);
}
template <>
void gate(Activation activation, const c10::BFloat16* f, const c10::BFloat16* g, c10::BFloat16* y,
          const GateRows& rows) {
  HWY_DYNAMIC_DISPATCH(forward_bf16)(activation, f, g, y, rows);
}
template <>
void gate_backward(Activation activation, const float* f, const float* g, const float* dy, float* df,
                   float* dg, const GateRows& rows) {
  HWY_DYNAMIC_DISPATCH(backward_f32)(activation, f, g, dy, df, dg, rows);
}
template <>
void gate_backward(Activation activation, const double* f, const double* g, const double* dy, double* df,
                   double* dg, const GateRows& rows) {
  HWY_DYNAMIC_DISPATCH(backward_f64)(activation, f, g, dy, df, dg, rows);
}
template <>
void gate_backward(Activation activation, const c10::BFloat16* f, const c10::BFloat16* g,
                   const c10::BFloat16* dy, c10::BFloat16* df, c10::BFloat16* dg, const GateRows& rows) {
  HWY_DYNAMIC_DISPATCH(backward_bf16)(activation, f, g, dy, df, dg, rows);
}

}  // namespace infill::ops
#endif
