// PatchMatch completion: fills holes with what it finds elsewhere in the picture.
//
// The hole is filled coarse to fine. On each scale two steps alternate: for every patch that overlaps the
// hole find the known patch most like it (a nearest-neighbour field); then all patches over a pixel vote for
// its colour. Colours are compared as bytes of sRGB, the result is averaged from the canvas's own values.
//
// Patches are also compared by their texture (Newson et al. 2014: patchmatch_level.h).
//
// Wexler, Shechtman, Irani: Space-Time Completion of Video, PAMI 2007 (the two steps, votes that trust the
// hole's border more); Barnes, Shechtman, Finkelstein, Goldman: PatchMatch, SIGGRAPH 2009 (the search);
// Darabi, Shechtman, Barnes, Goldman, Sen: Image Melding, SIGGRAPH 2012 (turned and scaled patches).
#pragma once

#include <cstddef>

#include "classic/method.h"

namespace infill::classic {

// Indices of the parameters "patchmatch.patch_size", ...
enum PatchMatchParameter : size_t {
  kPatchSize,
  kIterations,
  kPasses,
  kRotation,
  kScale,
  kDetail,
  kPatchMatchParameterCount,
};

// Patches are copied from known pixels that canvas.allowed permits, and from canvas.reference. Where there
// are none as large as asked for, smaller ones serve. Without any of 3 x 3 pixels the fill is push-pull's;
// but if some known pixels are not allowed, or there is a reference, it takes the usable pixels whose colours
// are nearest to push-pull's. Fills the rim.
extern const Method kPatchMatchMethod;

}  // namespace infill::classic
