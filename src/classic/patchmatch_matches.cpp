#include <algorithm>
#include <array>

#include "classic/patchmatch_level.h"

namespace infill::classic::patchmatch {

namespace {

// The source nearest to (x, y) of a picture within two pixels.
Position source_near(const Level& level, const Picture& picture, int32_t x, int32_t y) {
  constexpr std::array<int32_t, 5> kNear = {0, 1, -1, 2, -2};
  for (const int32_t j : kNear) {
    for (const int32_t i : kNear) {
      const int32_t u = x + i;
      const int32_t v = y + j;
      if (u < 0 || v < 0 || u >= picture.width || v >= picture.height) continue;
      const Position at = level.at(u, picture.row + v);
      if ((level.flags[at] & kSource) != 0) return at;
    }
  }
  return kNowhere;
}

}  // namespace

void forget_matches(Level& level, Threads& threads, Task& task) {
  threads.parallel_for(task, level.height(), kBandRows, [&](int64_t begin, int64_t end) {
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      std::fill_n(&level.match[level.index(0, y)], level.width(), kNowhere);
      task.advance(static_cast<uint64_t>(level.width()));
    }
  });
}

void expand_matches(const Level& coarser, Level& finer, Threads& threads, Task& task) {
  const int32_t r = coarser.radius;
  threads.parallel_for(task, finer.height(), kBandRows, [&](int64_t begin, int64_t end) {
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      Position* match = &finer.match[finer.index(0, y)];
      std::fill_n(match, finer.width(), kNowhere);
      const auto row = static_cast<size_t>(y);
      for (int32_t x = finer.target_begin[row]; x < finer.target_end[row]; ++x) {
        if ((finer.flags[finer.at(x, y)] & kTarget) == 0) continue;
        // At the border of the canvas the nearest patch lies further inside.
        const int32_t near_x = std::clamp(x / 2, r, coarser.width() - 1 - r);
        const int32_t near_y = std::clamp(y / 2, r, coarser.height() - 1 - r);
        const Position from = coarser.match[coarser.index(near_x, near_y)];
        if (from == kNowhere) continue;
        const auto from_x = static_cast<int32_t>(from % static_cast<Position>(coarser.pitch));
        const auto from_y = static_cast<int32_t>(from / static_cast<Position>(coarser.pitch));
        const size_t which = coarser.picture_of(from_y);
        match[x] = source_near(finer, finer.pictures[which], 2 * from_x + x - 2 * near_x,
                               2 * (from_y - coarser.pictures[which].row) + y - 2 * near_y);
      }
      task.advance(static_cast<uint64_t>(finer.width()));
    }
  });
}

}  // namespace infill::classic::patchmatch
