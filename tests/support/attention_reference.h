// Contextual attention as published, a loop for each sentence of the definition
// (docs/ops/contextual_attention.md): whole matrices of L x L, patches compared value by value.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/contextual_attention.h"

namespace infill::test {

template <class T>
struct AttentionReference {
  std::vector<T> y;            // [height, width, channels]
  std::vector<T> maximum;      // [h, w], over the keys, of the logits
  std::vector<T> denominator;  // [h, w], of the softmax relative to that
};

// The pixel that stands for position i of n.
inline int32_t reference_sample(int32_t i, int32_t n, int32_t size, int32_t step, bool align_corners) {
  if (!align_corners) return i * step;
  if (n == 1) return 0;
  const float spacing = static_cast<float>(size - 1) / static_cast<float>(n - 1);
  const float at = i < n / 2 ? spacing * static_cast<float>(i)
                             : static_cast<float>(size - 1) - spacing * static_cast<float>(n - 1 - i);
  return static_cast<int32_t>(std::floor(at + 0.5F));
}

// f, b: [height, width, channels]; hole: [height << n_down, width << n_down], or empty.
template <class T>
AttentionReference<T> attend_by_definition(const kernels::ContextualAttention& op, const std::vector<T>& f,
                                           const std::vector<T>& b, const std::vector<uint8_t>& hole) {
  const int32_t h = op.grid_height();
  const int32_t w = op.grid_width();
  const int64_t count = int64_t{h} * w;
  const auto at = [&](const std::vector<T>& image, int32_t r, int32_t x, int32_t c) {
    if (r < 0 || r >= h || x < 0 || x >= w) return T{0};
    const int64_t row = reference_sample(r, h, op.height, 2, op.tf_compat);
    const int64_t column = reference_sample(x, w, op.width, 2, op.tf_compat);
    return image[static_cast<size_t>((row * op.width + column) * op.channels + c)];
  };
  const auto masked = [&](int32_t r, int32_t x) {
    if (hole.empty() || r < 0 || r >= h || x < 0 || x >= w) return false;
    const int64_t row = reference_sample(r, h, op.height << op.n_down, 2 << op.n_down, op.tf_compat);
    const int64_t column = reference_sample(x, w, op.width << op.n_down, 2 << op.n_down, op.tf_compat);
    return hole[static_cast<size_t>(row * (int64_t{op.width} << op.n_down) + column)] != 0;
  };
  const auto index = [&](int64_t p, int64_t q) { return static_cast<size_t>(p * count + q); };

  std::vector<uint8_t> valid(static_cast<size_t>(count), 1);
  std::vector<T> s(static_cast<size_t>(count * count));
  for (int64_t p = 0; p < count; ++p) {
    const auto pr = static_cast<int32_t>(p / w);
    const auto px = static_cast<int32_t>(p % w);
    T square = 0;
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        if (masked(pr + dy, px + dx)) valid[static_cast<size_t>(p)] = 0;
        for (int32_t c = 0; c < op.channels; ++c) {
          square += at(b, pr + dy, px + dx, c) * at(b, pr + dy, px + dx, c);
        }
      }
    }
    const T norm = std::max(std::sqrt(square), T(1e-4));
    for (int64_t q = 0; q < count; ++q) {
      const auto qr = static_cast<int32_t>(q / w);
      const auto qx = static_cast<int32_t>(q % w);
      T sum = 0;
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) {
          for (int32_t c = 0; c < op.channels; ++c) {
            sum += at(b, pr + dy, px + dx, c) * at(f, qr + dy, qx + dx, c);
          }
        }
      }
      s[index(p, q)] = sum / norm;
    }
  }

  if (op.fuse) {
    const auto sum_diagonals = [&](const auto& position) {
      std::vector<T> out(s.size());
      for (int64_t i = 0; i < count; ++i) {
        for (int64_t j = 0; j < count; ++j) {
          T sum = 0;
          for (int t = -1; t <= 1; ++t) {
            if (i + t < 0 || i + t >= count || j + t < 0 || j + t >= count) continue;
            sum += s[index(position(i + t), position(j + t))];
          }
          out[index(position(i), position(j))] = sum;
        }
      }
      s.swap(out);
    };
    sum_diagonals([](int64_t i) { return i; });
    sum_diagonals([&](int64_t i) { return i % h * w + i / h; });  // in order of columns
  }

  AttentionReference<T> result;
  result.y.assign(f.size(), T{0});
  for (int64_t q = 0; q < count; ++q) {
    T maximum = -std::numeric_limits<T>::infinity();
    for (int64_t p = 0; p < count; ++p) {
      T& logit = s[index(p, q)];
      logit = valid[static_cast<size_t>(p)] != 0 ? op.scale * logit : T{0};
      maximum = std::max(maximum, logit);
    }
    T denominator = 0;
    for (int64_t p = 0; p < count; ++p) denominator += std::exp(s[index(p, q)] - maximum);
    result.maximum.push_back(maximum);
    result.denominator.push_back(denominator);
    for (int64_t p = 0; p < count; ++p) {
      if (valid[static_cast<size_t>(p)] == 0) continue;
      const T share = std::exp(s[index(p, q)] - maximum) / denominator / 4;
      for (int u = -1; u <= 2; ++u) {
        for (int v = -1; v <= 2; ++v) {
          const int64_t row = 2 * (p / w) + u;
          const int64_t column = 2 * (p % w) + v;
          const int64_t to_row = 2 * (q / w) + u;
          const int64_t to_column = 2 * (q % w) + v;
          if (row < 0 || row >= op.height || column < 0 || column >= op.width) continue;
          if (to_row < 0 || to_row >= op.height || to_column < 0 || to_column >= op.width) continue;
          for (int64_t c = 0; c < op.channels; ++c) {
            result.y[static_cast<size_t>((to_row * op.width + to_column) * op.channels + c)] +=
                share * b[static_cast<size_t>((row * op.width + column) * op.channels + c)];
          }
        }
      }
    }
  }
  return result;
}

}  // namespace infill::test
