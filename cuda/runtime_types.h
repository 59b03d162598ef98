// The types of the CUDA runtime in the launchers' declarations. libinfill.so reads those declarations where
// there is no CUDA toolkit and never calls a launcher by its name: it gets them from libinfill_cuda.so
// (cuda/module.h).
#pragma once

#if defined(INFILL_CUDASIM) || __has_include(<cuda_runtime_api.h>)
#include <cuda_runtime_api.h>
#else
struct CUstream_st;
using cudaStream_t = CUstream_st*;
enum cudaError_t : int;
#endif
