// gated_conv2d for callers and for autograd.
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <string>

#include "infill/ops/gated_conv2d.h"
#include "ops/gated_conv2d.h"

namespace infill {

at::Tensor gated_conv2d(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                        at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                        std::string_view activation) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("infill::gated_conv2d", "")
                             .typed<decltype(ops::gated_conv2d_cpu)>();
  return op.call(x, weight, bias, stride, padding, dilation, activation);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> gated_conv2d_backward(
    const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight,
    const std::optional<at::Tensor>& bias, at::IntArrayRef stride, at::IntArrayRef padding,
    at::IntArrayRef dilation, std::string_view activation, std::array<bool, 3> output_mask) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("infill::gated_conv2d_backward", "")
                             .typed<decltype(ops::gated_conv2d_backward_cpu)>();
  return op.call(grad, x, weight, bias, stride, padding, dilation, activation, output_mask);
}

namespace ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class GatedConv2d : public torch::autograd::Function<GatedConv2d> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                            at::IntArrayRef padding, at::IntArrayRef dilation, std::string_view activation) {
    context->save_for_backward({x, weight, bias.value_or(at::Tensor())});
    context->saved_data["stride"] = stride.vec();
    context->saved_data["padding"] = padding.vec();
    context->saved_data["dilation"] = dilation.vec();
    context->saved_data["activation"] = std::string(activation);
    const at::AutoDispatchBelowADInplaceOrView below;
    return gated_conv2d(x, weight, bias, stride, padding, dilation, activation);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const auto ints = [&](const char* name) { return context->saved_data[name].toIntVector(); };
    const at::Tensor& bias = saved[2];
    const auto [x, weight, offset] = gated_conv2d_backward(
        grads[0], saved[0], saved[1], bias.defined() ? std::optional(bias) : std::nullopt, ints("stride"),
        ints("padding"), ints("dilation"), context->saved_data["activation"].toStringRef(),
        {context->needs_input_grad(0), context->needs_input_grad(1),
         bias.defined() && context->needs_input_grad(2)});
    return {x, weight, offset, {}, {}, {}, {}};
  }
};

at::Tensor activate(Activation activation, const at::Tensor& f) {
  switch (activation) {
    case Activation::kNone:
      return f;
    case Activation::kElu:
      return at::elu(f);
    case Activation::kRelu:
      return at::relu(f);
    case Activation::kLeakyRelu:
      return at::leaky_relu(f, kLeakySlope);
  }
  TORCH_INTERNAL_ASSERT(false, "activation out of range");
}

// The backward through operators that autograd can differentiate again.
Gradients differentiable_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& bias, const GatedConv2dOptions& options,
                                  std::array<bool, 3> output_mask) {
  const auto tracked = [](const at::Tensor& tensor) {
    return !tensor.defined() || tensor.requires_grad() ? tensor : tensor.detach().requires_grad_();
  };
  const variable_list all = {tracked(x), tracked(weight), tracked(bias)};
  const auto& [top, bottom, left, right] = options.padding;
  const at::Tensor z = at::convolution(at::constant_pad_nd(all[0], {left, right, top, bottom}), all[1],
                                       all[2], options.stride, {0, 0}, options.dilation, false, {0, 0}, 1);
  const auto channels = z.sym_size(1) / 2;
  const at::Tensor y = activate(options.activation, z.narrow_symint(1, 0, channels)) *
                       at::sigmoid(z.narrow_symint(1, channels, channels));
  variable_list wanted;
  for (size_t i = 0; i < all.size(); ++i) {
    if (output_mask[i] && all[i].defined()) wanted.push_back(all[i]);
  }
  if (wanted.empty()) return {};
  const auto found = torch::autograd::grad({y}, wanted, {grad}, /*retain_graph=*/true, /*create_graph=*/true);
  std::array<at::Tensor, 3> results;
  for (size_t i = 0, next = 0; i < all.size(); ++i) {
    if (output_mask[i] && all[i].defined()) results[i] = found[next++];
  }
  return {results[0], results[1], results[2]};
}

}  // namespace

INFILL_GATED_CONV2D(gated_conv2d_autograd) {
  return GatedConv2d::apply(x, weight, bias, stride, padding, dilation, activation);
}

INFILL_GATED_CONV2D_BACKWARD(gated_conv2d_backward_autograd) {
  const at::Tensor offset = bias.value_or(at::Tensor());
  const bool tracked =
      at::GradMode::is_enabled() && (grad.requires_grad() || x.requires_grad() || weight.requires_grad() ||
                                     (offset.defined() && offset.requires_grad()));
  if (tracked) {
    const auto options = check_gated_conv2d(x, weight, bias, stride, padding, dilation, activation);
    check_gated_conv2d_gradient(grad, x, gated_conv2d_shape(x, weight, options));
    return differentiable_backward(grad, x, weight, offset, options, output_mask);
  }
  const at::AutoDispatchBelowADInplaceOrView below;
  return gated_conv2d_backward(grad, x, weight, bias, stride, padding, dilation, activation, output_mask);
}

}  // namespace ops
}  // namespace infill
