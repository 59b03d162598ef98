// Words of the language, and the variables that every thread has.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "cudasim/thread.h"

#undef __global__
#undef __device__
#undef __host__
#undef __constant__
#undef __shared__
#undef __forceinline__
#undef __noinline__  // an attribute that the standard library spells so
#undef __launch_bounds__
#undef __align__
#define __global__
#define __device__
#define __host__
#define __constant__
#define __shared__ static_assert(false, "shared arrays are declared with INFILL_SHARED")
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __builtin_assume(condition) static_cast<void>(0)

namespace infill::cudasim {

// By value: reads of the emulation's own memory are no business of the checker.
#define INFILL_CUDASIM_UNCHECKED __attribute__((no_sanitize("thread")))
INFILL_CUDASIM_UNCHECKED inline Index3 thread_index() {
  return current->index;
}
INFILL_CUDASIM_UNCHECKED inline Index3 block_index() {
  return launch_context.block_index;
}
INFILL_CUDASIM_UNCHECKED inline Index3 block_size() {
  return launch_context.block_size;
}
INFILL_CUDASIM_UNCHECKED inline Index3 grid_size() {
  return launch_context.grid_size;
}
INFILL_CUDASIM_UNCHECKED inline unsigned lane() {
  return current->lane;
}

}  // namespace infill::cudasim

#define threadIdx (::infill::cudasim::thread_index())
#define blockIdx (::infill::cudasim::block_index())
#define blockDim (::infill::cudasim::block_size())
#define gridDim (::infill::cudasim::grid_size())
#define warpSize 32
