// Push-pull: fills holes from a pyramid of weighted averages.
//
// Push: each coarser level, half the size, holds averages of the known pixels below it and how much was known
// there. Pull: from the coarsest level down, what a level lacks is taken from the next coarser one through a
// quadratic B-spline, whose surface has no kinks. Time and memory are linear in the canvas's pixels.
//
// Gortler, Grzeszczuk, Szeliski, Cohen: The Lumigraph, SIGGRAPH 1996, section 3.4.
#pragma once

#include <cstddef>

#include "classic/method.h"

namespace infill::classic {

extern const Method kPushPull;

// Bytes of arena that push_pull_fill takes; exact.
[[nodiscard]] size_t push_pull_scratch(const CanvasShape& shape);
// Writes every kHole pixel of every plane and nothing else. The canvas has a known pixel. Other methods start
// from it.
void push_pull_fill(Canvas& canvas, Work& work);

}  // namespace infill::classic
