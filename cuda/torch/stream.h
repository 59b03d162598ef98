// The current stream, and what became of a launch.
#pragma once

#include <c10/core/Device.h>
#include <cuda_runtime_api.h>

namespace infill::ops {

cudaStream_t current_stream(c10::Device device);

// Before a launcher, which ends with the thread's last error: forgets one that somebody else left behind.
void forget_last_error();

// Throws what LibTorch throws for an error of the CUDA runtime, with the operator's name.
void check_launch(const char* name, cudaError_t error);

}  // namespace infill::ops
