// gated_conv2d for CUDA tensors by the fused kernels: packs the weights, then one kernel; the backward is
// three products (cuda/gated_conv2d.h, cuda/gated_conv2d_backward.h).
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "cuda/gated_conv2d_backward.h"
#include "cuda/torch/gated_conv2d.h"
#include "cuda/torch/operators.h"
#include "cuda/torch/stream.h"

namespace infill::ops {
namespace {

using at::Tensor;

// What the kernels count in 32 bits: see cuda/gated_conv2d.h.
constexpr int64_t kMostInt = (int64_t{1} << 31) - 128;
constexpr int64_t kMostOfLayer = (int64_t{1} << 24) - 1;
constexpr int64_t kMostKernel = 7;
// Of the gradient of z, which is held for as many pictures as fit, at least one.
constexpr int64_t kBackwardBytes = int64_t{1} << 30;

void check_most(const char* name, at::IntArrayRef values, int64_t most) {
  for (const int64_t value : values) {
    TORCH_CHECK_VALUE(value <= most, "gated_conv2d: ", name, ": is ", values, ", on a CUDA device at most ",
                      most);
  }
}

cuda::GatedConv2dLayer layer_of(const GatedConv2dProblem& problem) {
  const Tensor& weight = problem.weight;
  const GatedConv2dOptions& options = problem.options;
  TORCH_CHECK_VALUE(weight.size(2) <= kMostKernel && weight.size(3) <= kMostKernel,
                    "gated_conv2d: weight: has shape ", weight.sizes(),
                    ", on a CUDA device the kernel is at most ", kMostKernel, " x ", kMostKernel);
  check_most("stride", options.stride, kMostOfLayer);
  check_most("dilation", options.dilation, kMostOfLayer);
  TORCH_CHECK_VALUE(weight.size(0) <= kMostOfLayer && weight.size(1) <= kMostOfLayer,
                    "gated_conv2d: weight: has shape ", weight.sizes(), ", on a CUDA device at most ",
                    kMostOfLayer, " rows of at most as many channels");
  cuda::GatedConv2dLayer layer;
  layer.in_channels = static_cast<int32_t>(weight.size(1));
  layer.out_channels = static_cast<int32_t>(weight.size(0) / 2);
  layer.kernel_height = static_cast<int32_t>(weight.size(2));
  layer.kernel_width = static_cast<int32_t>(weight.size(3));
  layer.stride_y = static_cast<int32_t>(options.stride[0]);
  layer.stride_x = static_cast<int32_t>(options.stride[1]);
  layer.dilation_y = static_cast<int32_t>(options.dilation[0]);
  layer.dilation_x = static_cast<int32_t>(options.dilation[1]);
  layer.activation = activation_of(options.activation);
  layer.precision = problem.precision;
  return layer;
}

cuda::GatedConv2dWeights weights_of(const Tensor& weight, const Tensor& bias) {
  cuda::GatedConv2dWeights weights;
  weights.weight = weight.const_data_ptr();
  weights.row_stride = weight.stride(0);
  weights.channel_stride = weight.stride(1);
  weights.y_stride = weight.stride(2);
  weights.x_stride = weight.stride(3);
  if (bias.defined()) weights.bias = bias.const_data_ptr();
  return weights;
}

// The weights as the kernel reads them.
Tensor packed(const cuda::GatedConv2dLayer& layer, const Tensor& weight, const Tensor& bias,
              cudaStream_t stream) {
  const size_t bytes = cuda::gated_conv2d_packed_bytes(layer);
  TORCH_CHECK_VALUE(bytes > 0, "gated_conv2d: weight: has shape ", weight.sizes(),
                    ", which is too large for a CUDA device");
  Tensor result = device_bytes(bytes, weight);
  forget_last_error();
  check_launch("gated_conv2d",
               cuda::gated_conv2d_pack(layer, weights_of(weight, bias), result.mutable_data_ptr(), stream));
  return result;
}

// Sizes, zeros around x and where x lies, into either call.
template <class Call>
Call call_of(const GatedConv2dProblem& problem, const cuda::GatedConv2dLayer& layer, const Tensor& x) {
  Call call;
  call.layer = layer;
  call.batch = static_cast<int32_t>(x.size(0));
  call.in_height = static_cast<int32_t>(x.size(2));
  call.in_width = static_cast<int32_t>(x.size(3));
  call.out_height = static_cast<int32_t>(problem.shape[2]);
  call.out_width = static_cast<int32_t>(problem.shape[3]);
  call.pad_top = static_cast<int32_t>(problem.options.padding[0]);
  call.pad_left = static_cast<int32_t>(problem.options.padding[2]);
  call.x = x.const_data_ptr();
  call.x_strides = strides_of(x);
  return call;
}

// Every pixel of a picture, in and out and with its zeros, is counted in 32 bits; pictures are counted in
// parts of so many.
int64_t pictures_together(const GatedConv2dProblem& problem) {
  const Tensor& x = problem.x;
  const auto& padding = problem.options.padding;
  const int64_t in_rows = x.size(2) + padding[0] + padding[1];
  const int64_t in_columns = x.size(3) + padding[2] + padding[3];
  const int64_t in_width = std::max(x.size(3), problem.shape[3]);  // of the copy that the kernel may make
  const double most_pixels =
      std::max(static_cast<double>(std::max<int64_t>(x.size(2), 1)) * static_cast<double>(in_width),
               static_cast<double>(problem.shape[2]) * static_cast<double>(problem.shape[3]));
  TORCH_CHECK_VALUE(
      in_rows < kMostInt && in_columns < kMostInt && most_pixels < static_cast<double>(kMostInt),
      "gated_conv2d: x: has shape ", x.sizes(), " and the result ", at::IntArrayRef(problem.shape),
      ", on a CUDA device a picture has fewer than ", kMostInt, " pixels");
  return static_cast<int64_t>(static_cast<double>(kMostInt - 1) / most_pixels);
}

// x with strides that fit 32 bits.
Tensor readable(const Tensor& x) {
  const bool strides_fit = x.stride(2) < kMostInt && x.stride(3) < kMostInt;
  return strides_fit ? x : x.contiguous(x.suggest_memory_format());
}

Tensor dense(const Tensor& bias) {
  return bias.defined() ? bias.contiguous() : bias;
}

void check_call(const GatedConv2dProblem& problem, cudaError_t error) {
  TORCH_CHECK_VALUE(
      error != cudaErrorInvalidValue, "gated_conv2d: x: has shape ", problem.x.sizes(), " and strides ",
      problem.x.strides(), ", too large for a CUDA device with a weight of shape ", problem.weight.sizes(),
      ", stride ", at::IntArrayRef(problem.options.stride), ", padding ",
      at::IntArrayRef(problem.options.padding), " and dilation ", at::IntArrayRef(problem.options.dilation));
  check_launch("gated_conv2d", error);
}

}  // namespace

Tensor gated_conv2d_fused(const GatedConv2dProblem& problem) {
  const auto layer = layer_of(problem);
  const int64_t together = pictures_together(problem);
  const Tensor input = readable(problem.x);
  cudaStream_t stream = current_stream(input.device());
  const Tensor bias = dense(problem.bias);
  const Tensor weights = packed(layer, problem.weight, bias, stream);
  Tensor y = at::empty(problem.shape, problem.x.options(), problem.x.suggest_memory_format());
  for (int64_t first = 0; first < problem.shape[0]; first += together) {
    const int64_t count = std::min(together, problem.shape[0] - first);
    Tensor part = y.narrow(0, first, count);
    auto call = call_of<cuda::GatedConv2dCall>(problem, layer, input.narrow(0, first, count));
    call.packed = weights.const_data_ptr();
    call.y = part.mutable_data_ptr();
    call.y_strides = strides_of(part);
    const Tensor workspace = device_bytes(cuda::gated_conv2d_workspace(call), input);
    call.workspace = workspace.mutable_data_ptr();
    forget_last_error();
    check_call(problem, cuda::gated_conv2d(call, stream));
  }
  return y;
}

Gradients gated_conv2d_fused_backward(const GatedConv2dProblem& problem, const Tensor& grad,
                                      std::array<bool, 3> wanted) {
  const auto layer = layer_of(problem);
  const Tensor input = readable(problem.x);
  cudaStream_t stream = current_stream(input.device());
  const Tensor bias = dense(problem.bias);
  const auto& shape = problem.shape;
  const int64_t picture_bytes =
      2 * shape[1] * shape[2] * shape[3] * static_cast<int64_t>(problem.x.element_size());
  const int64_t together =
      std::min(pictures_together(problem), std::max<int64_t>(1, kBackwardBytes / picture_bytes));
  Tensor grad_x = wanted[0] ? empty_gradient(problem.x) : Tensor();
  Tensor grad_weight = wanted[1] ? empty_gradient(problem.weight) : Tensor();
  Tensor grad_bias = wanted[2] ? empty_gradient(bias) : Tensor();
  Tensor weight_sum;
  Tensor bias_sum;
  const auto add = [](Tensor& sum, const Tensor& part) {
    if (sum.defined()) {
      sum.add_(part);
    } else if (part.defined()) {
      sum = part.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
    }
  };
  for (int64_t first = 0; first < shape[0]; first += together) {
    const int64_t count = std::min(together, shape[0] - first);
    auto call = call_of<cuda::GatedConv2dBackwardCall>(problem, layer, input.narrow(0, first, count));
    const Tensor dy = grad.narrow(0, first, count);
    call.weights = weights_of(problem.weight, bias);
    call.grad = dy.const_data_ptr();
    call.grad_strides = strides_of(dy);
    if (wanted[0]) {
      Tensor part = grad_x.narrow(0, first, count);
      call.grad_x = part.mutable_data_ptr();
      call.grad_x_strides = strides_of(part);
    }
    if (wanted[1]) {
      call.grad_weights.weight = grad_weight.mutable_data_ptr();
      call.grad_weights.row_stride = grad_weight.stride(0);
      call.grad_weights.channel_stride = grad_weight.stride(1);
      call.grad_weights.y_stride = grad_weight.stride(2);
      call.grad_weights.x_stride = grad_weight.stride(3);
    }
    if (wanted[2]) call.grad_weights.bias = grad_bias.mutable_data_ptr();
    const Tensor workspace = device_bytes(cuda::gated_conv2d_backward_workspace(call), input);
    call.workspace = workspace.mutable_data_ptr();
    forget_last_error();
    check_call(problem, cuda::gated_conv2d_backward(call, stream));
    if (together < shape[0]) {
      add(weight_sum, grad_weight);
      add(bias_sum, grad_bias);
    }
  }
  if (weight_sum.defined()) grad_weight.copy_(weight_sum);
  if (bias_sum.defined()) grad_bias.copy_(bias_sum);
  return {grad_x, grad_weight, grad_bias};
}

}  // namespace infill::ops
