// The operators on CUDA devices.
#pragma once

#include "infill/export.h"

namespace infill {

// Opens LibTorch's CUDA half and then libinfill_torch_cuda.so of this version, which lies beside this library
// and has the operators' kernels for CUDA tensors. A driver or a device is not needed for that; whether there
// is one says torch::cuda::is_available() afterwards. Calling it again is free.
//
// Call it before the first operator, on the CPU as well, and before anything else in the process asks
// LibTorch about CUDA (a convolution does, is_available(), a CUDA tensor): LibTorch remembers for ever what
// it answered first. Python does not need it: `import torch` opens both halves, and torch.ops.load_library of
// the file does the rest.
//
// Throws c10::Error (Python: RuntimeError) that says what is missing; tensors on the CPU are served as
// before. Thread-safe.
INFILL_TORCH_API void open_cuda_operators();

}  // namespace infill
