// Matrix products of small tiles kept in registers, for the instruction set that is being compiled.
//
// C[i, :] (+)= sum over k of A[i, k] B[k, :], A broadcast, B and C in vectors.

// NOLINTBEGIN(misc-definitions-in-headers): one copy per instruction set
#if defined(INFILL_CONTEXTUAL_ATTENTION_PRODUCT_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef INFILL_CONTEXTUAL_ATTENTION_PRODUCT_INL_H
#undef INFILL_CONTEXTUAL_ATTENTION_PRODUCT_INL_H
#else
#define INFILL_CONTEXTUAL_ATTENTION_PRODUCT_INL_H
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "kernels/bfloat16.h"

HWY_BEFORE_NAMESPACE();
namespace infill::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
constexpr int64_t kLanes = HWY_LANES(float) < 16 ? HWY_LANES(float) : 16;
// 32 vector registers hold 8 x 3 sums, 16 hold 4 x 3, beside a row of B and one broadcast value.
constexpr int kTileRows = HWY_TARGET == HWY_AVX3 ? 8 : 4;
constexpr int64_t kTileVectors = 3;

struct ProductTerms {
  const float* a;  // A[i, k] = a[i * a_pitch + k]
  int64_t a_pitch;
  const float* b;  // B[k, :] = b + k * b_pitch
  int64_t b_pitch;
  int64_t count;  // of k
};

// The same of bfloat16 in pairs: k counts pairs, those of a row of A and those of a column of B lie together.
struct PairTerms {
  const Bfloat16* a;
  int64_t a_pitch;
  const Bfloat16* b;
  int64_t b_pitch;
  int64_t count;
};

template <int kRows, int kVectors>
class ProductTile {
 public:
  HWY_INLINE void clear() {
    HWY_UNROLL(8)
    for (int i = 0; i < kRows; ++i) {
      HWY_UNROLL(3)
      for (int j = 0; j < kVectors; ++j) sum_[i][j] = hn::Zero(Floats());
    }
  }

  HWY_INLINE void load(const float* c, int64_t c_pitch) {
    HWY_UNROLL(8)
    for (int i = 0; i < kRows; ++i) {
      HWY_UNROLL(3)
      for (int j = 0; j < kVectors; ++j) sum_[i][j] = hn::LoadU(Floats(), c + i * c_pitch + j * kLanes);
    }
  }

  HWY_INLINE void store(float* c, int64_t c_pitch) const {
    HWY_UNROLL(8)
    for (int i = 0; i < kRows; ++i) {
      HWY_UNROLL(3)
      for (int j = 0; j < kVectors; ++j) hn::StoreU(sum_[i][j], Floats(), c + i * c_pitch + j * kLanes);
    }
  }

  HWY_INLINE void add(const ProductTerms& terms) {
    const float* HWY_RESTRICT a = terms.a;
    const float* HWY_RESTRICT b = terms.b;
    for (int64_t k = 0; k < terms.count; ++k, ++a, b += terms.b_pitch) {
      hn::Vec<Floats> row[kVectors];
      HWY_UNROLL(3)
      for (int j = 0; j < kVectors; ++j) row[j] = hn::LoadU(Floats(), b + j * kLanes);
      HWY_UNROLL(8)
      for (int i = 0; i < kRows; ++i) {
        const auto value = hn::Set(Floats(), a[i * terms.a_pitch]);
        HWY_UNROLL(3)
        for (int j = 0; j < kVectors; ++j) sum_[i][j] = hn::MulAdd(value, row[j], sum_[i][j]);
      }
    }
  }

  // For processors without such a product: the same factors, widened.
  HWY_INLINE void add(const PairTerms& terms) {
    const Floats d;
    const hn::RebindToUnsigned<Floats> bits;
    const hn::Repartition<uint16_t, Floats> halves;
    const auto upper = hn::Set(bits, 0xFFFF0000U);
    const Bfloat16* b = terms.b;
    for (int64_t k = 0; k < terms.count; ++k, b += terms.b_pitch) {
      hn::Vec<Floats> first[kVectors];
      hn::Vec<Floats> second[kVectors];
      for (int j = 0; j < kVectors; ++j) {
        const auto pairs = hn::BitCast(bits, hn::LoadU(halves, b + int64_t{2} * j * kLanes));
        first[j] = hn::BitCast(d, hn::ShiftLeft<16>(pairs));
        second[j] = hn::BitCast(d, hn::And(pairs, upper));
      }
      for (int i = 0; i < kRows; ++i) {
        uint32_t pair;
        std::memcpy(&pair, terms.a + i * terms.a_pitch + 2 * k, sizeof(pair));
        const auto left = hn::BitCast(d, hn::Set(bits, pair << 16));
        const auto right = hn::BitCast(d, hn::Set(bits, pair & 0xFFFF0000U));
        for (int j = 0; j < kVectors; ++j)
          sum_[i][j] = hn::MulAdd(left, first[j], hn::MulAdd(right, second[j], sum_[i][j]));
      }
    }
  }

