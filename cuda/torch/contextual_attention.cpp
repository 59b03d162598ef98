// contextual_attention for CUDA tensors: all of it, where a hole is (cuda/contextual_attention.h), and its
// gradients (cuda/contextual_attention_backward.h).
#include "cuda/contextual_attention.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>

#include "cuda/contextual_attention_backward.h"
#include "cuda/torch/operators.h"
#include "cuda/torch/stream.h"

namespace infill::ops {
namespace {

using at::Tensor;

struct Options {
  double scale;
  int64_t n_down;
  bool fuse;
  bool tf_compat;
};

// [N, 1, ...] without gaps, in a type that the kernels read: floats, or bytes that are not 0 where it is not
// 0.
Tensor readable_mask(const Tensor& mask) {
  const auto type = mask.scalar_type();
  const bool as_is = type == at::kFloat || type == at::kByte || type == at::kBool;
  return (as_is ? mask : mask.ne(0)).contiguous();
}

// What the calls of both directions say alike. The mask's tensor lives as long as the call.
template <class Call>
Tensor describe(Call& call, const Tensor& f, const Tensor& b, const std::optional<Tensor>& mask,
                const Options& options) {
  call.height = static_cast<int32_t>(f.size(2));
  call.width = static_cast<int32_t>(f.size(3));
  call.channels = static_cast<int32_t>(f.size(1));
  call.scale = static_cast<float>(options.scale);
  call.n_down = static_cast<int32_t>(options.n_down);
  call.fuse = options.fuse;
  call.tf_compat = options.tf_compat;
  call.items = static_cast<int32_t>(f.size(0));
  call.f = f.const_data_ptr();
  call.b = b.const_data_ptr();
  call.f_strides = strides_of(f);
  call.b_strides = strides_of(b);
  Tensor holes;
  if (mask.has_value() && mask->defined()) {
    holes = readable_mask(*mask);
    if (holes.scalar_type() == at::kFloat) {
      call.mask_floats = holes.const_data_ptr<float>();
    } else {
      call.mask_bytes = static_cast<const uint8_t*>(holes.const_data_ptr());
    }
  }
  return holes;
}

// Of `bytes`, 0 for what no kernel counts.
template <class Call>
Tensor take_workspace(Call& call, size_t bytes, const Tensor& f, const Options& options) {
  TORCH_CHECK_VALUE(bytes > 0, "contextual_attention: f: has shape ", f.sizes(), ", with scale ",
                    options.scale, " too large for a CUDA device");
  Tensor workspace = device_bytes(bytes, f);
  call.workspace = workspace.mutable_data_ptr();
  call.workspace_bytes = bytes;
  return workspace;
}

// wanted: [N, 1, h, w] or undefined; y is 0 elsewhere.
Tensor attend(const Tensor& f, const Tensor& b, const std::optional<Tensor>& mask, const Options& options,
              const Tensor& wanted) {
  Tensor y = at::empty(f.sizes(), f.options(), f.suggest_memory_format());
  cuda::ContextualAttentionCall call;
  call.precision = precision_of("contextual_attention: f", f, at::Float32Op::MATMUL);
  if (f.size(0) == 0) return y;
  const Tensor holes = describe(call, f, b, mask, options);
  call.y = y.mutable_data_ptr();
  call.y_strides = strides_of(y);
  if (wanted.defined()) call.wanted = static_cast<const uint8_t*>(wanted.const_data_ptr());
  const Tensor workspace = take_workspace(call, cuda::contextual_attention_workspace(call), f, options);
  forget_last_error();
  check_launch("contextual_attention", cuda::contextual_attention(call, current_stream(f.device())));
  return y;
}

}  // namespace

INFILL_CONTEXTUAL_ATTENTION(contextual_attention_cuda) {
  check_contextual_attention({}, f, b, mask, rate, patch, fuse_k, scale, n_down);
  check_contextual_attention_size(f);
  const c10::DeviceGuard guard(f.device());
  return attend(f, b, mask, {scale, n_down, fuse, tf_compat}, {});
}

INFILL_CONTEXTUAL_ATTENTION_HOLE(contextual_attention_hole_cuda) {
  check_contextual_attention({}, f, b, mask, rate, patch, fuse_k, scale, n_down);
  check_reach(reach);
  check_contextual_attention_size(f);
  const c10::DeviceGuard guard(f.device());
  Tensor wanted;
  if (f.size(0) > 0) wanted = wanted_positions(mask, n_down, reach).ne(0).contiguous();
  return attend(f, b, mask, {scale, n_down, fuse, tf_compat}, wanted);
}

INFILL_CONTEXTUAL_ATTENTION_BACKWARD(contextual_attention_backward_cuda) {
  check_contextual_attention(grad, f, b, mask, rate, patch, fuse_k, scale, n_down);
  check_contextual_attention_size(f);
  const c10::DeviceGuard guard(f.device());
  const Options options{scale, n_down, fuse, tf_compat};
  const auto like = [](bool wanted, const Tensor& of) {
    return wanted ? at::empty(of.sizes(), of.options(), of.suggest_memory_format()) : Tensor();
  };
  AttentionGradients results = {like(output_mask[0], f), like(output_mask[1], b)};
  cuda::ContextualAttentionBackwardCall call;
  call.precision = precision_of("contextual_attention: f", f, at::Float32Op::MATMUL);
  if (f.size(0) == 0 || !(output_mask[0] || output_mask[1])) return results;
  const Tensor holes = describe(call, f, b, mask, options);
  call.grad = grad.const_data_ptr();
  call.grad_strides = strides_of(grad);
  if (const Tensor& f_grad = std::get<0>(results); f_grad.defined()) {
    call.f_grad = f_grad.mutable_data_ptr();
    call.f_grad_strides = strides_of(f_grad);
  }
  if (const Tensor& b_grad = std::get<1>(results); b_grad.defined()) {
    call.b_grad = b_grad.mutable_data_ptr();
    call.b_grad_strides = strides_of(b_grad);
  }
  const Tensor workspace =
      take_workspace(call, cuda::contextual_attention_backward_workspace(call), f, options);
  forget_last_error();
  check_launch("contextual_attention_backward",
               cuda::contextual_attention_backward(call, current_stream(f.device())));
  return results;
}

}  // namespace infill::ops
