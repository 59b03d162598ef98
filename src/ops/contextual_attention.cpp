// contextual_attention on the CPU. The forward in float is the library's kernel; in double, and for
// gradients, it is LibTorch's products in tiles.
#include "ops/contextual_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <span>

#include "core/simd.h"
#include "core/status.h"
#include "kernels/contextual_attention.h"
#include "ops/contextual_attention_tiles.h"
#include "ops/fork.h"
#include "ops/torch_parallel.h"

namespace infill::ops {
namespace {

using at::Tensor;

at::ScalarType compute_type(at::ScalarType type) {
  return type == at::kDouble ? type : at::kFloat;
}

// Item n as [H, W, C].
Tensor image_of(const Tensor& batch, int64_t n, at::ScalarType type) {
  return batch.select(0, n).permute({1, 2, 0}).to(type).contiguous();
}

// Item n's mask as bytes; undefined without one.
Tensor mask_of(const std::optional<Tensor>& mask, int64_t n) {
  if (!mask.has_value() || !mask->defined()) return {};
  return mask->select(0, n).select(0, 0).ne(0).to(at::kByte).contiguous();
}

struct Options {
  double scale;
  int64_t n_down;
  bool fuse;
  bool tf_compat;
};

TiledAttention tiled(const Tensor& f, const Tensor& b, const Tensor& mask, const Options& options) {
  return {f, b, mask, options.scale, options.n_down, options.fuse, options.tf_compat};
}

// y [H, W, C] = attention of float images. wanted: [h, w] bytes or undefined.
void run_kernel(const TiledAttention& attention, const Tensor& wanted, Tensor& y) try {
  kernels::ContextualAttention shape;
  shape.height = static_cast<int32_t>(y.size(0));
  shape.width = static_cast<int32_t>(y.size(1));
  shape.channels = static_cast<int32_t>(y.size(2));
  shape.scale = static_cast<float>(attention.scale);
  shape.n_down = static_cast<int>(attention.n_down);
  shape.fuse = attention.fuse;
  shape.tf_compat = attention.tf_compat;
  kernels::ContextualAttentionForward forward;
  forward.f = attention.f.const_data_ptr<float>();
  forward.b = attention.b.const_data_ptr<float>();
  if (attention.mask.defined()) forward.mask.bytes = attention.mask.const_data_ptr<uint8_t>();
  if (wanted.defined()) forward.wanted = wanted.const_data_ptr<uint8_t>();
  forward.y = y.mutable_data_ptr<float>();
  TorchParallel parallel;
  const size_t bytes = kernels::contextual_attention_workspace(shape, parallel.count());
  Tensor workspace = at::empty({static_cast<int64_t>(bytes)}, at::kByte);
  kernels::contextual_attention(
      shape, forward, std::as_writable_bytes(std::span(workspace.mutable_data_ptr<uint8_t>(), bytes)),
      parallel);
} catch (const Error& error) {
  C10_THROW_ERROR(ValueError, c10::str("contextual_attention: ", error.what()));
}

// wanted: [N, 1, h, w] or undefined; y is 0 elsewhere.
Tensor attend(const Tensor& f, const Tensor& b, const std::optional<Tensor>& mask, const Options& options,
              const Tensor& wanted) {
  apply_simd_environment();
  const auto type = compute_type(f.scalar_type());
  Tensor y = at::empty(f.sizes(), f.options(), f.suggest_memory_format());
  for (int64_t n = 0; n < f.size(0); ++n) {
    const Tensor queries = image_of(f, n, type);
    const Tensor keys = b.is_same(f) ? queries : image_of(b, n, type);
    const TiledAttention attention = tiled(queries, keys, mask_of(mask, n), options);
    Tensor to = y.select(0, n).permute({1, 2, 0});
    if (type == at::kDouble) {
      to.copy_(attend_by_tiles(attention));
    } else {
      const bool direct = y.scalar_type() == type && to.is_contiguous();
      Tensor result = direct ? to : at::empty(to.sizes(), queries.options());
      run_kernel(attention, wanted.defined() ? mask_of(wanted, n) : Tensor(), result);
      if (!direct) to.copy_(result);
    }
  }
  return y;
}

}  // namespace

INFILL_CONTEXTUAL_ATTENTION(contextual_attention_cpu) {
  check_contextual_attention({}, f, b, mask, rate, patch, fuse_k, scale, n_down);
  check_contextual_attention_size(f);
  refuse_after_fork("contextual_attention");
  return attend(f, b, mask, {scale, n_down, fuse, tf_compat}, {});
}

INFILL_CONTEXTUAL_ATTENTION_HOLE(contextual_attention_hole_cpu) {
  check_contextual_attention({}, f, b, mask, rate, patch, fuse_k, scale, n_down);
  check_reach(reach);
  check_contextual_attention_size(f);
  refuse_after_fork("contextual_attention_hole");
  Tensor y = attend(f, b, mask, {scale, n_down, fuse, tf_compat}, wanted_positions(mask, n_down, reach));
  if (f.scalar_type() == at::kDouble) y.mul_(wanted_pixels(f, mask, n_down, reach));
  return y;
}

INFILL_CONTEXTUAL_ATTENTION_BACKWARD(contextual_attention_backward_cpu) {
  check_contextual_attention(grad, f, b, mask, rate, patch, fuse_k, scale, n_down);
  check_contextual_attention_size(f);
  refuse_after_fork("contextual_attention");
  const auto type = compute_type(f.scalar_type());
  const auto like = [](bool wanted, const Tensor& of) {
    return wanted ? at::empty(of.sizes(), of.options(), of.suggest_memory_format()) : Tensor();
  };
  AttentionGradients results = {like(output_mask[0], f), like(output_mask[1], b)};
  for (int64_t n = 0; n < f.size(0); ++n) {
    const Tensor queries = image_of(f, n, type);
    const Tensor keys = b.is_same(f) ? queries : image_of(b, n, type);
    const auto attention = tiled(queries, keys, mask_of(mask, n), {scale, n_down, fuse, tf_compat});
    const auto gradients = differentiate_by_tiles(attention, image_of(grad, n, type));
    if (output_mask[0]) std::get<0>(results).select(0, n).permute({1, 2, 0}).copy_(gradients.f);
    if (output_mask[1]) std::get<1>(results).select(0, n).permute({1, 2, 0}).copy_(gradients.b);
  }
  return results;
}

}  // namespace infill::ops
