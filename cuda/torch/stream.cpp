#include "cuda/torch/stream.h"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

namespace infill::ops {

cudaStream_t current_stream(c10::Device device) {
  return c10::cuda::getCurrentCUDAStream(device.index()).stream();
}

void forget_last_error() {
  C10_CUDA_CLEAR_ERROR();
}

void check_launch(const char* name, cudaError_t error) {
  TORCH_CHECK_NOT_IMPLEMENTED(
      error != cudaErrorNotSupported, name,
      ": this type is not computed on this device, bfloat16 needs compute capability 8.0");
  C10_CUDA_CHECK(error);
}

}  // namespace infill::ops
