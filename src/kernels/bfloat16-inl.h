// What products are made of, float32 or bfloat16: two classes of the same functions, compiled per instruction
// set.
// Included inside of files that Highway's foreach_target compiles several times, hence the toggled guard.
#if defined(INFILL_KERNELS_BFLOAT16_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef INFILL_KERNELS_BFLOAT16_INL_H
#undef INFILL_KERNELS_BFLOAT16_INL_H
#else
#define INFILL_KERNELS_BFLOAT16_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/bfloat16.h"
#include "kernels/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infill::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

class Float32Operands {
 public:
  using Value = float;
  static constexpr int32_t kDepthStep = 1;  // depths of products are multiples of it
  static constexpr bool kStaged = false;    // computed as floats first, then copied
  static constexpr int32_t kSlack = 0;      // values that a copy may write behind its last
  static Value value(float weight) { return weight; }

  static HWY_INLINE void copy(const float* HWY_RESTRICT from, int32_t count, float* HWY_RESTRICT to) {
    const Wide d;
    int32_t i = 0;
    for (; i + kLanes <= count; i += kLanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
    for (; i < count; ++i) to[i] = from[i];
  }

  static HWY_INLINE void multiply(const float* a, ptrdiff_t a_step, int32_t rows, int32_t depth,
                                  const float* b, int32_t columns, float* c, const float* ahead) {
    multiply_panel(a, a_step, rows, depth, b, columns, c, ahead);
  }
};

// A depth is even, and a panel holds pairs of rows, column by column.
class Bfloat16Operands {
 public:
  using Value = Bfloat16;
  static constexpr int32_t kDepthStep = 2;
  static constexpr bool kStaged = true;
  static constexpr int32_t kSlack = kBfloat16Slack;
  static Value value(float weight) { return to_bfloat16(weight); }

  Bfloat16Operands() : native_(kCanBeNative && has_bfloat16_products()) {}

  HWY_INLINE void copy(const float* from, int32_t count, Bfloat16* to) const {
    copy_rows(from, 0, 1, count, to, 0);
  }

  HWY_INLINE void copy_rows(const float* from, ptrdiff_t from_step, int32_t rows, int32_t count, Bfloat16* to,
                            ptrdiff_t to_step) const {
    if constexpr (kCanBeNative) {
      if (native_) return avx512_bf16::round_rows(from, from_step, rows, count, to, to_step);
    }
    for (int32_t r = 0; r < rows; ++r) round(from + r * from_step, count, to + r * to_step);
  }

  HWY_INLINE void multiply(const Bfloat16* a, ptrdiff_t a_step, int32_t rows, int32_t depth,
                           const Bfloat16* b, int32_t columns, float* c, const Bfloat16* ahead) const {
    if constexpr (kCanBeNative) {
      if (native_) return avx512_bf16::multiply_panel(a, a_step, rows, depth, b, columns, c, ahead);
    }
    if (columns == kLanes) {
      multiply_rows<1>(a, a_step, rows, depth, b, c);
    } else if (columns == 2 * kLanes) {
      multiply_rows<2>(a, a_step, rows, depth, b, c);
    } else {
      multiply_rows<kMostVectors>(a, a_step, rows, depth, b, c);
    }
  }

 private:
  using Bits = hn::RebindToUnsigned<Wide>;
  using Halves = hn::Repartition<uint16_t, Wide>;
  static constexpr bool kCanBeNative = HWY_TARGET == HWY_AVX3;
  static_assert(!kCanBeNative || (kRows == avx512_bf16::kRows && kLanes == 16));

  static HWY_INLINE void round(const float* HWY_RESTRICT from, int32_t count, Bfloat16* HWY_RESTRICT to) {
    const Wide d;
    const Bits bits;
    const hn::Rebind<uint16_t, Wide> halves;
    const hn::RebindToSigned<Wide> integers;  // for which there is a conversion to uint16_t
    int32_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      const auto value = hn::LoadU(d, from + i);
      const auto exact = hn::BitCast(bits, value);
      const auto upper = hn::ShiftRight<16>(exact);
      const auto odd = hn::And(upper, hn::Set(bits, 1U));
      const auto near = hn::ShiftRight<16>(hn::Add(exact, hn::Add(odd, hn::Set(bits, 0x7FFFU))));
      const auto nan = hn::Or(upper, hn::Set(bits, 0x40U));
      const auto rounded = hn::IfThenElse(hn::RebindMask(bits, hn::IsNaN(value)), nan, near);
      hn::StoreU(hn::DemoteTo(halves, hn::BitCast(integers, rounded)), halves, to + i);
    }
    for (; i < count; ++i) to[i] = to_bfloat16(from[i]);
  }

  static HWY_INLINE hn::Vec<Wide> first(hn::Vec<Bits> pairs) {
    return hn::BitCast(Wide(), hn::ShiftLeft<16>(pairs));
  }
  static HWY_INLINE hn::Vec<Wide> second(hn::Vec<Bits> pairs) {
    return hn::BitCast(Wide(), hn::And(pairs, hn::Set(Bits(), 0xFFFF0000U)));
  }

  template <int kVectors>
  static HWY_INLINE void multiply_rows(const Bfloat16* a, ptrdiff_t a_step, int32_t rows, int32_t depth,
                                       const Bfloat16* b, float* c) {
    const Wide d;
    const Bits bits;
    constexpr ptrdiff_t kColumns = ptrdiff_t{kVectors} * kLanes;
    for (int32_t begin = 0; begin < rows; begin += kRows, a += kRows * a_step, c += kRows * kColumns) {
      hn::Vec<Wide> sum[kRows][kVectors];
      for (auto& row : sum) {
        for (auto& each : row) each = hn::Zero(d);
      }
      const Bfloat16* from = b;
      for (int32_t k = 0; k < depth; k += 2, from += 2 * kColumns) {
        hn::Vec<Bits> columns[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          columns[v] = hn::BitCast(bits, hn::Load(Halves(), from + ptrdiff_t{2} * v * kLanes));
        }
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
          uint32_t pair;
          std::memcpy(&pair, a + r * a_step + k, sizeof(pair));
          const auto x = hn::Set(bits, pair);
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) {
            const auto one = hn::MulAdd(second(x), second(columns[v]), sum[r][v]);
            sum[r][v] = hn::MulAdd(first(x), first(columns[v]), one);
          }
        }
      }
      for (int r = 0; r < kRows; ++r) {
        for (int v = 0; v < kVectors; ++v) hn::Store(sum[r][v], d, c + r * kColumns + ptrdiff_t{v} * kLanes);
      }
    }
  }

  bool native_;
};

}  // namespace infill::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
