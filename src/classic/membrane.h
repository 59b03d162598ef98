// The membrane over the holes of a canvas: the solution of Laplace's equation that takes given values around
// them. With the difference of a fill and its surroundings as values it is the correction that removes a seam
// (Perez, Gangnet, Blake: Poisson image editing, SIGGRAPH 2003; Farbman et al., SIGGRAPH Asia 2009).
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "classic/method.h"

namespace infill::classic {

// Good to a quarter of a step of 8 bits for corrections as large as the whole range of values.
constexpr double kSeamTolerance = 1e-3;

// Bytes of arena that membrane() takes; exact.
[[nodiscard]] size_t membrane_scratch(const CanvasShape& shape);

// rim[c][k]: the value of channel c at canvas.rim[k].
// inside[c][i]: the result at the i-th hole pixel in the order of canvas.holes, canvas.hole_pixels of them.
// Channels whose inside is empty are left out. The canvas's planes are not read.
//
// Only rim pixels with a hole among their four neighbours count. Excluded pixels and the canvas's border pull
// nothing (normal derivative 0); a hole that touches no rim pixel is 0.
// tolerance: largest error, as a part of the range of the rim's values.
void membrane(const Canvas& canvas, const std::array<std::span<const float>, 4>& rim,
              const std::array<std::span<float>, 4>& inside, double tolerance, Work& work);

}  // namespace infill::classic
