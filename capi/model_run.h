// A network by itself, from one file of tensors to another: infill_model_run_file.
#pragma once

#include <filesystem>

#include "model.h"

namespace infill::capi {

struct ModelRun {
  std::filesystem::path inputs, outputs;
};

// Throws kInvalidArgument naming tensor, element and value, kIo, kUnsupported, kMemoryLimit, kOutOfMemory,
// kCancelled. Nothing is written unless all of it is.
void run_model(const Model& model, const ModelRun& run, Task& task);

}  // namespace infill::capi
