// Contextual attention as its tiles see it: everything prepared once per image.
//
// Positions (r, x) of the h x w grid lie in an extended grid with a margin, so that a diagonal shift by a row
// or a pixel is a shift by a fixed number of lanes everywhere. Fuse runs over flat indices, which wrap: to
// the left of (r, 0) is (r - 1, w - 1), and above (0, x) is (h - 1, x - 1). So with fuse the margin is 2
// wide, the margin left and right of a row holds the ends of the rows above and below, and rows -2, -1 hold
// rows h - 2, h - 1 again, rows h, h + 1 hold rows 0, 1. Which lanes are neighbours in the picture, and so in
// one patch, is told by masks: `left` is 1 where the lane on the left holds the pixel on the left, else 0;
// `right`, `up`, `down` alike.
#pragma once

#include <cstdint>

#include "kernels/bfloat16.h"

namespace infill::kernels::attention {

struct Grid {
  int32_t h = 0, w = 0;  // positions
  int32_t margin = 0;    // 2 with fuse, else 1 (empty)

  [[nodiscard]] int32_t pitch() const { return w + 2 * margin; }
  [[nodiscard]] int32_t rows() const { return h + 2 * margin; }
  [[nodiscard]] int64_t lanes() const { return int64_t{pitch()} * rows(); }
  [[nodiscard]] int64_t lane(int64_t r, int64_t x) const { return (r + margin) * pitch() + x + margin; }
  [[nodiscard]] int64_t positions() const { return int64_t{h} * w; }
};

// Of every lane. Arrays are readable kSlack entries before and after.
struct LaneTables {
  float *left, *right, *up, *down;
  float* inverse;  // 1 / norm of the key's patch; 0 where no position is
  float* own;      // 1 where a position is
  float *gain,
      *bias;  // logit = gain * score + bias: scale and 0 for a valid key of the grid, else 0 and kNever
};
constexpr int64_t kSlack = 64;
constexpr float kNever = -1e30F;

struct Problem {
  Grid grid;
  int32_t channels = 0;
  bool fuse = false;
  LaneTables lanes{};
  float* queries = nullptr;  // [lanes, channels], 0 where nothing is
  float* keys = nullptr;     // [channels, key_pitch], 0 where nothing is
  int64_t key_pitch = 0;
  // Cell (r, x), 0..h by 0..w, holds the pixels (2 r - 1, 2 x - 1) to (2 r, 2 x) of b: four times channels
  // values.
  // In panels of kPanel values, [panels, (h + 1) (w + 1), kPanel], which products read without gaps; 0
  // outside b.
  float* cells = nullptr;
  int64_t panels = 0;
  // In place of the three above where products are bfloat16's: pairs of channels, or of cells of a row, whose
  // last one may be half empty (0).
  struct Halves {
    Bfloat16* queries = nullptr;  // [lanes, channels], as many channels as make pairs
    Bfloat16* keys = nullptr;     // [pairs of channels, key_pitch, 2]
    Bfloat16* cells = nullptr;    // [panels, h + 1, pairs of cells, kPanel, 2]
  } halves{};
  bool in_bfloat16 = false;
  [[nodiscard]] int64_t channel_pairs() const { return (int64_t{channels} + 1) / 2; }
  [[nodiscard]] int64_t cell_pairs() const { return (int64_t{grid.w} + 2) / 2; }  // of a row
  float* zeros = nullptr;  // readable from -kSlack to the lanes of a window + kSlack
  int64_t masked = 0;      // keys that are not valid
  // Softmax terms below exp(-negligible) times the largest change no bit of a sum in float: taken as 0.
  float negligible = 0;
  int32_t window_rows = 0;  // rows of keys that a query row is compared with in one go
};
constexpr int64_t kPanel = 48;

// Window k of query row r: the key rows r + window_offset(k) and the window_rows - 1 after it.
[[nodiscard]] inline int32_t window_offset(const Problem& problem, int32_t k) {
  return 1 - problem.grid.h + k * problem.window_rows;
}
[[nodiscard]] inline int32_t window_count(const Problem& problem) {
  return (2 * problem.grid.h - 1 + problem.window_rows - 1) / problem.window_rows;
}

}  // namespace infill::kernels::attention
