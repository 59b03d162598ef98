// contextual_attention for CUDA tensors, all of it and where a hole is (cuda/contextual_attention.h).
#include "cuda/contextual_attention.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>

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

// wanted: [N, 1, h, w] or undefined; y is 0 elsewhere.
Tensor attend(const Tensor& f, const Tensor& b, const std::optional<Tensor>& mask, const Options& options,
              const Tensor& wanted) {
  Tensor y = at::empty(f.sizes(), f.options(), f.suggest_memory_format());
  cuda::ContextualAttentionCall call;
  call.precision = precision_of("contextual_attention: f", f, at::Float32Op::MATMUL);
  if (f.size(0) == 0) return y;
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
  call.y = y.mutable_data_ptr();
  call.f_strides = strides_of(f);
  call.b_strides = strides_of(b);
  call.y_strides = strides_of(y);
  Tensor holes;
  if (mask.has_value() && mask->defined()) {
    holes = readable_mask(*mask);
    if (holes.scalar_type() == at::kFloat) {
      call.mask_floats = holes.const_data_ptr<float>();
    } else {
      call.mask_bytes = static_cast<const uint8_t*>(holes.const_data_ptr());
    }
  }
  if (wanted.defined()) call.wanted = static_cast<const uint8_t*>(wanted.const_data_ptr());

  call.workspace_bytes = cuda::contextual_attention_workspace(call);
  TORCH_CHECK_VALUE(call.workspace_bytes > 0, "contextual_attention: f: has shape ", f.sizes(),
                    ", with scale ", options.scale, " too large for a CUDA device");
  const Tensor workspace = device_bytes(call.workspace_bytes, f);
  call.workspace = workspace.mutable_data_ptr();
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

}  // namespace infill::ops
