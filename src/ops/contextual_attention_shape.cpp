// Arguments of contextual_attention, and its Meta kernels.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max_pool2d.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "ops/contextual_attention.h"

namespace infill::ops {
namespace {

void check_like_f(const char* name, const at::Tensor& tensor, const at::Tensor& f) {
  TORCH_CHECK_TYPE(tensor.scalar_type() == f.scalar_type(), "contextual_attention: ", name, ": is ",
                   tensor.scalar_type(), ", f is ", f.scalar_type());
  TORCH_CHECK_VALUE(tensor.device() == f.device(), "contextual_attention: ", name, ": is on ",
                    tensor.device(), ", f is on ", f.device());
  TORCH_CHECK_VALUE(tensor.layout() == at::kStrided, "contextual_attention: ", name, ": has layout ",
                    tensor.layout(), ", must be Strided");
  TORCH_CHECK_VALUE(tensor.sym_sizes() == f.sym_sizes(), "contextual_attention: ", name, ": has shape ",
                    tensor.sym_sizes(), ", f has ", f.sym_sizes());
}

void check_only(const char* name, int64_t value, int64_t only) {
  TORCH_CHECK_VALUE(value == only, "contextual_attention: ", name, ": is ", value, ", only ", only,
                    " is built");
}

}  // namespace

void check_contextual_attention(const at::Tensor& grad, const at::Tensor& f, const at::Tensor& b,
                                const std::optional<at::Tensor>& mask, int64_t rate, int64_t patch,
                                int64_t fuse_k, double scale, int64_t n_down) {
  const auto type = f.scalar_type();
  TORCH_CHECK_TYPE(type == at::kFloat || type == at::kDouble || type == at::kBFloat16 || type == at::kHalf,
                   "contextual_attention: f: is ", type, ", must be Float, Double, BFloat16 or Half");
  TORCH_CHECK_VALUE(f.dim() == 4 && f.sym_size(1) > 0 && f.sym_size(2) > 0 && f.sym_size(3) > 0,
                    "contextual_attention: f: has shape ", f.sym_sizes(),
                    ", must be [N, C, H, W] with C, H and W at least 1");
  check_like_f("f", f, f);
  check_like_f("b", b, f);
  if (grad.defined()) check_like_f("grad", grad, f);
  check_only("rate", rate, 2);
  check_only("patch", patch, 3);
  check_only("fuse_k", fuse_k, 3);
  TORCH_CHECK_VALUE(std::isfinite(scale), "contextual_attention: scale: is ", scale, ", must be finite");
  TORCH_CHECK_VALUE(n_down >= 0 && n_down <= 8, "contextual_attention: n_down: is ", n_down,
                    ", must be 0 to 8");
  if (mask.has_value() && mask->defined()) {
    TORCH_CHECK_VALUE(mask->device() == f.device(), "contextual_attention: mask: is on ", mask->device(),
                      ", f is on ", f.device());
    const std::array<c10::SymInt, 4> shape = {f.sym_size(0), 1, f.sym_size(2) * (int64_t{1} << n_down),
                                              f.sym_size(3) * (int64_t{1} << n_down)};
    TORCH_CHECK_VALUE(mask->sym_sizes() == c10::SymIntArrayRef(shape),
                      "contextual_attention: mask: has shape ", mask->sym_sizes(), ", must be ",
                      c10::SymIntArrayRef(shape), " with n_down ", n_down);
  }
}

void check_contextual_attention_size(const at::Tensor& f) {
  constexpr int64_t kMostSide = int64_t{1} << 20;
  constexpr int64_t kMostChannels = int64_t{1} << 16;
  TORCH_CHECK_VALUE(f.size(1) <= kMostChannels && f.size(2) <= kMostSide && f.size(3) <= kMostSide,
                    "contextual_attention: f: has shape ", f.sizes(), ", must have at most ", kMostChannels,
                    " channels and sides of at most ", kMostSide);
}

void check_reach(int64_t reach) {
  TORCH_CHECK_VALUE(reach >= 0 && reach <= 64, "contextual_attention: reach: is ", reach,
                    ", must be 0 to 64");
}

at::Tensor wanted_positions(const at::Tensor& mask, int64_t n_down, int64_t reach) {
  at::Tensor wanted = mask.ne(0).to(at::kFloat);
  const int64_t block = int64_t{1} << n_down;
  if (n_down > 0) wanted = at::max_pool2d(wanted, {block, block});
  if (reach > 0) wanted = at::max_pool2d(wanted, {2 * reach + 1, 2 * reach + 1}, {1, 1}, {reach, reach});
  return at::max_pool2d(wanted, {2, 2}, {2, 2}, {0, 0}, {1, 1}, /*ceil_mode=*/true);
}

at::Tensor wanted_pixels(const at::Tensor& f, const at::Tensor& mask, int64_t n_down, int64_t reach) {
  const at::Tensor positions = wanted_positions(mask, n_down, reach).to(f.scalar_type());
  const auto n = positions.sym_size(0);
  const auto h = positions.sym_size(2);
  const auto w = positions.sym_size(3);
  return positions.unsqueeze(4)
      .unsqueeze(3)
      .expand_symint({n, 1, h, 2, w, 2})
      .reshape_symint({n, 1, h * 2, w * 2})
      .narrow_symint(2, 0, f.sym_size(2))
      .narrow_symint(3, 0, f.sym_size(3));
}

INFILL_CONTEXTUAL_ATTENTION(contextual_attention_meta) {
  (void)fuse, (void)tf_compat;
  check_contextual_attention({}, f, b, mask, rate, patch, fuse_k, scale, n_down);
  return at::empty_symint(f.sym_sizes(), f.options(), f.suggest_memory_format());
}

INFILL_CONTEXTUAL_ATTENTION_HOLE(contextual_attention_hole_meta) {
  check_reach(reach);
  return contextual_attention_meta(f, b, mask, rate, patch, fuse_k, scale, n_down, fuse, tf_compat);
}

INFILL_CONTEXTUAL_ATTENTION_BACKWARD(contextual_attention_backward_meta) {
  (void)fuse, (void)tf_compat;
  check_contextual_attention(grad, f, b, mask, rate, patch, fuse_k, scale, n_down);
  const auto like = [](bool wanted, const at::Tensor& of) {
    return wanted ? at::empty_symint(of.sym_sizes(), of.options(), of.suggest_memory_format()) : at::Tensor();
  };
  return {like(output_mask[0], f), like(output_mask[1], b)};
}

}  // namespace infill::ops
