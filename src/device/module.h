// Opens libinfill_cuda.so.
#pragma once

#include <string>

#include "cuda/module.h"

namespace infill::device {

// "libinfill_cuda.so.0.1.0"
[[nodiscard]] std::string cuda_module_name();

// The module in a folder; in the one that libinfill.so itself lies in, where folder is empty. It is never
// closed: the CUDA runtime cannot be. Opening it again gives the same one. Throws kNoDevice, which says why
// it cannot be used.
[[nodiscard]] const cuda::Module& open_cuda_module(const std::string& folder);

}  // namespace infill::device
