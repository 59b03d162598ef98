// The nearest-neighbour field: for each target the source whose patch looks most like it.
//
// Barnes, Shechtman, Finkelstein, Goldman: PatchMatch, SIGGRAPH 2009: propagation from neighbours and random
// search in shrinking windows. A patch's distance is the sum of squared differences of its bytes.
#pragma once

#include <cstdint>

#include "classic/patchmatch_level.h"
#include "core/task.h"
#include "core/threads.h"

namespace infill::classic::patchmatch {

// Distance of two patches, exact when below limit, otherwise something not below limit.
[[nodiscard]] uint32_t patch_distance(const Level& level, Position a, Position b, uint32_t limit);

struct Search {
  uint64_t key = 0;      // random numbers come from this and the position
  int32_t x = 0, y = 0;  // of the canvas in its picture
  int32_t window =
      0;  // random candidates: one of all sources, the others at most this far from the best so far
  bool backward = false;
};

// Compares every target with every source: exact.
void search_all(Level& level, Threads& threads, Task& task);
// Sets cost from match; a target without a match gets a random source.
void measure(Level& level, const Search& search, Threads& threads, Task& task);
// One pass; no cost grows.
void search_pass(Level& level, const Search& search, Threads& threads, Task& task);

}  // namespace infill::classic::patchmatch
