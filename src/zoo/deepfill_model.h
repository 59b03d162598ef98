// A recognised DeepFill v2 made ready to run.
#pragma once

#include "inference/deepfill.h"
#include "zoo/architecture.h"

namespace infill::zoo {

// Copies what it needs of the file. Throws kUnsupported for an architecture or a parameter that cannot be
// run, kInvalidArgument for weights that are not finite.
[[nodiscard]] inference::DeepFill build_deepfill(const Recognised& model,
                                                 kernels::Precision precision = kernels::Precision::kFloat32);

}  // namespace infill::zoo
