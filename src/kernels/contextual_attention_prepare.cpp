#include "kernels/contextual_attention_prepare.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/contextual_attention_tile.h"

namespace infill::kernels::attention {
namespace {

// Rounded up to whole cache lines, an odd number of them, so that rows do not compete for one set of the
// cache.
[[nodiscard]] int64_t odd_lines(int64_t floats) {
  return ((floats + 15) / 16 | 1) * 16;
}

// A part of the extended grid whose lanes are neighbours as their flat indices are: the grid itself, or with
// fuse the rows it wraps to. Row r of the extended grid holds flat indices from (r + shift) w.
[[nodiscard]] int64_t flat_index(const Grid& grid, int32_t shift, int32_t r, int32_t x) {
  const int64_t flat = (int64_t{r} + shift) * grid.w + x;
  return flat >= 0 && flat < grid.positions() ? flat : -1;
}

struct Lane {
  int64_t position = -1;  // flat index or -1
  int32_t shift = 0;      // which part it is of
  bool own = false;       // a patch may lie here; else it is only the neighbour of one
};

// Margins of one part that hold nothing are where the edge of the next part finds its neighbours.
[[nodiscard]] Lane lane_at(const Grid& grid, bool fuse, int32_t r, int32_t x) {
  if (r < -grid.margin || r >= grid.h + grid.margin || x < -grid.margin || x >= grid.w + grid.margin)
    return {};
  if (!fuse) {
    if (r < 0 || r >= grid.h || x < 0 || x >= grid.w) return {};
    return {.position = int64_t{r} * grid.w + x, .shift = 0, .own = true};
  }
  const int32_t own_shift = r < 0 ? grid.h : (r >= grid.h ? -grid.h : 0);
  const int64_t own = flat_index(grid, own_shift, r, x);
  if (own >= 0) return {.position = own, .shift = own_shift, .own = true};
  for (const int32_t shift : {-grid.h, 0, grid.h}) {
    // Only the row next to a part's own rows.
    const bool next = shift == 0 ? (r == -1 || r == grid.h) : (shift > 0 ? r == 0 : r == grid.h - 1);
    const int64_t flat = next ? flat_index(grid, shift, r, x) : -1;
    if (flat >= 0) return {.position = flat, .shift = shift, .own = false};
  }
  return {};
}

// Whether `other` holds the pixel at `distance` in flat order from the one `lane` holds, in the same part.
[[nodiscard]] bool joined(const Lane& lane, const Lane& other, int64_t distance) {
  return lane.position >= 0 && other.position >= 0 && lane.shift == other.shift &&
         other.position - lane.position == distance;
}

class Preparation {
 public:
  Preparation(const ContextualAttention& attention, const float* f, const float* b, const AttentionMask& mask,
              Prepared& prepared, Parallel& parallel)
      : attention_(attention),
        f_(f),
        b_(b),
        mask_(mask),
        out_(prepared),
        grid_(prepared.problem.grid),
        parallel_(parallel) {}

  void run() {
    sample();
    std::fill(out_.lane_data.begin(), out_.lane_data.end(), 0.0F);
    std::fill_n(out_.problem.zeros - kSlack, zeros_size(out_.problem), 0.0F);
    if (out_.problem.in_bfloat16) {
      clear_around(out_.problem.halves.keys, out_.problem.channel_pairs(), 2);
    } else {
      clear_around(out_.problem.keys, out_.problem.channels, 1);
    }
    parallel_.run(grid_.h, [&](int64_t r) { read_row(static_cast<int32_t>(r)); });
    parallel_.run(grid_.h, [&](int64_t r) { find_valid(static_cast<int32_t>(r)); });
    out_.problem.masked = std::count(out_.valid.begin(), out_.valid.end(), uint8_t{0});
    parallel_.run(grid_.rows(), [&](int64_t r) { fill_lanes(static_cast<int32_t>(r) - grid_.margin); });
    parallel_.run(grid_.h + 1, [&](int64_t r) { copy_cells(static_cast<int32_t>(r)); });
  }

  [[nodiscard]] static size_t zeros_size(const Problem& problem) {
    return static_cast<size_t>(int64_t{problem.window_rows} * problem.grid.pitch() + 2 * kSlack);
  }

