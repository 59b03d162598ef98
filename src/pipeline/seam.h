// Takes the step at a hole's edge out of a fill that was copied from elsewhere.
#pragma once

#include "classic/method.h"
#include "core/canvas.h"
#include "core/memory.h"

namespace infill::pipeline {

[[nodiscard]] size_t seam_scratch(const CanvasShape& shape, size_t rim_pixels);

// Where the method says what it would have put on the rim (canvas.rim_is_filled), strength (0..1) times the
// membrane through the differences is added to the hole (P. Perez, M. Gangnet, A. Blake, "Poisson Image
// Editing", 2003).
void close_seam(Canvas& canvas, double strength, classic::Work& work);

}  // namespace infill::pipeline
