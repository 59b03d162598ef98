#include "classic/flow.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "classic/flow.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace infill::classic::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr ptrdiff_t kChannels = 4;

// Calls body(tag, i) for i = 0 .. count - 1 in steps of a vector, the remainder in vectors of one pixel.
template <class Body>
HWY_INLINE void for_vectors(ptrdiff_t count, const Body& body) {
  const hn::CappedTag<float, 16> wide;
  const hn::FixedTag<float, kChannels> narrow;
  const auto lanes = static_cast<ptrdiff_t>(hn::Lanes(wide));
  ptrdiff_t i = 0;
  for (; i + lanes <= count; i += lanes) body(wide, i);
  for (; i < count; i += kChannels) body(narrow, i);
}

template <class D, class V>
HWY_INLINE V one_sided_square(D d, V sign, V before, V after) {
  const V b = hn::Min(hn::Mul(sign, before), hn::Zero(d));
  const V a = hn::Max(hn::Mul(sign, after), hn::Zero(d));
  return hn::Add(hn::Mul(b, b), hn::Mul(a, a));
}

void flow(const FlowRows& rows, const FlowStep& step, int32_t pixels, float* out) {
  for_vectors(pixels * kChannels, [&](auto d, ptrdiff_t i) HWY_ATTR {
    const auto at = [&](size_t row, ptrdiff_t x)
                        HWY_ATTR { return hn::LoadU(d, rows[row] + i + x * kChannels); };
    const auto half = hn::Set(d, 0.5F);
    const auto here = at(2, 0);
    const auto left = at(2, -1);
    const auto right = at(2, 1);
    const auto up = at(1, 0);
    const auto down = at(3, 0);
    const auto up_left = at(1, -1);
    const auto up_right = at(1, 1);
    const auto down_left = at(3, -1);
    const auto down_right = at(3, 1);
    const auto dx = hn::Sub(right, left);
    const auto dy = hn::Sub(down, up);
    // Differences of the Laplacian: the pixel itself is in both of its terms and cancels.
    const auto four = hn::Set(d, 4.0F);
    const auto lx = hn::Sub(hn::Add(hn::Sub(at(2, 2), at(2, -2)),
                                    hn::Add(hn::Sub(up_right, up_left), hn::Sub(down_right, down_left))),
                            hn::Mul(four, dx));
    const auto ly = hn::Sub(hn::Add(hn::Sub(at(4, 0), at(0, 0)),
                                    hn::Add(hn::Sub(down_left, up_left), hn::Sub(down_right, up_right))),
                            hn::Mul(four, dy));
    const auto ix = hn::Mul(half, dx);
    const auto iy = hn::Mul(half, dy);
    const auto ixix = hn::Mul(ix, ix);
    const auto iyiy = hn::Mul(iy, iy);
    // Small against any step of 8 or 16 bits, and keeps flat places from dividing by 0.
    const auto steep = hn::Max(hn::Add(ixix, iyiy), hn::Set(d, 1e-12F));
    const auto beta = hn::Div(hn::Mul(half, hn::Sub(hn::Mul(ly, ix), hn::Mul(lx, iy))), hn::Sqrt(steep));

    const auto xb = hn::Sub(here, left);
    const auto xf = hn::Sub(right, here);
    const auto yb = hn::Sub(here, up);
    const auto yf = hn::Sub(down, here);
    const auto sign = hn::CopySign(hn::Set(d, 1.0F), beta);
    const auto slope =
        hn::Sqrt(hn::Add(one_sided_square(d, sign, xb, xf), one_sided_square(d, sign, yb, yf)));

    const auto ixy =
        hn::Mul(hn::Set(d, 0.25F), hn::Sub(hn::Add(down_right, up_left), hn::Add(down_left, up_right)));
    const auto across = hn::Add(hn::Mul(hn::Sub(xf, xb), iyiy), hn::Mul(hn::Sub(yf, yb), ixix));
    const auto mixed = hn::Mul(hn::Mul(hn::Add(ix, ix), iy), ixy);
    const auto bend = hn::Div(hn::Sub(across, mixed), steep);

    const auto change = hn::Add(hn::Mul(hn::Mul(hn::Set(d, step.transport), beta), slope),
                                hn::Mul(hn::Set(d, step.viscosity), bend));
    const auto low = hn::Min(here, hn::Min(hn::Min(left, right), hn::Min(up, down)));
    const auto high = hn::Max(here, hn::Max(hn::Max(left, right), hn::Max(up, down)));
    hn::StoreU(hn::Min(hn::Max(hn::Add(here, change), low), high), d, out + i);
  });
}

void diffuse(const FlowRows& rows, int32_t pixels, float* out) {
  for_vectors(pixels * kChannels, [&](auto d, ptrdiff_t i) HWY_ATTR {
    const auto here = hn::LoadU(d, rows[2] + i);
    const auto rest = [&](size_t row, ptrdiff_t x)
                          HWY_ATTR { return hn::Sub(hn::LoadU(d, rows[row] + i + x * kChannels), here); };
    const auto sum = hn::Add(hn::Add(rest(2, -1), rest(2, 1)), hn::Add(rest(1, 0), rest(3, 0)));
    hn::StoreU(hn::Add(here, hn::Mul(hn::Set(d, 0.25F), sum)), d, out + i);
  });
}

}  // namespace
}  // namespace infill::classic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infill::classic {

HWY_EXPORT(flow);
HWY_EXPORT(diffuse);

void flow_along(const FlowRows& rows, const FlowStep& step, int32_t pixels, float* out) {
  HWY_DYNAMIC_DISPATCH(flow)(rows, step, pixels, out);
}

void diffuse_along(const FlowRows& rows, int32_t pixels, float* out) {
  HWY_DYNAMIC_DISPATCH(diffuse)(rows, pixels, out);
}

}  // namespace infill::classic
#endif  // HWY_ONCE
