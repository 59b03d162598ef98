#include <algorithm>
#include <limits>

#include "cuda/contextual_attention_backward_plan.h"

namespace infill::cuda::attention {
namespace {

constexpr int64_t divided(int64_t value, int64_t by) {
  return (value + by - 1) / by;
}
constexpr int64_t rounded(int64_t value, int64_t to) {
  return divided(value, to) * to;
}
constexpr int32_t narrow(int64_t value) {
  return static_cast<int32_t>(value);
}

// What lies around a tile's positions, to one side. Fuse's parts have four rows at an edge of the picture.
constexpr int32_t margin(bool fuse) {
  return fuse ? 2 : 1;
}
constexpr int32_t kEdgeRows = 4;

// The tiles with the fewest lanes in all: lanes are what products are computed for.
GradientTiling tiling_of(const Shape& shape, int32_t most_lanes) {
  GradientTiling best{};
  int64_t fewest = std::numeric_limits<int64_t>::max();
  const int32_t around = 2 * margin(shape.fuse);
  const int32_t edges = shape.fuse ? 2 * kEdgeRows : around;
  for (int32_t most_columns = std::min(shape.w, most_lanes); most_columns > 0; --most_columns) {
    GradientTiling tiling{};
    tiling.segments = narrow(divided(shape.w, most_columns));
    tiling.segment_columns = narrow(divided(shape.w, tiling.segments));
    tiling.segments = narrow(divided(shape.w, tiling.segment_columns));
    const int32_t lanes = tiling.segment_columns + around;
    const int32_t rows = most_lanes / lanes - edges;
    if (rows < 1) continue;
    tiling.bands = narrow(divided(shape.h, rows));
    tiling.band_rows = narrow(divided(shape.h, tiling.bands));
    tiling.bands = narrow(divided(shape.h, tiling.band_rows));
    const int64_t all = (shape.h + int64_t{tiling.bands} * around + edges - around) * tiling.segments * lanes;
    if (all >= fewest) continue;
    fewest = all;
    best = tiling;
  }
  for (const int32_t band : {0, 1, best.bands - 1}) {
    if (band >= best.bands) continue;
    const Tile tile = tile_of(shape, best, band * best.segments);
    best.most_lanes = std::max(best.most_lanes, tile.lane_count());
    best.most_cells = std::max(best.most_cells, tile.cell_count());
  }
  return best;
}

GradientLayout layout_of(const Shape& shape, const GradientTiling& tiling, int64_t size) {
  GradientLayout layout{};
  size_t end = 0;
  const auto take = [&](int64_t bytes) {
    const size_t at = end;
    end += static_cast<size_t>(rounded(bytes, 256));
    return at;
  };
  constexpr int64_t kFloat = sizeof(float);
  const int64_t lanes = int64_t{shape.rows} * shape.lanes;
  const int64_t positions = int64_t{shape.h} * shape.w;
  const int64_t channels = shape.channels;
  layout.valid_words = shape.w / 32 + 6;
  layout.channel_pitch = rounded(channels, 8);
  layout.cell_channel_pitch = rounded(4 * channels, 8);
  layout.lane_pitch = rounded(tiling.most_lanes, 8);
  layout.squares = take(positions * kFloat);
  layout.hole = take(positions);
  layout.valid = take(int64_t{shape.h} * layout.valid_words * kFloat);
  layout.inverse = take(lanes * kFloat);
  layout.counters = take(4 * kFloat);
  layout.statistics = take(3 * positions * kFloat);
  layout.query_sums = take(lanes * channels * kFloat);
  layout.key_sums = take(lanes * channels * kFloat);
  layout.along = take(lanes * kFloat);
  layout.cell_sums = take(int64_t{shape.cells_h} * shape.cells_w * 4 * channels * kFloat);
  layout.sums_end = end;
  layout.position_along = take(positions * kFloat);
  layout.queries = take(tiling.most_lanes * layout.channel_pitch * size);
  layout.keys = take(tiling.most_lanes * layout.channel_pitch * size);
  layout.queries_across = take(channels * layout.lane_pitch * kFloat);
  layout.keys_across = take(channels * layout.lane_pitch * kFloat);
  layout.grad_cells = take(tiling.most_cells * layout.cell_channel_pitch * size);
  layout.cells = take(tiling.most_cells * layout.cell_channel_pitch * size);
  layout.grad_cells_across = take(4 * channels * layout.lane_pitch * kFloat);
  for (size_t& matrix : layout.matrices) matrix = take(tiling.most_lanes * layout.lane_pitch * kFloat);
  const int64_t part = std::max(tiling.most_lanes * rounded(channels, 2), tiling.most_cells * 4 * channels);
  layout.parts = take(kMostSplits * part * kFloat);
  layout.total = end;
  return layout;
}

}  // namespace

Tile tile_of(const Shape& shape, const GradientTiling& tiling, int32_t index) {
  Tile tile{};
  tile.row_begin = index / tiling.segments * tiling.band_rows;
  tile.row_end = std::min(tile.row_begin + tiling.band_rows, shape.h);
  tile.column_begin = index % tiling.segments * tiling.segment_columns;
  tile.column_end = std::min(tile.column_begin + tiling.segment_columns, shape.w);
  const int32_t around = margin(shape.fuse);
  // Row r of the picture is row r + 4 of the extended grid.
  tile.grid_begin = shape.fuse && tile.row_begin == 0 ? 0 : tile.row_begin + 4 - around;
  tile.grid_end = shape.fuse && tile.row_end == shape.h ? shape.rows : tile.row_end + 4 + around;
  tile.lane_begin = tile.column_begin - around;
  tile.lanes = tile.columns() + 2 * around;
  return tile;
}

ProductShape product_shape(int32_t rows, int32_t columns, int32_t depth, size_t element_bytes,
                           bool of_gradients) {
  ProductShape shape{128, 128, 1};
  const auto blocks = [&] { return divided(rows, shape.rows) * divided(columns, shape.columns); };
  if (blocks() < 96) {
    shape.rows = 64;
    shape.columns = of_gradients && rounded(columns, 96) < rounded(columns, 64) ? 96 : 64;
  }
  if (!of_gradients) return shape;
  const int64_t chunks = divided(depth * static_cast<int64_t>(element_bytes), kChunk);
  shape.splits =
      narrow(std::clamp<int64_t>(divided(192, blocks()), 1, std::clamp<int64_t>(chunks / 4, 1, kMostSplits)));
  return shape;
}

GradientPlan gradient_plan_of(const ContextualAttentionBackwardCall& call) {
  GradientPlan plan{};
  ContextualAttentionCall forward;
  forward.items = call.items;
  forward.height = call.height;
  forward.width = call.width;
  forward.channels = call.channels;
  forward.precision = call.precision;
  forward.scale = call.scale;
  forward.n_down = call.n_down;
  forward.fuse = call.fuse;
  forward.tf_compat = call.tf_compat;
  const Plan same = plan_of(forward);
  const int32_t lanes = call.tile_lanes == 0 ? kUsualTileLanes : call.tile_lanes;
  if (!same.supported || lanes < kLeastTileLanes || lanes > kMostTileLanes) return plan;
  plan.shape = same.shape;
  plan.tiling = tiling_of(plan.shape, lanes);
  plan.layout = layout_of(plan.shape, plan.tiling, static_cast<int64_t>(element_bytes(call.precision)));
  plan.supported = true;
  return plan;
}

}  // namespace infill::cuda::attention

