// Gated convolution: a convolution whose second half of channels opens and closes the first half.
//
// Yu, Lin, Yang, Shen, Lu, Huang, "Free-Form Image Inpainting with Gated Convolution", 2019 (arXiv
// 1806.03589).
//
//   z = conv2d(zero padded x, weight) + bias,    y = act(z[:, :C_out]) * sigmoid(z[:, C_out:])
//
// The same operator is torch.ops.infill.gated_conv2d in Python.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <string_view>
#include <tuple>

#include "infill/export.h"

namespace infill {

// x           [N, C_in, H, W], N, H and W may be 0; float32, float64, bfloat16 or float16, any strides
// weight      [2*C_out, C_in, kh, kw]: filters of the features first, of the gates second; type of x
// bias        [2*C_out], type of x, or none
// stride      vertical, horizontal; at least 1
// padding     zeros at the top, bottom, left, right; at least 0. (TensorFlow's SAME is unequal at stride 2.)
// dilation    vertical, horizontal; at least 1
// activation  "elu" (alpha 1), "relu", "leaky_relu" (slope 0.2) or "none", applied to the features
//
// Returns a new tensor [N, C_out, (H + top + bottom - dilation*(kh-1) - 1) / stride + 1, same for W] of x's
// type, in x's memory format (channels_last in, channels_last out; otherwise contiguous). No argument is
// changed or kept aliased.
//
// On the CPU the 2*C_out channels of z exist for one band of rows at a time. float16 is computed in float32,
// and so is bfloat16 on processors without AVX512_BF16; the result is rounded once. NaN and infinity behave
// as in the formula. Differentiable in x, weight and bias, twice; the backward computes z again instead of
// keeping it.
//
// On a CUDA device (infill/ops/cuda.h) float64 is refused with a TypeError, float32 is computed in TF32 where
// LibTorch allows it for convolutions, and the environment variable
// INFILL_GATED_CONV2D_CUDA=auto|fused|cudnn, read at every call, says how: docs/ops/gated_conv2d.md.
//
// Throws c10::ValueError or c10::TypeError (Python: ValueError, TypeError) that names the argument and its
// value. Thread-safe. Runs on LibTorch's intra-op threads (at::set_num_threads).
INFILL_TORCH_API at::Tensor gated_conv2d(const at::Tensor& x, const at::Tensor& weight,
                                         const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                                         at::IntArrayRef padding, at::IntArrayRef dilation,
                                         std::string_view activation);

// Gradients of gated_conv2d in x, weight and bias, given the gradient `grad` of its result (same shape and
// type). output_mask says which of the three are computed; the others come back undefined, and so does the
// third without a bias. Differentiable itself.
INFILL_TORCH_API std::tuple<at::Tensor, at::Tensor, at::Tensor> gated_conv2d_backward(
    const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight,
    const std::optional<at::Tensor>& bias, at::IntArrayRef stride, at::IntArrayRef padding,
    at::IntArrayRef dilation, std::string_view activation, std::array<bool, 3> output_mask);

}  // namespace infill
