#include "kernels/contextual_attention.h"

#include <algorithm>
#include <cmath>

#include "core/status.h"
#include "kernels/contextual_attention_prepare.h"
#include "kernels/contextual_attention_tile.h"

namespace infill::kernels {
namespace {

using attention::Prepared;
using attention::TileCells;
using attention::TileScratch;

constexpr int32_t kMostSide = 1 << 20;
constexpr int32_t kMostChannels = 1 << 16;
// Cells of a tile along y. Higher tiles repeat less at their edges; lower ones share out better and need less
// memory.
constexpr int32_t kLeastTileHeight = 4;
constexpr int32_t kMostTileHeight = 33;
// Unwanted cells between two wanted ones from which on they are worth a tile each: a tile's margins cost as
// much.
constexpr int32_t kGap = 8;

void require_side(const char* name, int32_t value, int32_t most) {
  if (value < 1 || value > most) {
    fail(Status::kInvalidArgument, name, ": ", value, " is not between 1 and ", most);
  }
}

void require_published(const char* name, int value, int published) {
  if (value != published) {
    fail(Status::kUnsupported, name, ": ", value, ", only ", published, " is built");
  }
}

void require_valid(const ContextualAttention& attention) {
  require_side("height", attention.height, kMostSide);
  require_side("width", attention.width, kMostSide);
  require_side("channels", attention.channels, kMostChannels);
  require_published("rate", attention.rate, 2);
  require_published("patch", attention.patch, 3);
  require_published("fuse_k", attention.fuse_k, 3);
  if (!std::isfinite(attention.scale)) {
    fail(Status::kInvalidArgument, "scale: ", attention.scale, " is not finite");
  }
  if (attention.n_down < 0 || attention.n_down > 8) {
    fail(Status::kInvalidArgument, "n_down: ", attention.n_down, " is not between 0 and 8");
  }
}

// How [0, rows) of cells is cut into bands of nearly equal height.
struct Bands {
  int32_t rows, count;

  Bands(int32_t total, int threads)
      : rows(total),
        count(std::max((total + kMostTileHeight - 1) / kMostTileHeight,
                       std::min(threads, (total + kLeastTileHeight - 1) / kLeastTileHeight))) {}
  [[nodiscard]] int32_t begin(int32_t band) const {
    return static_cast<int32_t>(int64_t{rows} * band / count);
  }
};

// Work of one call: the same layout for the size and for the run.
struct Layout {
  Prepared prepared;
  std::span<TileCells> tiles;
  int32_t tile_width = 0;
  int slots = 0;

  Layout(Arena& arena, const ContextualAttention& attention, int threads)
      : prepared(attention::lay_out(arena, attention)),
        tile_width(attention::tile_width(prepared.problem)),
        slots(std::max(threads, 1)) {
    const attention::Grid& grid = prepared.problem.grid;
    const int32_t in_band = (grid.w + 1) / kGap + (grid.w + 1) / tile_width + 2;
    tiles = arena.take<TileCells>(static_cast<size_t>(in_band) *
                                  static_cast<size_t>(Bands(grid.h + 1, slots).count));
  }

  [[nodiscard]] TileScratch take_slot(Arena& arena) const {
    const attention::Problem& problem = prepared.problem;
    return attention::lay_out_tile(arena, problem, std::min(kMostTileHeight, problem.grid.h + 1),
                                   std::min(tile_width, problem.grid.w + 1));
  }
};

class Run {
 public:
  Run(const ContextualAttention& attention, const ContextualAttentionForward& forward,
      std::span<std::byte> workspace, Parallel& parallel)
      : attention_(attention),
        forward_(forward),
        arena_(workspace.data(), workspace.size()),
        parallel_(parallel),
        layout_(arena_, attention, parallel.count()),
        grid_(layout_.prepared.problem.grid) {}

  void operator()() {
    attention::prepare(attention_, forward_.f, forward_.b, forward_.mask, layout_.prepared, parallel_);
    const attention::Problem& problem = layout_.prepared.problem;
    const bool none_valid = problem.masked == grid_.positions();
    if (none_valid || forward_.wanted != nullptr) clear(none_valid ? static_cast<float>(problem.masked) : 0);
    if (none_valid) return;
    const int64_t tiles = cut();
    const size_t mark = arena_.mark();
    Arena measure = Arena::measuring();
    static_cast<void>(layout_.take_slot(measure));
    const size_t slot_size = measure.peak();
    run_in_slots(parallel_, tiles, layout_.slots, [&](int64_t tile, int64_t slot) {
      Arena own = arena_;
      own.rewind(mark + static_cast<size_t>(slot) * slot_size);
      const TileScratch scratch = layout_.take_slot(own);
      const TileCells cells = layout_.tiles[static_cast<size_t>(tile)];
      compute_tile(problem, cells, scratch, parallel_);
      store_pixels(cells, scratch);
      store_statistics(cells, scratch);
    });
  }

 private:
  void clear(float denominator) {
    const int64_t row = int64_t{attention_.width} * attention_.channels;
    parallel_.run(attention_.height, [&](int64_t r) {
      parallel_.advance(static_cast<uint64_t>(attention_.width));
      std::fill_n(forward_.y + r * row, row, 0.0F);
    });
    const int64_t positions = grid_.positions();
    if (forward_.maximum != nullptr) std::fill_n(forward_.maximum, positions, 0.0F);
    if (forward_.denominator != nullptr) std::fill_n(forward_.denominator, positions, denominator);
  }

