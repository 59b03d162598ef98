// What the launchers of gated_conv2d_backward decide on the host.
#pragma once

#include "cuda/gated_conv2d_backward.h"
#include "cuda/gated_conv2d_plan.h"

namespace infill::cuda {

// Rows (or columns) of x that the same taps reach: a stride-th of them. Row first + stride * u of dx is the
// sum over taps t of dz's row u - pad + t * dilation; t is tap last_tap - t * tap_step of the filter.
struct TapClass {
  int32_t first = 0, rows = 0;
  int32_t taps = 0, last_tap = 0, tap_step = 0;
  int32_t dilation = 0;
  int64_t pad = 0;
};

// An axis of a layer as its gradient in x sees it.
struct TapAxis {
  int32_t stride, dilation, kernel, pad, in;

  // How many rows of `stride` have taps at all: at most kernel.
  int32_t classes() const;
  bool covers() const { return classes() == stride; }
  TapClass at(int32_t index) const;
};

// A block of the gradient of the weights: columns (taps x channels of x) by rows (of the weights), over one
// part of the pixels. A warp multiplies m_tiles * 16 columns by n_tiles * 8 rows.
struct WeightTileShape {
  int warps_m, warps_n, m_tiles, n_tiles, stages;

  constexpr int threads() const { return 32 * warps_m * warps_n; }
  constexpr int columns() const { return 16 * warps_m * m_tiles; }
  constexpr int rows() const { return 8 * warps_n * n_tiles; }
  constexpr int shared_bytes() const { return stages * (columns() + rows()) * kStepBytes; }
};

inline constexpr WeightTileShape kWeightTileShapes[] = {
    {2, 2, 4, 6, 3},  // 128 x 96
    {4, 1, 2, 6, 3},  // 128 x 48
    {2, 2, 2, 3, 4},  // 64 x 48
    {4, 1, 2, 3, 4},  // 128 x 24
    {2, 2, 1, 3, 4},  // 32 x 48
};
inline constexpr int kWeightTiles = sizeof(kWeightTileShapes) / sizeof(kWeightTileShapes[0]);

// Pixels of x in a step of the sum: 64 bytes of each column.
constexpr int32_t step_pixels(Precision precision) {
  return int32_t(kStepBytes / element_bytes(precision));
}

struct GatedConv2dBackwardPlan {
  cudaError_t error = cudaSuccess;
  GatedConv2dPlan forward;
  int32_t dz_pitch = 0;  // elements of a pixel of dz

  int weight_tile = 0;                      // in kWeightTileShapes
  int32_t column_tiles = 0, row_tiles = 0;  // blocks of one part
  int32_t parts = 0, part_pixels = 0;       // of the sum; a part is a multiple of step_pixels
  int32_t bias_parts = 0, bias_part_pixels = 0;

  int64_t columns() const { return int64_t{column_tiles} * kWeightTileShapes[weight_tile].columns(); }
  int64_t rows() const { return int64_t{row_tiles} * kWeightTileShapes[weight_tile].rows(); }
  size_t dz_bytes(Precision precision) const {
    return size_t(forward.pixels) * size_t(dz_pitch) * element_bytes(precision);
  }
};
GatedConv2dBackwardPlan gated_conv2d_backward_plan(const GatedConv2dBackwardCall& call, bool tensor_cores);

// The forward call whose z it is; x in place, weights, y and workspace left out.
GatedConv2dCall forward_call(const GatedConv2dBackwardCall& call);

// dx of one class of rows and one of columns, as a convolution of dz; y is dx. dz, weights and workspace left
// out.
GatedConv2dCall grad_x_call(const GatedConv2dBackwardCall& call, const GatedConv2dBackwardPlan& plan,
                            const TapClass& rows, const TapClass& columns);
TapAxis vertical(const GatedConv2dBackwardCall& call);
TapAxis horizontal(const GatedConv2dBackwardCall& call);

}  // namespace infill::cuda