 private:
  void sample() {
    const int32_t step = 2 << attention_.n_down;
    const bool align = attention_.tf_compat;
    for (int32_t r = 0; r < grid_.h; ++r) {
      out_.row[r] = sampled_pixel(r, grid_.h, attention_.height, 2, align);
      out_.mask_row[r] = sampled_pixel(r, grid_.h, attention_.height << attention_.n_down, step, align);
    }
    for (int32_t x = 0; x < grid_.w; ++x) {
      out_.column[x] = sampled_pixel(x, grid_.w, attention_.width, 2, align);
      out_.mask_column[x] = sampled_pixel(x, grid_.w, attention_.width << attention_.n_down, step, align);
    }
  }

  // Rows of keys are lanes of `step` values; what no lane fills, and the slack, becomes 0.
  template <class Value>
  void clear_around(Value* keys, int64_t rows, int64_t step) const {
    const int64_t pitch = out_.problem.key_pitch * step;
    std::fill_n(keys - kSlack * step, kSlack * step, Value{});
    std::fill_n(keys + rows * pitch, kSlack * step, Value{});
    for (int64_t i = 0; i < rows; ++i)
      std::fill(keys + i * pitch + grid_.lanes() * step, keys + (i + 1) * pitch, Value{});
  }

  [[nodiscard]] const float* pixel(const float* image, int64_t position) const {
    const int64_t r = out_.row[position / grid_.w];
    const int64_t x = out_.column[position % grid_.w];
    return image + (r * attention_.width + x) * attention_.channels;
  }

  void read_row(int32_t r) {
    parallel_.advance(grid_.w);
    const int64_t mask_row = int64_t{out_.mask_row[r]} * (int64_t{attention_.width} << attention_.n_down);
    for (int32_t x = 0; x < grid_.w; ++x) {
      const int64_t position = int64_t{r} * grid_.w + x;
      const int64_t at = mask_row + out_.mask_column[x];
      out_.hole[position] = (mask_.bytes != nullptr && mask_.bytes[at] != 0) ||
                            (mask_.floats != nullptr && mask_.floats[at] != 0);
      const float* values = pixel(b_, position);
      float sum = 0;
      for (int32_t c = 0; c < attention_.channels; ++c) sum += values[c] * values[c];
      out_.square[position] = sum;
    }
  }

  // Calls body(flat index) for the positions of the patch around (r, x).
  template <class Body>
  void for_patch(int32_t r, int32_t x, const Body& body) const {
    for (int32_t y = std::max(r - 1, 0); y <= std::min(r + 1, grid_.h - 1); ++y) {
      for (int32_t i = std::max(x - 1, 0); i <= std::min(x + 1, grid_.w - 1); ++i) {
        body(int64_t{y} * grid_.w + i);
      }
    }
  }

  void find_valid(int32_t r) {
    for (int32_t x = 0; x < grid_.w; ++x) {
      bool hole = false;
      for_patch(r, x, [&](int64_t position) { hole |= out_.hole[position] != 0; });
      out_.valid[int64_t{r} * grid_.w + x] = hole ? 0 : 1;
    }
  }

  [[nodiscard]] float inverse_norm(int64_t position) const {
    float sum = 0;
    for_patch(static_cast<int32_t>(position / grid_.w), static_cast<int32_t>(position % grid_.w),
              [&](int64_t neighbour) { sum += out_.square[neighbour]; });
    return 1.0F / std::max(std::sqrt(sum), 1e-4F);
  }

  void fill_lanes(int32_t r) {
    parallel_.advance(grid_.pitch());
    Problem& problem = out_.problem;
    const bool fuse = problem.fuse;
    for (int32_t x = -grid_.margin; x < grid_.w + grid_.margin; ++x) {
      const int64_t at = grid_.lane(r, x);
      const Lane lane = lane_at(grid_, fuse, r, x);
      const LaneTables& tables = problem.lanes;
      const bool on_grid = r >= 0 && r < grid_.h && x >= 0 && x < grid_.w;
      const bool valid = on_grid && out_.valid[lane.position] != 0;
      tables.gain[at] = valid ? attention_.scale : 0;
      tables.bias[at] = valid ? 0 : kNever;
      const bool empty = lane.position < 0;
      put_lane(at, empty ? nullptr : pixel(f_, lane.position), empty ? nullptr : pixel(b_, lane.position));
      if (empty) continue;
      const int64_t in_row = lane.position % grid_.w;
      const auto flag = [](bool set) { return set ? 1.0F : 0.0F; };
      tables.left[at] = flag(in_row > 0 && joined(lane, lane_at(grid_, fuse, r, x - 1), -1));
      tables.right[at] = flag(in_row < grid_.w - 1 && joined(lane, lane_at(grid_, fuse, r, x + 1), 1));
      tables.up[at] = flag(joined(lane, lane_at(grid_, fuse, r - 1, x), -grid_.w));
      tables.down[at] = flag(joined(lane, lane_at(grid_, fuse, r + 1, x), grid_.w));
      tables.own[at] = flag(lane.own);
      tables.inverse[at] = lane.own ? inverse_norm(lane.position) : 0;
    }
  }

