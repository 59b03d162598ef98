// Holes that belong together, and the rectangles to work on them in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/canvas.h"
#include "core/image.h"
#include "core/mask.h"
#include "core/memory.h"
#include "core/task.h"

namespace infill {

struct Component {
  Rect bounds;
  int64_t pixels = 0;
  size_t first_run = 0, run_count = 0;  // in Components::runs
};

struct Components {
  explicit Components(Memory& memory)
      : list(StdAllocator<Component>(memory)), runs(StdAllocator<Run>(memory)) {}

  // In the order of their first runs.
  std::vector<Component, StdAllocator<Component>> list;
  // Those of one component together, in their old order.
  RunVector runs;

  [[nodiscard]] std::span<const Run> runs_of(const Component& component) const {
    return std::span(runs).subspan(component.first_run, component.run_count);
  }
};

// Sorts runs (maximal, sorted by y, then x0) into components: two pixels belong together when neither their
// columns nor their rows differ by more than reach, which is at least 1 (8 neighbours), and so does whatever
// is connected by such steps. Time: reach times the runs; memory: runs and components with two numbers each,
// and a number for each row between the first run and the last.
[[nodiscard]] Components find_components(std::span<const Run> runs, int32_t reach, Memory& memory,
                                         Task& task);

// Rectangles around clusters of others.
struct Crops {
  explicit Crops(Memory& memory)
      : list(StdAllocator<Rect>(memory)), crop_of(StdAllocator<uint32_t>(memory)) {}

  std::vector<Rect, StdAllocator<Rect>> list;             // no two share a pixel; sorted by y, then x
  std::vector<uint32_t, StdAllocator<uint32_t>> crop_of;  // for each of the given rectangles, its crop
};

// Grows every rectangle by margin on all sides, clips it to the picture, and replaces those that share pixels
// by the one rectangle around them, until none do. The rectangles are not empty and lie in the picture. The
// answer does not depend on their order. Time: n log n for n rectangles, a few times over.
[[nodiscard]] Crops make_crops(std::span<const Rect> rects, int32_t margin, const Rect& picture,
                               Memory& memory, Task& task);

}  // namespace infill
