#include "kernels/contextual_attention_tile.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/contextual_attention_tile.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/contextual_attention_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infill::kernels::attention::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using kernels::HWY_NAMESPACE::Floats;
using kernels::HWY_NAMESPACE::kLanes;
using kernels::HWY_NAMESPACE::kTileVectors;
using kernels::HWY_NAMESPACE::multiply_pairs;
using kernels::HWY_NAMESPACE::PlainProduct;
using kernels::HWY_NAMESPACE::ProductTile;
using kernels::HWY_NAMESPACE::round_row;
using kernels::HWY_NAMESPACE::RowBlocks;
using kernels::HWY_NAMESPACE::with_tile;
using Vector = hn::Vec<Floats>;

// exp(x) for x <= 0, within 2e-7 of it; below -87 it stays at exp(-87).
HWY_INLINE Vector exp_negative(Vector x) {
  const Floats d;
  const hn::RebindToSigned<Floats> integers;
  const auto in_range = hn::Max(x, hn::Set(d, -87.0F));
  const auto n = hn::Round(hn::Mul(in_range, hn::Set(d, 1.44269504F)));
  // ln 2 in two parts, so that the remainder keeps its bits.
  auto r = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), in_range);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), r);
  // Taylor: |r| <= ln 2 / 2 leaves 5e-9.
  auto e = hn::Set(d, 1.0F / 5040);
  e = hn::MulAdd(e, r, hn::Set(d, 1.0F / 720));
  e = hn::MulAdd(e, r, hn::Set(d, 1.0F / 120));
  e = hn::MulAdd(e, r, hn::Set(d, 1.0F / 24));
  e = hn::MulAdd(e, r, hn::Set(d, 1.0F / 6));
  e = hn::MulAdd(e, r, hn::Set(d, 0.5F));
  e = hn::MulAdd(e, r, hn::Set(d, 1.0F));
  e = hn::MulAdd(e, r, hn::Set(d, 1.0F));
  const auto exponent = hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(integers, n), hn::Set(integers, 127)));
  return hn::Mul(e, hn::BitCast(d, exponent));
}

HWY_INLINE float exp_negative(float x) {
  return hn::GetLane(exp_negative(hn::Set(Floats(), x)));
}

// Adds the cells of a window's key rows, weighted, to cells of y.
struct PasteBody {
  const Span* spans;  // of key rows
  int32_t key_rows;
  const float* weights;                 // at (cell 0, key row 0, key 0)
  int64_t weights_pitch, weights_step;  // from cell to cell, from key row to key row
  const float* cells;                   // a part of a panel
  int64_t cell_step;                    // from key row to key row
  float* y;
  int64_t y_pitch;

  template <int kRows, int kVectors>
  HWY_INLINE void run() const {
    ProductTile<kRows, kVectors> tile;
    tile.load(y, y_pitch);
    for (int32_t a = 0; a < key_rows; ++a) {
      const Span span = spans[a];
      if (span.begin >= span.end) continue;
      tile.add({.a = weights + a * weights_step + span.begin,
                .a_pitch = weights_pitch,
                .b = cells + a * cell_step + span.begin * kPanel,
                .b_pitch = kPanel,
                .count = span.end - span.begin});
    }
    tile.store(y, y_pitch);
  }
};

// Lanes [begin, end) of a slab, relative to its window's first key row.
struct Range {
  int64_t begin = 0, end = 0;
};

class Tile {
 public:
  Tile(const Problem& problem, const TileCells& cells, const TileScratch& scratch, Parallel& parallel)
      : p_(problem),
        grid_(problem.grid),
        s_(scratch),
        parallel_(parallel),
        cells_(cells),
        queries_(grid_, cells),
        reach_(problem.fuse ? 2 : 1),
        // Fuse wraps to the column on the left or right of the tile.
        first_x_(queries_.x0 - (problem.fuse && queries_.x0 > 0 ? 3 : reach_)),
        columns_(queries_.x1 + (problem.fuse && queries_.x1 < grid_.w ? 3 : reach_) - first_x_) {}

