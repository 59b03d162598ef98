// The holes of a canvas in groups that do not see each other.
#pragma once

#include <cstdint>
#include <span>

#include "core/canvas.h"
#include "core/memory.h"
#include "core/task.h"

namespace infill {

// Group g owns runs[first_run[g] .. first_run[g + 1]), sorted by y, then x0, and as many pixels as
// first_pixel[g + 1] - first_pixel[g]. Groups are sorted by their first run.
struct HoleGroups {
  std::span<const Run> runs;
  std::span<const int64_t> first_run, first_pixel;  // count + 1 each
  [[nodiscard]] int64_t count() const { return static_cast<int64_t>(first_run.size()) - 1; }
};

// Two hole pixels are in one group when a chain of hole pixels leads from one to the other with steps of at
// most `reach` pixels in x and in y. Takes its memory from the arena, as much as measure_hole_groups.
[[nodiscard]] HoleGroups group_holes(std::span<const Run> holes, int32_t reach, Arena& arena, Task& task);
void measure_hole_groups(int64_t hole_runs, Arena& arena);

}  // namespace infill
