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

struct Level {
  PixelSet pixels;
  Plane<uint8_t> label;  // not on level 0: that is the canvas's
  std::span<float> inverse_diagonal;
  std::span<Float4> right;             // right-hand side
  std::array<std::span<Float4>, 2> x;  // one more than there are pixels: the last is 0
  std::span<Parents> parents;          // into the next level
  bool has_heavy_parents = false;      // some of them with a weight of their own above 9/16
  float spectrum = 0;                  // bound of the eigenvalues of D^-1 A
  // Of levels above 0.
  StencilOperator stencil;
  std::span<std::array<int32_t, 4>> children;  // first in each of four rows of the level before
};

// f(child, row, column, weight) for every pixel of the fine level that pixel i of the coarse one has a part
// in: those of 4x4, of which row and column tell the place.
template <class F>
void for_children(const Level& fine, const Level& coarse, int32_t i, const F& f) {
  constexpr std::array<float, 4> kKernel{1, 3, 3, 1};
  const Point p = coarse.pixels.at[i];
  for (int row = 0; row < 4; ++row) {
    const int32_t y = 2 * p.y - 1 + row;
    if (y < 0 || y >= fine.pixels.height) continue;
    const int32_t end = fine.pixels.row_begin[y + 1];
    for (int32_t j = coarse.children[i][row]; j < end; ++j) {
      const int32_t column = fine.pixels.at[j].x - 2 * p.x + 1;
      if (column > 3) break;
      const bool own = (column == 1 || column == 2) && (row == 1 || row == 2);
      f(j, row, column, own ? parent_weight(fine.parents[j], 0) : kKernel[row] * kKernel[column] / 16);
    }
  }
}

// Row i of P' x.
inline Float4 sum_of_children(const Level& fine, const Level& coarse, int32_t i, const Float4* x) {
  constexpr float kCorner = 1.0F / 16;
  constexpr float kEdge = 3.0F / 16;
  const Point p = coarse.pixels.at[i];
  const int32_t left = 2 * p.x - 1;
  const auto& children = coarse.children[i];
  const auto is_full = [&](int row) {
    const int32_t last = children[row] + 3;
    return last < fine.pixels.count && fine.pixels.at[last].x == left + 3 &&
           fine.pixels.at[last].y == 2 * p.y - 1 + row;
  };
  if (is_full(0) && is_full(1) && is_full(2) && is_full(3)) {  // the same for most of a wide hole, but quick
    const Float4* a = x + children[0];
    const Float4* b = x + children[1];
    const Float4* c = x + children[2];
    const Float4* d = x + children[3];
    const auto own = [&](int32_t j) { return parent_weight(fine.parents[j], 0) * x[j]; };
    return kCorner * ((a[0] + a[3]) + (d[0] + d[3])) +
           kEdge * (((a[1] + a[2]) + (d[1] + d[2])) + ((b[0] + b[3]) + (c[0] + c[3]))) +
           ((own(children[1] + 1) + own(children[1] + 2)) + (own(children[2] + 1) + own(children[2] + 2)));
  }
  Float4 corners{};
  Float4 edges{};
  Float4 own{};
  for (int row = 0; row < 4; ++row) {
    const int32_t y = 2 * p.y - 1 + row;
    if (y < 0 || y >= fine.pixels.height) continue;
    const bool inner = row == 1 || row == 2;
    const int32_t first = children[row];
    const int32_t end = fine.pixels.row_begin[y + 1];
    for (int32_t j = first; j < end && fine.pixels.at[j].x <= left + 3; ++j) {
      const int32_t column = fine.pixels.at[j].x - left;
      const bool middle = column == 1 || column == 2;
      if (inner && middle) {
        own += parent_weight(fine.parents[j], 0) * x[j];
      } else if (inner || middle) {
        edges += x[j];
      } else {
        corners += x[j];
      }
    }
  }
  return kCorner * corners + kEdge * edges + own;
}

}  // namespace infill::classic
