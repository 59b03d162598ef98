// Film grain and sensor noise on the device: src/pipeline/grain.h says what is measured and what is added.
//
// The same pixels are measured as on the CPU, and the same noise is drawn at each position of the picture;
// sums are in another order, so that results agree to rounding. The same call gives the same bytes on a
// device. Errors and workspace are those of cuda/mask.h; nothing is waited for.
#pragma once

#include <cstddef>

#include "cuda/picture.h"

namespace infill::cuda {

struct GrainCall {
  Canvas canvas;  // filled; the labels still say where the holes were
  Rect box;       // in the canvas; holds all of its holes
  // How many there are of each: more samples than fit are thinned out by them.
  int64_t hole_pixels = 0, hole_runs = 0;
  float strength = 0;  // 0 to 1
  uint64_t seed = 0;
};
size_t grain_workspace(const GrainCall& call);
cudaError_t add_grain(const GrainCall& call, void* workspace, cudaStream_t stream);

}  // namespace infill::cuda
