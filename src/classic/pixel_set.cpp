#include "classic/pixel_set.h"

#include <algorithm>

#include "core/status.h"

namespace infill::classic {

PixelSet PixelSet::lay_out(int32_t width, int32_t height, int64_t capacity, Arena& arena) {
  if (capacity >= INT32_MAX) fail(Status::kUnsupported, "hole: ", capacity, " pixels in one piece");
  PixelSet set{.width = width, .height = height, .count = 0, .at = {}, .row_begin = {}};
  set.at = arena.take<Point>(static_cast<size_t>(capacity));
  set.row_begin = arena.take<int32_t>(static_cast<size_t>(height) + 1);
  return set;
}

void list_holes(const Canvas& canvas, PixelSet& set, Task& task) {
  int32_t y = -1;
  set.count = 0;
  for (const Run& run : canvas.holes) {
    while (y < run.y) set.row_begin[++y] = set.count;
    for (int32_t x = run.x0; x < run.x1; ++x) {
      set.at[set.count++] = {x, run.y};
      if (set.count % 65536 == 0) task.advance(65536);
    }
  }
  task.advance(static_cast<uint64_t>(set.count % 65536));
  while (y < set.height) set.row_begin[++y] = set.count;
}

void coarsen(const Plane<const uint8_t>& fine, int32_t fine_count, const Plane<uint8_t>& coarse,
             PixelSet& set, Task& task) {
  constexpr int32_t kStep = 1 << 16;
  const auto capacity = static_cast<int32_t>(set.at.size());
  int32_t at_border = capacity - fine_count / 4;  // room for pixels that cover fewer than four
  set.count = 0;
  for (int32_t y = 0; y < coarse.height; ++y) {
    set.row_begin[y] = set.count;
    const bool inside = 2 * y + 1 < fine.height;
    const uint8_t* above = fine.row(2 * y);
    const uint8_t* below = inside ? fine.row(2 * y + 1) : nullptr;
    for (int32_t x = 0; x < coarse.width; ++x) {
      if (x % kStep == kStep - 1) task.advance(uint64_t{4} * kStep);
      // Four equal labels, as almost everywhere, need no counting.
      if (inside && 2 * x + 1 < fine.width && set.count < capacity) {
        const ptrdiff_t left = ptrdiff_t{2} * x;
        const uint8_t label = above[left];
        if (label == above[left + 1] && label == below[left] && label == below[left + 1]) {
          coarse.at(x, y) = label;
          if (label == kHole) set.at[set.count++] = {x, y};
          continue;
        }
      }
      int present = 0;
      int holes = 0;
      for (int k = 0; k < 4; ++k) {
        const uint8_t label = label_or_excluded(fine, 2 * x + k % 2, 2 * y + k / 2);
        present += label != kExcluded ? 1 : 0;
        holes += label == kHole ? 1 : 0;
      }
      bool is_hole = holes >= 2 && holes == present && set.count < capacity;
      if (is_hole && present < 4) is_hole = at_border-- > 0;
      coarse.at(x, y) = is_hole ? kHole : present == 0 ? kExcluded : kKnown;
      if (is_hole) set.at[set.count++] = {x, y};
    }
    task.advance(4 * static_cast<uint64_t>(coarse.width % kStep));
  }
  set.row_begin[coarse.height] = set.count;
}

int64_t coarse_capacity(int64_t capacity, int32_t coarse_width, int32_t coarse_height) {
  return std::min(capacity / 2, capacity / 4 + coarse_width + coarse_height);
}

void RowCursor::start(int32_t x, int32_t y) {
  y_ = y;
  begin_ = end_ = at_ = 0;
  if (y < 0 || y >= set_->height) return;
  begin_ = set_->row_begin[y];
  end_ = set_->row_begin[y + 1];
  const auto first = set_->at.begin();
  at_ = static_cast<int32_t>(std::lower_bound(first + begin_, first + end_, x,
                                              [](const Point& p, int32_t value) { return p.x < value; }) -
                             first);
}

}  // namespace infill::classic
