// Contextual attention of one image in LibTorch's products, tile by tile, in float or double: the backward,
// and the forward in double. What the kernel in kernels/contextual_attention.h does for the forward in float,
// without its economy of multiplications: patches are compared as they are.
//
// A tile is the scores of some rows of keys against some rows of queries. Its sides are gathered as patches,
// so memory is that of a few tiles and O(L C).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace infill::ops {

struct TiledAttention {
  at::Tensor f, b;  // [H, W, C], contiguous, of one type
  at::Tensor mask;  // [H << n_down, W << n_down], contiguous bytes, not 0 is hole; or undefined
  double scale;
  int64_t n_down;
  bool fuse;
  bool tf_compat;
};

// [H, W, C].
at::Tensor attend_by_tiles(const TiledAttention& attention);

struct TiledGradients {
  at::Tensor f, b;  // [H, W, C]
};

// grad: [H, W, C], contiguous, of f's type.
TiledGradients differentiate_by_tiles(const TiledAttention& attention, const at::Tensor& grad);

}  // namespace infill::ops
