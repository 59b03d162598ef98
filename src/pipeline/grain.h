// Film grain and sensor noise: what a smooth fill lacks beside a noisy photo.
//
// The deviation of noise is read off with Immerkaer's high-pass mask (J. Immerkaer, "Fast Noise Variance
// Estimation", CVIU 64(2), 1996), once at the pixel's own scale and once two pixels apart: the ratio tells
// how much neighbouring pixels share (demosaicing and JPEG make grain coarser). The flattest quarter of the
// places speaks for all, so that edges and texture stay out of the estimate. What is missing in the hole is
// added as Gaussian noise of that deviation, coarseness and correlation between channels.
#pragma once

#include "classic/method.h"
#include "core/canvas.h"
#include "core/memory.h"

namespace infill::pipeline {

// Known pixels up to this far from a hole are looked at.
constexpr int32_t kGrainRing = 12;

[[nodiscard]] size_t grain_scratch(const CanvasShape& shape);

// Adds strength (0..1) times the missing grain to the hole's pixels; alpha and known pixels stay as they are.
// The same picture position and seed always draw the same noise. Nothing is added where fewer than 64 known
// pixels could be measured, or where the fill is as grainy as its surroundings.
void add_grain(Canvas& canvas, double strength, classic::Work& work);

}  // namespace infill::pipeline
