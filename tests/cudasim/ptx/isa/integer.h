// Integer and bit instructions. Arithmetic wraps; shifts by the width or more give 0 or copies of the sign.
#pragma once

#include <algorithm>
#include <limits>

#include "cudasim/ptx/isa/types.h"

namespace infill::cudasim::ptx {

template <class T>
using IfInteger = std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int>;

template <class T>
inline constexpr unsigned kWidth = 8 * sizeof(T);

// Twice as wide as T, of the same signedness.
template <class T>
struct Wide;
template <>
struct Wide<u8> {
  using type = u16;
};
template <>
struct Wide<u16> {
  using type = u32;
};
template <>
struct Wide<s16> {
  using type = s32;
};
template <>
struct Wide<u32> {
  using type = u64;
};
template <>
struct Wide<s32> {
  using type = s64;
};
template <>
struct Wide<u64> {
  __extension__ using type = unsigned __int128;
};
template <>
struct Wide<s64> {
  __extension__ using type = __int128;
};
template <class T>
using WideOf = typename Wide<T>::type;

template <class T, IfInteger<T> = 0>
T add(T a, T b) {
  return static_cast<T>(static_cast<WideOf<std::make_unsigned_t<T>>>(a) +
                        static_cast<std::make_unsigned_t<T>>(b));
}
template <class T, IfInteger<T> = 0>
T sub(T a, T b) {
  return static_cast<T>(static_cast<WideOf<std::make_unsigned_t<T>>>(a) -
                        static_cast<std::make_unsigned_t<T>>(b));
}
template <class T>
WideOf<T> mul_wide(T a, T b) {
  return static_cast<WideOf<T>>(static_cast<WideOf<T>>(a) * static_cast<WideOf<T>>(b));
}
template <class T>
T mul_lo(T a, T b) {
  return static_cast<T>(mul_wide(a, b));
}
template <class T>
T mul_hi(T a, T b) {
  return static_cast<T>(mul_wide(a, b) >> kWidth<T>);
}
// Division by zero is undefined in PTX; here, as seen on devices, all bits set.
template <class T, IfInteger<T> = 0>
T div(T a, T b) {
  if (b == 0) return static_cast<T>(~T{0});
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return sub(T{0}, a);
  return static_cast<T>(a / b);
}
template <class T>
T rem(T a, T b) {
  if (b == 0) return a;
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
  return static_cast<T>(a % b);
}
template <class T, IfInteger<T> = 0>
T min(T a, T b) {
  return std::min(a, b);
}
template <class T, IfInteger<T> = 0>
T max(T a, T b) {
  return std::max(a, b);
}
template <class T, IfInteger<T> = 0>
T neg(T a) {
  return sub(T{0}, a);
}
template <class T, IfInteger<T> = 0>
T abs(T a) {
  return a < 0 ? neg(a) : a;
}
template <class T>
T sad(T a, T b, T c) {
  return add(c, a < b ? sub(b, a) : sub(a, b));
}
template <class D, class T, IfInteger<T> = 0>
D clamp_to(T a) {
  __extension__ using Widest = __int128;
  const Widest low = std::numeric_limits<D>::min(), high = std::numeric_limits<D>::max();
  return static_cast<D>(std::clamp(static_cast<Widest>(a), low, high));
}
template <class T>
T add_sat(T a, T b) {
  return clamp_to<T>(static_cast<WideOf<T>>(static_cast<WideOf<T>>(a) + b));
}
template <class T>
T sub_sat(T a, T b) {
  return clamp_to<T>(static_cast<WideOf<T>>(static_cast<WideOf<T>>(a) - b));
}

// add.cc, addc, sub.cc, subc, mad.cc, madc: `carry` is the condition code that they read and write.
template <class T>
T add_carry(T a, T b, bool in, bool& out) {
  using U = std::make_unsigned_t<T>;
  const auto sum = static_cast<WideOf<U>>(static_cast<WideOf<U>>(static_cast<U>(a)) + static_cast<U>(b) + in);
  out = (sum >> kWidth<T>) != 0;
  return static_cast<T>(sum);
}
template <class T>
T sub_borrow(T a, T b, bool in, bool& out) {
  using U = std::make_unsigned_t<T>;
  const auto difference =
      static_cast<WideOf<U>>(static_cast<WideOf<U>>(static_cast<U>(a)) - static_cast<U>(b) - in);
  out = ((difference >> kWidth<T>)&1) != 0;
  return static_cast<T>(difference);
}

template <class T>
T shl(T a, u32 n) {
  return n >= kWidth<T> ? T{0} : static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) << n);
}
template <class T>
T shr(T a, u32 n) {
  if (n >= kWidth<T>) return a < 0 ? static_cast<T>(-1) : T{0};
  return static_cast<T>(a >> n);
}
inline b32 shf_l(b32 low, b32 high, u32 n) {
  return static_cast<b32>((((b64{high} << 32) | low) << n) >> 32);
}
inline b32 shf_r(b32 low, b32 high, u32 n) {
  return static_cast<b32>(((b64{high} << 32) | low) >> n);
}

