// Patches of images, channels innermost, as rows of a matrix, and back: products of such matrices are
// correlations.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace infill::ops {

// A square of size x size pixels that begins at row stride·r + first, column stride·x + first for position
// (r, x) of a grid with `columns` positions in a row.
struct PatchShape {
  int64_t columns;
  int64_t size;
  int64_t stride;
  int64_t first;
};

// image: [H, W, C], contiguous, float or double. Returns [positions, size·size·C]: the patch of each position
// (its number row by row), 0 outside the image; zeros for position -1.
at::Tensor gather_patches(const at::Tensor& image, const PatchShape& shape,
                          std::span<const int64_t> positions);

// The adjoint: adds to each pixel what the patches hold for it.
void scatter_patches(const at::Tensor& patches, const PatchShape& shape, std::span<const int64_t> positions,
                     at::Tensor& image);

}  // namespace infill::ops
