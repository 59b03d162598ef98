// Harmonic fill: Laplace's equation in the hole, the known pixels around it as boundary values. The smoothest
// surface of first order: every filled pixel is the mean of its four neighbours, nothing leaves the range of
// the surroundings, and a linear ramp is continued exactly.
//
// Pixels that are excluded or beyond the canvas's border count as absent (normal derivative 0). A hole
// without a known pixel among its four-neighbours takes a mean of the known pixels.
//
// Solved by conjugate gradients with a multigrid preconditioner in float, residuals in double. Time and
// memory are linear in the hole's pixels; ramps in holes of 700 pixels' width come out to 1e-6 of their
// range.
#pragma once

#include "classic/method.h"

namespace infill::classic {

extern const Method kHarmonic;
enum HarmonicParameter : size_t { kHarmonicTolerance };

}  // namespace infill::classic
