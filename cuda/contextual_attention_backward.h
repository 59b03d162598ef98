// The gradients of contextual attention (cuda/contextual_attention.h has the operation and its paper).
//
// Scores, weights and their gradients exist for one pair of tiles at a time, some positions of queries by
// some of keys; a matrix of L x L never exists. Two passes for each tile of queries: the first finds each
// query's maximum and denominator again, and the mean of its weights' gradients; the second everything else.
// docs/kernels/contextual_attention.md draws it and counts.
//
// All functions: no allocation, no synchronisation, no state; several threads may call at once, with a
// workspace each. Sums are in a fixed order: same arguments, same bytes on the same device. Every
// architecture runs the same kernels; before sm_80 their products are computed without tensor cores, which is
// slow.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/feature_map.h"
#include "cuda/precision.h"
#include "cuda/runtime_types.h"

namespace infill::cuda {

struct ContextualAttentionBackwardCall {
  // As in ContextualAttentionCall.
  int32_t items = 1;
  int32_t height = 0, width = 0, channels = 0;
  // Of grad, f, b and the gradients. Scores are products in this precision; gradients are sums of products of
  // floats, rounded to TF32 but for kFloat32, whatever the type: half and bfloat16 lose nothing by it.
  Precision precision = Precision::kFloat32;
  float scale = 10;
  int32_t n_down = 2;
  bool fuse = true;
  bool tf_compat = false;

  const void* grad = nullptr;  // of y
  const void* f = nullptr;
  const void* b = nullptr;  // may be f
  void* f_grad = nullptr;   // null: not computed; no two elements in one place, none of grad, f or b
  void* b_grad = nullptr;   // the same
  FeatureStrides grad_strides, f_strides, b_strides, f_grad_strides, b_grad_strides;
  const uint8_t* mask_bytes = nullptr;  // at most one of the two
  const float* mask_floats = nullptr;

  // Lanes on a side of a tile at most (positions and the margin around them): four matrices of floats of this
  // squared are in the workspace. 0: 2592. 64 to 16384. Results depend on it in their last bits.
  int32_t tile_lanes = 0;

  void* workspace = nullptr;  // aligned to 256 bytes
  size_t workspace_bytes = 0;
};

// Bytes of workspace: O(L channels), and the tiles' matrices. Does not depend on items. 0 for an unsupported
// call.
size_t contextual_attention_backward_workspace(const ContextualAttentionBackwardCall& call);

// Computes f_grad and b_grad, exact gradients but for rounding. Where a patch of b is shorter than the
// smallest norm, the norm is constant. Non-finite features or gradients leave their item unspecified.
// cudaErrorInvalidValue: as contextual_attention; null grad, f, b or both gradients; tile_lanes.
cudaError_t contextual_attention_backward(const ContextualAttentionBackwardCall& call, cudaStream_t stream);

// What a call executes, counted from its tiling, for one item and both gradients.
struct ContextualAttentionBackwardCost {
  // Multiply-adds: Gram products and cells' products of both passes; of the second, gradients of positions
  // and of cells.
  double scores = 0, cells = 0, position_gradients = 0, cell_gradients = 0;
  // The same without margins and padding: 2, 8, 2 and 4 times the channels for each of the L^2 pairs.
  double needed = 0;
  double matrix_bytes = 0;  // tiles' matrices written and read, each value once by each kernel that does
  double least_bytes = 0;   // grad, f, b and the gradients once
  int32_t launches = 0;
};
ContextualAttentionBackwardCost contextual_attention_backward_cost(
    const ContextualAttentionBackwardCall& call);

}  // namespace infill::cuda
