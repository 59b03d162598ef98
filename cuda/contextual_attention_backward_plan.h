// How the backward of contextual attention is cut into tiles, and where things lie in the workspace.
//
// A tile is a rectangle of positions. Its lanes are a rectangle of the extended grid
// (contextual_attention_plan.h): the positions and what the sums of patches and fuse reach from them. At the
// picture's upper and lower edge these are the whole parts that fuse wraps to. Forward, scores of positions
// are gathered from products of lanes; backward, what arrives at lanes is added up over all lanes that hold a
// position. So the two are transposes of each other, and neither needs more than one pair of tiles.
#pragma once

#include "cuda/contextual_attention_backward.h"
#include "cuda/contextual_attention_plan.h"

namespace infill::cuda::attention {

constexpr int32_t kLeastTileLanes = 64;
constexpr int32_t kMostTileLanes = 16384;
constexpr int32_t kUsualTileLanes = 2592;

struct Tile {
  int32_t row_begin, row_end, column_begin, column_end;  // positions
  int32_t grid_begin, grid_end;                          // rows of the extended grid
  int32_t lane_begin, lanes;                             // columns of positions there, from -kMargin

  INFILL_HOST_DEVICE constexpr int32_t columns() const { return column_end - column_begin; }
  INFILL_HOST_DEVICE constexpr int32_t position_count() const { return (row_end - row_begin) * columns(); }
  INFILL_HOST_DEVICE constexpr int32_t lane_count() const { return (grid_end - grid_begin) * lanes; }
  INFILL_HOST_DEVICE constexpr int32_t cell_count() const {
    return (row_end - row_begin + 1) * (columns() + 1);
  }
};

struct GradientTiling {
  int32_t bands, band_rows, segments, segment_columns;
  int32_t most_lanes, most_cells;  // of a tile

  INFILL_HOST_DEVICE constexpr int32_t tiles() const { return bands * segments; }
};

Tile tile_of(const Shape& shape, const GradientTiling& tiling, int32_t index);

// The blocks that a product is computed in, and the shares of its sum.
struct ProductShape {
  int32_t rows, columns;  // 128 x 128, 64 x 64, or 64 x 96
  int32_t splits;
};
constexpr int32_t kMostSplits = 4;
// Of gradients: sums over the places of a tile, which may be split, with channels for columns, of which there
// may be few.
ProductShape product_shape(int32_t rows, int32_t columns, int32_t depth, size_t element_bytes,
                           bool of_gradients);

// Byte offsets in the workspace.
struct GradientLayout {
  size_t squares, hole, valid, inverse, counters;  // as in Layout
  size_t statistics;                               // [3, h, w] floats: maximum, denominator, sum of gradients
  // Sums over pairs of tiles, floats, one behind the other.
  size_t query_sums, key_sums;  // [rows, lanes, channels] of the extended grid
  size_t along;                 // [rows, lanes]: a key patch's gradient along itself, over its length
  size_t cell_sums;             // [cells_h, cells_w, 4 channels]
  size_t sums_end;
  size_t position_along;  // [h, w] floats
  // Of a tile of queries, of a tile of keys.
  size_t queries, keys;                // [lanes, channel_pitch]
  size_t queries_across, keys_across;  // [channels, lane_pitch] floats
  size_t grad_cells, cells;            // [cells, cell_channel_pitch]
  size_t grad_cells_across;            // [4 channels, lane_pitch] floats
  size_t matrices[4];                  // [lanes, lane_pitch] floats
  size_t parts;                        // shares of a product
  size_t total;
  int32_t valid_words;
  int64_t channel_pitch, cell_channel_pitch, lane_pitch;
};

struct GradientPlan {
  Shape shape;
  GradientTiling tiling;
  GradientLayout layout;
  bool supported = false;
};

GradientPlan gradient_plan_of(const ContextualAttentionBackwardCall& call);

}  // namespace infill::cuda::attention
