// The gradients of contextual attention as published (attention_reference.h), a loop for each sentence of the
// definition gone backwards: whole matrices of L x L, patches compared value by value.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "support/attention_reference.h"

namespace infill::test {

struct AttentionGradientReference {
  std::vector<double> f, b;  // [height, width, channels]
};

// grad, f, b: [height, width, channels]; hole: [height << n_down, width << n_down], or empty.
inline AttentionGradientReference differentiate_by_definition(const kernels::ContextualAttention& op,
                                                              const std::vector<double>& grad,
                                                              const std::vector<double>& f,
                                                              const std::vector<double>& b,
                                                              const std::vector<uint8_t>& hole) {
  const int32_t h = op.grid_height();
  const int32_t w = op.grid_width();
  const int64_t count = int64_t{h} * w;
  const auto index = [&](int64_t p, int64_t q) { return static_cast<size_t>(p * count + q); };
  // Place of a channel of the pixel that stands for a position.
  const auto place = [&](int64_t r, int64_t x, int32_t c) {
    const int64_t row = reference_sample(static_cast<int32_t>(r), h, op.height, 2, op.tf_compat);
    const int64_t column = reference_sample(static_cast<int32_t>(x), w, op.width, 2, op.tf_compat);
    return static_cast<size_t>((row * op.width + column) * op.channels + c);
  };
  // Calls body(place in b, place in f) for what the patches of key p and query q both have, and with p = q
  // for all of a patch.
  const auto for_patches = [&](int64_t p, int64_t q, const auto& body) {
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        const int64_t pr = p / w + dy;
        const int64_t px = p % w + dx;
        const int64_t qr = q / w + dy;
        const int64_t qx = q % w + dx;
        if (std::min({pr, px, qr, qx}) < 0 || std::max(pr, qr) >= h || std::max(px, qx) >= w) continue;
        for (int32_t c = 0; c < op.channels; ++c) body(place(pr, px, c), place(qr, qx, c));
      }
    }
  };
  const auto masked = [&](int64_t r, int64_t x) {
    const int64_t row =
        reference_sample(static_cast<int32_t>(r), h, op.height << op.n_down, 2 << op.n_down, op.tf_compat);
    const int64_t column =
        reference_sample(static_cast<int32_t>(x), w, op.width << op.n_down, 2 << op.n_down, op.tf_compat);
    return !hole.empty() && hole[static_cast<size_t>(row * (int64_t{op.width} << op.n_down) + column)] != 0;
  };
  const auto is_valid = [&](int64_t p) {
    for (int64_t r = std::max<int64_t>(p / w - 1, 0); r <= std::min<int64_t>(p / w + 1, h - 1); ++r) {
      for (int64_t x = std::max<int64_t>(p % w - 1, 0); x <= std::min<int64_t>(p % w + 1, w - 1); ++x) {
        if (masked(r, x)) return false;
      }
    }
    return true;
  };

  std::vector<double> lengths;
  std::vector<double> scores(static_cast<size_t>(count * count));
  for (int64_t p = 0; p < count; ++p) {
    double square = 0;
    for_patches(p, p, [&](size_t at, size_t) { square += b[at] * b[at]; });
    lengths.push_back(std::sqrt(square));
    for (int64_t q = 0; q < count; ++q) {
      double sum = 0;
      for_patches(p, q, [&](size_t key, size_t query) { sum += b[key] * f[query]; });
      scores[index(p, q)] = sum / std::max(lengths.back(), 1e-4);
    }
  }
  const auto by_rows = [](int64_t i) { return i; };
  const auto by_columns = [&](int64_t i) { return i % h * w + i / h; };
  // Sums along diagonals, or their transpose.
  const auto sum_diagonals = [&](const std::vector<double>& from, const auto& position, bool transposed) {
    std::vector<double> to(from.size());
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t j = 0; j < count; ++j) {
        for (int t = -1; t <= 1; ++t) {
          if (i + t < 0 || i + t >= count || j + t < 0 || j + t >= count) continue;
          const size_t here = index(position(i), position(j));
          const size_t there = index(position(i + t), position(j + t));
          transposed ? to[there] += from[here] : to[here] += from[there];
        }
      }
    }
    return to;
  };
  std::vector<double> fused = scores;
  if (op.fuse) fused = sum_diagonals(sum_diagonals(scores, by_rows, false), by_columns, false);

  AttentionGradientReference result{std::vector<double>(f.size()), std::vector<double>(b.size())};
  // Calls body(pixel of key p in b, pixel of query q in y) for what is pasted.
  const auto for_pasted = [&](int64_t p, int64_t q, const auto& body) {
    for (int u = -1; u <= 2; ++u) {
      for (int v = -1; v <= 2; ++v) {
        const int64_t row = 2 * (p / w) + u;
        const int64_t column = 2 * (p % w) + v;
        const int64_t to_row = 2 * (q / w) + u;
        const int64_t to_column = 2 * (q % w) + v;
        if (std::min({row, column, to_row, to_column}) < 0 || std::max(row, to_row) >= op.height ||
            std::max(column, to_column) >= op.width)
          continue;
        for (int64_t c = 0; c < op.channels; ++c) {
          body(static_cast<size_t>((row * op.width + column) * op.channels + c),
               static_cast<size_t>((to_row * op.width + to_column) * op.channels + c));
        }
      }
    }
  };
  std::vector<double> slopes(fused.size());
  for (int64_t q = 0; q < count; ++q) {
    double maximum = -std::numeric_limits<double>::infinity();
    for (int64_t p = 0; p < count; ++p)
      maximum = std::max(maximum, is_valid(p) ? op.scale * fused[index(p, q)] : 0.0);
    double denominator = 0;
    for (int64_t p = 0; p < count; ++p)
      denominator += std::exp((is_valid(p) ? op.scale * fused[index(p, q)] : 0.0) - maximum);
    std::vector<double> weights(static_cast<size_t>(count));
    std::vector<double> gradients(static_cast<size_t>(count));
    double mean = 0;
    for (int64_t p = 0; p < count; ++p) {
      if (!is_valid(p)) continue;
      const double weight = std::exp(op.scale * fused[index(p, q)] - maximum) / denominator;
      double gradient = 0;
      for_pasted(p, q, [&](size_t from, size_t to) {
        gradient += grad[to] * b[from] / 4;
        result.b[from] += grad[to] * weight / 4;
      });
      weights[static_cast<size_t>(p)] = weight;
      gradients[static_cast<size_t>(p)] = gradient;
      mean += weight * gradient;
    }
    for (int64_t p = 0; p < count; ++p) {
      slopes[index(p, q)] =
          op.scale * weights[static_cast<size_t>(p)] * (gradients[static_cast<size_t>(p)] - mean);
    }
  }
  if (op.fuse) slopes = sum_diagonals(sum_diagonals(slopes, by_columns, true), by_rows, true);
  for (int64_t p = 0; p < count; ++p) {
    const double length = lengths[static_cast<size_t>(p)];
    const double norm = std::max(length, 1e-4);
    double towards_norm = 0;
    for (int64_t q = 0; q < count; ++q) {
      const double slope = slopes[index(p, q)] / norm;
      for_patches(p, q, [&](size_t key, size_t query) {
        result.f[query] += slope * b[key];
        result.b[key] += slope * f[query];
      });
      towards_norm -= slope * scores[index(p, q)];
    }
    if (length > 1e-4)
      for_patches(p, p, [&](size_t key, size_t) { result.b[key] += towards_norm * b[key] / length; });
  }
  return result;
}

}  // namespace infill::test