  [[nodiscard]] bool is_wanted(int32_t r, int32_t x) const {
    if (r < 0 || r >= grid_.h || x < 0 || x >= grid_.w) return false;
    return forward_.wanted == nullptr || forward_.wanted[int64_t{r} * grid_.w + x] != 0;
  }
  // Whether one of the four positions whose pixels a cell holds is wanted.
  [[nodiscard]] bool is_cell_wanted(int32_t r, int32_t x) const {
    return is_wanted(r, x) || is_wanted(r - 1, x) || is_wanted(r, x - 1) || is_wanted(r - 1, x - 1);
  }
  [[nodiscard]] bool is_row_wanted(int32_t r) const {
    for (int32_t x = 0; x <= grid_.w; ++x) {
      if (is_cell_wanted(r, x)) return true;
    }
    return false;
  }
  [[nodiscard]] bool is_column_wanted(int32_t x, int32_t y0, int32_t y1) const {
    for (int32_t r = y0; r < y1; ++r) {
      if (is_cell_wanted(r, x)) return true;
    }
    return false;
  }

  // Cuts what is wanted into tiles: bands of rows, and in each stretches of columns. Returns how many.
  int64_t cut() {
    int32_t top = 0;
    int32_t bottom = grid_.h + 1;
    while (top < bottom && !is_row_wanted(top)) ++top;
    while (top < bottom && !is_row_wanted(bottom - 1)) --bottom;
    if (top == bottom) return 0;
    const Bands bands(bottom - top, layout_.slots);
    int64_t count = 0;
    for (int32_t band = 0; band < bands.count; ++band) {
      const int32_t y0 = top + bands.begin(band);
      const int32_t y1 = top + bands.begin(band + 1);
      for (int32_t x = 0; x <= grid_.w; ++x) {
        if (!is_column_wanted(x, y0, y1)) continue;
        int32_t end = x + 1;  // of the last column wanted
        for (int32_t i = end; i <= grid_.w && i < end + kGap; ++i) {
          if (is_column_wanted(i, y0, y1)) end = i + 1;
        }
        count = add_stretch({y0, y1, x, end}, count);
        x = end;
      }
    }
    return count;
  }

  int64_t add_stretch(const TileCells& stretch, int64_t count) {
    const int32_t parts = (stretch.width() + layout_.tile_width - 1) / layout_.tile_width;
    for (int32_t i = 0; i < parts; ++i) {
      TileCells& tile = layout_.tiles[static_cast<size_t>(count++)];
      tile = stretch;
      tile.x0 = stretch.x0 + static_cast<int32_t>(int64_t{stretch.width()} * i / parts);
      tile.x1 = stretch.x0 + static_cast<int32_t>(int64_t{stretch.width()} * (i + 1) / parts);
    }
    return count;
  }

  void store_pixels(const TileCells& cells, const TileScratch& scratch) {
    const int64_t channels = attention_.channels;
    const int64_t pitch = layout_.prepared.problem.panels * attention::kPanel;
    const float* cell = scratch.y;
    for (int32_t r = cells.y0; r < cells.y1; ++r) {
      for (int32_t x = cells.x0; x < cells.x1; ++x, cell += pitch) {
        for (int32_t i = 0; i < 4; ++i) {
          const int64_t row = 2 * int64_t{r} - 1 + i / 2;
          const int64_t column = 2 * int64_t{x} - 1 + i % 2;
          if (row >= attention_.height || column >= attention_.width) continue;
          if (!is_wanted(r - 1 + i / 2, x - 1 + i % 2)) continue;
          std::copy_n(cell + i * channels, channels,
                      forward_.y + (row * attention_.width + column) * channels);
        }
      }
    }
  }

  // Neighbouring tiles both compute the queries between them; each query is stored by the tile with its cell.
  void store_statistics(const TileCells& cells, const TileScratch& scratch) {
    const attention::TileQueries queries(grid_, cells);
    for (int32_t r = cells.y0; r < queries.y1; ++r) {
      for (int32_t x = cells.x0; x < queries.x1; ++x) {
        const int64_t position = int64_t{r} * grid_.w + x;
        if (forward_.maximum != nullptr) forward_.maximum[position] = scratch.maximum[queries.index(r, x)];
        if (forward_.denominator != nullptr) {
          forward_.denominator[position] = scratch.denominator[queries.index(r, x)];
        }
      }
    }
  }

  const ContextualAttention& attention_;
  const ContextualAttentionForward& forward_;
  Arena arena_;
  Parallel& parallel_;
  Layout layout_;
  const attention::Grid& grid_;
};

}  // namespace

size_t contextual_attention_workspace(const ContextualAttention& attention, int threads) {
  require_valid(attention);
  Arena arena = Arena::measuring();
  const Layout layout(arena, attention, threads);
  for (int slot = 0; slot < layout.slots; ++slot) static_cast<void>(layout.take_slot(arena));
  return arena.peak();
}

void contextual_attention(const ContextualAttention& attention, const ContextualAttentionForward& forward,
                          std::span<std::byte> workspace, Parallel& parallel) {
  require_valid(attention);
  const auto require_array = [](const char* name, const void* pointer) {
    if (pointer == nullptr) fail(Status::kInvalidArgument, name, ": is null");
  };
  require_array("f", forward.f);
  require_array("b", forward.b);
  require_array("y", forward.y);
  if (forward.mask.bytes != nullptr && forward.mask.floats != nullptr) {
    fail(Status::kInvalidArgument, "mask: given as bytes and as floats");
  }
  const size_t needed = contextual_attention_workspace(attention, parallel.count());
  if (workspace.size() < needed) {
    fail(Status::kInvalidArgument, "workspace: ", workspace.size(), " bytes, ", needed, " are needed");
  }
  Run(attention, forward, workspace, parallel)();
}

}  // namespace infill::kernels
