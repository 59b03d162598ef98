// contextual_attention in LibTorch's operators, in the reduced form of docs/ops/contextual_attention.md:
// products of C channels, then sums along diagonals.
//
// p are keys, q queries, both positions of the h x w grid, L = h·w. A matrix [p, q] is stored as [h, w, h,
// w].
#include "ops/contextual_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <vector>

#include "ops/fork.h"

namespace infill::ops {
namespace {

using at::Tensor;

constexpr int64_t kRate = 2;
constexpr double kSmallestNorm = 1e-4;

// The pixels of an axis that stand for `count` positions. Aligned: from the first to the last pixel in equal
// steps, rounded, counted in float32 from the nearer end as the converted networks do (halves depend on it).
std::vector<int64_t> sampled(int64_t size, int64_t count, int64_t step, bool aligned) {
  std::vector<int64_t> pixels(static_cast<size_t>(count));
  const auto last = static_cast<float>(size - 1);
  const float between = count > 1 ? last / static_cast<float>(count - 1) : 0;
  for (int64_t i = 0; i < count; ++i) {
    float at = between * static_cast<float>(i);
    if (i >= count / 2 && count > 1) at = last - between * static_cast<float>(count - 1 - i);
    pixels[static_cast<size_t>(i)] = aligned ? static_cast<int64_t>(std::floor(at + 0.5F)) : i * step;
  }
  return pixels;
}

// Which pixels of [height, width] stand for the positions of [h, w].
struct Samples {
  Tensor rows;
  Tensor columns;
};

Samples samples(int64_t height, int64_t width, int64_t h, int64_t w, int64_t step, bool aligned) {
  return {at::tensor(sampled(height, h, step, aligned)), at::tensor(sampled(width, w, step, aligned))};
}

Tensor sample(const Tensor& planes, const Samples& at) {
  return planes.index_select(1, at.rows).index_select(2, at.columns);
}

// Σ over d of matrix[p + d, q + d] along one axis of p and its axis of q; 0 outside.
Tensor diagonal_sum(const Tensor& matrix, int64_t key_axis, int64_t query_axis,
                    std::initializer_list<int64_t> offsets) {
  Tensor sum = at::zeros_like(matrix);
  const int64_t size = matrix.size(key_axis);
  for (const int64_t d : offsets) {
    const int64_t count = size - std::abs(d);
    if (count <= 0) continue;
    const auto part = [&](const Tensor& of, int64_t first) {
      return of.narrow(key_axis, first, count).narrow(query_axis, first, count);
    };
    part(sum, std::max<int64_t>(0, -d)).add_(part(matrix, std::max<int64_t>(0, d)));
  }
  return sum;
}

// Patches instead of pixels. Its own adjoint.
Tensor box(const Tensor& matrix) {
  return diagonal_sum(diagonal_sum(matrix, 0, 2, {-1, 0, 1}), 1, 3, {-1, 0, 1});
}

// Sums along the diagonals of flat indices, row by row.
Tensor fuse_rows(const Tensor& matrix) {
  const int64_t positions = matrix.size(0) * matrix.size(1);
  return diagonal_sum(matrix.reshape({positions, positions}), 0, 1, {-1, 0, 1}).view(matrix.sizes());
}

// The same, column by column.
Tensor fuse_columns(const Tensor& matrix) {
  return fuse_rows(matrix.permute({1, 0, 3, 2})).permute({1, 0, 3, 2});
}

// b's pixels of parity (ey, ex) as [C, L]; 0 where an odd size ends.
Tensor parity(const Tensor& planes, int64_t h, int64_t w, int64_t ey, int64_t ex) {
  const Tensor even =
      at::constant_pad_nd(planes, {0, kRate * w - planes.size(2), 0, kRate * h - planes.size(1)});
  return even.view({planes.size(0), h, kRate, w, kRate})
      .select(4, ex)
      .select(2, ey)
      .reshape({planes.size(0), h * w});
}

// The neighbour whose patch covers the pixels of this parity, too.
int64_t side(int64_t parity) {
  return parity == 0 ? -1 : 1;
}

// One image, and what the forward leaves for the backward.
struct Attention {
  int64_t h;
  int64_t w;
  Samples pixels;
  Tensor queries;  // [C, L]
  Tensor keys;     // [C, L]
  Tensor valid;    // [L, 1]: 1 or 0
  Tensor norm;     // [L, 1], not bounded from below
  Tensor scores;   // [h, w, h, w], normalised, before fuse
  Tensor softmax;  // [L, L] over p, before it is multiplied with valid

