// The bilaplacian on hole pixels: A = R L L R', where L is the Laplace operator of all pixels that are
// neither excluded nor outside the canvas (each missing neighbour is left out of its sum, as if the border
// pixel were repeated beyond it), and R picks the holes. Away from borders that is the stencil of 13 points
//            1
//         2 -8  2
//      1 -8 20 -8  1
//         2 -8  2
//            1
#pragma once

#include <array>
#include <bit>

#include "classic/laplacian.h"
#include "classic/multigrid.h"

namespace infill::classic {

class Bilaplacian {
 public:
  static constexpr int kDegree = 3;
  static constexpr float kSmoothedPart = 1.0F / 16;
  static constexpr bool kPrecise = true;

  Bilaplacian(const CanvasShape& shape, Arena& arena)
      : neighbours_(arena.take<std::array<int32_t, kCount>>(static_cast<size_t>(shape.hole_pixels))),
        shape_(arena.take<Shape>(static_cast<size_t>(shape.hole_pixels))) {}

  void build(const Canvas& canvas, const PixelSet& set, Work& work) {
    count_ = set.count;
    for_pixels(work, set.count, [&](int32_t begin, int32_t end) {
      WindowCursor windows(set);
      for (int32_t i = begin; i < end; ++i) {
        const Point p = set.at[i];
        const auto window = windows.around(p);
        for (int k = 0; k < kCount; ++k) {
          neighbours_[i][k] = window[12 + kOffsets[k].x + 5 * kOffsets[k].y];
        }
        shape_[i] = shape_at(canvas, p);
      }
    });
  }

  [[nodiscard]] Float4 apply(int32_t i, const Float4* x) const {
    const auto& j = neighbours_[i];
    if (shape_[i].regular()) {
      const Float4 next = (x[j[0]] + x[j[1]]) + (x[j[2]] + x[j[3]]);
      const Float4 diagonal = (x[j[4]] + x[j[5]]) + (x[j[6]] + x[j[7]]);
      const Float4 far = (x[j[8]] + x[j[9]]) + (x[j[10]] + x[j[11]]);
      return 20.0F * x[i] - 8.0F * next + 2.0F * diagonal + far;
    }
    Float4 sum = static_cast<float>(shape_[i].own()) * x[i];
    for (int k = 0; k < kCount; ++k) sum += static_cast<float>(shape_[i].coefficient(k)) * x[j[k]];
    return sum;
  }

  // The same in double.
  void apply(int32_t i, const Float4* x, Double4& result) const {
    const auto& j = neighbours_[i];
    const auto at = [&](int k, Double4& sum) { sum += __builtin_convertvector(x[j[k]], Double4); };
    const Double4 here = __builtin_convertvector(x[i], Double4);
    if (shape_[i].regular()) {
      Double4 next{};
      Double4 diagonal{};
      Double4 far{};
      for (int k = 0; k < 4; ++k) at(k, next);
      for (int k = 4; k < 8; ++k) at(k, diagonal);
      for (int k = 8; k < 12; ++k) at(k, far);
      result = 20.0 * here - 8.0 * next + 2.0 * diagonal + far;
      return;
    }
    result = static_cast<double>(shape_[i].own()) * here;
    for (int k = 0; k < kCount; ++k) {
      Double4 value{};
      at(k, value);
      result += static_cast<double>(shape_[i].coefficient(k)) * value;
    }
  }

  template <class F>
  void for_row(int32_t i, const F& f) const {
    f(i, static_cast<double>(shape_[i].own()));
    for (int k = 0; k < kCount; ++k) f(neighbours_[i][k], static_cast<double>(shape_[i].coefficient(k)));
  }

  // f(pixel, a) for the known pixels of row i, which is the pixel p.
  template <class F>
  void for_known(const Canvas& canvas, int32_t i, Point p, const F& f) const {
    for (int k = 0; k < kCount; ++k) {
      if (neighbours_[i][k] != count_) continue;
      const Point q{p.x + kOffsets[k].x, p.y + kOffsets[k].y};
      const int a = shape_[i].coefficient(k);
      if (a != 0 && label_or_excluded(canvas.label, q.x, q.y) == kKnown) f(q, static_cast<double>(a));
    }
  }

 private:
  static constexpr int kCount = 12;
  // The four next pixels, the diagonal ones, and those two steps away.
  static constexpr std::array<Point, kCount> kOffsets{{{-1, 0},
                                                       {1, 0},
                                                       {0, -1},
                                                       {0, 1},
                                                       {-1, -1},
                                                       {1, -1},
                                                       {-1, 1},
                                                       {1, 1},
                                                       {-2, 0},
                                                       {2, 0},
                                                       {0, -2},
                                                       {0, 2}}};

  // Which of the four next pixels are there, and how many neighbours those have.
  struct Shape {
    uint8_t present;                // bit k: pixel k of kOffsets
    std::array<uint8_t, 4> degree;  // of the pixels that are present, 0 of others

    [[nodiscard]] bool regular() const { return present == kRegular; }
    [[nodiscard]] int has(int k) const { return present >> k & 1; }
    [[nodiscard]] int own_degree() const { return std::popcount(static_cast<unsigned>(present & 15U)); }
    // Sums of L_ik L_kj over all k.
    [[nodiscard]] int own() const { return own_degree() * own_degree() + own_degree(); }
    [[nodiscard]] int coefficient(int k) const {
      if (k < 4) return has(k) != 0 ? -(own_degree() + degree[k]) : 0;
      if (k < 8) return has((k - 4) % 2) + has(2 + (k - 4) / 2);
      return has(k - 8);
    }
  };
  static constexpr uint8_t kRegular = 31;  // all are present and have four neighbours

  static Shape shape_at(const Canvas& canvas, Point p) {
    Shape shape{};
    bool regular = true;
    for (int k = 0; k < 4; ++k) {
      const Point q{p.x + kOffsets[k].x, p.y + kOffsets[k].y};
      if (is_present(canvas, q.x, q.y)) {
        shape.present = static_cast<uint8_t>(shape.present | 1U << k);
        for (const Point& d : kFourNeighbours) {
          if (is_present(canvas, q.x + d.x, q.y + d.y)) ++shape.degree[k];
        }
      }
      regular = regular && shape.degree[k] == 4;
    }
    if (regular) shape.present = kRegular;
    return shape;
  }

  std::span<std::array<int32_t, kCount>> neighbours_;
  std::span<Shape> shape_;
  int32_t count_ = 0;
};

}  // namespace infill::classic
