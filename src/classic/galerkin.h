// Galerkin's coarse operator P' A P, row by row. A reaches two pixels far, and so does the result.
#pragma once

#include <array>

#include "classic/multigrid_level.h"

namespace infill::classic {

// The fine pixels that count for one coarse pixel p: 8x8 from (2 p.x - 3, 2 p.y - 3) on, the reach of A
// around the 4x4 children. The coarse pixels they are interpolated from are the 5x5 around p.
using FineRows = std::array<double, 64>;

// Where the stencil of the child in (row, column) of the 4x4 has its place k.
constexpr int fine_place(int row, int column, int k) {
  return 8 * (row + k / 5) + column + k % 5;
}

// The five sums over parents of eight values in a row, which have 3/4 of their own parent and 1/4 of the
// other.
template <class Value>
void add_up_parents(const Value* in, ptrdiff_t step, Value* out, ptrdiff_t out_step) {
  const auto at = [&](int k) { return in[k * step]; };
  out[0 * out_step] = 0.75 * at(0) + 0.25 * at(1);
  for (int k = 1; k < 4; ++k) {
    out[k * out_step] = 0.75 * (at(2 * k - 1) + at(2 * k)) + 0.25 * (at(2 * k - 2) + at(2 * k + 1));
  }
  out[4 * out_step] = 0.75 * at(7) + 0.25 * at(6);
}

inline Stencil add_up_parents(const FineRows& rows) {
  std::array<std::array<double, 5>, 8> columns;
  for (size_t v = 0; v < 8; ++v) add_up_parents(&rows[8 * v], 1, columns[v].data(), 1);
  Stencil sum;
  for (int x = 0; x < 5; ++x) add_up_parents(&columns[0][x], 5, &sum[x], 5);
  return sum;
}

// The coarse stencil far from all borders.
inline Stencil coarsen_stencil(const Stencil& fine) {
  constexpr std::array<double, 4> kKernel{1, 3, 3, 1};
  FineRows rows{};
  for (int child = 0; child < 16; ++child) {
    const double weight = kKernel[child / 4] * kKernel[child % 4] / 16;
    for (int k = 0; k < 25; ++k) rows[fine_place(child / 4, child % 4, k)] += weight * fine[k];
  }
  return add_up_parents(rows);
}

// Writes rows of the coarse level's operator; quick when they are asked for in ascending order.
template <class Operator>
class GalerkinRows {
 public:
  GalerkinRows(const Operator& a, const Level& fine, Level& coarse)
      : a_(&a), fine_(&fine), coarse_(&coarse), windows_(coarse.pixels) {
    cursors_.fill(RowCursor(fine.pixels));
  }

  void write(int32_t i) {
    const WindowCursor::Window neighbours = windows_.around(coarse_->pixels.at[i]);
    const int32_t none = coarse_->pixels.count;
    struct Child {
      int32_t index;
      int row, column;
      double weight;
    };
    std::array<Child, 16> children;
    int count = 0;
    bool uniform = std::ranges::find(neighbours, none) == neighbours.end();
    for_children(*fine_, *coarse_, i, [&](int32_t child, int row, int column, double weight) {
      children[count++] = {child, row, column, weight};
      uniform = uniform && a_->is_uniform(child);
    });
    if (uniform && count == 16) {
      coarse_->stencil.set_uniform(i, neighbours);
      return;
    }
    FineRows rows{};
    double scale = 0;
    for (int c = 0; c < count; ++c) {
      const Child& child = children[c];
      double* out = &rows[fine_place(child.row, child.column, 0)];
      a_->for_terms(child.index, [&](int32_t, int k, double value) {
        out[kFinePlace[k]] += child.weight * value;
        if (k == StencilOperator::kMiddle) scale += child.weight * child.weight * value;
      });
    }
    Stencil sum = add_up_parents(rows);
    if (fine_->has_heavy_parents) add_heavy_parents(rows, coarse_->pixels.at[i], sum);
    // Holes that nothing holds in place have an operator of zeros, but for rounding.
    if (sum[StencilOperator::kMiddle] <= 1e-5 * scale) sum.fill(0);
    coarse_->stencil.set(i, sum, neighbours, none);
  }

 private:
  static constexpr std::array<int, 25> kFinePlace = [] {
    std::array<int, 25> places{};
    for (int k = 0; k < 25; ++k) places[k] = fine_place(0, 0, k);
    return places;
  }();

  // What own parents have beyond 9/16.
  void add_heavy_parents(const FineRows& rows, Point p, Stencil& sum) {
    const int32_t left = 2 * p.x - 3;
    for (int v = 0; v < 8; ++v) {
      RowCursor& cursor = cursors_[v];
      for (int32_t j = cursor.seek(left, 2 * p.y - 3 + v); j < cursor.end(); ++j) {
        const int32_t u = fine_->pixels.at[j].x - left;
        if (u > 7) break;
        sum[5 * ((v + 1) / 2) + (u + 1) / 2] += rows[8 * v + u] * (fine_->parents[j].own - 9) / 16;
      }
    }
  }

  const Operator* a_;
  const Level* fine_;
  Level* coarse_;
  WindowCursor windows_;
  std::array<RowCursor, 8> cursors_;
};

}  // namespace infill::classic
