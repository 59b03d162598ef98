// Intrinsics. Approximate ones are exact here: tests compare with tolerances.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cudasim/collectives.h"
#include "cudasim/language/keywords.h"

template <class A, class B>
constexpr std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  return static_cast<T>(b) < static_cast<T>(a) ? static_cast<T>(b) : static_cast<T>(a);
}
template <class A, class B>
constexpr std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(b) : static_cast<T>(a);
}

inline float __expf(float x) {
  return std::exp(x);
}
inline float __exp10f(float x) {
  return std::pow(10.0f, x);
}
inline float __logf(float x) {
  return std::log(x);
}
inline float __log2f(float x) {
  return std::log2(x);
}
inline float __log10f(float x) {
  return std::log10(x);
}
inline float __powf(float x, float y) {
  return std::pow(x, y);
}
inline float __sinf(float x) {
  return std::sin(x);
}
inline float __cosf(float x) {
  return std::cos(x);
}
inline float __tanf(float x) {
  return std::tan(x);
}
inline float __fdividef(float a, float b) {
  return a / b;
}
inline float __saturatef(float x) {
  return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f;
}
inline float __frcp_rn(float x) {
  return 1.0f / x;
}
inline float __fsqrt_rn(float x) {
  return std::sqrt(x);
}
inline float __frsqrt_rn(float x) {
  return 1.0f / std::sqrt(x);
}
inline float __fdiv_rn(float a, float b) {
  return a / b;
}
inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline float __fsub_rn(float a, float b) {
  return a - b;
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
inline float rsqrtf(float x) {
  return 1.0f / std::sqrt(x);
}
inline double rsqrt(double x) {
  return 1.0 / std::sqrt(x);
}

namespace infill::cudasim {

template <class To, class From>
To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// As the device converts: NaN is 0, what does not fit is the nearest end of the range.
template <class To, class From>
To saturated(From rounded) {
  using Limits = std::numeric_limits<To>;
  if (rounded != rounded) return 0;
  if (rounded <= static_cast<From>(Limits::min())) return Limits::min();
  if (rounded >= static_cast<From>(Limits::max())) return Limits::max();
  return static_cast<To>(rounded);
}

}  // namespace infill::cudasim

inline int __float_as_int(float x) {
  return infill::cudasim::bits_as<int>(x);
}
inline unsigned __float_as_uint(float x) {
  return infill::cudasim::bits_as<unsigned>(x);
}
inline float __int_as_float(int x) {
  return infill::cudasim::bits_as<float>(x);
}
inline float __uint_as_float(unsigned x) {
  return infill::cudasim::bits_as<float>(x);
}
inline long long __double_as_longlong(double x) {
  return infill::cudasim::bits_as<long long>(x);
}
inline double __longlong_as_double(long long x) {
  return infill::cudasim::bits_as<double>(x);
}
inline int __float2int_rn(float x) {
  return infill::cudasim::saturated<int>(std::nearbyint(x));
}
inline int __float2int_rz(float x) {
  return infill::cudasim::saturated<int>(std::trunc(x));
}
inline int __float2int_rd(float x) {
  return infill::cudasim::saturated<int>(std::floor(x));
}
inline int __float2int_ru(float x) {
  return infill::cudasim::saturated<int>(std::ceil(x));
}
inline unsigned __float2uint_rn(float x) {
  return infill::cudasim::saturated<unsigned>(std::nearbyint(x));
}
inline unsigned __float2uint_rz(float x) {
  return infill::cudasim::saturated<unsigned>(std::trunc(x));
}
inline unsigned __float2uint_rd(float x) {
  return infill::cudasim::saturated<unsigned>(std::floor(x));
}
inline unsigned __float2uint_ru(float x) {
  return infill::cudasim::saturated<unsigned>(std::ceil(x));
}
inline float __int2float_rn(int x) {
  return static_cast<float>(x);
}
inline float __uint2float_rn(unsigned x) {
  return static_cast<float>(x);
}

inline int __popc(unsigned x) {
  return __builtin_popcount(x);
}
inline int __popcll(unsigned long long x) {
  return __builtin_popcountll(x);
}
inline int __ffs(int x) {
  return __builtin_ffs(x);
}
inline int __ffsll(long long x) {
  return __builtin_ffsll(x);
}
inline int __clz(int x) {
  return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x));
}
inline int __clzll(long long x) {
  return x == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(x));
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<uint64_t>(a) * b >> 32);
}
inline int __mulhi(int a, int b) {
  return static_cast<int>(static_cast<int64_t>(a) * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>(static_cast<Wide>(a) * b >> 64);
}
inline unsigned __brev(unsigned x) {
  unsigned result = 0;
  for (int i = 0; i < 32; ++i) result |= (x >> i & 1) << (31 - i);
  return result;
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const uint64_t bytes = static_cast<uint64_t>(y) << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i) {
    result |= static_cast<unsigned>(bytes >> 8 * (selector >> 4 * i & 7) & 255) << 8 * i;
  }
  return result;
}

// Cache hints are loads and stores.
template <class T>
T __ldg(const T* address) {
  return *address;
}
template <class T>
T __ldcg(const T* address) {
  return *address;
}
template <class T>
T __ldca(const T* address) {
  return *address;
}
template <class T>
T __ldcs(const T* address) {
  return *address;
}
template <class T>
T __ldcv(const T* address) {
  return *address;
}
template <class T>
void __stcg(T* address, T value) {
  *address = value;
}
template <class T>
void __stcs(T* address, T value) {
  *address = value;
}
template <class T>
void __stwt(T* address, T value) {
  *address = value;
}

[[noreturn]] inline void __trap(infill::cudasim::Site site = infill::cudasim::Site::here()) {
  infill::cudasim::trap(site, "__trap()");
}
inline void __nanosleep(unsigned) {}
