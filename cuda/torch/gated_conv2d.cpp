// gated_conv2d for CUDA tensors: packs the weights, then one fused kernel (cuda/gated_conv2d.h).
#include "cuda/gated_conv2d.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "cuda/torch/operators.h"
#include "cuda/torch/stream.h"

namespace infill::ops {
namespace {

using at::Tensor;

cuda::Activation activation_of(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return cuda::Activation::kNone;
    case Activation::kElu:
      return cuda::Activation::kElu;
    case Activation::kRelu:
      return cuda::Activation::kRelu;
    case Activation::kLeakyRelu:
      return cuda::Activation::kLeakyRelu;
  }
  TORCH_INTERNAL_ASSERT(false, "activation out of range");
}

// What the kernel counts in 32 bits: see cuda/gated_conv2d.h.
constexpr int64_t kMostInt = (int64_t{1} << 31) - 128;
constexpr int64_t kMostOfLayer = (int64_t{1} << 24) - 1;
constexpr int64_t kMostKernel = 7;

void check_most(const char* name, at::IntArrayRef values, int64_t most) {
  for (const int64_t value : values) {
    TORCH_CHECK_VALUE(value <= most, "gated_conv2d: ", name, ": is ", values, ", on a CUDA device at most ",
                      most);
  }
}

cuda::GatedConv2dLayer layer_of(const Tensor& x, const Tensor& weight, const GatedConv2dOptions& options) {
  TORCH_CHECK_VALUE(weight.size(2) <= kMostKernel && weight.size(3) <= kMostKernel,
                    "gated_conv2d: weight: has shape ", weight.sizes(),
                    ", on a CUDA device the kernel is at most ", kMostKernel, " x ", kMostKernel);
  check_most("stride", options.stride, kMostOfLayer);
  check_most("dilation", options.dilation, kMostOfLayer);
  TORCH_CHECK_VALUE(weight.size(0) / 2 <= kMostOfLayer && weight.size(1) <= kMostOfLayer,
                    "gated_conv2d: weight: has shape ", weight.sizes(), ", on a CUDA device at most ",
                    kMostOfLayer, " channels go in and out");
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
  layer.precision = precision_of("gated_conv2d: x", x, at::Float32Op::CONV);
  return layer;
}

// The weights as the kernel reads them.
Tensor packed(const cuda::GatedConv2dLayer& layer, const Tensor& weight, const Tensor& bias,
              cudaStream_t stream) {
  const size_t bytes = cuda::gated_conv2d_packed_bytes(layer);
  TORCH_CHECK_VALUE(bytes > 0, "gated_conv2d: weight: has shape ", weight.sizes(),
                    ", which is too large for a CUDA device");
  Tensor result = device_bytes(bytes, weight);
  cuda::GatedConv2dWeights weights;
  weights.weight = weight.const_data_ptr();
  weights.row_stride = weight.stride(0);
  weights.channel_stride = weight.stride(1);
  weights.y_stride = weight.stride(2);
  weights.x_stride = weight.stride(3);
  if (bias.defined()) weights.bias = bias.const_data_ptr();
  forget_last_error();
  check_launch("gated_conv2d", cuda::gated_conv2d_pack(layer, weights, result.mutable_data_ptr(), stream));
  return result;
}

cuda::GatedConv2dCall call_of(const cuda::GatedConv2dLayer& layer, const Tensor& x, const Tensor& weights,
                              const GatedConv2dOptions& options, Tensor& y) {
  cuda::GatedConv2dCall call;
  call.layer = layer;
  call.batch = static_cast<int32_t>(x.size(0));
  call.in_height = static_cast<int32_t>(x.size(2));
  call.in_width = static_cast<int32_t>(x.size(3));
  call.out_height = static_cast<int32_t>(y.size(2));
  call.out_width = static_cast<int32_t>(y.size(3));
  call.pad_top = static_cast<int32_t>(options.padding[0]);
  call.pad_left = static_cast<int32_t>(options.padding[2]);
  call.x = x.const_data_ptr();
  call.x_strides = strides_of(x);
  call.packed = weights.const_data_ptr();
  call.y = y.mutable_data_ptr();
  call.y_strides = strides_of(y);
  return call;
}

}  // namespace

INFILL_GATED_CONV2D(gated_conv2d_cuda) {
  const auto options = check_gated_conv2d(x, weight, bias, stride, padding, dilation, activation);
  const auto shape =
      C10_AS_INTARRAYREF_SLOW(c10::SymIntArrayRef(gated_conv2d_shape(x, weight, options))).vec();
  const c10::DeviceGuard guard(x.device());
  const auto format = x.suggest_memory_format();
  const auto layer = layer_of(x, weight, options);
  Tensor y = at::empty(shape, x.options(), format);
  if (y.numel() == 0) return y;

  // Every pixel of a picture, in and out and with its zeros, is counted in 32 bits; pictures are counted in
  // parts.
  const int64_t in_rows = x.size(2) + options.padding[0] + options.padding[1];
  const int64_t in_columns = x.size(3) + options.padding[2] + options.padding[3];
  const int64_t in_width = std::max(x.size(3), shape[3]);  // of the copy that the kernel may make
  const double most_pixels =
      std::max(static_cast<double>(std::max<int64_t>(x.size(2), 1)) * static_cast<double>(in_width),
               static_cast<double>(shape[2]) * static_cast<double>(shape[3]));
  TORCH_CHECK_VALUE(
      in_rows < kMostInt && in_columns < kMostInt && most_pixels < static_cast<double>(kMostInt),
      "gated_conv2d: x: has shape ", x.sizes(), " and the result ", shape,
      ", on a CUDA device a picture has fewer than ", kMostInt, " pixels");
  const bool strides_fit = x.stride(2) < kMostInt && x.stride(3) < kMostInt;
  const Tensor input = strides_fit ? x : x.contiguous(format);
  const cudaStream_t stream = current_stream(x.device());
  const Tensor offset = bias.has_value() && bias->defined() ? bias->contiguous() : Tensor();
  const Tensor weights = packed(layer, weight, offset, stream);

  const auto together = static_cast<int64_t>(static_cast<double>(kMostInt - 1) / most_pixels);
  for (int64_t first = 0; first < shape[0]; first += together) {
    const int64_t count = std::min(together, shape[0] - first);
    Tensor part = y.narrow(0, first, count);
    auto call = call_of(layer, input.narrow(0, first, count), weights, options, part);
    const Tensor workspace = device_bytes(cuda::gated_conv2d_workspace(call), x);
    call.workspace = workspace.mutable_data_ptr();
    forget_last_error();
    const cudaError_t error = cuda::gated_conv2d(call, stream);
    TORCH_CHECK_VALUE(error != cudaErrorInvalidValue, "gated_conv2d: x: has shape ", x.sizes(),
                      " and strides ", x.strides(), ", too large for a CUDA device with a weight of shape ",
                      weight.sizes(), ", stride ", stride, ", padding ", padding, " and dilation ", dilation);
    check_launch("gated_conv2d", error);
  }
  return y;
}

}  // namespace infill::ops
