// A recognised DeepFill v2 made ready to run.
#pragma once

#include <functional>

#include "inference/deepfill.h"
#include "zoo/architecture.h"

namespace infill::zoo {

// Throws kUnsupported for an architecture or a parameter that cannot be run.
[[nodiscard]] inference::DeepFillVariant deepfill_variant(const Recognised& model);

// Calls build with what DeepFill, on the CPU or on a device, is made from. Errors of build name the file.
// Throws kUnsupported as above, and kInvalidArgument for weights that are not finite, before build takes
// memory.
void with_deepfill(
    const Recognised& model, const Advance& advance,
    const std::function<void(const inference::DeepFillVariant&, const inference::WeightLookup&)>& build);

// On the CPU. Copies what it needs of the file. Throws kUnsupported as above, and kInvalidArgument for
// weights that are not finite, before it takes memory.
[[nodiscard]] inference::DeepFill build_deepfill(const Recognised& model,
                                                 kernels::Precision precision = kernels::Precision::kFloat32,
                                                 const Advance& advance = {});

}  // namespace infill::zoo
