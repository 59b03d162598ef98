// One step of the flow of navier_stokes.h, and of plain diffusion, along a row of pixels.
#pragma once

#include <array>
#include <cstdint>

namespace infill::classic {

struct FlowStep {
  float transport, viscosity;  // time steps
};

// Rows y - 2 .. y + 2 at the first pixel, four channels to a pixel. Two pixels to each side can be read.
using FlowRows = std::array<const float*, 5>;

// The new values of `pixels` pixels:
//
//   I + dt ((grad L . n) |grad I| + nu kappa |grad I|),   L = Laplacian of I,  n = (-Iy, Ix) / |grad I|
//
// where |grad I| of the transport takes one-sided differences by the sign of grad L . n (the upwind slopes of
// the 2000 paper, eq. 10) and kappa is the curvature of the isophotes. Each is then kept between the least
// and the largest of the four neighbours and the pixel itself: no step makes a new extreme, so the flow is
// stable for every time step.
void flow_along(const FlowRows& rows, const FlowStep& step, int32_t pixels, float* out);

// Means of the four neighbours.
void diffuse_along(const FlowRows& rows, int32_t pixels, float* out);

}  // namespace infill::classic
