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

// Operator::kCommon times each child's weight, at its place. Unrolled, so that zeros cost nothing.
template <class Operator>
void spread(const std::array<double, 16>& weights, FineRows& rows) {
  // A row of weights with zeros on both sides: all eight places have five children then.
  std::array<std::array<double, 12>, 4> padded{};
  for (size_t k = 0; k < 16; ++k) padded[k / 4][4 + k % 4] = weights[k];
#pragma GCC unroll 8
  for (size_t v = 0; v < 8; ++v) {
    Double4 left{};
    Double4 right{};
#pragma GCC unroll 4
    for (size_t row = 0; row < 4; ++row) {
#pragma GCC unroll 5
      for (size_t dx = 0; dx < 5; ++dx) {
        const double a = row <= v && v <= row + 4 ? Operator::kCommon[5 * (v - row) + dx] : 0;
        if (a == 0) continue;
        Double4 values;
        load(&padded[row][4 - dx], values);
        left += a * values;
        load(&padded[row][8 - dx], values);
        right += a * values;
      }
    }
    store(left, &rows[8 * v]);
    store(right, &rows[8 * v + 4]);
  }
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

// Writes rows of the coarse level's operator; quick when they are asked for in ascending order. label: the
// fine level's.
template <class Operator>
class GalerkinRows {
 public:
  GalerkinRows(const Operator& a, const Plane<const uint8_t>& label, const Level& fine, Level& coarse)
      : a_(&a), label_(label), fine_(&fine), coarse_(&coarse), windows_(coarse.pixels) {
    cursors_.fill(RowCursor(fine.pixels));
  }

  void write(int32_t i) {
    const Point p = coarse_->pixels.at[i];
    const WindowCursor::Window neighbours = windows_.around(p);
    const int32_t none = coarse_->pixels.count;
    const Children& children = coarse_->children[i];
    std::array<double, 16> weights{};
    bool uniform = std::ranges::find(neighbours, none) == neighbours.end();
    bool regular = true;
    for (int k = 0; k < 16; ++k) {
      const int32_t child = children[k];
      if (child == fine_->pixels.count) {
        uniform = false;
        continue;
      }
      weights[k] = child_weight(*fine_, k, child);
      uniform = uniform && a_->is_uniform(child);
      regular = regular && a_->is_regular(child);
    }
    if (uniform) {
      coarse_->stencil.set_uniform(i, neighbours);
      return;
    }
    FineRows rows;
    double scale = 0;
    if (!regular || !spread_common(p, weights, rows, scale)) {
      rows.fill(0);
      for (int c = 0; c < 16; ++c) {
        if (children[c] == fine_->pixels.count) continue;
        double* out = &rows[fine_place(c / 4, c % 4, 0)];
        a_->for_terms(children[c], [&](int32_t, int k, double value) {
          out[kFinePlace[k]] += weights[c] * value;
          if (k == StencilOperator::kMiddle) scale += weights[c] * weights[c] * value;
        });
      }
    }
    Stencil sum = add_up_parents(rows);
    if (has_heavy_parents(*fine_, *coarse_, i)) add_heavy_parents(rows, p, sum);
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

  // The rows of regular children: the same as theirs one by one, several times as quick. False: not done.
  bool spread_common(Point p, const std::array<double, 16>& weights, FineRows& rows, double& scale) const {
    if constexpr (requires { Operator::kCommon; }) {
      const int32_t left = 2 * p.x - 3;
      const int32_t top = 2 * p.y - 3;
      if (left < 0 || top < 0 || left + 8 > label_.width || top + 8 > label_.height) return false;
      spread<Operator>(weights, rows);
      for (int v = 0; v < 8; ++v) {
        const uint8_t* label = label_.row(top + v) + left;
        for (int u = 0; u < 8; ++u) rows[8 * v + u] = label[u] == kHole ? rows[8 * v + u] : 0;
      }
      for (const double weight : weights) scale += weight * weight;
      scale *= Operator::kCommon[StencilOperator::kMiddle];
      return true;
    }
    return false;
  }

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
  Plane<const uint8_t> label_;
  const Level* fine_;
  Level* coarse_;
  WindowCursor windows_;
  std::array<RowCursor, 8> cursors_;
};

}  // namespace infill::classic