  void run() {
    const int64_t queries = int64_t{queries_.height()} * queries_.width();
    std::fill_n(s_.slab_data, s_.slab_size, 0.0F);
    const bool some_masked = p_.masked > 0;
    std::fill_n(s_.maximum, queries, some_masked ? 0.0F : -std::numeric_limits<float>::infinity());
    std::fill_n(s_.denominator, queries, static_cast<float>(p_.masked));
    // Windows that hold keys of the grid for some row of the tile.
    first_window_ = (grid_.h - queries_.y1) / p_.window_rows;
    last_window_ = (2 * grid_.h - 2 - queries_.y0) / p_.window_rows;
    for (int32_t k = first_window_; k <= last_window_; ++k) {
      for (int32_t r = queries_.y0; r < queries_.y1; ++r) s_.needed[r - queries_.y0] = has_keys(k, r);
      walk(k, [&](int32_t r) HWY_ATTR { add_statistics(k, r); });
    }
    std::fill_n(s_.y, int64_t{cells_.height()} * cells_.width() * p_.panels * kPanel, 0.0F);
    for (int32_t k = first_window_; k <= last_window_; ++k) {
      bool any = false;
      for (int32_t r = queries_.y0; r < queries_.y1; ++r) {
        const bool needed = has_keys(k, r) && matters(k, r);
        s_.needed[r - queries_.y0] = needed;
        any |= needed;
      }
      if (any) walk(k, [&](int32_t r) HWY_ATTR { paste(k, r); });
    }
  }

 private:
  [[nodiscard]] int32_t first_key_row(int32_t k, int32_t r) const { return r + window_offset(p_, k); }
  [[nodiscard]] bool has_keys(int32_t k, int32_t r) const {
    const int32_t first = first_key_row(k, r);
    return first < grid_.h && first + p_.window_rows > 0;
  }
  [[nodiscard]] bool needed(int32_t r) const {
    return r >= queries_.y0 && r < queries_.y1 && s_.needed[r - queries_.y0] != 0;
  }
  [[nodiscard]] bool needed_within(int32_t r, int32_t reach) const {
    for (int32_t i = r - reach; i <= r + reach; ++i) {
      if (needed(i)) return true;
    }
    return false;
  }
  [[nodiscard]] float* window_maximum(int32_t k, int32_t r) const {
    const int64_t queries = int64_t{queries_.height()} * queries_.width();
    return s_.window_maximum + (k - first_window_) * queries + queries_.index(r, queries_.x0);
  }
  [[nodiscard]] bool matters(float window_maximum, int64_t query) const {
    return window_maximum - s_.maximum[query] >= -p_.negligible;
  }
  [[nodiscard]] bool matters(int32_t k, int32_t r) const {
    const float* maxima = window_maximum(k, r);
    const int64_t first = queries_.index(r, queries_.x0);
    for (int32_t i = 0; i < queries_.width(); ++i) {
      if (matters(maxima[i], first + i)) return true;
    }
    return false;
  }
  [[nodiscard]] static int slot(int32_t r) { return (r + 3) % 3; }

  // Key rows of window k of query row r between `from` and `to`, as lanes.
  [[nodiscard]] Range range(int32_t k, int32_t r, int32_t from, int32_t to) const {
    const int32_t first = first_key_row(k, r);
    const int64_t begin = std::max(first, from) - first;
    const int64_t end = std::min(first + p_.window_rows, to) - first;
    return {begin * grid_.pitch(), end * grid_.pitch()};
  }
  // The lane of the tables that a slab's lane 0 stands for.
  [[nodiscard]] int64_t table_lane(int32_t k, int32_t r) const {
    return grid_.lane(first_key_row(k, r), -grid_.margin);
  }
  // A column of the table where the query's own flag is set, else zeros.
  [[nodiscard]] const float* if_set(const float* table, int64_t query_lane, int64_t key_lane) const {
    return table[query_lane] != 0 ? table + key_lane : p_.zeros;
  }

  // For rows of queries from top to bottom; each stage lags behind the rows below that it needs. then(r) is
  // called for every row of cells of the tile.
  template <class Then>
  HWY_INLINE void walk(int32_t k, const Then& then) {
    const int32_t margin = p_.fuse ? 2 : 0;
    for (int32_t r = queries_.y0 - reach_; r < cells_.y1 + reach_; ++r) {
      if (r >= -margin && r < grid_.h + margin && needed_within(r, reach_)) multiply(k, r);
      const int32_t above = r - 1;
      const int32_t around = p_.fuse ? 1 : 0;
      if (above >= -around && above < grid_.h + around && needed_within(above, around)) score(k, above);
      if (r - reach_ >= queries_.y0) then(r - reach_);
    }
  }