namespace infill::cuda {

size_t contextual_attention_backward_workspace(const ContextualAttentionBackwardCall& call) {
  const attention::GradientPlan plan = attention::gradient_plan_of(call);
  return plan.supported ? plan.layout.total : 0;
}

// The loops of the launcher, counting.
ContextualAttentionBackwardCost contextual_attention_backward_cost(
    const ContextualAttentionBackwardCall& call) {
  using namespace attention;
  ContextualAttentionBackwardCost cost;
  const GradientPlan plan = gradient_plan_of(call);
  if (!plan.supported) return cost;
  const Shape& shape = plan.shape;
  const int32_t channels = shape.channels;
  const size_t size = element_bytes(call.precision);
  const auto product = [](int32_t rows, int32_t columns, int32_t depth, size_t bytes, bool of_gradients) {
    const ProductShape blocks = product_shape(rows, columns, depth, bytes, of_gradients);
    return static_cast<double>(rounded(rows, blocks.rows)) *
           static_cast<double>(rounded(columns, blocks.columns)) *
           static_cast<double>(rounded(depth, kChunk / static_cast<int64_t>(bytes)));
  };
  cost.launches = 3 + 1 + 3;
  for (int32_t i = 0; i < plan.tiling.tiles(); ++i) {
    const Tile queries = tile_of(shape, plan.tiling, i);
    cost.launches += 2;
    for (int32_t j = 0; j < plan.tiling.tiles(); ++j) {
      const Tile keys = tile_of(shape, plan.tiling, j);
      const int32_t passes = j + 1 < plan.tiling.tiles() ? 2 : 1;
      cost.scores += passes * product(queries.lane_count(), keys.lane_count(), channels, size, false);
      cost.cells += passes * product(queries.cell_count(), keys.cell_count(), 4 * channels, size, false);
      cost.cell_gradients +=
          product(keys.cell_count(), 4 * channels, queries.cell_count(), sizeof(float), true);
      cost.position_gradients +=
          product(queries.lane_count(), channels, keys.lane_count(), sizeof(float), true) +
          product(keys.lane_count(), channels, queries.lane_count(), sizeof(float), true);
      const double lanes = static_cast<double>(queries.lane_count()) * keys.lane_count();
      const double cells = static_cast<double>(queries.cell_count()) * keys.cell_count();
      const double positions = static_cast<double>(queries.position_count()) * keys.position_count();
      // Of lanes: products and scores of each pass, read once more by the sum over the softmax and by its
      // gradients; gradients of scores, what is along patches, gradients of products both ways. Of cells:
      // products of each pass, weights. Of positions: weights and gradients of the softmax.
      cost.matrix_bytes += sizeof(float) * (lanes * (passes * 3 + 2 + 1 + 2 + 3 + 2) +
                                            cells * (passes + 2 + 2) + positions * 4);
      cost.launches += passes * 5 + 1 + 11;
    }
  }
  const double positions = static_cast<double>(shape.h) * shape.w;
  cost.needed = positions * positions * 16 * channels;
  cost.least_bytes = 5.0 * shape.height * shape.width * channels * static_cast<double>(size);
  return cost;
}

}  // namespace infill::cuda
