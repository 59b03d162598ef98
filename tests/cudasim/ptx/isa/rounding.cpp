// The directed roundings, by the mode of the host's floating-point unit. volatile keeps the compiler from
// computing ahead of the change of mode.
#include <cfenv>

#include "cudasim/ptx/isa/float.h"

namespace infill::cudasim::ptx {
namespace {

class RoundingScope {
 public:
  explicit RoundingScope(Rounding mode) : saved_(std::fegetround()) {
    switch (mode) {
      case Rounding::kZero:
        std::fesetround(FE_TOWARDZERO);
        break;
      case Rounding::kDown:
        std::fesetround(FE_DOWNWARD);
        break;
      case Rounding::kUp:
        std::fesetround(FE_UPWARD);
        break;
      default:
        break;
    }
  }
  RoundingScope(const RoundingScope&) = delete;
  RoundingScope& operator=(const RoundingScope&) = delete;
  ~RoundingScope() { std::fesetround(saved_); }

 private:
  int saved_;
};

template <class T>
T fused(T a, T b, T c, Rounding mode) {
  const RoundingScope scope(mode);
  volatile T x = a, y = b, z = c;
  volatile T result = std::fma(x, y, z);
  return result;
}

template <class T>
T quotient(T a, T b, Rounding mode) {
  const RoundingScope scope(mode);
  volatile T x = a, y = b;
  volatile T result = x / y;
  return result;
}

template <class T>
T root(T a, Rounding mode) {
  const RoundingScope scope(mode);
  volatile T x = a;
  volatile T result = std::sqrt(x);
  return result;
}

template <class T>
T narrowed(long double a, Rounding mode) {
  const RoundingScope scope(mode);
  volatile long double x = a;
  volatile T result = static_cast<T>(x);
  return result;
}

}  // namespace

f32 fma_rounded(f32 a, f32 b, f32 c, Rounding mode) {
  return fused(a, b, c, mode);
}
f64 fma_rounded(f64 a, f64 b, f64 c, Rounding mode) {
  return fused(a, b, c, mode);
}
f32 div_rounded(f32 a, f32 b, Rounding mode) {
  return quotient(a, b, mode);
}
f64 div_rounded(f64 a, f64 b, Rounding mode) {
  return quotient(a, b, mode);
}
f32 sqrt_rounded(f32 a, Rounding mode) {
  return root(a, mode);
}
f64 sqrt_rounded(f64 a, Rounding mode) {
  return root(a, mode);
}
f32 narrow_rounded(long double a, Rounding mode) {
  return narrowed<f32>(a, mode);
}
f64 narrow_rounded_f64(long double a, Rounding mode) {
  return narrowed<f64>(a, mode);
}

}  // namespace infill::cudasim::ptx
