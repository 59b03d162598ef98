// Contextual attention: every 3 x 3 patch of f is replaced by a mixture of the patches of b that resemble it,
// those that touch the hole excepted.
//
// Yu, Lin, Yang, Shen, Lu, Huang, "Generative Image Inpainting with Contextual Attention", 2018 (arXiv
// 1801.07892); "Free-Form Image Inpainting with Gated Convolution", 2019 (arXiv 1806.03589).
//
// The same operator is torch.ops.infill.contextual_attention in Python, where everything after mask has the
// default given below. docs/ops/contextual_attention.md has the formulas.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <tuple>

#include "infill/export.h"

namespace infill {

// f          [N, C, H, W], N may be 0; float32, float64, bfloat16 or float16, any strides: the queries
// b          like f, and may be f: the keys and what is pasted
// mask       [N, 1, 2^n_down*H, 2^n_down*W], any type; what is not 0 is hole. None: no hole
// rate       2: attention works on every second pixel
// patch      3: size of the patches that are compared
// fuse_k     3: length of the diagonals that `fuse` adds up
// scale      10: of the scores inside the softmax; finite
// n_down     2: how often the mask was halved on its way to f's size; 0 to 8
// fuse       true: neighbouring queries prefer neighbouring keys
// tf_compat  false: pixels are sampled at every second position. true: with corners aligned, as in the
//            weights that were converted from TensorFlow
//
// Other values of rate, patch and fuse_k are refused. Returns a new tensor like f. Each item has its own
// mask. An item whose keys all touch the hole gives 0. float16 and bfloat16 are computed in float32.
// Differentiable in f and b, once. Non-finite features leave the result of their item unspecified.
//
// Memory on the CPU: O(C H W), no matrix of scores, neither forward nor backward.
//
// Throws c10::ValueError or c10::TypeError (Python: ValueError, TypeError) that names the argument and its
// value. Thread-safe. Runs on LibTorch's intra-op threads (at::set_num_threads).
INFILL_TORCH_API at::Tensor contextual_attention(const at::Tensor& f, const at::Tensor& b,
                                                 const std::optional<at::Tensor>& mask = std::nullopt,
                                                 int64_t rate = 2, int64_t patch = 3, int64_t fuse_k = 3,
                                                 double scale = 10, int64_t n_down = 2, bool fuse = true,
                                                 bool tf_compat = false);

// The same where a hole is, and 0 where nothing near a hole will look: of each 2 x 2 block of pixels that
// begins at an even row and column, computed when one of the four is at most `reach` pixels (in rows and in
// columns) from a pixel of f whose part of the mask has hole. What is computed has contextual_attention's
// value. For inference: its time follows the hole.
//
// reach      6: of DeepFill v2's decoder, so that nothing inside the hole changes; 0 to 64
INFILL_TORCH_API at::Tensor contextual_attention_hole(const at::Tensor& f, const at::Tensor& b,
                                                      const at::Tensor& mask, int64_t rate = 2,
                                                      int64_t patch = 3, int64_t fuse_k = 3,
                                                      double scale = 10, int64_t n_down = 2, bool fuse = true,
                                                      bool tf_compat = false, int64_t reach = 6);

// Gradients of contextual_attention in f and b, given the gradient `grad` of its result (same shape and
// type). output_mask says which are computed; the other comes back undefined.
INFILL_TORCH_API std::tuple<at::Tensor, at::Tensor> contextual_attention_backward(
    const at::Tensor& grad, const at::Tensor& f, const at::Tensor& b, const std::optional<at::Tensor>& mask,
    int64_t rate, int64_t patch, int64_t fuse_k, double scale, int64_t n_down, bool fuse, bool tf_compat,
    std::array<bool, 2> output_mask);

}  // namespace infill
