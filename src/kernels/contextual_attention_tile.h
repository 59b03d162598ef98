// One tile of contextual attention: a rectangle of cells of y, computed by one thread.
#pragma once

#include <cstdint>

#include "core/memory.h"
#include "kernels/contextual_attention_problem.h"

namespace infill::kernels {
class Parallel;
}

namespace infill::kernels::attention {

// Cells (r, x) with y0 <= r < y1, x0 <= x < x1; not empty. They need the queries one further up and left.
struct TileCells {
  int32_t y0 = 0, y1 = 0, x0 = 0, x1 = 0;

  [[nodiscard]] int32_t height() const { return y1 - y0; }
  [[nodiscard]] int32_t width() const { return x1 - x0; }
};

// Rows (queries, or cells) by lanes (the keys of a window).
struct Slab {
  float* data = nullptr;
  int64_t pitch = 0;

  [[nodiscard]] float* row(int64_t i) const { return data + i * pitch; }
};

// Keys [begin, end) of a row of keys outside which a row of weights is 0.
struct Span {
  int32_t begin, end;
};

struct TileScratch {
  Slab work;                         // products, then scores, then weights of cells
  Slab box[3];                       // products summed along rows, of three query rows
  Slab flat[3];                      // scores summed along flat indices, of three query rows
  Slab attention[2];                 // softmax, of two query rows
  Bfloat16* half_weights = nullptr;  // rows of `work`, rounded, for bfloat16's products
  float* slab_data = nullptr;
  int64_t slab_size = 0;      // of all slabs
  uint8_t* active[2]{};       // queries whose row of `attention` is not 0
  uint8_t* needed = nullptr;  // query rows that a window is computed for
  float* maximum = nullptr;   // [query]
  float* denominator = nullptr;
  float* window_maximum = nullptr;  // [window, query]
  Span* spans = nullptr;            // [cell of a row, key row of a window]
  float* y = nullptr;               // [cell, panels * kPanel], the result
};

// Problem::window_rows, and the most cells of a tile along x: slabs of that size stay in the cache.
[[nodiscard]] int32_t window_rows(const Grid& grid);
[[nodiscard]] int32_t tile_width(const Problem& problem);

[[nodiscard]] TileScratch lay_out_tile(Arena& arena, const Problem& problem, int32_t height, int32_t width);

// Queries of a tile, in order of rows: scratch.maximum and denominator are [height, width] of them.
struct TileQueries {
  int32_t y0, y1, x0, x1;

  TileQueries(const Grid& grid, const TileCells& cells)
      : y0(cells.y0 > 0 ? cells.y0 - 1 : 0),
        y1(cells.y1 < grid.h ? cells.y1 : grid.h),
        x0(cells.x0 > 0 ? cells.x0 - 1 : 0),
        x1(cells.x1 < grid.w ? cells.x1 : grid.w) {}
  [[nodiscard]] int32_t height() const { return y1 - y0; }
  [[nodiscard]] int32_t width() const { return x1 - x0; }
  [[nodiscard]] int64_t index(int32_t r, int32_t x) const { return int64_t{r - y0} * width() + x - x0; }
};

// Computes scratch.y, maximum and denominator.
void compute_tile(const Problem& problem, const TileCells& cells, const TileScratch& scratch,
                  Parallel& parallel);

}  // namespace infill::kernels::attention
