// Scattered pixels of a grid as a sorted list, and the coarser list that covers it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/canvas.h"
#include "core/memory.h"
#include "core/task.h"

namespace infill::classic {

// Index of a pixel = its place in the list. The list's length itself stands for "not in the set".
struct PixelSet {
  int32_t width = 0, height = 0;
  int32_t count = 0;
  std::span<Point> at;           // sorted by y, then x; the first count are in use
  std::span<int32_t> row_begin;  // height + 1 indices

  static PixelSet lay_out(int32_t width, int32_t height, int64_t capacity, Arena& arena);
};

// The canvas's kHole pixels. set was laid out for them.
void list_holes(const Canvas& canvas, PixelSet& set, Task& task);

// Halves a grid: a coarse pixel covers 2x2 pixels, and its label is
//   kExcluded  when all of them are excluded or outside,
//   kHole      when all others, and at least two, are holes,
//   kKnown     otherwise.
// So structures less than two pixels wide vanish; smoothing solves for them. With a laxer rule the coarse
// problem reaches beyond the hole, and cycles take longer and win less. Lists the coarse holes in set; pixels
// that would go beyond its capacity become kKnown. fine_count: how many holes the fine grid has.
void coarsen(const Plane<const uint8_t>& fine, int32_t fine_count, const Plane<uint8_t>& coarse,
             PixelSet& set, Task& task);

// Outside the plane nothing is there.
template <class T>
[[nodiscard]] uint8_t label_or_excluded(const Plane<T>& label, int32_t x, int32_t y) {
  return label.contains(x, y) ? label.at(x, y) : static_cast<uint8_t>(kExcluded);
}

// How many coarse holes there can be above `capacity` fine ones: those that cover four pixels that are there
// take four each; the others, at borders, are limited to what a straight border needs.
[[nodiscard]] int64_t coarse_capacity(int64_t capacity, int32_t coarse_width, int32_t coarse_height);

// Finds pixels of a set; quick when asked for positions near the last one in a row.
class RowCursor {
 public:
  RowCursor() = default;
  explicit RowCursor(const PixelSet& set) : set_(&set) {}
  // The first index in row y that is not left of x; end() when there is none.
  int32_t seek(int32_t x, int32_t y) {
    if (y != y_) start(x, y);
    while (at_ > begin_ && set_->at[at_ - 1].x >= x) --at_;
    while (at_ < end_ && set_->at[at_].x < x) ++at_;
    return at_;
  }
  [[nodiscard]] int32_t end() const { return end_; }
  // The index of pixel (x, y), or the set's count.
  int32_t find(int32_t x, int32_t y) {
    const int32_t at = seek(x, y);
    return at < end_ && set_->at[at].x == x ? at : set_->count;
  }
  // The same for (x, y), (x + 1, y), (x + 2, y).
  std::array<int32_t, 3> find_three(int32_t x, int32_t y) {
    std::array<int32_t, 3> found;
    int32_t at = seek(x, y);
    for (int32_t k = 0; k < 3; ++k) found[k] = at < end_ && set_->at[at].x == x + k ? at++ : set_->count;
    return found;
  }

 private:
  void start(int32_t x, int32_t y);
  const PixelSet* set_ = nullptr;
  int32_t y_ = -1, begin_ = 0, end_ = 0, at_ = 0;
};

// The 5x5 indices around pixels, row by row.
class WindowCursor {
 public:
  static constexpr int kSize = 25;
  using Window = std::array<int32_t, kSize>;
  explicit WindowCursor(const PixelSet& set) : set_(&set) { rows_.fill(RowCursor(set)); }
  Window around(Point p) {
    Window window;
    window.fill(set_->count);
    for (int dy = -2; dy <= 2; ++dy) {
      RowCursor& row = rows_[dy + 2];
      for (int32_t j = row.seek(p.x - 2, p.y + dy); j < row.end() && set_->at[j].x <= p.x + 2; ++j) {
        window[(dy + 2) * 5 + set_->at[j].x - p.x + 2] = j;
      }
    }
    return window;
  }

 private:
  const PixelSet* set_;
  std::array<RowCursor, 5> rows_;
};

}  // namespace infill::classic
