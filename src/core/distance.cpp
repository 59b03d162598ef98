#include "core/distance.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace infill {

namespace {

// No target in the column.
constexpr int32_t kNone = INT32_MAX;
// Columns, and rows of them, that are gone through at a time.
constexpr int64_t kColumns = 512;
constexpr int32_t kRows = 1024;

// Meijster's first phase: the distance to the nearest target in the same column, down and then up.
void column_distances(const Plane<const uint8_t>& mask, Target target, const Plane<int32_t>& out,
                      Threads& threads, Task& task) {
  const bool wanted = target == Target::kHoles;
  threads.parallel_for(task, mask.width, kColumns, [&](int64_t x0, int64_t x1) {
    for (int32_t y = 0; y < mask.height; ++y) {
      const uint8_t* from = mask.row(y);
      int32_t* row = out.row(y);
      const int32_t* above = y > 0 ? out.row(y - 1) : nullptr;
      for (int64_t x = x0; x < x1; ++x) {
        const int32_t next = above == nullptr || above[x] == kNone ? kNone : above[x] + 1;
        row[x] = (from[x] != 0) == wanted ? 0 : next;
      }
      if (y % kRows == kRows - 1) task.advance(static_cast<uint64_t>((x1 - x0) * kRows));
    }
    task.advance(static_cast<uint64_t>((x1 - x0) * (mask.height % kRows)));
    for (int32_t y = mask.height - 2; y >= 0; --y) {
      int32_t* row = out.row(y);
      const int32_t* below = out.row(y + 1);
      for (int64_t x = x0; x < x1; ++x) row[x] = below[x] < row[x] ? below[x] + 1 : row[x];
      if (y % kRows == 0) task.advance(static_cast<uint64_t>((x1 - x0) * kRows));
    }
  });
}

// Scratch of a row: the columns that are nearest to some pixel of it, from left to right.
struct Envelope {
  std::span<int32_t> site;   // the column
  std::span<int32_t> start;  // the first pixel that it is nearest to
  std::span<int32_t> depth;  // of every column: the distance within it
};

// The second phase: the lower envelope of the parabolas (x - site)^2 + depth^2.
void row_distances(std::span<int32_t> row, const Envelope& e) {
  std::copy(row.begin(), row.end(), e.depth.begin());
  const auto width = static_cast<int32_t>(row.size());
  const auto square = [](int64_t v) { return v * v; };
  const auto height = [&](int32_t x, int32_t site) {
    return square(x - site) + square(e.depth[static_cast<size_t>(site)]);
  };
  size_t count = 0;
  for (int32_t u = 0; u < width; ++u) {
    if (e.depth[static_cast<size_t>(u)] == kNone) continue;
    while (count > 0 && height(e.start[count - 1], e.site[count - 1]) > height(e.start[count - 1], u))
      --count;
    int64_t from = 0;
    if (count > 0) {
      // The last pixel that is no farther from the site before.
      const int64_t before = e.site[count - 1];
      from = (square(u) - square(before) + square(e.depth[static_cast<size_t>(u)]) -
              square(e.depth[static_cast<size_t>(before)])) /
                 (2 * (u - before)) +
             1;
    }
    if (from >= width) continue;
    e.site[count] = u;
    e.start[count] = static_cast<int32_t>(from);
    ++count;
  }
  if (count == 0) {
    std::fill(row.begin(), row.end(), kFarAway);
    return;
  }
  for (size_t k = 0; k < count; ++k) {
    const int32_t end = k + 1 < count ? e.start[k + 1] : width;
    for (int32_t x = e.start[k]; x < end; ++x) {
      row[static_cast<size_t>(x)] = static_cast<int32_t>(std::min<int64_t>(height(x, e.site[k]), kFarAway));
    }
  }
}

Plane<const uint8_t> view(const Plane<uint8_t>& plane) {
  return {plane.data, plane.width, plane.height, plane.stride};
}

// Calls body(mask value's row, distances' row, y) for every row, with distances to the target.
void for_each_row(const Plane<const uint8_t>& mask, Target target, Arena& arena, Threads& threads, Task& task,
                  const auto& body) {
  const ArenaScope scope(arena);
  const Plane<int32_t> squared{
      arena.take<int32_t>(static_cast<size_t>(mask.width) * static_cast<size_t>(mask.height)).data(),
      mask.width, mask.height, mask.width};
  squared_distance(mask, target, squared, arena, threads, task);
  threads.parallel_for(task, mask.height, 16, [&](int64_t begin, int64_t end) {
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      body(squared.row(y), y);
      task.advance(static_cast<uint64_t>(mask.width));
    }
  });
}

