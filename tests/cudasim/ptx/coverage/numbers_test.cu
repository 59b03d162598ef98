// Arithmetic, bits, comparisons and conversions: every function runs as host code too.
#include <cfenv>

#include "device.h"

using namespace coverage;

namespace {

#define SAME_ON_BOTH(name, In, Out, expression)                                           \
  struct name {                                                                           \
    static __device__ Out device(In x, [[maybe_unused]] In y) { return Out(expression); } \
    static Out host(In x, [[maybe_unused]] In y) { return Out(expression); }              \
  };
#define EACH(name, In, Out, on_device_expression, on_host_expression)                               \
  struct name {                                                                                     \
    static __device__ Out device(In x, [[maybe_unused]] In y) { return Out(on_device_expression); } \
    static Out host(In x, [[maybe_unused]] In y) { return Out(on_host_expression); }                \
  };

using i32 = int;
using u32 = unsigned;
using i64 = long long;
using u64 = unsigned long long;
__extension__ using u128 = unsigned __int128;

SAME_ON_BOTH(MixedSigned, i32, i32, u32(x) + u32(y) * 3u - u32(x < y ? x : y) + u32((x ^ y) & (x | ~y)))
SAME_ON_BOTH(Divide, i32, i64,
             i64(y == 0 || (x == INT32_MIN && y == -1) ? 7 : x / y) * 1000003 +
                 (y == 0 || y == -1 ? 1 : x % y))
SAME_ON_BOTH(DivideUnsigned, u64, u64, y == 0 ? 5 : x / y * 31 + x % y)
SAME_ON_BOTH(Shifts, u32, u64,
             (u64(x << (y & 31)) << 32) ^ u64(x >> (y & 31)) ^ u64(u32(i32(x) >> (y & 31))) << 16)
SAME_ON_BOTH(Shifts64, i64, i64, u64(x << (y & 63)) ^ u64(x >> (y & 63)) ^ (u64(x) >> (y & 63)))
SAME_ON_BOTH(Wide, u64, u64,
             u64((u128(x) * y) >> 64) ^ u64((u128(x) + y) >> 64) ^ u64((((u128(x) << 64) | y) - x) >> 64))
SAME_ON_BOTH(Narrow, i32, i32, (signed char)(x) + short(y) + (unsigned char)(x) * (unsigned short)(y))
SAME_ON_BOTH(HighSigned, i64, i64, i64((__int128(x) * y) >> 64))
SAME_ON_BOTH(CompareFloats, float, i32,
             (x < y) | (x <= y) << 1 | (x == y) << 2 | (x != y) << 3 | (x > y) << 4 | !(x >= y) << 5 |
                 !(x < y) << 6)
SAME_ON_BOTH(ArithmeticDouble, double, double, fma(x, y, 2.5) - sqrt(fabs(x)) / (y + 3.0))
SAME_ON_BOTH(MinMax, float, float, fminf(x, y) + fmaxf(x, 0.5f))
SAME_ON_BOTH(FloatWidths, double, double, double(float(x)) + y)
SAME_ON_BOTH(Select, i32, i32, (x > y && x != 7) || (y > 100) ? x : (x == 1 ? 5 : y))

EACH(CountBits, u32, i64, __popc(x) + 64 * __clz(int(y)) + 4096 * __ffs(int(x)),
     __builtin_popcount(x) + 64 * (y ? __builtin_clz(y) : 32) + 4096 * __builtin_ffs(int(x)))
EACH(CountBits64, u64, i64, __popcll(x) + 128 * __clzll(i64(y)),
     __builtin_popcountll(x) + 128 * (y ? __builtin_clzll(y) : 64))

u32 reversed(u32 x) {
  u32 result = 0;
  for (int i = 0; i < 32; ++i) result |= (x >> i & 1) << (31 - i);
  return result;
}
EACH(Reverse, u32, u32, __brev(x) + y, reversed(x) + y)

u32 permuted(u32 x, u32 y, u32 selectors) {
  const u64 both = u64(y) << 32 | x;
  u32 result = 0;
  for (int i = 0; i < 4; ++i) result |= u32(both >> 8 * (selectors >> 4 * i & 7) & 255) << 8 * i;
  return result;
}
EACH(Permute, u32, u32, __byte_perm(x, y, 0x6241) ^ __byte_perm(x, y, x & 0x7777),
     permuted(x, y, 0x6241) ^ permuted(x, y, x & 0x7777))
EACH(Funnel, u32, u32, __funnelshift_l(x, y, 5) ^ __funnelshift_r(x, y, x) ^ __funnelshift_lc(x, y, 40),
     u32((u64(y) << 32 | x) << 5 >> 32) ^ u32((u64(y) << 32 | x) >> (x & 31)) ^ x)
EACH(Saturated, float, u64, u64(__float2uint_rn(x)) << 32 | u32(__float2int_rz(y)),
     u64(x != x || x <= 0     ? 0u
         : x >= 4294967296.0f ? ~0u
                              : u32(std::nearbyint(double(x))))
             << 32 |
         u32(y != y                ? 0
             : y >= 2147483648.0f  ? INT32_MAX
             : y <= -2147483648.0f ? INT32_MIN
                                   : i32(y)))
EACH(Rounded, float, i64, i64(__float2int_rd(x)) * 65536 + __float2int_ru(x) + i64(y != y ? 0 : y),
     i64(x != x                ? 0
         : x >= 2147483648.0f  ? INT32_MAX
         : x <= -2147483648.0f ? INT32_MIN
                               : i32(std::floor(x))) *
             65536 +
         (x != x                ? 0
          : x >= 2147483648.0f  ? INT32_MAX
          : x <= -2147483648.0f ? INT32_MIN
                                : i32(std::ceil(x))) +
         (y != y                         ? 0
          : y >= 9223372036854775808.0f  ? INT64_MAX
          : y <= -9223372036854775808.0f ? INT64_MIN
                                         : i64(y)))

// What C++ has no words for.
struct Fields {
  static __device__ u32 device(u32 x, u32 y) {
    u32 logic, field, merged, mask;
    asm("lop3.b32 %0, %1, %2, %3, 0x1B;" : "=r"(logic) : "r"(x), "r"(y), "r"(x * 7));
    asm("bfe.s32 %0, %1, 5, 9;" : "=r"(field) : "r"(x));
    asm("bfi.b32 %0, %1, %2, 3, 11;" : "=r"(merged) : "r"(x), "r"(y));
    asm("bmsk.clamp.b32 %0, 4, %1;" : "=r"(mask) : "r"(y & 31));
    return logic + 3 * field + 5 * merged + 7 * mask;
  }
  static u32 host(u32 x, u32 y) {
    u32 logic = 0;
    for (int i = 0; i < 32; ++i) {
      const u32 row = (x >> i & 1) << 2 | (y >> i & 1) << 1 | (x * 7 >> i & 1);
      logic |= (0x1Bu >> row & 1) << i;
    }
    const u32 field = static_cast<u32>(static_cast<i32>(x << 18) >> 23);
    const u32 merged = (y & ~(0x7FFu << 3)) | (x & 0x7FF) << 3;
    const u32 mask = static_cast<u32>(((u64(1) << (y & 31)) - 1) << 4);
    return logic + 3 * field + 5 * merged + 7 * mask;
  }
};

template <class Function>
auto rounding(int mode, Function function) {
  const int saved = std::fegetround();
  std::fesetround(mode);
  const auto result = function();
  std::fesetround(saved);
  return result;
}
float add_in(int mode, float x, float y) {
  return rounding(mode, [=] {
    volatile float a = x, b = y, c = a + b;
    return float(c);
  });
}
float multiply_in(int mode, float x, float y) {
  return rounding(mode, [=] {
    volatile float a = x, b = y, c = a * b;
    return float(c);
  });
}
float from_integer_in(int mode, u64 x) {
  return rounding(mode, [=] {
    volatile u64 a = x;
    volatile float c = float(i64(a));
    return float(c);
  });
}
EACH(AddDown, float, float, __fadd_rd(x, y), add_in(FE_DOWNWARD, x, y))
EACH(AddUp, float, float, __fadd_ru(x, y), add_in(FE_UPWARD, x, y))
EACH(MultiplyToZero, float, float, __fmul_rz(x, y), multiply_in(FE_TOWARDZERO, x, y))
EACH(FromIntegerDown, u64, float, __ll2float_rd(i64(x)), from_integer_in(FE_DOWNWARD, x))
EACH(FromIntegerNearest, u64, float, float(x), float(x))
EACH(SaturateFloat, float, float, __saturatef(x), x > 0 ? (x < 1 ? x : 1.0f) : 0.0f)

// CUDA's headers have these for the host, too, as code of their own.
#define HALF(name, From, to, from, expression)                              \
  struct name {                                                             \
    static __host__ __device__ float both(float x, float y) {               \
      const From a = to(x), b = to(y);                                      \
      return from(expression);                                              \
    }                                                                       \
    static __device__ float device(float x, float y) { return both(x, y); } \
    static float host(float x, float y) { return both(x, y); }              \
  };
HALF(HalfProduct, __half, __float2half, __half2float, __hmul(a, b))
HALF(HalfSum, __half, __float2half, __half2float, __hadd(a, b))
HALF(HalfCompare, __half, __float2half, __half2float, __hlt(a, b) ? a : __hneg(b))
HALF(BfloatProduct, __nv_bfloat16, __float2bfloat16, __bfloat162float, __hmul(a, b))
HALF(BfloatSum, __nv_bfloat16, __float2bfloat16, __bfloat162float, __hadd(a, b))
HALF(BfloatCompare, __nv_bfloat16, __float2bfloat16, __bfloat162float, __hge(a, b) ? a : __habs(b))

u32 tf32_of(float x) {
  u32 bits;
  std::memcpy(&bits, &x, 4);
  return x != x                                ? 0x7FFFFFFFu & ~0x1FFFu
         : (bits & 0x7F800000u) == 0x7F800000u ? bits
                                               : (bits + 0x1000u) & ~0x1FFFu;
}
EACH(Tf32, float, u32, infill::cuda::ptx::to_tf32(x), tf32_of(x))

}  // namespace

