// The matrix product everything is made of: a tile of registers, compiled per instruction set.
// Included inside of files that Highway's foreach_target compiles several times, hence the toggled guard.
#if defined(INFILL_KERNELS_GEMM_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef INFILL_KERNELS_GEMM_INL_H
#undef INFILL_KERNELS_GEMM_INL_H
#else
#define INFILL_KERNELS_GEMM_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace infill::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::CappedTag<float, 16>;
constexpr int kLanes = HWY_MAX_BYTES / 4 < 16 ? HWY_MAX_BYTES / 4 : 16;
// A tile: as many sums as fit beside the operands in 32 or 16 registers.
constexpr int kMostVectors = 3;
constexpr int kRows = HWY_MAX_BYTES >= 64 ? 9 : 4;

// c = a b for kRows rows of a, whose elements k = 0 .. depth - 1 lie in a row, and the kVectors * kLanes
// columns of a panel b, which has them row by row. c_step: floats from row to row of c. ahead: what to fetch
// into the cache meanwhile, as much as a row of b for every k; or null.
template <int kVectors>
HWY_INLINE void multiply_tile(const float* HWY_RESTRICT a, ptrdiff_t a_step, int32_t depth,
                              const float* HWY_RESTRICT b, float* HWY_RESTRICT c, ptrdiff_t c_step,
                              const float* ahead) {
  const Wide d;
  hn::Vec<Wide> sum[kRows][kVectors];
#pragma GCC unroll 16
  for (auto& row : sum) {
#pragma GCC unroll 4
    for (auto& each : row) each = hn::Zero(d);
  }
  for (int32_t k = 0; k < depth; ++k) {
    hn::Vec<Wide> columns[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) columns[v] = hn::Load(d, b + ptrdiff_t{v} * kLanes);
    if (ahead != nullptr) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) hwy::Prefetch(ahead + ptrdiff_t{v} * kLanes);
      ahead += ptrdiff_t{kVectors} * kLanes;
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const auto x = hn::Set(d, a[r * a_step + k]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(x, columns[v], sum[r][v]);
    }
    b += ptrdiff_t{kVectors} * kLanes;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) hn::Store(sum[r][v], d, c + r * c_step + ptrdiff_t{v} * kLanes);
  }
}

// Any number of rows that is a multiple of kRows.
template <int kVectors>
HWY_INLINE void multiply_rows(const float* a, ptrdiff_t a_step, int32_t rows, int32_t depth, const float* b,
                              float* c, ptrdiff_t c_step, const float* ahead) {
  for (int32_t r = 0; r < rows; r += kRows) {
    multiply_tile<kVectors>(a + r * a_step, a_step, depth, b, c + r * c_step, c_step,
                            r == 0 ? ahead : nullptr);
  }
}

// columns: of the panel, 1 to kMostVectors vectors.
HWY_INLINE void multiply_panel(const float* a, ptrdiff_t a_step, int32_t rows, int32_t depth, const float* b,
                               int32_t columns, float* c, const float* ahead) {
  if (columns == kLanes) {
    multiply_rows<1>(a, a_step, rows, depth, b, c, columns, ahead);
  } else if (columns == 2 * kLanes) {
    multiply_rows<2>(a, a_step, rows, depth, b, c, columns, ahead);
  } else {
    multiply_rows<kMostVectors>(a, a_step, rows, depth, b, c, columns, ahead);
  }
}

}  // namespace infill::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