  [[nodiscard]] Tensor grid(const Tensor& matrix) const { return matrix.view({h, w, h, w}); }
  [[nodiscard]] Tensor flat(const Tensor& matrix) const { return matrix.reshape({h * w, h * w}); }
  [[nodiscard]] Tensor inverse_norm() const { return norm.clamp_min(kSmallestNorm).reciprocal(); }
};

// 3 x 3 sums of [h, w], 0 outside.
Tensor box_of_plane(const Tensor& plane) {
  const Tensor padded = at::constant_pad_nd(plane, {1, 1, 1, 1});
  const Tensor rows = padded.narrow(0, 0, plane.size(0)) + padded.narrow(0, 1, plane.size(0)) +
                      padded.narrow(0, 2, plane.size(0));
  return rows.narrow(1, 0, plane.size(1)) + rows.narrow(1, 1, plane.size(1)) +
         rows.narrow(1, 2, plane.size(1));
}

// f, b: [C, H, W]; mask: [1, H·2^n_down, W·2^n_down] or undefined.
Attention attend(const Tensor& f, const Tensor& b, const Tensor& mask, double scale, int64_t n_down,
                 bool fuse, bool aligned) {
  Attention a;
  a.h = (f.size(1) + kRate - 1) / kRate;
  a.w = (f.size(2) + kRate - 1) / kRate;
  const int64_t positions = a.h * a.w;
  a.pixels = samples(f.size(1), f.size(2), a.h, a.w, kRate, aligned);
  a.queries = sample(f, a.pixels).reshape({f.size(0), positions});
  a.keys = sample(b, a.pixels).reshape({b.size(0), positions});
  if (mask.defined()) {
    const auto at = samples(mask.size(1), mask.size(2), a.h, a.w, kRate << n_down, aligned);
    const Tensor hole = sample(mask, at).squeeze(0).ne(0).to(f.scalar_type());
    a.valid = box_of_plane(hole).eq(0).to(f.scalar_type()).view({positions, 1});
  } else {
    a.valid = at::ones({positions, 1}, f.options());
  }
  const Tensor squares = box_of_plane(a.keys.square().sum(0).view({a.h, a.w}));
  a.norm = squares.sqrt().view({positions, 1});
  const Tensor products = box(a.grid(at::matmul(a.keys.t(), a.queries)));
  a.scores = a.grid(a.flat(products) * a.inverse_norm());
  const Tensor fused = fuse ? fuse_columns(fuse_rows(a.scores)) : a.scores;
  a.softmax = at::softmax(a.flat(fused) * (scale * a.valid), 0);
  return a;
}

// Weights for the pixels of one parity: pixels of a pasted 4 x 4 patch at distance 0 and 1.
Tensor spread(const Attention& a, const Tensor& weights, int64_t ey, int64_t ex) {
  return a.flat(diagonal_sum(diagonal_sum(a.grid(weights), 0, 2, {0, side(ey)}), 1, 3, {0, side(ex)}));
}

// Its adjoint.
Tensor gather(const Attention& a, const Tensor& weights, int64_t ey, int64_t ex) {
  return a.flat(diagonal_sum(diagonal_sum(a.grid(weights), 0, 2, {0, -side(ey)}), 1, 3, {0, -side(ex)}));
}

template <class Body>
void for_parities(const Body& body) {
  for (int64_t ey = 0; ey < kRate; ++ey) {
    for (int64_t ex = 0; ex < kRate; ++ex) body(ey, ex);
  }
}

Tensor paste(const Attention& a, const Tensor& b) {
  Tensor y = at::empty({b.size(0), a.h, kRate, a.w, kRate}, b.options());
  const Tensor weights = a.softmax * a.valid;
  for_parities([&](int64_t ey, int64_t ex) {
    const Tensor part = at::matmul(parity(b, a.h, a.w, ey, ex), spread(a, weights, ey, ex)) / 4;
    y.select(4, ex).select(2, ey).copy_(part.view({b.size(0), a.h, a.w}));
  });
  return y.view({b.size(0), kRate * a.h, kRate * a.w}).narrow(1, 0, b.size(1)).narrow(2, 0, b.size(2));
}

// The adjoint of sample().
Tensor unsample(const Tensor& sampled, const Attention& a, at::IntArrayRef shape) {
  Tensor rows = at::zeros({shape[0], a.h, shape[2]}, sampled.options());
  rows.index_add_(2, a.pixels.columns, sampled.view({shape[0], a.h, a.w}));
  Tensor result = at::zeros(shape, sampled.options());
  result.index_add_(1, a.pixels.rows, rows);
  return result;
}

struct ImageGradients {
  Tensor f;
  Tensor b;
};

ImageGradients differentiate(const Attention& a, const Tensor& grad, const Tensor& b, double scale,
                             bool fuse) {
  const int64_t channels = b.size(0);
  const Tensor weights = a.softmax * a.valid;
  Tensor grad_weights = at::zeros_like(weights);
  Tensor pasted = at::zeros({channels, a.h, kRate, a.w, kRate}, b.options());
  for_parities([&](int64_t ey, int64_t ex) {
    const Tensor dy = parity(grad, a.h, a.w, ey, ex) / 4;
    grad_weights.add_(gather(a, at::matmul(parity(b, a.h, a.w, ey, ex).t(), dy), ey, ex));
    const Tensor part = at::matmul(dy, spread(a, weights, ey, ex).t());
    pasted.select(4, ex).select(2, ey).copy_(part.view({channels, a.h, a.w}));
  });
  pasted = pasted.view({channels, kRate * a.h, kRate * a.w}).narrow(1, 0, b.size(1)).narrow(2, 0, b.size(2));

  const Tensor outer = grad_weights * a.valid;
  const Tensor inner = a.softmax * (outer - (outer * a.softmax).sum(0, /*keepdim=*/true));
  Tensor grad_scores = a.grid(inner * (scale * a.valid));
  if (fuse) grad_scores = fuse_rows(fuse_columns(grad_scores));

  // scores = products / norm, and norm² = a box sum of the keys' squares.
  const Tensor inverse = a.inverse_norm();
  const Tensor grad_products = a.flat(box(a.grid(a.flat(grad_scores) * inverse)));
  const Tensor towards_norm = -(a.flat(grad_scores) * a.flat(a.scores)).sum(1, /*keepdim=*/true) * inverse;
  const Tensor towards_squares =
      at::where(a.norm > kSmallestNorm, towards_norm * inverse / 2, at::zeros_like(towards_norm));
  const Tensor grad_keys = at::matmul(a.queries, grad_products.t()) +
                           2 * a.keys * box_of_plane(towards_squares.view({a.h, a.w})).view({1, a.h * a.w});
  return {unsample(at::matmul(a.keys, grad_products), a, b.sizes()),
          unsample(grad_keys, a, b.sizes()) + pasted};
}

at::ScalarType compute_type(at::ScalarType type) {
  return type == at::kDouble ? type : at::kFloat;
}

Tensor mask_of(const std::optional<Tensor>& mask, int64_t n) {
  return mask.has_value() && mask->defined() ? mask->select(0, n) : Tensor();
}

}  // namespace

INFILL_CONTEXTUAL_ATTENTION(contextual_attention_cpu) {
  check_contextual_attention({}, f, b, mask, rate, patch, fuse_k, scale, n_down);
  refuse_after_fork("contextual_attention");
  const auto type = compute_type(f.scalar_type());
  Tensor y = at::empty(f.sizes(), f.options(), f.suggest_memory_format());
  for (int64_t n = 0; n < f.size(0); ++n) {
    const Tensor keys = b.select(0, n).to(type);
    y.select(0, n).copy_(
        paste(attend(f.select(0, n).to(type), keys, mask_of(mask, n), scale, n_down, fuse, tf_compat), keys));
  }
  return y;
}

INFILL_CONTEXTUAL_ATTENTION_BACKWARD(contextual_attention_backward_cpu) {
  check_contextual_attention(grad, f, b, mask, rate, patch, fuse_k, scale, n_down);
  refuse_after_fork("contextual_attention");
  const auto type = compute_type(f.scalar_type());
  const auto like = [](bool wanted, const Tensor& of) {
    return wanted ? at::empty(of.sizes(), of.options(), of.suggest_memory_format()) : Tensor();
  };
  AttentionGradients results = {like(output_mask[0], f), like(output_mask[1], b)};
  for (int64_t n = 0; n < f.size(0); ++n) {
    const Tensor keys = b.select(0, n).to(type);
    const auto a = attend(f.select(0, n).to(type), keys, mask_of(mask, n), scale, n_down, fuse, tf_compat);
    const auto gradients = differentiate(a, grad.select(0, n).to(type), keys, scale, fuse);
    if (output_mask[0]) std::get<0>(results).select(0, n).copy_(gradients.f);
    if (output_mask[1]) std::get<1>(results).select(0, n).copy_(gradients.b);
  }
  return results;
}

}  // namespace infill::ops
