// The gate of a gated convolution on its own, for a z that something else computed:
//
//   y = act(z[features]) * sigmoid(z[gates])
//
// One pass over memory. gated_conv2d.h computes z and y together.
//
// No allocation, no synchronisation, no state; several threads may call at once. Every precision on every
// device; kFloat32 and kTf32 are the same here. cudaErrorInvalidValue for negative sizes, missing pointers,
// unknown enumerators, and pictures of 2^31 values of y or more.
#pragma once

#include "cuda/gated_conv2d.h"

namespace infill::cuda {

// Any strides. Fastest where all maps have the same order in memory, without gaps, aligned to 16 bytes.
struct GateCall {
  Activation activation = Activation::kElu;
  Precision precision = Precision::kFloat32;
  int32_t batch = 1, channels = 0, height = 0, width = 0;  // of y; may be 0
  const void* z = nullptr;                                 // [batch, 2 * channels, height, width]
  FeatureStrides z_strides;
  void* y = nullptr;  // must not overlap z
  FeatureStrides y_strides;
};
cudaError_t gate(const GateCall& call, cudaStream_t stream);

// dz, given the gradient of y.
struct GateBackwardCall {
  Activation activation = Activation::kElu;
  Precision precision = Precision::kFloat32;
  int32_t batch = 1, channels = 0, height = 0, width = 0;
  const void* z = nullptr;
  FeatureStrides z_strides;
  const void* grad = nullptr;  // of y
  FeatureStrides grad_strides;
  void* grad_z = nullptr;  // as z; may be z itself with the same strides, otherwise must not overlap
  FeatureStrides grad_z_strides;
};
cudaError_t gate_backward(const GateBackwardCall& call, cudaStream_t stream);

}  // namespace infill::cuda
