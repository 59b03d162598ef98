// What the launchers of gated_conv2d decide on the host: the tile, how weights lie, and whether x is copied.
#pragma once

#include "cuda/gated_conv2d.h"

namespace infill::cuda {

// Pieces of 16 bytes are copied and swizzled; a row of a tile is four of them, and so is a step of the sum.
inline constexpr int kPieceBytes = 16;
inline constexpr int kPiecesPerStep = 4;
inline constexpr int kStepBytes = kPieceBytes * kPiecesPerStep;

// A block of warps_m x warps_n warps; each multiplies m_tiles * 16 pixels by n_tiles * 8 columns. A column is
// a feature or a gate (not gated: a channel), so a warp has n_tiles * 4 gated channels.
struct TileShape {
  GatedConv2dTile tile;
  int warps_m, warps_n, m_tiles, n_tiles, stages;

  constexpr int threads() const { return 32 * warps_m * warps_n; }
  constexpr int pixels() const { return 16 * warps_m * m_tiles; }
  constexpr int columns() const { return 8 * warps_n * n_tiles; }
  constexpr int pairs() const { return columns() / 2; }
  // The stages of the pipeline, then picture, y and x of every pixel.
  constexpr int shared_bytes() const { return stages * (pixels() + columns()) * kStepBytes + pixels() * 12; }
};

inline constexpr TileShape kTileShapes[] = {
    {GatedConv2dTile::k128x64, 2, 2, 4, 8, 3}, {GatedConv2dTile::k128x48, 2, 2, 4, 6, 3},
    {GatedConv2dTile::k64x48, 2, 2, 2, 6, 3},  {GatedConv2dTile::k128x32, 4, 1, 2, 8, 3},
    {GatedConv2dTile::k128x24, 4, 1, 2, 6, 4}, {GatedConv2dTile::k128x16, 4, 1, 2, 4, 4},
    {GatedConv2dTile::k128x12, 4, 1, 2, 3, 4}, {GatedConv2dTile::k128x4, 4, 1, 2, 1, 4},
};

constexpr TileShape shape_of(GatedConv2dTile tile) {
  for (const TileShape& shape : kTileShapes) {
    if (shape.tile == tile) return shape;
  }
  return {tile, 0, 0, 0, 0, 0};
}

// How the packed weights lie: [steps][rows][4 pieces of 16 bytes], then a float of bias per row.
//
// The sum over taps and channels is a row of pieces, tap by tap, channels padded with zeros to whole pieces,
// the row padded to whole steps. Rows come in groups, the columns of one warp (8 * n_tiles). Column 8 * j + 2
// * t + e of group g is held by thread t of four; so that its channels are neighbours in memory, it is
//   gated      channel g * 4 * n_tiles + t * n_tiles + j, feature (e = 0) or gate (e = 1)
//   not gated  channel g * 8 * n_tiles + t * 2 * n_tiles + 2 * j + e
//
// Folding: a layer of few channels takes the taps of one filter row as channels of a copy of x, so that they
// fill the pieces: [x(0, c=0), x(0, c=1), ..., x(1, c=0), ...]; the filter is then kernel_height x 1.
struct PackedLayout {
  bool supported = false;
  bool fold = false;
  int32_t channels = 0;      // of x or of its folded copy
  int32_t pieces = 0;        // of a pixel
  int32_t kernel_width = 0;  // 1 when folded
  int32_t steps = 0;
  int32_t n_tiles = 0;
  int32_t rows = 0;

  size_t weight_bytes() const { return size_t(steps) * size_t(rows) * kStepBytes; }
};
PackedLayout packed_layout(const GatedConv2dLayer& layer);

struct GatedConv2dPlan {
  cudaError_t error = cudaSuccess;
  PackedLayout layout;
  GatedConv2dTile tile = GatedConv2dTile::kAuto;
  int32_t y0 = 0, x0 = 0, height = 0, width = 0;  // the rectangle
  int64_t pixels = 0;                             // of all pictures
  bool copy = false;                              // x goes through the workspace
  int32_t copy_pitch = 0;                         // elements of a pixel there
  int32_t copy_width = 0;                         // pixels of a row there
};
// tensor_cores: of the device. Without them the tile is kSimt.
GatedConv2dPlan gated_conv2d_plan(const GatedConv2dCall& call, bool tensor_cores);

}  // namespace infill::cuda
