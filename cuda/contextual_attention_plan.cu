#include <algorithm>
#include <cmath>

#include "cuda/contextual_attention_plan.h"
#include "cuda/contextual_attention_walk.h"

namespace infill::cuda::attention {
namespace {

constexpr int64_t kMostPositions = int64_t{1} << 30;
constexpr int32_t kMostChannels = 1 << 16;
// Blocks that a launch is cut into where sums have to be combined for it: about four for each multiprocessor.
constexpr int32_t kBlocks = 512;
constexpr int32_t kMostStatistics = 64;  // pairs of floats of a query in the first pass
constexpr int32_t kWindowRows = 32;
constexpr int64_t kMostWeightBytes = int64_t{64} << 20;

constexpr int64_t divided(int64_t value, int64_t by) {
  return (value + by - 1) / by;
}
constexpr int64_t rounded(int64_t value, int64_t to) {
  return divided(value, to) * to;
}

bool is_supported(const ContextualAttentionCall& call) {
  if (call.height < 1 || call.width < 1 || call.channels < 1 || call.channels > kMostChannels ||
      call.items < 0)
    return false;
  const int64_t positions = divided(call.height, 2) * divided(call.width, 2);
  return positions <= kMostPositions && std::isfinite(call.scale) && call.n_down >= 0 && call.n_down <= 8 &&
         (int64_t{std::max(call.height, call.width)} << call.n_down) <= INT32_MAX;
}

Shape shape_of(const ContextualAttentionCall& call) {
  Shape shape{};
  shape.height = call.height;
  shape.width = call.width;
  shape.channels = call.channels;
  shape.h = static_cast<int32_t>(divided(call.height, 2));
  shape.w = static_cast<int32_t>(divided(call.width, 2));
  const auto size = static_cast<int64_t>(element_bytes(call.precision));
  shape.depth = static_cast<int32_t>(rounded(call.channels * size, kStep) / size);
  shape.lanes = shape.w + 2 * kMargin;
  shape.rows = shape.h + 8;
  shape.cells_h = shape.h + 1;
  shape.cells_w = shape.w + 1;
  shape.fuse = call.fuse;
  shape.tf_compat = call.tf_compat;
  shape.n_down = call.n_down;
  return shape;
}

Tiling tiling_of(const Shape& shape, int64_t size) {
  const auto narrow = [](int64_t value) { return static_cast<int32_t>(value); };
  Tiling tiling{};
  tiling.bands = narrow(divided(shape.cells_h, kMostBandRows));
  tiling.band_rows = narrow(divided(shape.cells_h, tiling.bands));
  tiling.segments = narrow(divided(shape.cells_w, kQueries));
  tiling.segment_cells = narrow(divided(shape.cells_w, tiling.segments));
  tiling.statistics_key_segments = narrow(divided(shape.w, kKeys));
  tiling.paste_key_segments = narrow(divided(shape.cells_w, kKeys));

  const int64_t statistics_blocks = int64_t{tiling.tiles()} * tiling.statistics_key_segments;
  const int64_t most_splits = std::max<int64_t>(kMostStatistics / tiling.statistics_key_segments, 1);
  tiling.statistics_splits = narrow(
      std::clamp<int64_t>(divided(kBlocks, statistics_blocks), 1,
                          std::min<int64_t>(most_splits, statistics_deltas(shape.h, 0, tiling.band_rows))));

  // Weights take at most twice the memory of cells, but one tile by one window.
  const int64_t row_bytes = int64_t{tiling.tile_cells()} * shape.cells_w * size;
  const int64_t budget =
      std::min(8 * int64_t{shape.channels} * shape.cells_h * shape.cells_w * size, kMostWeightBytes);
  const int64_t all_rows = rounded(shape.cells_h, 8);
  const int64_t rows =
      std::clamp<int64_t>(budget / row_bytes / 8 * 8, 8, std::min<int64_t>(kWindowRows, all_rows));
  tiling.panel_tiles = narrow(std::clamp<int64_t>(budget / (row_bytes * rows), 1, tiling.tiles()));
  tiling.window_rows =
      narrow(std::clamp<int64_t>(budget / (row_bytes * tiling.panel_tiles) / 8 * 8, rows, all_rows));

  const int64_t walks = tiling.window_rows + tiling.band_rows - 1;
  tiling.paste_splits = narrow(std::clamp<int64_t>(
      divided(2 * kBlocks, int64_t{tiling.panel_tiles} * tiling.paste_key_segments), 1, walks));

  const int64_t product_rows = int64_t{tiling.panel_tiles} * tiling.tile_cells();
  const auto blocks = [&](int64_t side) {
    return divided(product_rows, side) * divided(4 * int64_t{shape.channels}, side);
  };
  tiling.large_product = blocks(128) >= 96;
  const int64_t chunks = divided(int64_t{tiling.window_rows} * shape.cells_w * size, kChunk);
  tiling.product_splits = narrow(std::clamp<int64_t>(divided(192, blocks(tiling.large_product ? 128 : 64)), 1,
                                                     std::clamp<int64_t>(chunks / 4, 1, 4)));
  return tiling;
}

Layout layout_of(const Shape& shape, const Tiling& tiling, int64_t size) {
  Layout layout{};
  size_t end = 0;
  const auto take = [&](int64_t bytes) {
    const size_t at = end;
    end += static_cast<size_t>(rounded(bytes, 256));
    return at;
  };
  constexpr int64_t kFloat = sizeof(float);
  const int64_t lanes = int64_t{shape.rows} * shape.lanes;
  const int64_t positions = int64_t{shape.h} * shape.w;
  layout.valid_words = shape.w / 32 + 6;
  layout.offset_pitch = shape.w + 32;
  layout.cell_pitch = rounded(int64_t{shape.cells_h} * shape.cells_w, 8);
  layout.weight_pitch = int64_t{tiling.window_rows} * shape.cells_w;
  layout.queries = take(lanes * shape.depth * size);
  layout.keys = take(lanes * shape.depth * size);
  layout.inverse = take(lanes * kFloat);
  layout.squares = take(positions * kFloat);
  layout.hole = take(positions);
  layout.valid = take(int64_t{shape.h} * layout.valid_words * kFloat);
  layout.cells = take(4 * int64_t{shape.channels} * layout.cell_pitch * size);
  layout.partial =
      take(int64_t{tiling.statistics_key_segments} * tiling.statistics_splits * positions * 2 * kFloat);
  layout.offsets = take(int64_t{shape.h} * layout.offset_pitch * kFloat);
  layout.counters = take(4 * kFloat);
  layout.flags = take(2 * int64_t{tiling.tiles()} * kFloat);
  layout.lists = take(2 * int64_t{tiling.tiles()} * kFloat);
  const int64_t rows = int64_t{tiling.panel_tiles} * tiling.tile_cells();
  layout.weights = take(rows * layout.weight_pitch * size);
  layout.sums = take(tiling.product_splits * rows * 4 * shape.channels * kFloat);
  layout.total = end;
  return layout;
}

}  // namespace

Plan plan_of(const ContextualAttentionCall& call) {
  Plan plan{};
  if (!is_supported(call)) return plan;
  const auto size = static_cast<int64_t>(element_bytes(call.precision));
  plan.shape = shape_of(call);
  plan.tiling = tiling_of(plan.shape, size);
  plan.layout = layout_of(plan.shape, plan.tiling, size);
  plan.supported = true;
  return plan;
}

}  // namespace infill::cuda::attention

