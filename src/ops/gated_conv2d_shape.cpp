// Arguments and shapes of gated_conv2d, and its Meta kernels.
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <limits>
#include <utility>

#include "ops/gated_conv2d.h"

namespace infill::ops {
namespace {

constexpr std::pair<std::string_view, Activation> kActivations[] = {{"elu", Activation::kElu},
                                                                    {"relu", Activation::kRelu},
                                                                    {"leaky_relu", Activation::kLeakyRelu},
                                                                    {"none", Activation::kNone}};

Activation activation_of(std::string_view name) {
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
  }
  TORCH_CHECK_VALUE(false, "gated_conv2d: activation: is '", name,
                    "', must be elu, relu, leaky_relu or none");
}

// Oversized values would overflow sums of sizes.
template <size_t kCount>
std::array<int64_t, kCount> checked(const char* name, at::IntArrayRef values, int64_t lowest) {
  TORCH_CHECK_VALUE(values.size() == kCount, "gated_conv2d: ", name, ": has ", values.size(),
                    " values, must have ", kCount);
  std::array<int64_t, kCount> result{};
  for (size_t i = 0; i < kCount; ++i) {
    TORCH_CHECK_VALUE(values[i] >= lowest && values[i] <= std::numeric_limits<int32_t>::max(),
                      "gated_conv2d: ", name, ": is ", values, ", every value must be ", lowest,
                      " to 2147483647");
    result[i] = values[i];
  }
  return result;
}

void check_like_x(const char* name, const at::Tensor& tensor, const at::Tensor& x) {
  TORCH_CHECK_TYPE(tensor.scalar_type() == x.scalar_type(), "gated_conv2d: ", name, ": is ",
                   tensor.scalar_type(), ", x is ", x.scalar_type());
  TORCH_CHECK_VALUE(tensor.device() == x.device(), "gated_conv2d: ", name, ": is on ", tensor.device(),
                    ", x is on ", x.device());
  TORCH_CHECK_VALUE(tensor.layout() == at::kStrided, "gated_conv2d: ", name, ": has layout ", tensor.layout(),
                    ", must be Strided");
}

}  // namespace

GatedConv2dOptions check_gated_conv2d(const at::Tensor& x, const at::Tensor& weight,
                                      const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                                      at::IntArrayRef padding, at::IntArrayRef dilation,
                                      std::string_view activation) {
  const auto type = x.scalar_type();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kDouble || type == at::kBFloat16 || type == at::kHalf,
                   "gated_conv2d: x: is ", type, ", must be Float, Double, BFloat16 or Half");
  check_like_x("x", x, x);
  check_like_x("weight", weight, x);
  TORCH_CHECK_VALUE(x.dim() == 4, "gated_conv2d: x: has shape ", x.sym_sizes(), ", must be [N, C_in, H, W]");
  TORCH_CHECK_VALUE(weight.dim() == 4, "gated_conv2d: weight: has shape ", weight.sym_sizes(),
                    ", must be [2*C_out, C_in, kh, kw]");
  TORCH_CHECK_VALUE(weight.sym_size(0) % 2 == 0, "gated_conv2d: weight: has ", weight.sym_size(0),
                    " output channels, must be even: features, then gates");
  TORCH_CHECK_VALUE(weight.sym_size(1) == x.sym_size(1), "gated_conv2d: weight: takes ", weight.sym_size(1),
                    " input channels, x has ", x.sym_size(1));
  TORCH_CHECK_VALUE(x.sym_size(1) > 0, "gated_conv2d: x: has shape ", x.sym_sizes(),
                    ", needs at least one channel");
  TORCH_CHECK_VALUE(weight.sym_size(2) > 0 && weight.sym_size(3) > 0, "gated_conv2d: weight: has shape ",
                    weight.sym_sizes(), ", kernel must be at least 1 x 1");
  if (bias.has_value() && bias->defined()) {
    check_like_x("bias", *bias, x);
    TORCH_CHECK_VALUE(bias->dim() == 1 && bias->sym_size(0) == weight.sym_size(0),
                      "gated_conv2d: bias: has shape ", bias->sym_sizes(), ", must be [", weight.sym_size(0),
                      "] like weight");
  }
  return {checked<2>("stride", stride, 1), checked<4>("padding", padding, 0),
          checked<2>("dilation", dilation, 1), activation_of(activation)};
}

std::array<c10::SymInt, 4> gated_conv2d_shape(const at::Tensor& x, const at::Tensor& weight,
                                              const GatedConv2dOptions& options) {
  std::array<c10::SymInt, 4> shape = {x.sym_size(0), weight.sym_size(0) / 2, 0, 0};
  for (size_t axis = 0; axis < 2; ++axis) {
    const auto along = static_cast<int64_t>(axis) + 2;
    const c10::SymInt padded = x.sym_size(along) + options.padding[2 * axis] + options.padding[2 * axis + 1];
    const c10::SymInt kernel = (weight.sym_size(along) - 1) * options.dilation[axis] + 1;
    TORCH_CHECK_VALUE(padded >= kernel, "gated_conv2d: x: ", axis == 0 ? "height" : "width", " is ",
                      x.sym_size(along), ", ", padded, " when padded; the kernel needs ", kernel);
    shape[axis + 2] = (padded - kernel) / options.stride[axis] + 1;
  }
  return shape;
}

void check_gated_conv2d_gradient(const at::Tensor& grad, const at::Tensor& x,
                                 const std::array<c10::SymInt, 4>& shape) {
  check_like_x("grad", grad, x);
  TORCH_CHECK_VALUE(grad.sym_sizes() == c10::SymIntArrayRef(shape), "gated_conv2d: grad: has shape ",
                    grad.sym_sizes(), ", the result has ", c10::SymIntArrayRef(shape));
}

INFILL_GATED_CONV2D(gated_conv2d_meta) {
  const auto options = check_gated_conv2d(x, weight, bias, stride, padding, dilation, activation);
  return at::empty_symint(gated_conv2d_shape(x, weight, options), x.options(), x.suggest_memory_format());
}

INFILL_GATED_CONV2D_BACKWARD(gated_conv2d_backward_meta) {
  const auto options = check_gated_conv2d(x, weight, bias, stride, padding, dilation, activation);
  check_gated_conv2d_gradient(grad, x, gated_conv2d_shape(x, weight, options));
  const auto like = [](bool wanted, const at::Tensor& of) {
    return wanted ? at::empty_symint(of.sym_sizes(), of.options(), of.suggest_memory_format()) : at::Tensor();
  };
  return {like(output_mask[0], x), like(output_mask[1], weight),
          bias.has_value() && bias->defined() ? like(output_mask[2], *bias) : at::Tensor()};
}

}  // namespace infill::ops
