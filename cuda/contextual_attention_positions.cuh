// Which pixels stand for positions, and which positions lie where in the extended grid.
#pragma once

#include "cuda/contextual_attention_plan.h"
#include "cuda/contextual_attention_walk.h"
#include "cuda/language.h"

namespace infill::cuda::attention {

// The pixel that stands for position i of n, of a side of `size` pixels: every step-th one, or with corners
// aligned, as TensorFlow's float arithmetic has it: evenly spaced from both ends, halves up.
__device__ __forceinline__ int sampled_pixel(int i, int n, int size, int step, bool align_corners) {
  if (!align_corners) return i * step;
  if (n == 1) return 0;
  const auto last = static_cast<float>(size - 1);
  const float spacing = __fdiv_rn(last, static_cast<float>(n - 1));
  // Rounded after each operation: a fused multiply-add would move halves.
  const float at = i < n / 2 ? __fmul_rn(spacing, static_cast<float>(i))
                             : __fsub_rn(last, __fmul_rn(spacing, static_cast<float>(n - 1 - i)));
  return static_cast<int>(floorf(__fadd_rn(at, 0.5F)));
}

// Element of pixel (row, column) of f or b that stands for a position.
__device__ __forceinline__ int64_t sampled_offset(const Shape& shape, const FeatureStrides& strides, int r,
                                                  int x) {
  return sampled_pixel(r, shape.h, shape.height, 2, shape.tf_compat) * strides.row +
         sampled_pixel(x, shape.w, shape.width, 2, shape.tf_compat) * strides.pixel;
}

// The flat index that a lane of the extended grid holds, or -1. own: a patch may lie there.
__device__ __forceinline__ int lane_position(const Shape& shape, int row, int x) {
  const int part = row < 3 ? -1 : (row < shape.h + 5 ? 0 : 1);
  const int r = row - grid_row(0, part) - part * shape.h;
  if (!shape.fuse && (part != 0 || r < 0 || r >= shape.h || x < 0 || x >= shape.w)) return -1;
  const int64_t flat = int64_t{r} * shape.w + x + part;
  return flat >= 0 && flat < int64_t{shape.h} * shape.w ? static_cast<int>(flat) : -1;
}

// Calls body(index) for the positions of the patch around (r, x), row by row.
template <class Body>
__device__ __forceinline__ void for_patch(const Shape& shape, int r, int x, const Body& body) {
  for (int i = most(r - 1, 0); i <= least(r + 1, shape.h - 1); ++i) {
    for (int j = most(x - 1, 0); j <= least(x + 1, shape.w - 1); ++j) body(int64_t{i} * shape.w + j);
  }
}

}  // namespace infill::cuda::attention
