// Fast marching: the time at which a front that starts on the rim of the holes reaches each hole pixel.
//
// |grad T| = 1 with T = 0 on the known pixels beside a hole, first-order upwind differences.
// Sethian, "A fast marching level set method for monotonically advancing fronts", PNAS 93(4), 1996.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "core/canvas.h"
#include "core/memory.h"
#include "core/task.h"
#include "core/threads.h"

namespace infill::classic {

// T of what is no part of the front: excluded pixels, everything around the canvas, and hole pixels that no
// known pixel reaches over 4 neighbours.
inline constexpr float kNeverReached = std::numeric_limits<float>::infinity();

// The one-sided solution of |grad T| = 1 from the smaller neighbour in x and the smaller one in y.
[[nodiscard]] float eikonal(float x_neighbour, float y_neighbour);

struct ArrivalTimes {
  // Hole pixels: T > 0. Known pixels: 1 - (distance to the nearest hole pixel), so 0 beside a hole, and
  // negative beyond, cut at -reach. Readable `margin_x`, `margin_y` pixels outside the canvas.
  Plane<float> time;
  int32_t margin_x = 0, margin_y = 0;
  // Every reached hole pixel, as y * time.stride + x. Hole groups one after another, inside each sorted by T,
  // then position. T rises strictly where one pixel's T was computed from another's.
  std::span<const uint32_t> order;
};

// Layout of what march() takes from an arena and returns; its working memory comes after it and is given
// back. reach: how far from a hole T of known pixels is wanted; margin as in ArrivalTimes.
struct MarchShape {
  int32_t width = 0, height = 0;
  int64_t hole_pixels = 0, hole_runs = 0;
  int32_t reach = 0, margin_x = 0, margin_y = 0;
};
void measure_march(const MarchShape& shape, Arena& arena);

// Hole groups further apart than `reach` march in parallel. Throws kUnsupported when the canvas has 2^32
// pixels or more, margins included.
[[nodiscard]] ArrivalTimes march(const Canvas& canvas, const MarchShape& shape, Arena& arena,
                                 Threads& threads, Task& task);

}  // namespace infill::classic
