// Laplace's equation in the holes of a canvas: the harmonic fill, and the membrane that takes the step out of
// a seam (Perez, Gangnet, Blake: Poisson image editing, SIGGRAPH 2003).
//
// The equations are those of src/classic/laplacian.h: each hole pixel is the mean of those of its four
// neighbours that are there. Known pixels give values; excluded pixels and what is beyond the canvas are
// absent (normal derivative 0). Solved by conjugate gradients, preconditioned by one V-cycle of multigrid
// with Chebyshev's polynomial as the smoother (Adams, Brezina, Hu, Tuminaro: Parallel multigrid smoothing,
// Journal of Computational Physics 188, 2003). Coarse levels are made of the same equations on pixels twice
// as large, not by Galerkin's product as on the CPU: the solution is the same, to the tolerance, and its
// bytes are not. The same call gives the same bytes on a device: sums have a fixed order.
//
// Errors and workspace are those of cuda/mask.h. Nothing is waited for: kernels that come after the goal was
// reached return at once.
#pragma once

#include <cstddef>

#include "cuda/picture.h"

namespace infill::cuda {

struct MembraneReport {
  int32_t iterations;  // of conjugate gradients
  int32_t converged;   // 0: ended with what it has
  float error;         // the last estimate, as a part of what is allowed
};

struct MembraneCall {
  Canvas canvas;  // 1 to 4 channels, with labels
  Rect box;       // in the canvas; holds all of its holes. Time and memory follow its area
  // Null: the harmonic fill; holes become the solution with known pixels as they are. Otherwise the seam: of
  // each known pixel that touches a hole in x or y, what the fill would have put there, in planes with the
  // canvas's stride; the solution that takes the difference, known minus rim, times strength, is added to the
  // holes.
  const float* rim[4] = {};
  float strength = 1;
  // The largest error wanted, as a part of the range of the values around the holes; but never less than a
  // sixteenth of `step`, the smallest difference that the picture's format can hold, nor than their rounding.
  double tolerance = 1e-3;
  float step = 0;
  int32_t iterations = 32;           // at most; each takes about 50 launches, less the smaller the box
  MembraneReport* report = nullptr;  // on the device; may be null
};
// A hole that no known pixel touches becomes some value between the least and the largest around the others'
// rims; of the seam, next to nothing is added.
size_t membrane_workspace(const Rect& box);
cudaError_t membrane(const MembraneCall& call, void* workspace, cudaStream_t stream);

}  // namespace infill::cuda
