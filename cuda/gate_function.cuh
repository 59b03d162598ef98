// act(f) * sigmoid(g) and its gradient, of one value. NaN and infinity behave as in the formula.
#pragma once

#include "cuda/gated_conv2d.h"
#include "cuda/language.h"

namespace infill::cuda {

inline constexpr float kLeakySlope = 0.2F;

__device__ __forceinline__ float activate(Activation activation, float f) {
  switch (activation) {
    case Activation::kElu:
      return f > 0 ? f : expm1f(f);
    case Activation::kRelu:
      return f < 0 ? 0.0F : f;
    case Activation::kLeakyRelu:
      return f < 0 ? kLeakySlope * f : f;
    case Activation::kTanh:
      return tanhf(f);
    default:
      return f;
  }
}

// Right of the kinks: 1 at 0 for ELU, 0 for ReLU and the slope for leaky ReLU, as in PyTorch.
__device__ __forceinline__ float activation_slope(Activation activation, float f) {
  switch (activation) {
    case Activation::kElu:
      return f > 0 ? 1.0F : __expf(f);
    case Activation::kRelu:
      return f <= 0 ? 0.0F : 1.0F;
    case Activation::kLeakyRelu:
      return f <= 0 ? kLeakySlope : 1.0F;
    case Activation::kTanh: {
      const float y = tanhf(f);
      return 1.0F - y * y;
    }
    default:
      return 1.0F;
  }
}

__device__ __forceinline__ float sigmoid(float g) {
  return 1.0F / (1.0F + __expf(-g));
}

__device__ __forceinline__ float gate(Activation activation, float f, float g) {
  return activate(activation, f) * sigmoid(g);
}

// df = dy act'(f) sigmoid(g), dg = dy act(f) sigmoid'(g).
__device__ __forceinline__ void gate_gradient(Activation activation, float f, float g, float dy, float& df,
                                              float& dg) {
  const float s = sigmoid(g);
  df = dy * activation_slope(activation, f) * s;
  dg = dy * activate(activation, f) * s * (1.0F - s);
}

}  // namespace infill::cuda