TEST(Numbers, Integers) {
  expect_same<MixedSigned, i32>(edge_integers<i32>());
  expect_same<Divide, i64>(edge_integers<i32>());
  expect_same<DivideUnsigned, u64>(edge_integers<u64>());
  expect_same<Wide, u64>(edge_integers<u64>());
  expect_same<HighSigned, i64>(edge_integers<i64>());
  expect_same<Narrow, i32>(edge_integers<i32>());
  expect_same<Select, i32>(edge_integers<i32>());
}
TEST(Numbers, Bits) {
  expect_same<Shifts, u64>(edge_integers<u32>());
  expect_same<Shifts64, i64>(edge_integers<i64>());
  expect_same<CountBits, i64>(edge_integers<u32>());
  expect_same<CountBits64, i64>(edge_integers<u64>());
  expect_same<Reverse, u32>(edge_integers<u32>());
  expect_same<Permute, u32>(edge_integers<u32>());
  expect_same<Funnel, u32>(edge_integers<u32>());
  expect_same<Fields, u32>(edge_integers<u32>());
}
TEST(Numbers, Floats) {
  expect_same<CompareFloats, i32>(edge_floats<float>());
  expect_same<MinMax, float>(edge_floats<float>());
  expect_same<FloatWidths, double>(edge_floats<double>());
  expect_same<ArithmeticDouble, double>(std::vector<double>{0, 1, -1, 0.1, 1e10, -2.5});
}
TEST(Numbers, Conversions) {
  expect_same<Saturated, u64>(edge_floats<float>());
  expect_same<Rounded, i64>(edge_floats<float>());
  expect_same<FromIntegerDown, float>(edge_integers<u64>());
  expect_same<FromIntegerNearest, float>(edge_integers<u64>());
  expect_same<SaturateFloat, float>(edge_floats<float>());
}
TEST(Numbers, DirectedRounding) {
  expect_same<AddDown, float>(edge_floats<float>());
  expect_same<AddUp, float>(edge_floats<float>());
  expect_same<MultiplyToZero, float>(edge_floats<float>());
}
TEST(Numbers, Halves) {
  expect_same<HalfProduct, float>(edge_floats<float>());
  expect_same<HalfSum, float>(edge_floats<float>());
  expect_same<HalfCompare, float>(edge_floats<float>());
  expect_same<BfloatProduct, float>(edge_floats<float>());
  expect_same<BfloatSum, float>(edge_floats<float>());
  expect_same<BfloatCompare, float>(edge_floats<float>());
}
TEST(Numbers, Tf32) {
  std::vector<float> values = edge_floats<float>();
  values.pop_back();  // of a NaN only some bits are kept
  expect_same<Tf32, u32>(values);
}