// Squared distances are integers: d <= radius is d * d <= this.
int32_t largest_square(double radius) {
  return radius < 0 ? -1 : static_cast<int32_t>(std::min(std::floor(radius * radius), double{kFarAway - 1}));
}

}  // namespace

void squared_distance(const Plane<const uint8_t>& mask, Target target, const Plane<int32_t>& squared,
                      Arena& arena, Threads& threads, Task& task) {
  if (mask.width <= 0 || mask.height <= 0) return;
  const ArenaScope scope(arena);
  const auto width = static_cast<size_t>(mask.width);
  const auto bands = static_cast<size_t>(threads.count());
  const std::span<int32_t> scratch = arena.take<int32_t>(3 * width * bands);
  column_distances(mask, target, squared, threads, task);
  threads.parallel_for(task, threads.count(), 1, [&](int64_t band, int64_t) {
    const std::span<int32_t> own = scratch.subspan(3 * width * static_cast<size_t>(band), 3 * width);
    const Envelope envelope{own.subspan(0, width), own.subspan(width, width), own.subspan(2 * width)};
    const auto first = static_cast<int32_t>(mask.height * band / threads.count());
    const auto last = static_cast<int32_t>(mask.height * (band + 1) / threads.count());
    for (int32_t y = first; y < last; ++y) {
      row_distances({squared.row(y), width}, envelope);
      task.advance(width);
    }
  });
}

size_t distance_scratch(int32_t width, int32_t threads) {
  Arena arena = Arena::measuring();
  (void)arena.take<int32_t>(3 * static_cast<size_t>(width) * static_cast<size_t>(threads));
  return arena.peak();
}

size_t morphology_scratch(int32_t width, int32_t height, int32_t threads) {
  Arena arena = Arena::measuring();
  (void)arena.take<int32_t>(static_cast<size_t>(width) * static_cast<size_t>(height));
  return arena.peak() + distance_scratch(width, threads);
}

void dilate(const Plane<uint8_t>& mask, double radius, Arena& arena, Threads& threads, Task& task) {
  const int32_t most = largest_square(radius);
  for_each_row(view(mask), Target::kHoles, arena, threads, task, [&](const int32_t* squared, int32_t y) {
    uint8_t* row = mask.row(y);
    for (int32_t x = 0; x < mask.width; ++x) row[x] = squared[x] <= most ? 1 : row[x];
  });
}

void erode(const Plane<uint8_t>& mask, double radius, Arena& arena, Threads& threads, Task& task) {
  const int32_t most = largest_square(radius);
  for_each_row(view(mask), Target::kKept, arena, threads, task, [&](const int32_t* squared, int32_t y) {
    uint8_t* row = mask.row(y);
    for (int32_t x = 0; x < mask.width; ++x) row[x] = squared[x] <= most ? 0 : row[x];
  });
}

void feather(const Plane<const uint8_t>& mask, double width, const Plane<float>& soft, Arena& arena,
             Threads& threads, Task& task) {
  for_each_row(mask, Target::kKept, arena, threads, task, [&](const int32_t* squared, int32_t y) {
    float* row = soft.row(y);
    for (int32_t x = 0; x < mask.width; ++x) {
      const double ramp = std::sqrt(static_cast<double>(squared[x])) / (width + 1);
      row[x] = squared[x] == kFarAway ? 1.0F : static_cast<float>(std::min(1.0, ramp));
    }
  });
}

}  // namespace infill
