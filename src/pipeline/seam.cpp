#include "pipeline/seam.h"

namespace infill::pipeline {

// The methods of this revision continue their surroundings by themselves; the membrane comes with the
// harmonic solver.
size_t seam_scratch(const CanvasShape& /*shape*/) {
  return 0;
}
void close_seam(Canvas& /*canvas*/, double /*strength*/, classic::Work& /*work*/) {}

}  // namespace infill::pipeline