namespace infill::cuda {

size_t contextual_attention_workspace(const ContextualAttentionCall& call) {
  const attention::Plan plan = attention::plan_of(call);
  return plan.supported ? plan.layout.total : 0;
}

// The loops of the kernels, counting.
ContextualAttentionCost contextual_attention_cost(const ContextualAttentionCall& call) {
  using namespace attention;
  ContextualAttentionCost cost;
  const Plan plan = plan_of(call);
  if (!plan.supported) return cost;
  const Shape& shape = plan.shape;
  const Tiling& tiling = plan.tiling;
  const auto size = static_cast<double>(element_bytes(call.precision));
  double statistics_steps = 0;
  double paste_steps = 0;
  cost.launches = 7 + 2;
  for (int32_t band = 0; band < tiling.bands; ++band) {
    const int32_t begin = band * tiling.band_rows;
    const int32_t cells_end = std::min(begin + tiling.band_rows, shape.cells_h);
    const int32_t end = std::min(cells_end, shape.h);
    for (int32_t i = 0; i < statistics_deltas(shape.h, begin, end) && begin < end; ++i) {
      const Walk walk = statistics_walk(shape.h, shape.fuse, begin, end, first_statistics_delta(end) + i);
      statistics_steps += count_steps(walk, shape.fuse);
    }
    for (int32_t key = 0; key < shape.cells_h; key += tiling.window_rows) {
      const int32_t key_end = std::min(key + tiling.window_rows, shape.cells_h);
      for (int32_t i = 0; i < paste_deltas(begin, cells_end, key, key_end); ++i) {
        const Walk walk = paste_walk(shape.h, shape.fuse, begin, cells_end, key, key_end,
                                     first_paste_delta(cells_end, key) + i);
        paste_steps += count_steps(walk, shape.fuse);
      }
    }
  }
  // The last segment may begin right of the last query.
  const double query_segments = static_cast<double>(divided(shape.w, tiling.segment_cells));
  statistics_steps *= query_segments * tiling.statistics_key_segments;
  paste_steps *= static_cast<double>(tiling.segments) * tiling.paste_key_segments;
  const double step = double{kTileQueries} * kTileKeys * shape.depth;
  cost.statistics = statistics_steps * step;
  cost.scores = paste_steps * step;
  cost.gram_bytes = (statistics_steps + paste_steps) * (kTileQueries + kTileKeys) * shape.depth * size;

  const int64_t side = tiling.large_product ? 128 : 64;
  const int64_t depth = kChunk / static_cast<int64_t>(element_bytes(call.precision));
  for (int32_t panel = 0; panel < tiling.panels(); ++panel) {
    const int64_t tiles = std::min(tiling.panel_tiles, tiling.tiles() - panel * tiling.panel_tiles);
    const int64_t row_blocks = divided(tiles * tiling.tile_cells(), side);
    const int64_t column_blocks = divided(4 * int64_t{shape.channels}, side);
    for (int32_t key = 0; key < shape.cells_h; key += tiling.window_rows) {
      const int64_t keys = int64_t{std::min(tiling.window_rows, shape.cells_h - key)} * shape.cells_w;
      const auto blocks = static_cast<double>(row_blocks * column_blocks);
      const auto chunks = static_cast<double>(rounded(keys, depth));
      cost.paste += blocks * static_cast<double>(side * side) * chunks;
      cost.weight_bytes += blocks * static_cast<double>(side) * chunks * size;
      cost.weight_bytes += static_cast<double>(tiles * tiling.tile_cells() * keys) * size;
      cost.pixel_bytes += blocks * static_cast<double>(side) * chunks * size;
      cost.sum_bytes += static_cast<double>(tiles * tiling.tile_cells() * 4 * shape.channels) *
                        tiling.product_splits * (key == 0 ? 4 : 8);
      cost.launches += 2;
    }
    cost.launches += 1;
  }
  const double positions = static_cast<double>(shape.h) * shape.w;
  cost.needed = positions * positions * 6 * shape.channels;
  cost.least_bytes = 3.0 * shape.height * shape.width * shape.channels * size;
  return cost;
}

}  // namespace infill::cuda