  // box: products of single pixels, summed over the three of a row.
  void multiply(int32_t k, int32_t r) {
    const int32_t margin = p_.fuse ? 2 : 0;
    const Range lanes = range(k, r, -margin, grid_.h + margin);
    if (lanes.begin >= lanes.end) return;
    parallel_.advance(static_cast<uint64_t>(columns_ * (lanes.end - lanes.begin)));
    const int64_t query_lane = grid_.lane(r, first_x_);
    const int64_t key_lane = table_lane(k, r);
    const RowBlocks blocks(columns_);
    for (int64_t l = lanes.begin; l < lanes.end; l += kTileVectors * kLanes) {
      const int64_t vectors = std::min<int64_t>((lanes.end - l + kLanes - 1) / kLanes, kTileVectors);
      for (int64_t block = 0; block < blocks.count; ++block) {
        const int64_t i = blocks.begin(block);
        const auto rows = static_cast<int>(blocks.begin(block + 1) - i);
        if (p_.in_bfloat16) {
          const int64_t depth = 2 * p_.channel_pairs();
          multiply_pairs(rows, vectors,
                         {.terms = {.a = p_.halves.queries + (query_lane + i) * depth,
                                    .a_pitch = depth,
                                    .b = p_.halves.keys + 2 * (key_lane + l),
                                    .b_pitch = 2 * p_.key_pitch,
                                    .count = p_.channel_pairs()},
                          .c = s_.work.row(i) + l,
                          .c_pitch = s_.work.pitch,
                          .more = false});
          continue;
        }
        const PlainProduct body{.terms = {.a = p_.queries + (query_lane + i) * p_.channels,
                                          .a_pitch = p_.channels,
                                          .b = p_.keys + key_lane + l,
                                          .b_pitch = p_.key_pitch,
                                          .count = p_.channels},
                                .c = s_.work.row(i) + l,
                                .c_pitch = s_.work.pitch};
        with_tile(rows, static_cast<int>(vectors), body);
      }
    }
    const Slab& box = s_.box[slot(r)];
    for (int64_t i = 1; i < columns_ - 1; ++i) {
      const float* HWY_RESTRICT before = s_.work.row(i - 1);
      const float* HWY_RESTRICT here = s_.work.row(i);
      const float* HWY_RESTRICT after = s_.work.row(i + 1);
      const float* HWY_RESTRICT left = if_set(p_.lanes.left, query_lane + i, key_lane);
      const float* HWY_RESTRICT right = if_set(p_.lanes.right, query_lane + i, key_lane);
      float* HWY_RESTRICT out = box.row(i);
      const Floats d;
      for (int64_t l = lanes.begin; l < lanes.end; l += kLanes) {
        auto sum = hn::LoadU(d, here + l);
        sum = hn::MulAdd(hn::LoadU(d, left + l), hn::LoadU(d, before + l - 1), sum);
        sum = hn::MulAdd(hn::LoadU(d, right + l), hn::LoadU(d, after + l + 1), sum);
        hn::StoreU(sum, d, out + l);
      }
    }
  }

  // Scores of patches; with fuse, their sums along flat indices.
  void score(int32_t k, int32_t r) {
    const int32_t around = p_.fuse ? 1 : 0;
    const Range lanes = range(k, r, -around, grid_.h + around);
    if (lanes.begin >= lanes.end) return;
    const Floats d;
    const int64_t query_lane = grid_.lane(r, first_x_);
    const int64_t key_lane = table_lane(k, r);
    const float* HWY_RESTRICT inverse = p_.lanes.inverse + key_lane;
    const Slab& scores = p_.fuse ? s_.work : s_.flat[slot(r)];
    for (int64_t i = 1; i < columns_ - 1; ++i) {
      const float* HWY_RESTRICT above = s_.box[slot(r - 1)].row(i);
      const float* HWY_RESTRICT here = s_.box[slot(r)].row(i);
      const float* HWY_RESTRICT below = s_.box[slot(r + 1)].row(i);
      const float* HWY_RESTRICT up = if_set(p_.lanes.up, query_lane + i, key_lane);
      const float* HWY_RESTRICT down = if_set(p_.lanes.down, query_lane + i, key_lane);
      const float* HWY_RESTRICT norm = p_.lanes.own[query_lane + i] != 0 ? inverse : p_.zeros;
      float* HWY_RESTRICT out = scores.row(i);
      for (int64_t l = lanes.begin; l < lanes.end; l += kLanes) {
        auto sum = hn::LoadU(d, here + l);
        sum = hn::MulAdd(hn::LoadU(d, up + l), hn::LoadU(d, above + l), sum);
        sum = hn::MulAdd(hn::LoadU(d, down + l), hn::LoadU(d, below + l), sum);
        hn::StoreU(hn::Mul(sum, hn::LoadU(d, norm + l)), d, out + l);
      }
    }
    if (p_.fuse) sum_flat(k, r, lanes);
  }