  // Query and key of a lane; null: 0.
  void put_lane(int64_t at, const float* query, const float* key) const {
    const Problem& problem = out_.problem;
    const int64_t channels = problem.channels;
    const auto of = [channels](const float* values, int64_t c) {
      return values != nullptr && c < channels ? values[c] : 0.0F;
    };
    if (problem.in_bfloat16) {
      const int64_t depth = 2 * problem.channel_pairs();
      for (int64_t c = 0; c < depth; ++c) {
        problem.halves.queries[at * depth + c] = to_bfloat16(of(query, c));
        problem.halves.keys[(c / 2 * problem.key_pitch + at) * 2 + c % 2] = to_bfloat16(of(key, c));
      }
      return;
    }
    for (int64_t c = 0; c < channels; ++c) {
      problem.queries[at * channels + c] = of(query, c);
      problem.keys[c * problem.key_pitch + at] = of(key, c);
    }
  }

  // Values of cell (r, x) in pairs with its neighbour's; also those of the empty cell that ends the last
  // pair.
  void put_half_cell(int32_t r, int32_t x) const {
    const Problem& problem = out_.problem;
    const int64_t channels = problem.channels;
    const int64_t panel_size = int64_t{grid_.h + 1} * problem.cell_pairs() * 2 * kPanel;
    Bfloat16* cell = problem.halves.cells + (int64_t{r} * problem.cell_pairs() + x / 2) * 2 * kPanel + x % 2;
    int64_t j = 0;
    const auto put = [&](float value) {
      cell[j / kPanel * panel_size + 2 * (j % kPanel)] = to_bfloat16(value);
      ++j;
    };
    for (int32_t i = 0; i < 4; ++i) {
      const int64_t row = 2 * int64_t{r} - 1 + i / 2;
      const int64_t column = 2 * int64_t{x} - 1 + i % 2;
      const bool there =
          x <= grid_.w && row >= 0 && row < attention_.height && column >= 0 && column < attention_.width;
      const float* values = there ? b_ + (row * attention_.width + column) * channels : nullptr;
      for (int64_t c = 0; c < channels; ++c) put(there ? values[c] : 0);
    }
    while (j < problem.panels * kPanel) put(0);
  }

  void copy_cells(int32_t r) {
    const int64_t channels = attention_.channels;
    const Problem& problem = out_.problem;
    const int64_t panel_size = int64_t{grid_.h + 1} * (grid_.w + 1) * kPanel;
    parallel_.advance(static_cast<uint64_t>(grid_.w + 1) * 4);
    if (problem.in_bfloat16) {
      for (int32_t x = 0; x < 2 * problem.cell_pairs(); ++x) put_half_cell(r, x);
      return;
    }
    for (int32_t x = 0; x <= grid_.w; ++x) {
      float* cell = problem.cells + (int64_t{r} * (grid_.w + 1) + x) * kPanel;
      // Value j of a cell lies in panel j / kPanel.
      const auto put = [&](int64_t j, int64_t count, const float* values) {
        for (int64_t end = j + count; j < end;) {
          const int64_t piece = std::min(end - j, kPanel - j % kPanel);
          float* to = cell + j / kPanel * panel_size + j % kPanel;
          if (values == nullptr) {
            std::fill_n(to, piece, 0.0F);
          } else {
            std::copy_n(values, piece, to);
            values += piece;
          }
          j += piece;
        }
      };
      for (int32_t i = 0; i < 4; ++i) {
        const int64_t row = 2 * int64_t{r} - 1 + i / 2;
        const int64_t column = 2 * int64_t{x} - 1 + i % 2;
        if (row < 0 || row >= attention_.height || column < 0 || column >= attention_.width) {
          put(i * channels, channels, nullptr);
        } else {
          put(i * channels, channels, b_ + (row * attention_.width + column) * channels);
        }
      }
      put(4 * channels, problem.panels * kPanel - 4 * channels, nullptr);
    }
  }

