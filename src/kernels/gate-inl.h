// What follows the sums of a convolution: bias, activation, gate.
// Included inside of files that Highway's foreach_target compiles several times, hence the toggled guard.
#if defined(INFILL_KERNELS_GATE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef INFILL_KERNELS_GATE_INL_H
#undef INFILL_KERNELS_GATE_INL_H
#else
#define INFILL_KERNELS_GATE_INL_H
#endif

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

// exp(x) within 2e-7 of it; beyond -87 and 88 as there. Of NaN anything.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_of(D d, V x) {
  const hn::RebindToSigned<D> integers;
  // x = (n + f) ln 2 with |f| <= 1/2. Added to this, n stands in the lowest bits.
  const V big = hn::Set(d, 12582912.0F);
  const V to_base_2 = hn::Set(d, 1.44269504F);
  const V in_range = hn::Min(hn::Max(x, hn::Set(d, -87.0F)), hn::Set(d, 88.0F));
  const V shifted = hn::MulAdd(in_range, to_base_2, big);
  const V near = hn::MulSub(in_range, to_base_2, hn::Sub(shifted, big));
  const V f = hn::MulAdd(in_range, hn::Set(d, 1.92596303e-8F), near);  // the rest of 1 / ln 2
  // 2^f, interpolated at the Chebyshev nodes.
  V e = hn::Set(d, 1.54614445e-4F);
  e = hn::MulAdd(e, f, hn::Set(d, 1.34004282e-3F));
  e = hn::MulAdd(e, f, hn::Set(d, 9.61805668e-3F));
  e = hn::MulAdd(e, f, hn::Set(d, 5.55032723e-2F));
  e = hn::MulAdd(e, f, hn::Set(d, 0.240226509F));
  e = hn::MulAdd(e, f, hn::Set(d, 0.693147207F));
  e = hn::MulAdd(e, f, hn::Set(d, 1.0F));
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(integers, shifted));
  return hn::BitCast(d, hn::Add(hn::BitCast(integers, e), exponent));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V activate(D d, Activation activation, V x) {
  const V zero = hn::Zero(d);
  const V one = hn::Set(d, 1.0F);
  switch (activation) {
    case Activation::kElu:
      return hn::IfThenElse(hn::Gt(x, zero), x, hn::Sub(exp_of(d, x), one));
    case Activation::kRelu:
      return hn::Max(x, zero);
    case Activation::kLeakyRelu:
      return hn::Max(x, hn::Mul(hn::Set(d, 0.2F), x));
    case Activation::kTanh: {
      const V two = hn::Set(d, 2.0F);
      return hn::Sub(one, hn::Div(two, hn::Add(one, exp_of(d, hn::Mul(two, x)))));
    }
    case Activation::kNone:
      break;
  }
  return x;
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
        // The sigmoid's division is the only one.
        const auto denominator = hn::Add(hn::Set(d, 1.0F), exp_of(d, hn::Neg(gate)));
        value = hn::Div(value, denominator);
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
