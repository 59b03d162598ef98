// The DeepFill v2 of width 8 whose weights are in the tree (tests/data/golden).
#pragma once

#include <functional>
#include <string>

#include "inference/deepfill.h"
#include "support/tensor_file.h"

namespace infill::test {

// change(): may alter a tensor's values.
inline inference::DeepFill golden_deepfill(
    const std::function<void(const std::string& key, std::vector<float>& values)>& change = {}) {
  const TensorFile file(std::string(INFILL_TEST_DATA) + "/golden/deepfill_c8.weights.safetensors");
  return {{}, [&](const std::string& key) {
            FileTensor tensor = file.get(key);
            if (change) change(key, tensor.values);
            return inference::Weight{tensor.values, tensor.shape};
          }};
}

}  // namespace infill::test