  void sum_flat(int32_t k, int32_t r, const Range& lanes) {
    const Floats d;
    for (int64_t i = 2; i < columns_ - 2; ++i) {
      const float* HWY_RESTRICT before = s_.work.row(i - 1);
      const float* HWY_RESTRICT here = s_.work.row(i);
      const float* HWY_RESTRICT after = s_.work.row(i + 1);
      float* HWY_RESTRICT out = s_.flat[slot(r)].row(i);
      for (int64_t l = lanes.begin; l < lanes.end; l += kLanes) {
        const auto sum = hn::Add(hn::LoadU(d, before + l - 1), hn::LoadU(d, here + l));
        hn::StoreU(hn::Add(sum, hn::LoadU(d, after + l + 1)), d, out + l);
      }
      // Above the first key and below the last in order of columns is nothing.
      const int64_t base = table_lane(k, r);
      const int64_t before_first = grid_.lane(-1, -1) - base;
      const int64_t after_last = grid_.lane(grid_.h, grid_.w) - base;
      if (before_first >= lanes.begin && before_first < lanes.end) out[before_first] = 0;
      if (after_last >= lanes.begin && after_last < lanes.end) out[after_last] = 0;
    }
  }

  // Logits of query (r, x) for the keys of window k that are on the grid, into out; lanes outside `lanes`
  // are left as they were, but for a vector behind.
  HWY_INLINE void logits(int32_t k, int32_t r, int32_t x, float* HWY_RESTRICT out) const {
    const int64_t i = x - first_x_;
    const int32_t first = first_key_row(k, r);
    const float* HWY_RESTRICT here = s_.flat[slot(r)].row(i);
    const float* above = p_.zeros;
    const float* below = p_.zeros;
    if (p_.fuse) {
      // Above the first row is the last one, a pixel to the left; nothing is above its first pixel.
      const int64_t shift_up = r == 0 ? -1 : 0;
      const int64_t shift_down = r == grid_.h - 1 ? 1 : 0;
      if (x + shift_up >= 0) above = s_.flat[slot(r - 1)].row(i + shift_up);
      if (x + shift_down < grid_.w) below = s_.flat[slot(r + 1)].row(i + shift_down);
    }
    const int64_t pitch = grid_.pitch();
    const float* HWY_RESTRICT gain = p_.lanes.gain + table_lane(k, r);
    const float* HWY_RESTRICT bias = p_.lanes.bias + table_lane(k, r);
    const Floats d;
    const int32_t begin = std::max(first, 0);
    const int32_t end = std::min(first + p_.window_rows, grid_.h);
    for (int32_t row = begin; row < end;) {
      const bool is_first = row == 0;
      const bool is_last = row == grid_.h - 1;
      const int32_t next = is_first || is_last ? row + 1 : std::min(end, grid_.h - 1);
      const float* HWY_RESTRICT up = above - (is_first ? 1 : 0);
      const float* HWY_RESTRICT down = below + (is_last ? 1 : 0);
      for (int64_t l = (row - first) * pitch; l < (next - first) * pitch; l += kLanes) {
        const auto sum =
            hn::Add(hn::Add(hn::LoadU(d, up + l), hn::LoadU(d, here + l)), hn::LoadU(d, down + l));
        hn::StoreU(hn::MulAdd(sum, hn::LoadU(d, gain + l), hn::LoadU(d, bias + l)), d, out + l);
      }
      row = next;
    }
  }

