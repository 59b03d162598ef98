// Contextual attention on the CPU, without LibTorch: each 3 x 3 patch of f is replaced by a mixture of the
// patches of b that resemble it, hole patches excepted.
//
// Yu, Lin, Yang, Shen, Lu, Huang: Generative Image Inpainting with Contextual Attention, CVPR 2018
// (arXiv 1801.07892); Free-Form Image Inpainting with Gated Convolution, ICCV 2019 (arXiv 1806.03589).
// The definition, what was made of it here and measured numbers: docs/ops/contextual_attention.md.
//
// The L x L matrix of scores, L = h w positions, never exists: memory is O(L C).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/bfloat16.h"
#include "kernels/parallel.h"

namespace infill::kernels {

struct ContextualAttention {
  // Of f, b and y: [height, width, channels], channels innermost, without gaps. At least 1 each.
  int32_t height = 0, width = 0, channels = 0;

  // As published. rate, patch and fuse_k have no other value here; another one is refused by its name.
  int rate = 2;      // attention works on every rate-th pixel
  int patch = 3;     // patches that are compared: patch x patch
  int fuse_k = 3;    // length of the diagonals that `fuse` adds up
  float scale = 10;  // of the scores inside the softmax; finite
  int n_down = 2;    // the mask is 2^n_down times as high and wide as f; 0 .. 8
  bool fuse = true;  // neighbouring queries prefer neighbouring keys
  bool tf_compat =
      false;  // the variant converted from TensorFlow: samples f, b and the mask with corners aligned
  Precision precision = Precision::kFloat32;  // of the factors of scores, and of what is pasted

  // The positions that are compared: [grid_height(), grid_width()].
  [[nodiscard]] int32_t grid_height() const { return (height + 1) / 2; }
  [[nodiscard]] int32_t grid_width() const { return (width + 1) / 2; }
};

// A mask of one image, [height << n_down, width << n_down], without gaps; anything but 0 is hole. At most one
// of the two is given; none: no hole.
struct AttentionMask {
  const uint8_t* bytes = nullptr;
  const float* floats = nullptr;
};

struct ContextualAttentionForward {
  const float* f = nullptr;  // queries
  const float* b = nullptr;  // keys and what is pasted; may be f
  AttentionMask mask{};
  // Null: all of y. Else [grid_height, grid_width] bytes: y's pixels (2 r, 2 c) to (2 r + 1, 2 c + 1) are
  // computed, with the same bits as without it, where wanted[r, c] is not 0; y is 0 elsewhere, and so are
  // maximum and denominator where nothing needed them.
  const uint8_t* wanted = nullptr;
  float* y = nullptr;
  // [grid_height, grid_width] each or null: of every query, the maximum over the keys of the scaled scores
  // and the softmax's denominator relative to it. The backward pass wants them.
  float* maximum = nullptr;
  float* denominator = nullptr;
};

// Bytes of workspace that `contextual_attention` takes with `threads` threads.
[[nodiscard]] size_t contextual_attention_workspace(const ContextualAttention& attention, int threads);

// Computes y. The bits do not depend on the number of threads. workspace: 64-byte aligned, at least
// contextual_attention_workspace(attention, parallel.count()) bytes; what it holds does not matter.
// Non-finite features leave y unspecified. Throws kUnsupported or kInvalidArgument (which names the
// argument), kCancelled.
void contextual_attention(const ContextualAttention& attention, const ContextualAttentionForward& forward,
                          std::span<std::byte> workspace, Parallel& parallel);

}  // namespace infill::kernels