inline b32 lop3(b32 a, b32 b, b32 c, unsigned table) {
  b32 result = 0;
  for (unsigned row = 0; row < 8; ++row) {
    if ((table >> row & 1) == 0) continue;
    result |= (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
  }
  return result;
}

inline b32 prmt(b32 a, b32 b, b32 selectors) {
  const b64 both = (b64{b} << 32) | a;
  b32 result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const b32 selector = selectors >> 4 * i;
    b32 byte = static_cast<b32>(both >> 8 * (selector & 7)) & 0xFF;
    if (selector & 8) byte = byte & 0x80 ? 0xFF : 0;
    result |= byte << 8 * i;
  }
  return result;
}

template <class T>
u32 popc(T a) {
  return static_cast<u32>(__builtin_popcountll(static_cast<std::make_unsigned_t<T>>(a)));
}
template <class T>
u32 clz(T a) {
  const u64 wide = static_cast<std::make_unsigned_t<T>>(a);
  return wide == 0 ? kWidth<T> : static_cast<u32>(__builtin_clzll(wide)) - (64 - kWidth<T>);
}
template <class T>
T brev(T a) {
  T result = 0;
  for (unsigned i = 0; i < kWidth<T>; ++i)
    result = static_cast<T>(result | (a >> i & 1) << (kWidth<T> - 1 - i));
  return result;
}
// Position of the highest bit that is not a copy of the sign; all bits set when there is none.
template <class T>
u32 bfind(T a) {
  const T magnitude = a < 0 ? static_cast<T>(~a) : a;
  return magnitude == 0 ? ~0u : kWidth<T> - 1 - clz(magnitude);
}
template <class T>
u32 bfind_shift(T a) {
  const u32 position = bfind(a);
  return position == ~0u ? position : kWidth<T> - 1 - position;
}
template <class T>
T bfe(T a, u32 start, u32 length) {
  start &= 0xFF;
  length &= 0xFF;
  if (length == 0) return 0;
  const unsigned last = kWidth<T> - 1;
  const bool fill = std::is_signed_v<T> && (a >> std::min(start + length - 1, last) & 1);
  std::make_unsigned_t<T> result = 0;
  for (unsigned i = 0; i <= last; ++i) {
    const bool bit = i < length && start + i <= last ? (a >> (start + i) & 1) != 0 : fill;
    result = static_cast<std::make_unsigned_t<T>>(result | std::make_unsigned_t<T>{bit} << i);
  }
  return static_cast<T>(result);
}
template <class T>
T bfi(T a, T b, u32 start, u32 length) {
  start &= 0xFF;
  length &= 0xFF;
  for (unsigned i = 0; i < length && start + i < kWidth<T>; ++i) {
    const T mask = static_cast<T>(T{1} << (start + i));
    b = static_cast<T>((b & ~mask) | (a >> i & 1 ? mask : T{0}));
  }
  return b;
}
inline b32 bmsk(u32 start, u32 length) {
  if (start > 31) return 0;
  return static_cast<b32>(((b64{1} << std::min(length, 32u)) - 1) << start);
}
template <class A, class B>
s32 dp4a(b32 a, b32 b, b32 c) {
  b32 sum = c;
  for (unsigned i = 0; i < 4; ++i) {
    sum += static_cast<b32>(static_cast<s32>(static_cast<A>(a >> 8 * i)) *
                            static_cast<s32>(static_cast<B>(b >> 8 * i)));
  }
  return static_cast<s32>(sum);
}

}  // namespace infill::cudasim::ptx
