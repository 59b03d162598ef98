// The kernels of gated_conv2d, one per dispatch key. include/infill/ops/gated_conv2d.h says what the
// arguments are; library.cpp registers them.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <string_view>
#include <tuple>

#include "ops/gate.h"

namespace infill::ops {

using Gradients = std::tuple<at::Tensor, at::Tensor, at::Tensor>;  // of x, weight, bias

// Everything but the tensors.
struct GatedConv2dOptions {
  std::array<int64_t, 2> stride;
  std::array<int64_t, 4> padding;  // top, bottom, left, right
  std::array<int64_t, 2> dilation;
  Activation activation;
};

// Refuses whatever the operator is not made for, naming the argument and its value.
GatedConv2dOptions check_gated_conv2d(const at::Tensor& x, const at::Tensor& weight,
                                      const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                                      at::IntArrayRef padding, at::IntArrayRef dilation,
                                      std::string_view activation);

// Of the result. Symbolic sizes stay symbolic.
std::array<c10::SymInt, 4> gated_conv2d_shape(const at::Tensor& x, const at::Tensor& weight,
                                              const GatedConv2dOptions& options);

// Refuses a gradient that does not fit the result.
void check_gated_conv2d_gradient(const at::Tensor& grad, const at::Tensor& x,
                                 const std::array<c10::SymInt, 4>& shape);

#define INFILL_GATED_CONV2D(name)                                                                       \
  at::Tensor name(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias, \
                  at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,            \
                  std::string_view activation)
#define INFILL_GATED_CONV2D_BACKWARD(name)                                                               \
  Gradients name(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight,                  \
                 const std::optional<at::Tensor>& bias, at::IntArrayRef stride, at::IntArrayRef padding, \
                 at::IntArrayRef dilation, std::string_view activation, std::array<bool, 3> output_mask)

INFILL_GATED_CONV2D(gated_conv2d_cpu);
INFILL_GATED_CONV2D(gated_conv2d_meta);
INFILL_GATED_CONV2D(gated_conv2d_autograd);
INFILL_GATED_CONV2D_BACKWARD(gated_conv2d_backward_cpu);
INFILL_GATED_CONV2D_BACKWARD(gated_conv2d_backward_meta);
INFILL_GATED_CONV2D_BACKWARD(gated_conv2d_backward_autograd);

}  // namespace infill::ops
