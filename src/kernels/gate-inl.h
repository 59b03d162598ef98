// What follows the sums of a convolution: bias, activation, gate.
// Included inside of files that Highway's foreach_target compiles several times, hence the toggled guard.
#if defined(INFILL_KERNELS_GATE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef INFILL_KERNELS_GATE_INL_H
#undef INFILL_KERNELS_GATE_INL_H
#else
#define INFILL_KERNELS_GATE_INL_H
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cstdint>

#include "kernels/convolution.h"

HWY_BEFORE_NAMESPACE();
namespace infill::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Calls body(tag, c) for channels 0 .. count - 1: vectors as wide as there are, then narrower ones.
template <class Body>
HWY_INLINE void for_channels(int32_t count, const Body& body) {
  int32_t c = 0;
  const auto steps = [&](auto d) HWY_ATTR {
    const auto lanes = static_cast<int32_t>(hn::Lanes(d));
    for (; c + lanes <= count; c += lanes) body(d, c);
  };
  steps(hn::CappedTag<float, 16>());
  steps(hn::CappedTag<float, 8>());
  steps(hn::CappedTag<float, 4>());
  steps(hn::CappedTag<float, 1>());
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V activate(D d, Activation activation, V x) {
  const V zero = hn::Zero(d);
  switch (activation) {
    case Activation::kElu: {
      const V below = hn::Sub(hn::Exp(d, hn::Min(x, zero)), hn::Set(d, 1.0F));
      return hn::IfThenElse(hn::Gt(x, zero), x, below);
    }
    case Activation::kRelu:
      return hn::Max(x, zero);
    case Activation::kLeakyRelu:
      return hn::Max(x, hn::Mul(hn::Set(d, 0.2F), x));
    case Activation::kTanh:
      return hn::Tanh(d, x);
    case Activation::kNone:
      break;
  }
  return x;
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0F);
  return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(x))));
}

// Finishes pixels of one panel of columns. NaN stays NaN, though the functions above would lose it: a network
// whose numbers overflow is noticed at its end.
class Gate {
 public:
  // results: channels of a panel; first: the panel's first channel of the result.
  Gate(const ConvolutionSpec& spec, const float* bias, int32_t results, int32_t first)
      : activation_(spec.activation),
        gated_(spec.gated),
        bias_(bias),
        gate_(results),
        first_(first),
        count_(spec.out_channels - first < results ? spec.out_channels - first : results) {}

  // sums: a row of the panel. pixel: of the result.
  HWY_INLINE void write(const float* sums, float* pixel) const {
    float* to = pixel + first_;
    for_channels(count_, [&](auto d, int32_t c) HWY_ATTR {
      const auto sum = hn::Add(hn::LoadU(d, sums + c), hn::LoadU(d, bias_ + c));
      auto value = activate(d, activation_, sum);
      auto both = sum;
      if (gated_) {
        const auto gate = hn::Add(hn::LoadU(d, sums + gate_ + c), hn::LoadU(d, bias_ + gate_ + c));
        value = hn::Mul(value, sigmoid(d, gate));
        both = hn::Add(sum, gate);
      }
      hn::StoreU(hn::IfThenElse(hn::IsNaN(both), both, value), d, to + c);
    });
  }

 private:
  Activation activation_;
  bool gated_;
  const float* bias_;
  int32_t gate_, first_, count_;
};

}  // namespace infill::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
