// The Laplace operator on hole pixels: A u = (number of neighbours) u - sum of the neighbours that are holes.
// Neighbours are the four next pixels that are neither excluded nor outside the canvas: there the normal
// derivative is 0 (Neumann), while known pixels give values (Dirichlet).
#pragma once

#include <algorithm>
#include <array>

#include "classic/multigrid.h"

namespace infill::classic {

constexpr std::array<Point, 4> kFourNeighbours{{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};

[[nodiscard]] inline bool is_present(const Canvas& canvas, int32_t x, int32_t y) {
  return canvas.label.contains(x, y) && canvas.label.at(x, y) != kExcluded;
}

class Laplacian {
 public:
  static constexpr int kDegree = 2;
  static constexpr float kSmoothedPart = 0.2F;
  static constexpr bool kPrecise = false;

  Laplacian(const CanvasShape& shape, Arena& arena)
      : neighbours_(arena.take<std::array<int32_t, 4>>(static_cast<size_t>(shape.hole_pixels))),
        degree_(arena.take<uint8_t>(static_cast<size_t>(shape.hole_pixels))) {}

  void build(const Canvas& canvas, const PixelSet& set, Work& work) {
    count_ = set.count;
    for_pixels(work, set.count, [&](int32_t begin, int32_t end) {
      WindowCursor windows(set);
      for (int32_t i = begin; i < end; ++i) {
        const Point p = set.at[i];
        const auto window = windows.around(p);
        uint8_t degree = 0;
        for (size_t k = 0; k < 4; ++k) {
          const Point d = kFourNeighbours[k];
          neighbours_[i][k] = window[12 + d.x + 5 * d.y];
          if (is_present(canvas, p.x + d.x, p.y + d.y)) ++degree;
        }
        degree_[i] = degree;
      }
    });
  }

  [[nodiscard]] Float4 apply(int32_t i, const Float4* x) const {
    const auto& j = neighbours_[i];
    return static_cast<float>(degree_[i]) * x[i] - ((x[j[0]] + x[j[1]]) + (x[j[2]] + x[j[3]]));
  }

  void apply(int32_t i, const Float4* x, Float4& result) const { result = apply(i, x); }

  // The stencil of uniform pixels: those with four neighbours, all of them holes.
  static constexpr Stencil kCommon{0,  0, 0, 0, 0,  0, 0, -1, 0, 0, 0, -1, 4,
                                   -1, 0, 0, 0, -1, 0, 0, 0,  0, 0, 0, 0};
  [[nodiscard]] static constexpr Stencil common() { return kCommon; }
  [[nodiscard]] bool is_uniform(int32_t i) const {
    return std::ranges::find(neighbours_[i], count_) == neighbours_[i].end();
  }
  // The same, but for neighbours that are no holes.
  [[nodiscard]] bool is_regular(int32_t i) const { return degree_[i] == 4; }
  // f(j, place in the 5x5, coefficient) for the holes of row i.
  template <class F>
  void for_terms(int32_t i, const F& f) const {
    f(i, 12, static_cast<double>(degree_[i]));
    for (size_t k = 0; k < 4; ++k) {
      const Point d = kFourNeighbours[k];
      if (neighbours_[i][k] != count_) f(neighbours_[i][k], 12 + d.x + 5 * d.y, -1.0);
    }
  }

  // f(pixel, a) for the known pixels of row i, which is the pixel p.
  template <class F>
  void for_known(const Canvas& canvas, int32_t i, Point p, const F& f) const {
    for (size_t k = 0; k < 4; ++k) {
      if (neighbours_[i][k] != count_) continue;
      const Point q{p.x + kFourNeighbours[k].x, p.y + kFourNeighbours[k].y};
      if (label_or_excluded(canvas.label, q.x, q.y) == kKnown) f(q, -1.0);
    }
  }

 private:
  std::span<std::array<int32_t, 4>> neighbours_;
  std::span<uint8_t> degree_;
  int32_t count_ = 0;
};

}  // namespace infill::classic
