// gated_conv2d for CUDA tensors by LibTorch's convolution and the gate.
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <limits>

#include "cuda/gate.h"
#include "cuda/torch/gated_conv2d.h"
#include "cuda/torch/operators.h"
#include "cuda/torch/stream.h"
#include "ops/gated_conv2d_padding.h"

namespace infill::ops {
namespace {

using at::Tensor;

Padded padded_x(const GatedConv2dProblem& problem) {
  const auto& padding = problem.options.padding;
  return pad(problem.x, {padding[0], padding[1], padding[2], padding[3]});
}

std::optional<Tensor> bias_of(const GatedConv2dProblem& problem) {
  return problem.bias.defined() ? std::optional<Tensor>(problem.bias) : std::nullopt;
}

// Sizes of y into either call of the gate.
template <class Call>
Call gate_call(const GatedConv2dProblem& problem, const Tensor& z) {
  const auto& shape = problem.shape;
  TORCH_CHECK_VALUE(
      shape[0] <= std::numeric_limits<int32_t>::max() &&
          static_cast<double>(shape[1]) * static_cast<double>(shape[2]) * static_cast<double>(shape[3]) <=
              static_cast<double>(std::numeric_limits<int32_t>::max()),
      "gated_conv2d: x: has shape ", problem.x.sizes(), " and the result ", at::IntArrayRef(shape),
      ", on a CUDA device a picture of it has fewer than 2^31 values");
  Call call;
  call.activation = activation_of(problem.options.activation);
  call.precision = problem.precision;
  call.batch = static_cast<int32_t>(shape[0]);
  call.channels = static_cast<int32_t>(shape[1]);
  call.height = static_cast<int32_t>(shape[2]);
  call.width = static_cast<int32_t>(shape[3]);
  call.z = z.const_data_ptr();
  call.z_strides = strides_of(z);
  return call;
}

}  // namespace

Tensor gated_conv2d_cudnn(const GatedConv2dProblem& problem) {
  const Tensor z = convolve(padded_x(problem), problem.weight, bias_of(problem), problem.options);
  Tensor y = at::empty(problem.shape, problem.x.options(), problem.x.suggest_memory_format());
  auto call = gate_call<cuda::GateCall>(problem, z);
  call.y = y.mutable_data_ptr();
  call.y_strides = strides_of(y);
  forget_last_error();
  check_launch("gated_conv2d", cuda::gate(call, current_stream(y.device())));
  return y;
}

Gradients gated_conv2d_cudnn_backward(const GatedConv2dProblem& problem, const Tensor& grad,
                                      std::array<bool, 3> wanted) {
  const Padded padded = padded_x(problem);
  Tensor z = convolve(padded, problem.weight, bias_of(problem), problem.options);
  auto call = gate_call<cuda::GateBackwardCall>(problem, z);
  call.grad = grad.const_data_ptr();
  call.grad_strides = strides_of(grad);
  call.grad_z = z.mutable_data_ptr();
  call.grad_z_strides = call.z_strides;
  forget_last_error();
  check_launch("gated_conv2d_backward", cuda::gate_backward(call, current_stream(z.device())));
  const auto [dx, dw, db] = at::convolution_backward(
      z, padded.x, problem.weight, at::OptionalIntArrayRef(problem.weight.size(0)), problem.options.stride,
      padded.implicit, problem.options.dilation, /*transposed=*/false, /*output_padding=*/{0, 0},
      /*groups=*/1, wanted);
  Gradients gradients;
  const auto keep = [](Tensor& to, const Tensor& of, const Tensor& from) {
    to = empty_gradient(of);
    to.copy_(from);
  };
  const auto& x = problem.x;
  if (wanted[0]) {
    keep(std::get<0>(gradients), x, dx.narrow(2, padded.top, x.size(2)).narrow(3, padded.left, x.size(3)));
  }
  if (wanted[1]) keep(std::get<1>(gradients), problem.weight, dw);
  if (wanted[2]) keep(std::get<2>(gradients), problem.bias, db);
  return gradients;
}

}  // namespace infill::ops
