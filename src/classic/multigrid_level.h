// One level of a multigrid: its unknowns, its operator, and how it hangs together with the next.
#pragma once

#include <algorithm>
#include <array>

#include "classic/lanes.h"
#include "classic/pixel_set.h"

namespace infill::classic {

// The coarse pixels a pixel is interpolated from: its own, the nearer neighbours in x, in y, and diagonally.
// An index equal to the coarse count: none. Weights in sixteenths: own, 3, 3, 1.
struct Parents {
  std::array<int32_t, 4> index;
  int32_t own;
};

constexpr float parent_weight(const Parents& parents, int k) {
  constexpr std::array<float, 4> kWeights{0, 3.0F / 16, 3.0F / 16, 1.0F / 16};
  return k == 0 ? static_cast<float>(parents.own) / 16 : kWeights[k];
}

// Coefficients for the 5x5 pixels around one, row by row.
using Stencil = std::array<double, 25>;

// An operator given by up to 25 coefficients per pixel. In place of the middle one stands the sum of all: on
// smooth x it is the small difference of large terms, which would be lost in float, and the rest acts on
// differences. Most pixels of a wide hole are uniform: they share one symmetric stencil whose sum is 0.
class StencilOperator {
 public:
  static constexpr int kMiddle = 12;

  StencilOperator() = default;
  StencilOperator(size_t capacity, Arena& arena)
      : heads_(arena.take<Head>(capacity)), rows_(arena.take<Row>(capacity)) {}

  // The stencil of uniform pixels: the same after a turn or a flip.
  void set_common(const Stencil& stencil) {
    common_ = stencil;
    const auto at = [&](int x, int y) { return static_cast<float>(stencil[5 * (2 + y) + 2 + x]); };
    shared_ = {
        .next = at(1, 0), .diagonal = at(1, 1), .far = at(2, 0), .knight = at(2, 1), .corner = at(2, 2)};
  }
  // A uniform pixel's neighbours are all there, so each row of them lies in one piece.
  void set_uniform(int32_t i, const WindowCursor::Window& neighbours) {
    Head& head = heads_[i];
    head.terms = kUniform;
    for (size_t y = 0; y < 5; ++y) head.first[y] = neighbours[5 * y];
  }
  // Coefficients of neighbours that are `none` do not count.
  void set(int32_t i, const Stencil& stencil, const WindowCursor::Window& neighbours, int32_t none) {
    Row& row = rows_[i];
    int32_t terms = 0;
    double total = 0;
    for (uint8_t k = 0; k < 25; ++k) {
      if (neighbours[k] == none) continue;
      total += stencil[k];
      if (k == kMiddle) continue;
      row.index[terms] = neighbours[k];
      row.coefficient[terms] = static_cast<float>(stencil[k]);
      row.place[terms++] = k;
    }
    heads_[i].terms = terms;
    heads_[i].total = static_cast<float>(total);
  }

  [[nodiscard]] const Stencil& common() const { return common_; }
  [[nodiscard]] bool is_uniform(int32_t i) const { return heads_[i].terms == kUniform; }

  // Others have a row of their own.
  [[nodiscard]] bool is_regular(int32_t i) const { return is_uniform(i); }

  [[nodiscard]] Float4 apply(int32_t i, const Float4* x) const {
    const Head& head = heads_[i];
    const Float4 here = x[i];
    if (head.terms == kUniform) {
      const Float4* a = x + head.first[0];
      const Float4* b = x + head.first[1];
      const Float4* c = x + head.first[2];
      const Float4* d = x + head.first[3];
      const Float4* e = x + head.first[4];
      const Float4 four = 4.0F * here;
      const Float4 next = (c[1] + c[3]) + (b[2] + d[2]) - four;
      const Float4 diagonal = (b[1] + b[3]) + (d[1] + d[3]) - four;
      const Float4 far = (c[0] + c[4]) + (a[2] + e[2]) - four;
      const Float4 corner = (a[0] + a[4]) + (e[0] + e[4]) - four;
      const Float4 knight = ((a[1] + a[3]) + (e[1] + e[3]) - four) + ((b[0] + b[4]) + (d[0] + d[4]) - four);
      return shared_.next * next + shared_.diagonal * diagonal + shared_.far * far + shared_.knight * knight +
             shared_.corner * corner;
    }
    const Row& row = rows_[i];
    Float4 sum = head.total * here;
    for (int k = 0; k < head.terms; ++k) sum += row.coefficient[k] * (x[row.index[k]] - here);
    return sum;
  }
  // f(j, place, coefficient) for row i, with its true middle.
  template <class F>
  void for_terms(int32_t i, const F& f) const {
    const Head& head = heads_[i];
    if (head.terms == kUniform) {
      for (int k = 0; k < 25; ++k) f(head.first[k / 5] + k % 5, k, common_[k]);
      return;
    }
    const Row& row = rows_[i];
    double middle = head.total;
    for (int k = 0; k < head.terms; ++k) {
      const double value = row.coefficient[k];
      middle -= value;
      f(row.index[k], row.place[k], value);
    }
    f(i, kMiddle, middle);
  }