 private:
  hn::Vec<Floats> sum_[kRows][kVectors];
};

// Calls body.template operator()<rows, vectors>() for run-time numbers of rows, 1 .. kTileRows, and vectors,
// 1 .. kTileVectors.
template <int kVectors, class Body>
HWY_INLINE void with_rows(int rows, const Body& body) {
  switch (rows) {
    case 1:
      return body.template run<1, kVectors>();
    case 2:
      return body.template run<2, kVectors>();
    case 3:
      return body.template run<3, kVectors>();
#if HWY_TARGET == HWY_AVX3
    case 5:
      return body.template run<5, kVectors>();
    case 6:
      return body.template run<6, kVectors>();
    case 7:
      return body.template run<7, kVectors>();
    case 8:
      return body.template run<8, kVectors>();
#endif
    default:
      return body.template run<4, kVectors>();
  }
}

template <class Body>
HWY_INLINE void with_tile(int rows, int vectors, const Body& body) {
  switch (vectors) {
    case 1:
      return with_rows<1>(rows, body);
    case 2:
      return with_rows<2>(rows, body);
    default:
      return with_rows<3>(rows, body);
  }
}

// c[i, :] = sum over k of A[i, k] B[k, :], for with_tile.
struct PlainProduct {
  ProductTerms terms;
  float* c;
  int64_t c_pitch;

  template <int kRows, int kVectors>
  HWY_INLINE void run() const {
    ProductTile<kRows, kVectors> tile;
    tile.clear();
    tile.add(terms);
    tile.store(c, c_pitch);
  }
};

// c[i, :] (+)= sum over k of A[i, k] B[k, :].
struct PairProduct {
  PairTerms terms;
  float* c;
  int64_t c_pitch;
  bool more;  // adds

  template <int kRows, int kVectors>
  HWY_INLINE void run() const {
    ProductTile<kRows, kVectors> tile;
    if (more) {
      tile.load(c, c_pitch);
    } else {
      tile.clear();
    }
    tile.add(terms);
    tile.store(c, c_pitch);
  }
};

HWY_INLINE void multiply_pairs(int rows, int64_t vectors, const PairProduct& product) {
  if constexpr (HWY_TARGET == HWY_AVX3) {
    if (has_bfloat16_products()) {
      const PairTerms& terms = product.terms;
      avx512_bf16::multiply_tile(rows, static_cast<int>(vectors), terms.a, terms.a_pitch, terms.b,
                                 terms.b_pitch, terms.count, product.c, product.c_pitch, product.more);
      return;
    }
  }
  with_tile(rows, static_cast<int>(vectors), product);
}

// to may be written up to kBfloat16Slack - 1 values further.
HWY_INLINE void round_row(const float* from, int64_t count, Bfloat16* to) {
  if constexpr (HWY_TARGET == HWY_AVX3) {
    if (has_bfloat16_products()) {
      avx512_bf16::round_rows(from, 0, 1, static_cast<int32_t>(count), to, 0);
      return;
    }
  }
  for (int64_t i = 0; i < count; ++i) to[i] = to_bfloat16(from[i]);
}

// Rows are split evenly, so that none is left over alone.
struct RowBlocks {
  int64_t rows, count;
  int64_t least, longer;  // rows of a block, blocks that have one more

  explicit RowBlocks(int64_t total)
      : rows(total),
        count((total + kTileRows - 1) / kTileRows),
        least(total / count),
        longer(total % count) {}
  [[nodiscard]] int64_t begin(int64_t block) const {
    return block * least + (block < longer ? block : longer);
  }
};

}  // namespace
}  // namespace infill::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
// NOLINTEND(misc-definitions-in-headers)