  void add_statistics(int32_t k, int32_t r) {
    if (!needed(r)) return;
    const Floats d;
    const Range lanes = range(k, r, 0, grid_.h);
    float* HWY_RESTRICT row = s_.attention[0].row(0);
    float* maxima = window_maximum(k, r);
    const int64_t first = queries_.index(r, queries_.x0);
    for (int32_t n = 0; n < queries_.width(); ++n) {
      logits(k, r, queries_.x0 + n, row);
      hn::StoreU(hn::Set(d, kNever), d, row + lanes.end);
      auto most = hn::Set(d, kNever);
      for (int64_t l = lanes.begin; l < lanes.end; l += kLanes) most = hn::Max(most, hn::LoadU(d, row + l));
      maxima[n] = hn::GetLane(hn::MaxOfLanes(d, most));
      float& maximum = s_.maximum[first + n];
      float& denominator = s_.denominator[first + n];
      if (!matters(maxima[n], first + n)) continue;
      if (maxima[n] > maximum) {
        denominator *= exp_negative(maximum - maxima[n]);
        maximum = maxima[n];
      }
      const auto largest = hn::Set(d, maximum);
      auto sum = hn::Zero(d);
      for (int64_t l = lanes.begin; l < lanes.end; l += kLanes) {
        sum = hn::Add(sum, exp_above(hn::Sub(hn::LoadU(d, row + l), largest)));
      }
      denominator += hn::GetLane(hn::SumOfLanes(d, sum));
    }
  }

  // exp(x), 0 where it is negligible.
  [[nodiscard]] HWY_INLINE Vector exp_above(Vector x) const {
    const Floats d;
    return hn::IfThenElseZero(hn::Ge(x, hn::Set(d, -p_.negligible)), exp_negative(x));
  }

  // Row r of cells: window k's share.
  void paste(int32_t k, int32_t r) {
    attend(k, r);
    if (r < cells_.y0 || !(needed(r) || needed(r - 1))) return;
    weigh(k, r);
    const int32_t first = std::max(first_key_row(k, r), 0);
    const int32_t key_rows = std::min(first_key_row(k, r) + p_.window_rows, grid_.h + 1) - first;
    const int64_t window_rows = p_.window_rows;
    const RowBlocks blocks(cells_.width());
    const int64_t vectors = (4 * int64_t{p_.channels} + kLanes - 1) / kLanes;
    const int64_t cell_count = int64_t{grid_.h + 1} * (grid_.w + 1);
    const int64_t y_pitch = p_.panels * kPanel;
    for (int64_t block = 0; block < blocks.count; ++block) {
      Span* spans = s_.spans + blocks.begin(block) * window_rows;
      for (int64_t i = blocks.begin(block) + 1; i < blocks.begin(block + 1); ++i) {
        for (int32_t a = 0; a < key_rows; ++a) {
          const Span other = s_.spans[i * window_rows + a];
          spans[a] = {std::min(spans[a].begin, other.begin), std::max(spans[a].end, other.end)};
        }
      }
    }
    for (int64_t v = 0; v < vectors; v += kTileVectors) {
      for (int64_t block = 0; block < blocks.count; ++block) {
        const int64_t i = blocks.begin(block);
        const Span* spans = s_.spans + i * window_rows;
        if (std::all_of(spans, spans + key_rows, [](Span span) { return span.begin >= span.end; })) continue;
        const int64_t y = (int64_t{r - cells_.y0} * cells_.width() + i) * y_pitch;
        const int64_t lane = int64_t{first - first_key_row(k, r)} * grid_.pitch() + grid_.margin;
        const auto rows = static_cast<int>(blocks.begin(block + 1) - i);
        const int64_t panel_vectors = std::min<int64_t>(vectors - v, kTileVectors);
        if (p_.in_bfloat16) {
          const int64_t row_size = p_.cell_pairs() * 2 * kPanel;
          const Bfloat16* cells = p_.halves.cells + (v * kLanes / kPanel * (grid_.h + 1) + first) * row_size +
                                  2 * (v * kLanes % kPanel);
          for (int32_t a = 0; a < key_rows; ++a) {
            const Span span = spans[a];
            if (span.begin >= span.end) continue;
            const int64_t at = i * s_.work.pitch + lane + int64_t{a} * grid_.pitch() + span.begin;
            multiply_pairs(rows, panel_vectors,
                           {.terms = {.a = s_.half_weights + at,
                                      .a_pitch = s_.work.pitch,
                                      .b = cells + a * row_size + int64_t{span.begin} * kPanel,
                                      .b_pitch = 2 * kPanel,
                                      .count = (int64_t{span.end} - span.begin + 1) / 2},
                            .c = s_.y + y + v * kLanes,
                            .c_pitch = y_pitch,
                            .more = true});
          }
          continue;
        }
        const PasteBody body{
            .spans = spans,
            .key_rows = key_rows,
            .weights = s_.work.row(i) + lane,
            .weights_pitch = s_.work.pitch,
            .weights_step = grid_.pitch(),
            .cells = p_.cells + (v * kLanes / kPanel * cell_count + int64_t{first} * (grid_.w + 1)) * kPanel +
                     v * kLanes % kPanel,
            .cell_step = (grid_.w + 1) * kPanel,
            .y = s_.y + y + v * kLanes,
            .y_pitch = y_pitch,
        };
        with_tile(rows, static_cast<int>(panel_vectors), body);
      }
    }
  }

