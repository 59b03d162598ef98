// Kernels on their way to a stream.
#pragma once

#include <cuda_runtime_api.h>

#include "cudasim/launch.h"

namespace infill::cudasim {

// Checks the launch as a device does and enqueues it; what is wrong is the host's last error, and returned.
cudaError_t enqueue_kernel(Launch launch, cudaStream_t stream);

}  // namespace infill::cudasim
