// The tensors of DeepFill v2's generator in its two published variants (architecture.h).
#pragma once

#include <vector>

#include "zoo/architecture.h"

namespace infill::zoo {

[[nodiscard]] Parameters read_deepfill_parameters(const StateDict& weights);
[[nodiscard]] std::vector<KeyShape> deepfill_keys(const Parameters& parameters);

[[nodiscard]] Parameters read_deepfill_tf_parameters(const StateDict& weights);
[[nodiscard]] std::vector<KeyShape> deepfill_tf_keys(const Parameters& parameters);

}  // namespace infill::zoo
