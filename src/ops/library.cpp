// Every operator of torch.ops.infill: schema and kernels. The only TORCH_LIBRARY of the project.
#include <ATen/core/enum_tag.h>
#include <torch/library.h>

#include "ops/contextual_attention.h"
#include "ops/gated_conv2d.h"

namespace infill::ops {
namespace {

TORCH_LIBRARY(infill, m) {
  m.def(
      "gated_conv2d(Tensor x, Tensor weight, Tensor? bias, int[2] stride, int[4] padding, int[2] dilation, "
      "str activation) -> Tensor",
      {at::Tag::pt2_compliant_tag});
  m.def(
      "gated_conv2d_backward(Tensor grad, Tensor x, Tensor weight, Tensor? bias, int[2] stride, int[4] "
      "padding, int[2] dilation, str activation, bool[3] output_mask) -> (Tensor, Tensor, Tensor)",
      {at::Tag::pt2_compliant_tag});
  m.def(
      "contextual_attention(Tensor f, Tensor b, Tensor? mask, int rate=2, int patch=3, int fuse_k=3, float "
      "scale=10., int n_down=2, bool fuse=True, bool tf_compat=False) -> Tensor",
      {at::Tag::pt2_compliant_tag});
  m.def(
      "contextual_attention_hole(Tensor f, Tensor b, Tensor mask, int rate=2, int patch=3, int fuse_k=3, "
      "float scale=10., int n_down=2, bool fuse=True, bool tf_compat=False, int reach=6) -> Tensor",
      {at::Tag::pt2_compliant_tag});
  m.def(
      "contextual_attention_backward(Tensor grad, Tensor f, Tensor b, Tensor? mask, int rate, int patch, int "
      "fuse_k, float scale, int n_down, bool fuse, bool tf_compat, bool[2] output_mask) -> (Tensor, Tensor)",
      {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(infill, CPU, m) {
  m.impl("gated_conv2d", gated_conv2d_cpu);
  m.impl("gated_conv2d_backward", gated_conv2d_backward_cpu);
  m.impl("contextual_attention", contextual_attention_cpu);
  m.impl("contextual_attention_hole", contextual_attention_hole_cpu);
  m.impl("contextual_attention_backward", contextual_attention_backward_cpu);
}

TORCH_LIBRARY_IMPL(infill, Meta, m) {
  m.impl("gated_conv2d", gated_conv2d_meta);
  m.impl("gated_conv2d_backward", gated_conv2d_backward_meta);
  m.impl("contextual_attention", contextual_attention_meta);
  m.impl("contextual_attention_hole", contextual_attention_hole_meta);
  m.impl("contextual_attention_backward", contextual_attention_backward_meta);
}

TORCH_LIBRARY_IMPL(infill, Autograd, m) {
  m.impl("gated_conv2d", gated_conv2d_autograd);
  m.impl("gated_conv2d_backward", gated_conv2d_backward_autograd);
  m.impl("contextual_attention", contextual_attention_autograd);
  m.impl("contextual_attention_hole", contextual_attention_hole_autograd);
  m.impl("contextual_attention_backward", contextual_attention_backward_autograd);
}

}  // namespace
}  // namespace infill::ops
