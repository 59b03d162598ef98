// The matrix product everything is made of: a tile of registers, compiled per instruction set.
// Included inside of files that Highway's foreach_target compiles several times, hence the toggled guard.
#if defined(INFILL_KERNELS_GEMM_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef INFILL_KERNELS_GEMM_INL_H
#undef INFILL_KERNELS_GEMM_INL_H
#else
#define INFILL_KERNELS_GEMM_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace infill::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::CappedTag<float, 16>;
constexpr int kLanes = HWY_MAX_BYTES / 4 < 16 ? HWY_MAX_BYTES / 4 : 16;
// A tile: as many sums as fit beside the operands in 32 or 16 registers.
constexpr int kVectors = 3;
constexpr ptrdiff_t kColumns = ptrdiff_t{kVectors} * kLanes;
constexpr int kRows = HWY_MAX_BYTES >= 64 ? 9 : 4;

// c = a b for kRows rows of a, whose elements k = 0 .. depth - 1 lie in a row, and the kColumns columns of a
// panel b, which has them row by row. c_step: floats from row to row of c.
HWY_INLINE void multiply_tile(const float* HWY_RESTRICT a, ptrdiff_t a_step, int32_t depth,
                              const float* HWY_RESTRICT b, float* HWY_RESTRICT c, ptrdiff_t c_step) {
  const Wide d;
  hn::Vec<Wide> sum[kRows][kVectors];
#pragma GCC unroll 16
  for (auto& row : sum) {
    row[0] = hn::Zero(d);
    row[1] = hn::Zero(d);
    row[2] = hn::Zero(d);
  }
  for (int32_t k = 0; k < depth; ++k) {
    const auto b0 = hn::Load(d, b);
    const auto b1 = hn::Load(d, b + kLanes);
    const auto b2 = hn::Load(d, b + ptrdiff_t{2} * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const auto x = hn::Set(d, a[r * a_step + k]);
      sum[r][0] = hn::MulAdd(x, b0, sum[r][0]);
      sum[r][1] = hn::MulAdd(x, b1, sum[r][1]);
      sum[r][2] = hn::MulAdd(x, b2, sum[r][2]);
    }
    b += kColumns;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    hn::Store(sum[r][0], d, c + r * c_step);
    hn::Store(sum[r][1], d, c + r * c_step + kLanes);
    hn::Store(sum[r][2], d, c + r * c_step + ptrdiff_t{2} * kLanes);
  }
}

// Any number of rows that is a multiple of kRows.
HWY_INLINE void multiply_panel(const float* a, ptrdiff_t a_step, int32_t rows, int32_t depth, const float* b,
                               float* c, ptrdiff_t c_step) {
  for (int32_t r = 0; r < rows; r += kRows)
    multiply_tile(a + r * a_step, a_step, depth, b, c + r * c_step, c_step);
}

}  // namespace infill::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
