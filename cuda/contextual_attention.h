// Contextual attention on the device: each 3 x 3 patch of f is replaced by a mixture of the patches of b that
// resemble it, patches that touch the hole excepted.
//
// Yu, Lin, Yang, Shen, Lu, Huang: Generative Image Inpainting with Contextual Attention, CVPR 2018 (arXiv
// 1801.07892); Free-Form Image Inpainting with Gated Convolution, ICCV 2019 (arXiv 1806.03589). The
// definition stands in docs/ops/contextual_attention.md, tiles and counts in
// docs/kernels/contextual_attention.md.
//
// L = ceil(height / 2) ceil(width / 2) positions are compared with each other. A matrix of L x L never
// exists: the workspace is O(L channels). Two passes over the keys: the first finds each query's maximum and
// denominator; the second computes the scores again, a window of keys and some tiles of queries at a time,
// and pastes with a matrix product.
//
// All functions: no allocation, no synchronisation, no state; several threads may call at once, with a
// workspace each. Same arguments, same bytes on the same device. Every architecture runs the same kernels;
// before sm_80 their products are computed without tensor cores, which is slow.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "cuda/feature_map.h"
#include "cuda/precision.h"

namespace infill::cuda {

struct ContextualAttentionCall {
  int32_t items = 1;  // N, may be 0
  int32_t height = 0, width = 0, channels = 0;
  Precision precision = Precision::kFloat32;  // of f, b and y, and of the products

  float scale = 10;        // of the scores inside the softmax; finite
  int32_t n_down = 2;      // the mask is 2^n_down times as high and wide as f; 0 to 8
  bool fuse = true;        // neighbouring queries prefer neighbouring keys
  bool tf_compat = false;  // samples f, b and the mask with corners aligned

  const void* f = nullptr;  // queries
  const void* b = nullptr;  // keys and what is pasted; may be f
  void* y = nullptr;        // no two elements in one place; neither f nor b
  FeatureStrides f_strides, b_strides, y_strides;

  // [N, height << n_down, width << n_down] without gaps; anything but 0 is hole. One of the two, or none: no
  // hole.
  const uint8_t* mask_bytes = nullptr;
  const float* mask_floats = nullptr;

  // Null: all of y. Else [N, ceil(height / 2), ceil(width / 2)] bytes: pixels (2 r, 2 x) to (2 r + 1, 2 x +
  // 1) are computed, with the same bits as without it, where wanted[r, x] is not 0; y is 0 elsewhere, and so
  // are maximum and denominator where nothing needs them.
  const uint8_t* wanted = nullptr;

  // [N, ceil(height / 2), ceil(width / 2)] each or null: of every query, the maximum over the keys of the
  // scaled scores and the softmax's denominator relative to it. The backward pass wants them.
  float* maximum = nullptr;
  float* denominator = nullptr;

  void* workspace = nullptr;  // aligned to 256 bytes
  size_t workspace_bytes = 0;
};

// Bytes of workspace; depends on the sizes, precision and fuse, not on items. 0 for an unsupported call.
size_t contextual_attention_workspace(const ContextualAttentionCall& call);

// Computes y. Non-finite features leave y of their item unspecified. cudaErrorInvalidValue: a size below 1 or
// L above 2^30, channels above 2^16, scale not finite, n_down, two masks, a null f, b or y, too small or
// misaligned a workspace.
cudaError_t contextual_attention(const ContextualAttentionCall& call, cudaStream_t stream);

// What a call executes, counted from its tiling, against what the definition needs, for one item whose every
// pixel is wanted.
struct ContextualAttentionCost {
  // Multiply-adds: Gram products of the first pass, of the second, pasting.
  double statistics = 0, scores = 0, paste = 0;
  // The same without margins and padding: channels, channels and 4 channels for each of the L^2 pairs.
  double needed = 0;
  // Bytes that blocks read and write, most of it in the cache of second level: features for Gram products,
  // weights written and read, pasted pixels read, accumulators.
  double gram_bytes = 0, weight_bytes = 0, pixel_bytes = 0, sum_bytes = 0;
  double least_bytes = 0;  // f, b and y once
  int32_t launches = 0;
};
ContextualAttentionCost contextual_attention_cost(const ContextualAttentionCall& call);

}  // namespace infill::cuda
