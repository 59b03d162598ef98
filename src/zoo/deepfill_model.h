// A recognised DeepFill v2 made ready to run.
#pragma once

#include "inference/deepfill.h"
#include "zoo/architecture.h"

namespace infill::zoo {

// Throws kUnsupported for an architecture or a parameter that cannot be run.
[[nodiscard]] inference::DeepFillVariant deepfill_variant(const Recognised& model);

// Copies what it needs of the file. Throws kUnsupported as above, and kInvalidArgument for weights that are
// not finite, before it takes memory.
[[nodiscard]] inference::DeepFill build_deepfill(const Recognised& model,
                                                 kernels::Precision precision = kernels::Precision::kFloat32,
                                                 const Advance& advance = {});

}  // namespace infill::zoo
