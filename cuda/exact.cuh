// Arithmetic that is rounded after every operation, so that kernels give the bytes of the library's loops on
// the CPU: compilers of device code fuse a * b + c otherwise.
#pragma once

#include <cstring>

#include "cuda/language.h"

namespace infill::cuda::exact {

__device__ __forceinline__ float add(float a, float b) {
  return __fadd_rn(a, b);
}
__device__ __forceinline__ float subtract(float a, float b) {
  return __fsub_rn(a, b);
}
__device__ __forceinline__ float multiply(float a, float b) {
  return __fmul_rn(a, b);
}
__device__ __forceinline__ float divide(float a, float b) {
  return __fdiv_rn(a, b);
}

// value's bits as another type of the same size.
template <class To, class From>
__device__ inline To bits_as(const From& value) {
  static_assert(sizeof(To) == sizeof(From), "sizes differ");
  To result;
  memcpy(&result, &value, sizeof result);
  return result;
}

}  // namespace infill::cuda::exact