  // attention: the softmax of queries of row r, times 1/4, which pasting divides by.
  void attend(int32_t k, int32_t r) {
    uint8_t* active = s_.active[r & 1];
    std::fill_n(active, columns_, uint8_t{0});
    if (!needed(r)) return;
    const Floats d;
    const Range lanes = range(k, r, 0, grid_.h);
    const Slab& slab = s_.attention[r & 1];
    const float* maxima = window_maximum(k, r);
    const int64_t first = queries_.index(r, queries_.x0);
    for (int32_t n = 0; n < queries_.width(); ++n) {
      if (!matters(maxima[n], first + n)) continue;
      const int64_t i = queries_.x0 + n - first_x_;
      active[i] = 1;
      float* HWY_RESTRICT row = slab.row(i);
      logits(k, r, queries_.x0 + n, row);
      const auto largest = hn::Set(d, s_.maximum[first + n]);
      const auto factor = hn::Set(d, 0.25F / s_.denominator[first + n]);
      for (int64_t l = lanes.begin; l < lanes.end; l += kLanes) {
        hn::StoreU(hn::Mul(exp_above(hn::Sub(hn::LoadU(d, row + l), largest)), factor), d, row + l);
      }
      std::fill(row, row + lanes.begin, 0.0F);
      std::fill(row + lanes.end, slab.row(i + 1) - kSlack / 2, 0.0F);
    }
  }

  // work: what each key cell gives to each cell of row r, and where that is not 0.
  void weigh(int32_t k, int32_t r) {
    const Floats d;
    const int32_t first = std::max(first_key_row(k, r), 0);
    const int32_t end = std::min(first_key_row(k, r) + p_.window_rows, grid_.h + 1);
    constexpr auto lanes = static_cast<int32_t>(kLanes);
    for (int32_t n = 0; n < cells_.width(); ++n) {
      const int32_t x = cells_.x0 + n;
      const float* HWY_RESTRICT from[4];
      bool any = false;
      for (int j = 0; j < 4; ++j) {
        const int32_t query_row = r - j / 2;
        const int32_t query_x = x - j % 2;
        const int64_t i = query_x - first_x_;
        const bool is_active = query_row >= queries_.y0 && query_row < queries_.y1 &&
                               query_x >= queries_.x0 && query_x < queries_.x1 &&
                               s_.active[query_row & 1][i] != 0;
        from[j] = is_active ? s_.attention[query_row & 1].row(i) - j % 2 : p_.zeros;
        any |= is_active;
      }
      Span* spans = s_.spans + int64_t{n} * p_.window_rows;
      float* HWY_RESTRICT out = s_.work.row(n);
      for (int32_t row = first; row < end; ++row) {
        int32_t begin = grid_.w + 1;
        int32_t last = 0;
        const int64_t lane = int64_t{row - first_key_row(k, r)} * grid_.pitch() + grid_.margin;
        for (int32_t l = 0; l < grid_.w + 1; l += lanes) {
          auto sum = hn::Zero(d);
          if (any) {
            sum = hn::Add(hn::Add(hn::LoadU(d, from[0] + lane + l), hn::LoadU(d, from[1] + lane + l)),
                          hn::Add(hn::LoadU(d, from[2] + lane + l), hn::LoadU(d, from[3] + lane + l)));
          }
          hn::StoreU(sum, d, out + lane + l);
          if (!hn::AllFalse(d, hn::Gt(sum, hn::Zero(d)))) {
            begin = std::min(begin, l);
            last = l + lanes;
          }
        }
        spans[row - first] = {begin, std::min(last, grid_.w + 1)};
      }
      if (p_.in_bfloat16) {
        const int64_t begin = int64_t{first - first_key_row(k, r)} * grid_.pitch();
        const int64_t count = int64_t{end - first} * grid_.pitch() + grid_.margin;
        round_row(out + begin, count, s_.half_weights + n * s_.work.pitch + begin);
      }
    }
  }

