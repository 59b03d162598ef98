// What both fuzz targets do with a file: read it, and touch every byte that it says is a tensor's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "core/status.h"
#include "zoo/architecture.h"
#include "zoo/model_card.h"
#include "zoo/weight_file.h"

namespace infill::zoo {

inline void read_and_touch(std::span<const std::byte> bytes) {
  try {
    const WeightFile file(bytes, "fuzz");
    uint64_t total = 0;
    std::vector<float> values;
    for (const Tensor& tensor : file.tensors()) {
      total += tensor.size_in_bytes();
      values.resize(static_cast<size_t>(tensor.elements()));
      tensor.copy_to_float(values);
      if (file.find(tensor.name) != &tensor) std::abort();
    }
    if (total > bytes.size() + kAliasMemory) std::abort();
    (void)card_of(recognise(file));
  } catch (const Error& error) {
    switch (error.status()) {
      case Status::kInvalidArgument:
      case Status::kUnsupported:
        break;
      default:
        std::abort();
    }
  }
}

}  // namespace infill::zoo
