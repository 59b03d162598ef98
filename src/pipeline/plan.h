// Which crops a fill works on, in which order. Planning reads the masks (mask and allow) and nothing else.
#pragma once

#include <cstdint>
#include <vector>

#include "core/canvas.h"
#include "core/mask.h"
#include "core/memory.h"
#include "pipeline/fill.h"

namespace infill::pipeline {

// One crop. Its own holes are the runs; other unknown pixels in the crop are left alone.
struct Part {
  explicit Part(RunVector own_runs) : runs(std::move(own_runs)) {}

  Rect crop;       // what the method sees, in the picture: known pixels, and some that may be copied
  Rect bounds;     // of the runs
  RunVector runs;  // what the part writes, in the picture; sorted by y, then x0
  int64_t hole_pixels = 0;

  // The part was cut from a longer hole: what earlier parts wrote is known to it, and holes up to kOverlap
  // beyond its bounds are solved along with it, so that it does not end blindly at the cut.
  bool is_cut = false;
  static constexpr int32_t kOverlap = 32;
  Rect solved;                // holes in here are solved; bounds unless it is cut
  int64_t solved_pixels = 0;  // at most, with solved_runs: what memory is planned for
  int64_t solved_runs = 0;
  int64_t rim_pixels = 0;  // known pixels that touch what is solved, at most
};

struct Plan {
  explicit Plan(Memory& memory) : parts(StdAllocator<Part>(memory)) {}

  std::vector<Part, StdAllocator<Part>> parts;
  uint64_t hole_pixels = 0;
  Rect bounds;  // of all holes
};

// Holes in the roi, cut so that the area of the crops follows the area of the holes: first along empty rows
// and columns (the pieces do not depend on each other), and where there are none, as on a long power line,
// across the hole. Throws kInvalidArgument when no pixel of the picture is known.
Plan make_plan(const Request& request, const Options& options, Memory& memory, Threads& threads, Task& task);

}  // namespace infill::pipeline
