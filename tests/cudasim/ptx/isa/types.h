// The types of PTX under their PTX names, and registers: a register is its bits, and only the instruction
// that uses it says of what type the value is. A translated instruction reads
//     set(r5, fma(as<f32>(r1), as<f32>(r2), as<f32>(r3)));
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace infill::cudasim::ptx {

using pred = bool;
using b8 = std::uint8_t;
using b16 = std::uint16_t;
using b32 = std::uint32_t;
using b64 = std::uint64_t;
using u8 = b8;
using u16 = b16;
using u32 = b32;
using u64 = b64;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;
using f32 = float;
using f64 = double;
struct f16 {
  b16 bits;
};
struct bf16 {
  b16 bits;
};
struct f16x2 {
  b32 bits;
};
struct bf16x2 {
  b32 bits;
};
struct tf32 {
  b32 bits;
};

namespace detail {
template <std::size_t size>
struct Unsigned;
template <>
struct Unsigned<1> {
  using type = b8;
};
template <>
struct Unsigned<2> {
  using type = b16;
};
template <>
struct Unsigned<4> {
  using type = b32;
};
template <>
struct Unsigned<8> {
  using type = b64;
};
}  // namespace detail
template <class T>
using BitsOf = typename detail::Unsigned<sizeof(T)>::type;

template <class T>
BitsOf<T> bits(T value) {
  BitsOf<T> result;
  std::memcpy(&result, &value, sizeof result);
  return result;
}

// The value of type T in the low bits of a register.
template <class T, class Register>
T as(Register content) {
  if constexpr (std::is_same_v<T, bool>) {
    return content != 0;  // a predicate, or the constants 0 and -1
  } else {
    static_assert(sizeof(T) <= sizeof(Register), "wider than the register");
    const auto low = static_cast<BitsOf<T>>(content);
    T value;
    std::memcpy(&value, &low, sizeof value);
    return value;
  }
}

// Stores a value in a register of its size or wider: a signed value is sign-extended, everything else with
// zeros.
template <class Register, class T>
void set(Register& result, T value) {
  if constexpr (std::is_integral_v<T>) {
    result = static_cast<Register>(value);
  } else {
    static_assert(sizeof(T) <= sizeof(Register), "wider than the register");
    result = bits(value);
  }
}

}  // namespace infill::cudasim::ptx