  const Problem& p_;
  const Grid& grid_;
  const TileScratch& s_;
  Parallel& parallel_;
  const TileCells cells_;
  const TileQueries queries_;
  const int32_t reach_;    // rows of products around a row of logits
  const int32_t first_x_;  // of the queries that slabs hold; rows of slabs are columns of the picture
  const int64_t columns_;
  int32_t first_window_ = 0, last_window_ = 0;
};

void compute(const Problem& problem, const TileCells& cells, const TileScratch& scratch, Parallel& parallel) {
  Tile(problem, cells, scratch, parallel).run();
}

}  // namespace
}  // namespace infill::kernels::attention::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infill::kernels::attention {
namespace {
HWY_EXPORT(compute);

// Lanes of a slab at which a few slabs fit into the second level cache.
constexpr int32_t kSlabLanes = 273;
constexpr int32_t kMostCells = 65;

[[nodiscard]] Slab take_slab(float*& data, int64_t rows, int64_t pitch) {
  const Slab slab{data + kSlack / 2, pitch};
  data += rows * pitch + kSlack;
  return slab;
}
}  // namespace

void compute_tile(const Problem& problem, const TileCells& cells, const TileScratch& scratch,
                  Parallel& parallel) {
  HWY_DYNAMIC_DISPATCH(compute)(problem, cells, scratch, parallel);
}

int32_t window_rows(const Grid& grid) {
  return std::clamp(kSlabLanes / grid.pitch(), 1, std::min(grid.h, 8));
}

int32_t tile_width(const Problem& problem) {
  const int64_t lanes = int64_t{problem.window_rows} * problem.grid.pitch();
  return static_cast<int32_t>(std::clamp<int64_t>(int64_t{64} * 1024 / lanes, 16, kMostCells));
}

TileScratch lay_out_tile(Arena& arena, const Problem& problem, int32_t height, int32_t width) {
  TileScratch scratch;
  const int64_t rows = width + 6;
  const int64_t lanes = int64_t{problem.window_rows} * problem.grid.pitch();
  const int64_t pitch = (lanes + kSlack + 15) / 16 * 16;
  constexpr int64_t kSlabs = 9;
  scratch.slab_size = kSlabs * (rows * pitch + kSlack);
  scratch.slab_data = arena.take<float>(static_cast<size_t>(scratch.slab_size)).data();
  if (problem.in_bfloat16)
    scratch.half_weights = arena.take<Bfloat16>(static_cast<size_t>(rows * pitch)).data();
  if (!arena.is_measuring()) {
    float* data = scratch.slab_data;
    scratch.work = take_slab(data, rows, pitch);
    for (Slab& slab : scratch.box) slab = take_slab(data, rows, pitch);
    for (Slab& slab : scratch.flat) slab = take_slab(data, rows, pitch);
    for (Slab& slab : scratch.attention) slab = take_slab(data, rows, pitch);
  }
  for (uint8_t*& active : scratch.active) active = arena.take<uint8_t>(static_cast<size_t>(rows)).data();
  scratch.needed = arena.take<uint8_t>(static_cast<size_t>(height) + 1).data();
  const auto queries = static_cast<size_t>((int64_t{height} + 1) * (int64_t{width} + 1));
  const auto windows = static_cast<size_t>((int64_t{problem.grid.h} + height) / problem.window_rows + 2);
  scratch.maximum = arena.take<float>(queries).data();
  scratch.denominator = arena.take<float>(queries).data();
  scratch.window_maximum = arena.take<float>(queries * windows).data();
  scratch.spans =
      arena.take<Span>(static_cast<size_t>(width) * static_cast<size_t>(problem.window_rows)).data();
  scratch.y = arena
                  .take<float>(static_cast<size_t>(height) * static_cast<size_t>(width) *
                               static_cast<size_t>(problem.panels * kPanel))
                  .data();
  return scratch;
}

}  // namespace infill::kernels::attention
#endif
