// The kernels of contextual_attention, one per dispatch key. include/infill/ops/contextual_attention.h says
// what the arguments are; library.cpp registers them.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <tuple>

namespace infill::ops {

using AttentionGradients = std::tuple<at::Tensor, at::Tensor>;  // of f, b

// Refuses whatever the operator is not made for, naming the argument and its value. grad: undefined in the
// forward.
void check_contextual_attention(const at::Tensor& grad, const at::Tensor& f, const at::Tensor& b,
                                const std::optional<at::Tensor>& mask, int64_t rate, int64_t patch,
                                int64_t fuse_k, double scale, int64_t n_down);

// Refuses what the kernels cannot count. Meta has no such limit.
void check_contextual_attention_size(const at::Tensor& f);

void check_reach(int64_t reach);

// Of contextual_attention_hole: the positions of which a pixel is at most `reach` pixels of f from one with
// hole, [N, 1, h, w], 1 or 0; and their pixels, [N, 1, H, W], of f's type.
at::Tensor wanted_positions(const at::Tensor& mask, int64_t n_down, int64_t reach);
at::Tensor wanted_pixels(const at::Tensor& f, const at::Tensor& mask, int64_t n_down, int64_t reach);

#define INFILL_CONTEXTUAL_ATTENTION(name)                                                               \
  at::Tensor name(const at::Tensor& f, const at::Tensor& b, const std::optional<at::Tensor>& mask,      \
                  int64_t rate, int64_t patch, int64_t fuse_k, double scale, int64_t n_down, bool fuse, \
                  bool tf_compat)
#define INFILL_CONTEXTUAL_ATTENTION_HOLE(name)                                                            \
  at::Tensor name(const at::Tensor& f, const at::Tensor& b, const at::Tensor& mask, int64_t rate,         \
                  int64_t patch, int64_t fuse_k, double scale, int64_t n_down, bool fuse, bool tf_compat, \
                  int64_t reach)
#define INFILL_CONTEXTUAL_ATTENTION_BACKWARD(name)                                                 \
  AttentionGradients name(const at::Tensor& grad, const at::Tensor& f, const at::Tensor& b,        \
                          const std::optional<at::Tensor>& mask, int64_t rate, int64_t patch,      \
                          int64_t fuse_k, double scale, int64_t n_down, bool fuse, bool tf_compat, \
                          std::array<bool, 2> output_mask)

INFILL_CONTEXTUAL_ATTENTION(contextual_attention_cpu);
INFILL_CONTEXTUAL_ATTENTION(contextual_attention_meta);
INFILL_CONTEXTUAL_ATTENTION(contextual_attention_autograd);
INFILL_CONTEXTUAL_ATTENTION_HOLE(contextual_attention_hole_cpu);
INFILL_CONTEXTUAL_ATTENTION_HOLE(contextual_attention_hole_meta);
INFILL_CONTEXTUAL_ATTENTION_HOLE(contextual_attention_hole_autograd);
INFILL_CONTEXTUAL_ATTENTION_BACKWARD(contextual_attention_backward_cpu);
INFILL_CONTEXTUAL_ATTENTION_BACKWARD(contextual_attention_backward_meta);
INFILL_CONTEXTUAL_ATTENTION_BACKWARD(contextual_attention_backward_autograd);

}  // namespace infill::ops
