// The two ways in which gated_conv2d is computed for CUDA tensors, behind the operators in gated_conv2d.cpp.
//
// Fused: the kernels of cuda/gated_conv2d.h; z never reaches memory. cuDNN: LibTorch's convolution makes z,
// the gate (cuda/gate.h) is one more pass; its backward is the gate's and LibTorch's convolution_backward.
// Same arguments, same bytes holds for the fused way; the other is as reproducible as LibTorch is told to be.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "cuda/gated_conv2d.h"
#include "ops/gated_conv2d.h"

namespace infill::ops {

// Checked arguments of the operator. y has values.
struct GatedConv2dProblem {
  at::Tensor x, weight, bias;  // bias may be undefined
  GatedConv2dOptions options;
  std::array<int64_t, 4> shape;  // of y
  cuda::Precision precision;
};

at::Tensor gated_conv2d_fused(const GatedConv2dProblem& problem);
at::Tensor gated_conv2d_cudnn(const GatedConv2dProblem& problem);

// wanted: of x, weight, bias; the others come back undefined.
Gradients gated_conv2d_fused_backward(const GatedConv2dProblem& problem, const at::Tensor& grad,
                                      std::array<bool, 3> wanted);
Gradients gated_conv2d_cudnn_backward(const GatedConv2dProblem& problem, const at::Tensor& grad,
                                      std::array<bool, 3> wanted);

cuda::Activation activation_of(Activation activation);

// Gradients arranged as the backward's Meta kernel says: x's, the weights', the bias's.
at::Tensor empty_gradient(const at::Tensor& of);

}  // namespace infill::ops
