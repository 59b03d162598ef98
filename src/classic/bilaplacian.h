// The bilaplacian on hole pixels: A = R L L R', where L is the Laplace operator of all pixels that are
// neither excluded nor outside the canvas (each missing neighbour is left out of its sum, as if the border
// pixel were repeated beyond it), and R picks the holes. Away from borders that is the stencil of 13 points
//            1
//         2 -8  2
//      1 -8 20 -8  1
//         2 -8  2
//            1
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <tuple>
#include <type_traits>

#include "classic/laplacian.h"
#include "classic/multigrid.h"

namespace infill::classic {

class Bilaplacian {
 public:
  static constexpr int kDegree = 2;
  static constexpr float kSmoothedPart = 1.0F / 16;
  static constexpr bool kPrecise = true;

  Bilaplacian(const CanvasShape& shape, Arena& arena)
      : neighbours_(arena.take<std::array<int32_t, kCount>>(static_cast<size_t>(shape.hole_pixels))),
        shape_(arena.take<Shape>(static_cast<size_t>(shape.hole_pixels))) {}

  void build(const Canvas& canvas, const PixelSet& set, Work& work) {
    count_ = set.count;
    const bool excluded = has_excluded(canvas, work.task);
    for_pixels(work, set.count, [&](int32_t begin, int32_t end) {
      std::array<RowCursor, 4> rows;  // above and below, next to the pixel's own and beyond
      rows.fill(RowCursor(set));
      for (int32_t i = begin; i < end; ++i) {
        const Point p = set.at[i];
        auto& j = neighbours_[i];
        const auto in_row = [&](int32_t at, int32_t x) {
          return at >= 0 && at < set.count && set.at[at].x == x && set.at[at].y == p.y ? at : set.count;
        };
        j[0] = in_row(i - 1, p.x - 1);
        j[1] = in_row(i + 1, p.x + 1);
        j[8] = j[0] == set.count ? in_row(i - 1, p.x - 2) : in_row(i - 2, p.x - 2);
        j[9] = j[1] == set.count ? in_row(i + 1, p.x + 2) : in_row(i + 2, p.x + 2);
        std::tie(j[4], j[2], j[5]) = std::tuple_cat(rows[0].find_three(p.x - 1, p.y - 1));
        std::tie(j[6], j[3], j[7]) = std::tuple_cat(rows[1].find_three(p.x - 1, p.y + 1));
        j[10] = rows[2].find(p.x, p.y - 2);
        j[11] = rows[3].find(p.x, p.y + 2);
        shape_[i] = shape_at(canvas, p, excluded);
      }
    });
  }

  [[nodiscard]] Float4 apply(int32_t i, const Float4* x) const {
    Float4 result;
    apply(i, x, result);
    return result;
  }
  // The same for Float4 or Double4.
  template <class Vector>
  void apply(int32_t i, const Vector* x, Vector& result) const {
    using Scalar = std::remove_cvref_t<decltype(x[0][0])>;
    const auto& j = neighbours_[i];
    if (shape_[i].regular()) {
      const Vector next = (x[j[0]] + x[j[1]]) + (x[j[2]] + x[j[3]]);
      const Vector diagonal = (x[j[4]] + x[j[5]]) + (x[j[6]] + x[j[7]]);
      const Vector far = (x[j[8]] + x[j[9]]) + (x[j[10]] + x[j[11]]);
      result = Scalar{20} * x[i] - Scalar{8} * next + Scalar{2} * diagonal + far;
      return;
    }
    result = static_cast<Scalar>(shape_[i].own()) * x[i];
    for (int k = 0; k < kCount; ++k) result += static_cast<Scalar>(shape_[i].coefficient(k)) * x[j[k]];
  }

  // The stencil of uniform pixels: regular ones whose neighbours are all holes.
  static constexpr Stencil kCommon{0,  0, 1, 0, 0,  0, 2, -8, 2, 0, 1, -8, 20,
                                   -8, 1, 0, 2, -8, 2, 0, 0,  0, 1, 0, 0};
  [[nodiscard]] static constexpr Stencil common() { return kCommon; }
  [[nodiscard]] bool is_uniform(int32_t i) const {
    return shape_[i].regular() && std::ranges::find(neighbours_[i], count_) == neighbours_[i].end();
  }
  // The same, but for neighbours that are no holes.
  [[nodiscard]] bool is_regular(int32_t i) const { return shape_[i].regular(); }
  // f(j, place in the 5x5, coefficient) for the holes of row i.
  template <class F>
  void for_terms(int32_t i, const F& f) const {
    const Shape shape = shape_[i];
    const bool regular = shape.regular();
    f(i, 12, regular ? 20.0 : static_cast<double>(shape.own()));
    for (int k = 0; k < kCount; ++k) {
      const int32_t j = neighbours_[i][k];
      if (j == count_) continue;
      f(j, 12 + kOffsets[k].x + 5 * kOffsets[k].y,
        regular ? kRegularTerms[k] : static_cast<double>(shape.coefficient(k)));
    }
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

  static constexpr std::array<double, kCount> kRegularTerms{-8, -8, -8, -8, 2, 2, 2, 2, 1, 1, 1, 1};

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

  static bool has_excluded(const Canvas& canvas, Task& task) {
    for (int32_t y = 0; y < canvas.height; ++y) {
      if (std::memchr(canvas.label.row(y), kExcluded, static_cast<size_t>(canvas.width)) != nullptr)
        return true;
      task.advance(static_cast<uint64_t>(canvas.width) / 16);
    }
    return false;
  }
  // excluded: whether the canvas has such pixels at all.
  static Shape shape_at(const Canvas& canvas, Point p, bool excluded) {
    const auto& label = canvas.label;
    if (p.x >= 2 && p.y >= 2 && p.x < canvas.width - 2 && p.y < canvas.height - 2) {
      const bool all = !excluded || std::ranges::all_of(kOffsets, [&](const Point& d) {
        return label.at(p.x + d.x, p.y + d.y) != kExcluded;
      });
      if (all) return {.present = kRegular, .degree = {4, 4, 4, 4}};
    }
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
