// The transforms of Winograd's F(4x4, 3x3) (Lavin, Gray, CVPR 2016).
// Included inside of files that Highway's foreach_target compiles several times, hence the toggled guard.
#if defined(INFILL_KERNELS_WINOGRAD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef INFILL_KERNELS_WINOGRAD_INL_H
#undef INFILL_KERNELS_WINOGRAD_INL_H
#else
#define INFILL_KERNELS_WINOGRAD_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace infill::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kPoints = 36;
constexpr int kOutputs = 16;

// The points other than 0 and infinity are +-a and +-b. With these the error of rounded products is less than
// half of what it is with the published 1 and 2 (for noise: 4.8 times that of a plain sum instead of 10.8),
// and what is made of them is exact in float.
constexpr double kA = 0.625;
constexpr double kB = 1.5;
constexpr double kA2 = kA * kA;
constexpr double kB2 = kB * kB;

// G w G' for a 3x3 kernel w, in double.
inline void transform_weights(const float* w, float* out) {
  constexpr double kForA = 1 / (2 * kA2 * (kA2 - kB2));
  constexpr double kForB = 1 / (2 * kB2 * (kB2 - kA2));
  constexpr double kG[6][3] = {{1 / (kA2 * kB2), 0, 0},           {kForA, kA * kForA, kA2 * kForA},
                               {kForA, -kA * kForA, kA2 * kForA}, {kForB, kB * kForB, kB2 * kForB},
                               {kForB, -kB * kForB, kB2 * kForB}, {0, 0, 1}};
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 6; ++j) {
      double sum = 0;
      for (int y = 0; y < 3; ++y) {
        for (int x = 0; x < 3; ++x) sum += kG[i][y] * static_cast<double>(w[3 * y + x]) * kG[j][x];
      }
      out[6 * i + j] = static_cast<float>(sum);
    }
  }
}

// B' x of six values.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void transform_six(D d, V x0, V x1, V x2, V x3, V x4, V x5, V* HWY_RESTRICT y) {
  const auto set = [&](double value) HWY_ATTR { return hn::Set(d, static_cast<float>(value)); };
  const V a2 = set(kA2);
  const V b2 = set(kB2);
  const V product = set(kA2 * kB2);
  const V sum = set(kA2 + kB2);
  const V even = hn::NegMulAdd(b2, x2, x4);
  const V odd = hn::Mul(set(kA), hn::NegMulAdd(b2, x1, x3));
  const V far_even = hn::NegMulAdd(a2, x2, x4);
  const V far_odd = hn::Mul(set(kB), hn::NegMulAdd(a2, x1, x3));
  y[0] = hn::MulAdd(product, x0, hn::NegMulAdd(sum, x2, x4));
  y[1] = hn::Add(even, odd);
  y[2] = hn::Sub(even, odd);
  y[3] = hn::Add(far_even, far_odd);
  y[4] = hn::Sub(far_even, far_odd);
  y[5] = hn::MulAdd(product, x1, hn::NegMulAdd(sum, x3, x5));
}

// A' x: four values of six.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void transform_four(D d, V x0, V x1, V x2, V x3, V x4, V x5, V* HWY_RESTRICT y) {
  const auto set = [&](double value) HWY_ATTR { return hn::Set(d, static_cast<float>(value)); };
  const V sum = hn::Add(x1, x2);
  const V difference = hn::Sub(x1, x2);
  const V far_sum = hn::Add(x3, x4);
  const V far_difference = hn::Sub(x3, x4);
  y[0] = hn::Add(hn::Add(x0, sum), far_sum);
  y[1] = hn::MulAdd(set(kB), far_difference, hn::Mul(set(kA), difference));
  y[2] = hn::MulAdd(set(kB2), far_sum, hn::Mul(set(kA2), sum));
  y[3] = hn::Add(hn::MulAdd(set(kB2 * kB), far_difference, hn::Mul(set(kA2 * kA), difference)), x5);
}

// B' X B of the 6x6 pixels from channel c on; the value of point p goes to out[p * step].
template <class D>
HWY_INLINE void transform_input(D d, const float* const* pixels, int32_t c, float* out, ptrdiff_t step) {
  using V = hn::Vec<D>;
  V columns[6][6];  // [column][row]
  for (int j = 0; j < 6; ++j) {
    const auto at = [&](int i) HWY_ATTR { return hn::LoadU(d, pixels[6 * i + j] + c); };
    transform_six(d, at(0), at(1), at(2), at(3), at(4), at(5), columns[j]);
  }
  for (int i = 0; i < 6; ++i) {
    V row[6];
    transform_six(d, columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i],
                  row);
    for (int j = 0; j < 6; ++j) hn::StoreU(row[j], d, out + (6 * i + j) * step);
  }
}

// A' X A: the 4x4 results of a vector of columns. Point p lies at in[p * step], result i goes to
// out[i * out_step].
HWY_INLINE void transform_output(const float* in, ptrdiff_t step, float* out, ptrdiff_t out_step) {
  const Wide d;
  using V = hn::Vec<Wide>;
  V columns[6][4];
  for (int j = 0; j < 6; ++j) {
    const auto at = [&](int i) HWY_ATTR { return hn::Load(d, in + (6 * i + j) * step); };
    transform_four(d, at(0), at(1), at(2), at(3), at(4), at(5), columns[j]);
  }
  for (int i = 0; i < 4; ++i) {
    V row[4];
    transform_four(d, columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i],
                   columns[5][i], row);
    for (int j = 0; j < 4; ++j) hn::Store(row[j], d, out + (4 * i + j) * out_step);
  }
}

}  // namespace infill::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
