// contextual_attention for callers and for autograd.
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "infill/ops/contextual_attention.h"
#include "ops/contextual_attention.h"

namespace infill {

at::Tensor contextual_attention(const at::Tensor& f, const at::Tensor& b,
                                const std::optional<at::Tensor>& mask, int64_t rate, int64_t patch,
                                int64_t fuse_k, double scale, int64_t n_down, bool fuse, bool tf_compat) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("infill::contextual_attention", "")
                             .typed<decltype(ops::contextual_attention_cpu)>();
  return op.call(f, b, mask, rate, patch, fuse_k, scale, n_down, fuse, tf_compat);
}

at::Tensor contextual_attention_hole(const at::Tensor& f, const at::Tensor& b, const at::Tensor& mask,
                                     int64_t rate, int64_t patch, int64_t fuse_k, double scale,
                                     int64_t n_down, bool fuse, bool tf_compat, int64_t reach) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("infill::contextual_attention_hole", "")
                             .typed<decltype(ops::contextual_attention_hole_cpu)>();
  return op.call(f, b, mask, rate, patch, fuse_k, scale, n_down, fuse, tf_compat, reach);
}

std::tuple<at::Tensor, at::Tensor> contextual_attention_backward(
    const at::Tensor& grad, const at::Tensor& f, const at::Tensor& b, const std::optional<at::Tensor>& mask,
    int64_t rate, int64_t patch, int64_t fuse_k, double scale, int64_t n_down, bool fuse, bool tf_compat,
    std::array<bool, 2> output_mask) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("infill::contextual_attention_backward", "")
                             .typed<decltype(ops::contextual_attention_backward_cpu)>();
  return op.call(grad, f, b, mask, rate, patch, fuse_k, scale, n_down, fuse, tf_compat, output_mask);
}

namespace ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void save(AutogradContext* context, const variable_list& tensors, const std::vector<int64_t>& integers,
          double scale, bool fuse, bool tf_compat) {
  context->save_for_backward(tensors);
  context->saved_data["integers"] = integers;
  context->saved_data["scale"] = scale;
  context->saved_data["fuse"] = fuse;
  context->saved_data["tf_compat"] = tf_compat;
}

// Of f and b. Saved are f, b, mask, and as integers rate, patch, fuse_k and n_down.
AttentionGradients gradients(AutogradContext* context, const variable_list& saved, const at::Tensor& grad) {
  const auto integers = context->saved_data["integers"].toIntVector();
  return contextual_attention_backward(
      grad, saved[0], saved[1], saved[2].defined() ? std::optional(saved[2]) : std::nullopt, integers[0],
      integers[1], integers[2], context->saved_data["scale"].toDouble(), integers[3],
      context->saved_data["fuse"].toBool(), context->saved_data["tf_compat"].toBool(),
      {context->needs_input_grad(0), context->needs_input_grad(1)});
}

class ContextualAttention : public torch::autograd::Function<ContextualAttention> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& f, const at::Tensor& b,
                            const std::optional<at::Tensor>& mask, int64_t rate, int64_t patch,
                            int64_t fuse_k, double scale, int64_t n_down, bool fuse, bool tf_compat) {
    save(context, {f, b, mask.value_or(at::Tensor())}, {rate, patch, fuse_k, n_down}, scale, fuse, tf_compat);
    const at::AutoDispatchBelowADInplaceOrView below;
    return contextual_attention(f, b, mask, rate, patch, fuse_k, scale, n_down, fuse, tf_compat);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto [f, b] = gradients(context, context->get_saved_variables(), grads[0]);
    return {f, b, {}, {}, {}, {}, {}, {}, {}, {}};
  }
};

class ContextualAttentionHole : public torch::autograd::Function<ContextualAttentionHole> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& f, const at::Tensor& b,
                            const at::Tensor& mask, int64_t rate, int64_t patch, int64_t fuse_k, double scale,
                            int64_t n_down, bool fuse, bool tf_compat, int64_t reach) {
    save(context, {f, b, mask}, {rate, patch, fuse_k, n_down, reach}, scale, fuse, tf_compat);
    const at::AutoDispatchBelowADInplaceOrView below;
    return contextual_attention_hole(f, b, mask, rate, patch, fuse_k, scale, n_down, fuse, tf_compat, reach);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const auto integers = context->saved_data["integers"].toIntVector();
    const auto [f, b] =
        gradients(context, saved, grads[0] * wanted_pixels(saved[0], saved[2], integers[3], integers[4]));
    return {f, b, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  }
};

}  // namespace

INFILL_CONTEXTUAL_ATTENTION(contextual_attention_autograd) {
  return ContextualAttention::apply(f, b, mask, rate, patch, fuse_k, scale, n_down, fuse, tf_compat);
}

INFILL_CONTEXTUAL_ATTENTION_HOLE(contextual_attention_hole_autograd) {
  return ContextualAttentionHole::apply(f, b, mask, rate, patch, fuse_k, scale, n_down, fuse, tf_compat,
                                        reach);
}

INFILL_CONTEXTUAL_ATTENTION_BACKWARD(contextual_attention_backward_autograd) {
  TORCH_CHECK_NOT_IMPLEMENTED(
      !at::GradMode::is_enabled() || !(grad.requires_grad() || f.requires_grad() || b.requires_grad()),
      "contextual_attention: has no second derivative");
  const at::AutoDispatchBelowADInplaceOrView below;
  return contextual_attention_backward(grad, f, b, mask, rate, patch, fuse_k, scale, n_down, fuse, tf_compat,
                                       output_mask);
}

}  // namespace ops
}  // namespace infill