 private:
  static constexpr int32_t kUniform = -1;
  struct Head {
    int32_t terms;  // besides the middle, or kUniform
    float total;
    std::array<int32_t, 5> first;  // of each row of neighbours, of uniform pixels
  };
  struct Row {
    std::array<int32_t, 24> index;
    std::array<float, 24> coefficient;
    std::array<uint8_t, 24> place;  // in the stencil
  };
  std::span<Head> heads_;
  std::span<Row> rows_;  // not of uniform pixels
  Stencil common_{};
  struct {
    float next, diagonal, far, knight, corner;
  } shared_{};
};

// The 4x4 pixels of the level before that a pixel has a part in, row by row, from (2 x - 1, 2 y - 1) on. An
// index equal to that level's count: none.
using Children = std::array<int32_t, 16>;

struct Level {
  PixelSet pixels;
  Plane<uint8_t> label;  // not on level 0: that is the canvas's
  std::span<float> inverse_diagonal;
  std::span<Float4> right;             // right-hand side
  std::array<std::span<Float4>, 2> x;  // one more than there are pixels: the last is 0
  std::span<Parents> parents;          // into the next level
  // Where pixels may have parents with a weight of their own above 9/16.
  enum { kNowhere, kNearBorders, kAnywhere } heavy_parents = kNowhere;
  float spectrum = 0;  // bound of the eigenvalues of D^-1 A
  // Of levels above 0.
  StencilOperator stencil;
  std::span<Children> children;
};

// Whether pixels of the fine level that matter for row i of the coarse one may have heavy parents.
[[nodiscard]] inline bool has_heavy_parents(const Level& fine, const Level& coarse, int32_t i) {
  if (fine.heavy_parents != Level::kNearBorders) return fine.heavy_parents == Level::kAnywhere;
  const Point p = coarse.pixels.at[i];
  return p.x < 2 || p.y < 2 || p.x + 2 >= coarse.pixels.width || p.y + 2 >= coarse.pixels.height;
}

// The weight with which pixel j of the fine level belongs to a coarse one it is child k of.
[[nodiscard]] inline float child_weight(const Level& fine, int k, int32_t j) {
  constexpr std::array<float, 4> kKernel{1, 3, 3, 1};
  const int row = k / 4;
  const int column = k % 4;
  const bool own = (column == 1 || column == 2) && (row == 1 || row == 2);
  return own ? parent_weight(fine.parents[j], 0) : kKernel[row] * kKernel[column] / 16;
}

// Row i of P' x. x is 0 where there is no child.
inline Float4 sum_of_children(const Level& fine, const Level& coarse, int32_t i, const Float4* x) {
  const Children& children = coarse.children[i];
  const auto at = [&](int k) { return x[children[k]]; };
  const Float4 corners = (at(0) + at(3)) + (at(12) + at(15));
  const Float4 edges = ((at(1) + at(2)) + (at(13) + at(14))) + ((at(4) + at(7)) + (at(8) + at(11)));
  Float4 sum = 1.0F / 16 * corners + 3.0F / 16 * edges;
  if (!has_heavy_parents(fine, coarse, i)) return sum + 9.0F / 16 * ((at(5) + at(6)) + (at(9) + at(10)));
  for (const int k : {5, 6, 9, 10}) {
    if (children[k] != fine.pixels.count) sum += child_weight(fine, k, children[k]) * at(k);
  }
  return sum;
}

}  // namespace infill::classic