  const ContextualAttention& attention_;
  const float* f_;
  const float* b_;
  const AttentionMask& mask_;
  Prepared& out_;
  const Grid& grid_;
  Parallel& parallel_;
};

}  // namespace

int32_t sampled_pixel(int32_t i, int32_t n, int32_t size, int32_t step, bool align_corners) {
  if (!align_corners) return i * step;
  if (n == 1) return 0;
  // Evenly spaced from both ends towards the middle, in float, rounded half up: exact halves fall to one side
  // or the other as the published weights have it.
  const auto last = static_cast<float>(size - 1);
  const float spacing = last / static_cast<float>(n - 1);
  const float at =
      i < n / 2 ? spacing * static_cast<float>(i) : last - spacing * static_cast<float>(n - 1 - i);
  return static_cast<int32_t>(std::floor(at + 0.5F));
}

Prepared lay_out(Arena& arena, const ContextualAttention& attention) {
  Prepared prepared;
  Problem& problem = prepared.problem;
  problem.grid = {
      .h = attention.grid_height(), .w = attention.grid_width(), .margin = attention.fuse ? 2 : 1};
  problem.channels = attention.channels;
  problem.fuse = attention.fuse;
  problem.window_rows = window_rows(problem.grid);
  const auto positions = static_cast<size_t>(problem.grid.positions());
  // The terms left out of a sum of `positions` terms, the largest of which is 1, come to less than 2^-25.
  problem.negligible = 25 * std::log(2.0F) + std::log(static_cast<float>(positions));
  prepared.row = arena.take<int32_t>(problem.grid.h);
  prepared.mask_row = arena.take<int32_t>(problem.grid.h);
  prepared.column = arena.take<int32_t>(problem.grid.w);
  prepared.mask_column = arena.take<int32_t>(problem.grid.w);
  prepared.hole = arena.take<uint8_t>(positions);
  prepared.valid = arena.take<uint8_t>(positions);
  prepared.square = arena.take<float>(positions);
  const int64_t lanes = problem.grid.lanes();
  const int64_t table = odd_lines(lanes) + 2 * kSlack;
  constexpr int64_t kTables = 8;
  prepared.lane_data = arena.take<float>(static_cast<size_t>(kTables * table));
  problem.key_pitch = odd_lines(lanes);
  problem.panels = (4 * int64_t{problem.channels} + kPanel - 1) / kPanel;
  problem.in_bfloat16 = attention.precision == Precision::kBfloat16;
  const int64_t column_values = problem.panels * kPanel * (problem.grid.h + 1);
  float* keys = nullptr;
  Bfloat16* half_keys = nullptr;
  if (problem.in_bfloat16) {
    const auto take = [&](int64_t count) { return arena.take<Bfloat16>(static_cast<size_t>(count)).data(); };
    const int64_t depth = 2 * problem.channel_pairs();
    problem.halves.queries = take(lanes * depth);
    half_keys = take(depth * problem.key_pitch + 4 * kSlack);
    problem.halves.cells = take(column_values * 2 * problem.cell_pairs());
  } else {
    const auto take = [&](int64_t count) { return arena.take<float>(static_cast<size_t>(count)).data(); };
    problem.queries = take(lanes * problem.channels);
    keys = take(problem.channels * problem.key_pitch + 2 * kSlack);
    problem.cells = take(column_values * (problem.grid.w + 1));
  }
  float* zeros = arena.take<float>(Preparation::zeros_size(problem)).data();
  if (arena.is_measuring()) return prepared;
  if (problem.in_bfloat16) {
    problem.halves.keys = half_keys + 2 * kSlack;
  } else {
    problem.keys = keys + kSlack;
  }
  problem.zeros = zeros + kSlack;
  float* at = prepared.lane_data.data() + kSlack;
  LaneTables& tables = problem.lanes;
  for (float** each : {&tables.left, &tables.right, &tables.up, &tables.down, &tables.inverse, &tables.own,
                       &tables.gain, &tables.bias}) {
    *each = at;
    at += table;
  }
  return prepared;
}

void prepare(const ContextualAttention& attention, const float* f, const float* b, const AttentionMask& mask,
             Prepared& prepared, Parallel& parallel) {
  Preparation(attention, f, b, mask, prepared, parallel).run();
}

}  // namespace infill::kernels::attention
