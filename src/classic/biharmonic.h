// Biharmonic fill: the bilaplacian is 0 in the hole, the two layers of known pixels around it are its
// boundary values. It continues values and slopes: any quadratic comes out exactly, and shading goes on
// through the hole. In large holes it may leave the range of the surroundings.
//
// C. K. Chui, H. N. Mhaskar: MRA contextual-recovery extension of smooth functions on manifolds, Applied and
// Computational Harmonic Analysis 28 (2010). The equations, at borders too, are those of scikit-image's
// inpaint_biharmonic, which clips its result to the range of all known pixels; this does not.
//
// Solved by conjugate gradients in double with a multigrid preconditioner in float. Time and memory are
// linear in the hole's pixels. Should the iterations end before the tolerance is reached, the fill is what
// they have come to: smooth, but not yet the answer.
#pragma once

#include "classic/method.h"

namespace infill::classic {

extern const Method kBiharmonic;
enum BiharmonicParameter : size_t { kBiharmonicTolerance, kBiharmonicIterations };

}  // namespace infill::classic
