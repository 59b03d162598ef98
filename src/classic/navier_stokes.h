// Navier-Stokes inpainting: the image's intensity is a stream function, its Laplacian the vorticity that
// flows along the isophotes into the hole, until edges on both sides meet.
//
// M. Bertalmio, G. Sapiro, V. Caselles, C. Ballester, "Image inpainting", SIGGRAPH 2000, eq. 6-10.
// M. Bertalmio, A. L. Bertozzi, G. Sapiro, "Navier-Stokes, fluid dynamics, and image and video inpainting",
// CVPR 2001. docs/classic.md has the scheme.
#pragma once

#include "classic/method.h"

namespace infill::classic {

enum NavierStokesParameter : size_t { kFlowIterations, kFlowTransport, kFlowViscosity, kFlowParameterCount };

extern const Method kNavierStokes;

}  // namespace infill::classic
