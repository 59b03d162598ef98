// Walks along diagonals: query row v against key row v + delta, then the next of both. Each step is a Gram
// product of two rows of the extended grid (contextual_attention_plan.h). A patch's score needs three of
// them, a sum of fuse three scores. Where fuse wraps to another part of the grid, the row there has three
// steps of its own.
#pragma once

#include "cuda/contextual_attention_plan.h"

namespace infill::cuda::attention {

// Rows of finished scores, first to last; none if first > last.
struct Walk {
  int32_t delta = 0, first = 0, last = -1;
  int32_t cell_begin = 0, cell_end = 0;       // of the second pass: rows of cells that are stored
  int32_t wraps_before = 0, wraps_after = 0;  // 0 or 1; not bool, so that the struct has no gaps to be copied

  INFILL_HOST_DEVICE constexpr bool is_empty() const { return first > last; }
};

INFILL_HOST_DEVICE constexpr int32_t most(int32_t a, int32_t b) {
  return a > b ? a : b;
}
INFILL_HOST_DEVICE constexpr int32_t least(int32_t a, int32_t b) {
  return a < b ? a : b;
}

INFILL_HOST_DEVICE constexpr void find_wraps(Walk& walk, int32_t h, bool fuse) {
  walk.wraps_before = fuse && (walk.first == 0 || walk.first + walk.delta == 0) ? 1 : 0;
  walk.wraps_after = fuse && (walk.last == h - 1 || walk.last + walk.delta == h - 1) ? 1 : 0;
}

// First pass: query rows [begin, end) with every row of keys.
INFILL_HOST_DEVICE constexpr Walk statistics_walk(int32_t h, bool fuse, int32_t begin, int32_t end,
                                                  int32_t delta) {
  Walk walk;
  walk.delta = delta;
  walk.first = most(begin, -delta);
  walk.last = least(least(end, h), h - delta) - 1;
  find_wraps(walk, h, fuse);
  return walk;
}
INFILL_HOST_DEVICE constexpr int32_t first_statistics_delta(int32_t end) {
  return 1 - end;
}
INFILL_HOST_DEVICE constexpr int32_t statistics_deltas(int32_t h, int32_t begin, int32_t end) {
  return h - 1 - begin + end;
}

// Second pass: rows of cells [begin, end) with rows of key cells [key_begin, key_end). Cells need the row of
// scores above them, too.
INFILL_HOST_DEVICE constexpr Walk paste_walk(int32_t h, bool fuse, int32_t begin, int32_t end,
                                             int32_t key_begin, int32_t key_end, int32_t delta) {
  Walk walk;
  walk.delta = delta;
  walk.cell_begin = most(begin, key_begin - delta);
  walk.cell_end = least(end, key_end - delta);
  walk.first = most(most(walk.cell_begin - 1, 0), -delta);
  walk.last = least(least(walk.cell_end - 1, h - 1), h - 1 - delta);
  if (walk.cell_begin >= walk.cell_end) walk.last = walk.first - 1;
  find_wraps(walk, h, fuse);
  return walk;
}
INFILL_HOST_DEVICE constexpr int32_t first_paste_delta(int32_t end, int32_t key_begin) {
  return key_begin - end + 1;
}
INFILL_HOST_DEVICE constexpr int32_t paste_deltas(int32_t begin, int32_t end, int32_t key_begin,
                                                  int32_t key_end) {
  return key_end - key_begin + end - begin - 1;
}

// Part `index` of `parts` nearly equal ones of [0, count).
INFILL_HOST_DEVICE constexpr int32_t share_begin(int32_t count, int32_t index, int32_t parts) {
  return static_cast<int32_t>(static_cast<int64_t>(count) * index / parts);
}

// One step: rows `row` and `row` + delta, which lie in these parts of the extended grid. A stretch of steps
// is of one pair of parts.
struct Step {
  int32_t row = 0;
  int32_t stretch_begin = 0, stretch_end = -1;  // first and last row of the stretch
  int32_t stretch = 0;                          // 0: before the rows of the walk, 1: these, 2: behind
  int32_t query_part = 0, key_part = 0;
};

INFILL_HOST_DEVICE constexpr void enter_stretch(const Walk& walk, int32_t h, bool fuse, int32_t stretch,
                                                Step& step) {
  const int32_t reach = fuse ? 2 : 1;
  step.stretch = stretch;
  step.query_part = step.key_part = 0;
  if (stretch == 0) {
    step.stretch_begin = walk.first - 2;
    step.stretch_end = walk.first;
    step.query_part = walk.first == 0 ? -1 : 0;
    step.key_part = walk.first + walk.delta == 0 ? -1 : 0;
  } else if (stretch == 1) {
    step.stretch_begin = walk.first - (walk.wraps_before != 0 ? 1 : reach);
    step.stretch_end = walk.last + (walk.wraps_after != 0 ? 1 : reach);
  } else {
    step.stretch_begin = walk.last;
    step.stretch_end = walk.last + 2;
    step.query_part = walk.last == h - 1 ? 1 : 0;
    step.key_part = walk.last + walk.delta == h - 1 ? 1 : 0;
  }
  step.row = step.stretch_begin;
}
INFILL_HOST_DEVICE constexpr Step first_step(const Walk& walk, int32_t h, bool fuse) {
  Step step;
  enter_stretch(walk, h, fuse, walk.wraps_before != 0 ? 0 : 1, step);
  return step;
}
// False at the end of the walk.
INFILL_HOST_DEVICE constexpr bool next_step(const Walk& walk, int32_t h, bool fuse, Step& step) {
  if (step.row < step.stretch_end) {
    ++step.row;
    return true;
  }
  if (step.stretch == 2 || (step.stretch == 1 && walk.wraps_after == 0)) return false;
  enter_stretch(walk, h, fuse, step.stretch + 1, step);
  return true;
}
INFILL_HOST_DEVICE constexpr int32_t count_steps(const Walk& walk, bool fuse) {
  if (walk.is_empty()) return 0;
  const int32_t reach = fuse ? 2 : 1;
  return walk.last - walk.first + 1 + (walk.wraps_before != 0 ? 1 + 3 : reach) +
         (walk.wraps_after != 0 ? 1 + 3 : reach);
}

// The row of the extended grid that holds row v of a part.
INFILL_HOST_DEVICE constexpr int32_t grid_row(int32_t v, int32_t part) {
  return v + 4 + 2 * part;
}

}  // namespace infill::cuda::attention
