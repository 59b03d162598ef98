// How contextual attention is cut into tiles, windows and panels, and where things lie in the workspace.
// Everything follows from the sizes alone, never from the mask or from what is wanted: so pixels have the
// same bits whichever of them are computed.
//
// Rows of positions lie in an extended grid, so that a shift along a diagonal is a shift by one row and one
// lane everywhere. Fuse runs over flat indices, which wrap: to the left of (r, 0) is (r - 1, w - 1), and
// above (0, x) is (h - 1, x - 1). So a row goes on to both sides with what is there in flat order, kMargin
// lanes; and there are three parts, each with a row above and below its own:
//
//   part -1   rows h-2, h-1, h    moved one lane to the right: its row h - 1 lies above row 0 in order of
//   columns part  0   rows -1 .. h        the picture part +1   rows -1, 0, 1       moved one lane to the
//   left: its row 0 lies below row h - 1
//
// Lane x of row v of part s holds flat index (v - s h) w + x + s if that is one of 0 .. L - 1, else nothing.
// v counts on from part to part: -2..0, -1..h and h-1..h+1.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/contextual_attention.h"

#ifdef __CUDACC__
#define INFILL_HOST_DEVICE __host__ __device__
#else
#define INFILL_HOST_DEVICE
#endif

namespace infill::cuda::attention {

constexpr int kMargin = 2;
// A tile of Gram products: kTileQueries x kTileKeys lanes. Threads own runs of kRun steps along diagonals; of
// a tile's lanes, kRuns kRun queries and kKeys keys are its own, the rest is what diagonal sums reach:
// kBefore and kAfter.
constexpr int kBefore = 3, kAfter = 2;
constexpr int kRun = 9, kRuns = 3;
constexpr int kTileQueries = 32, kTileKeys = 72;
constexpr int kQueries = kRun * kRuns;
constexpr int kKeys = kTileKeys - kBefore - kAfter;
constexpr int kDiagonals = 96;  // of a run, three warps: kKeys + kRun - 1, rounded up
constexpr int kWalkThreads = kRuns * kDiagonals;
constexpr int kMostBandRows = 44;
constexpr int kPlainThreads = 256;  // of kernels without tiles
constexpr int kStep = 32;           // bytes of a row that one step of tensor core products takes
constexpr int kChunk = 64;          // bytes of a row that are copied to shared memory at a time
constexpr float kNever = -1e30F;    // a logit of which the softmax has nothing
constexpr float kLog2E = 1.44269504F;
static_assert(kQueries + kBefore + kAfter <= kTileQueries && kKeys + kRun - 1 <= kDiagonals);

struct Shape {
  int32_t height, width, channels;
  int32_t h, w;              // positions
  int32_t depth;             // channels and zeros, so that steps are full
  int32_t lanes, rows;       // of the extended grid
  int32_t cells_h, cells_w;  // h + 1, w + 1
  bool fuse, tf_compat;
  int32_t n_down;
};

// Tiles cover the cells: bands of rows, segments of columns.
struct Tiling {
  int32_t bands, band_rows, segments, segment_cells;
  int32_t statistics_key_segments, statistics_splits;  // blocks of a tile in the first pass
  int32_t paste_key_segments, paste_splits;            // in the second
  int32_t window_rows;                                 // rows of key cells of a window, a multiple of 8
  int32_t panel_tiles;                                 // tiles whose weights exist at one time
  int32_t product_splits;                              // of the sum over a window's keys when pasting
  bool large_product;                                  // tiles of 128 x 128 instead of 64 x 64

  INFILL_HOST_DEVICE constexpr int32_t tiles() const { return bands * segments; }
  INFILL_HOST_DEVICE constexpr int32_t tile_cells() const { return band_rows * segment_cells; }
  INFILL_HOST_DEVICE constexpr int32_t panels() const { return (tiles() + panel_tiles - 1) / panel_tiles; }
};

// Byte offsets in the workspace.
struct Layout {
  size_t queries, keys;  // [rows, lanes, depth]
  size_t inverse;        // [rows, lanes] floats: 1 / norm of the key's patch, 0 where no position is
  size_t squares;        // [h, w] floats: squared length of b's pixel
  size_t hole;           // [h, w] bytes
  size_t valid;          // [h, valid_words] bits: bit x + 32 of a row
  size_t
      cells;  // [4 channels, cell_pitch]: pixels (2 r - 1, 2 x - 1) to (2 r, 2 x) of b for all cells (r, x)
  size_t partial;   // [splits, h, w] pairs of floats: maximum and denominator over some keys
  size_t offsets;   // [h, offset_pitch] floats: log2 of a query's exp(maximum) denominator
  size_t counters;  // 4 ints: masked keys, tiles with needed queries, tiles with wanted cells
  size_t flags;     // [2, tiles] ints
  size_t lists;     // [2, tiles] ints: those tiles
  size_t weights;   // [panel_tiles tile_cells, weight_pitch]
  size_t sums;      // [product_splits, panel_tiles tile_cells, 4 channels] floats
  size_t total;
  int32_t valid_words, offset_pitch;
  int64_t cell_pitch, weight_pitch;
};

// Half has no numbers below 6e-8: there the weights of a softmax over many keys are kept this many times as
// large.
INFILL_HOST_DEVICE constexpr float weight_scale(Precision precision) {
  return precision == Precision::kFloat16 ? 8192.0F : 1.0F;
}

struct Plan {
  Shape shape;
  Tiling tiling;
  Layout layout;
  bool supported = false;
};

Plan plan_of(const ContextualAttentionCall& call);

}  // namespace infill::cuda::attention
