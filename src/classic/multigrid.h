// Multigrid for elliptic equations on the hole pixels of a canvas: one V-cycle is a linear, symmetric
// approximation of the inverse, to be used as the preconditioner of conjugate gradients.
//
// A level has the pixels of a PixelSet as unknowns; everything else counts as 0. Prolongation P is the
// quadratic B-spline's (1 3 3 1)/4 per axis, smooth enough for the bilaplacian; where the coarse grid ends
// (excluded pixels, the canvas's border) the weight goes to the pixel's own parent, so that constants stay
// constants. Coarse operators are Galerkin's P' A P, stencils of 5x5. The smoother is Chebyshev's polynomial
// in D^-1 A (Adams, Brezina, Hu, Tuminaro 2003): no order of unknowns, so threads do not change a bit of it.
//
// Cost follows the unknowns; only labels of the coarse grids, a third of the canvas in bytes, are dense.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <functional>

#include "classic/galerkin.h"
#include "classic/method.h"
#include "classic/multigrid_level.h"

namespace infill::classic {

// Pieces of loops over pixels, and of sums: a sum is added up piece by piece, in order.
constexpr int64_t kPixelPiece = 1024;

// Calls body(begin, end) for pieces of [0, count) on all threads.
template <class Body>
void for_pixels(Work& work, int64_t count, const Body& body) {
  const auto piece = [&](int64_t begin, int64_t end) {
    body(static_cast<int32_t>(begin), static_cast<int32_t>(end));
    work.task.advance(static_cast<uint64_t>(end - begin));
  };
  work.threads.parallel_for(work.task, count, kPixelPiece, std::cref(piece));
}

// Fine: the operator of level 0, with the functions of StencilOperator except neighbours(), and
//   Fine(const CanvasShape&, Arena&), build(const Canvas&, const PixelSet&, Work&)
//   kCommon: its stencil where nothing is missing
//   kDegree, kSmoothedPart: steps of the smoother, and the eigenvalues that coarser levels cannot correct, as
//   a part of the largest.
template <class Fine>
class Multigrid {
 public:
  // Takes its memory from the arena; holds for every canvas of this shape.
  Multigrid(const CanvasShape& shape, Arena& arena);
  // Builds all levels for the canvas's holes.
  void build(const Canvas& canvas, Work& work);
  // x = M right, of level 0. Returns which of x holds it; the other is free for use.
  int cycle(Work& work) { return cycle(0, work); }

  [[nodiscard]] Level& level(int l) { return levels_[l]; }
  Fine fine_operator;

 private:
  static constexpr int kMaximumLevels = 16;
  template <class Operator>
  void prepare(Level& level, const Operator& a, Work& work);
  template <class Operator>
  void coarsen_operator(const Operator& a, const Plane<const uint8_t>& label, const Level& fine,
                        Level& coarse, Work& work);
  void link(Level& fine, Level& coarse, Work& work);
  template <class Operator>
  int smooth(Level& level, const Operator& a, int from, Work& work);
  template <class Operator>
  int cycle(int l, const Operator& a, Work& work);
  int cycle(int l, Work& work) {
    return l == 0 ? cycle(0, fine_operator, work) : cycle(l, levels_[l].stencil, work);
  }

  std::array<Level, kMaximumLevels> levels_;
  std::span<double> partial_;
  int count_ = 0, used_ = 0;
};

template <class Fine>
Multigrid<Fine>::Multigrid(const CanvasShape& shape, Arena& arena) : fine_operator(shape, arena) {
  int32_t width = shape.width;
  int32_t height = shape.height;
  int64_t capacity = shape.hole_pixels;
  while (count_ < kMaximumLevels && capacity > 0) {
    Level& level = levels_[count_];
    const auto n = static_cast<size_t>(capacity);
    level.pixels = PixelSet::lay_out(width, height, capacity, arena);
    level.inverse_diagonal = arena.take<float>(n);
    level.right = arena.take<Float4>(n);
    for (auto& x : level.x) x = arena.take<Float4>(n + 1);
    level.parents = arena.take<Parents>(n);
    if (count_ > 0) {
      const size_t area = static_cast<size_t>(width) * static_cast<size_t>(height);
      level.label = {arena.take<uint8_t>(area).data(), width, height, width};
      level.stencil = StencilOperator(n, arena);
      level.children = arena.take<Children>(n);
    }
    ++count_;
    if (width == 1 && height == 1) break;
    width = width / 2 + width % 2;
    height = height / 2 + height % 2;
    capacity = coarse_capacity(capacity, width, height);
  }
  partial_ = arena.take<double>(static_cast<size_t>(shape.hole_pixels / kPixelPiece + 1));
}

template <class Fine>
void Multigrid<Fine>::build(const Canvas& canvas, Work& work) {
  list_holes(canvas, levels_[0].pixels, work.task);
  fine_operator.build(canvas, levels_[0].pixels, work);
  prepare(levels_[0], fine_operator, work);
  Plane<const uint8_t> label{canvas.label.data, canvas.width, canvas.height, canvas.label.stride};
  for (used_ = 1; used_ < count_; ++used_) {
    Level& fine = levels_[used_ - 1];
    Level& coarse = levels_[used_];
    coarsen(label, fine.pixels.count, coarse.label, coarse.pixels, work.task);
    if (coarse.pixels.count == 0) break;
    link(fine, coarse, work);
    if (used_ == 1) {
      coarsen_operator(fine_operator, label, fine, coarse, work);
    } else {
      coarsen_operator(fine.stencil, label, fine, coarse, work);
    }
    prepare(coarse, coarse.stencil, work);
    label = {coarse.label.data, coarse.label.width, coarse.label.height, coarse.label.stride};
  }
}

// Who interpolates from whom.
template <class Fine>
void Multigrid<Fine>::link(Level& fine, Level& coarse, Work& work) {
  const PixelSet& set = coarse.pixels;
  std::atomic<bool> heavy{false};
  std::atomic<bool> heavy_inside{false};
  for_pixels(work, fine.pixels.count, [&](int32_t begin, int32_t end) {
    std::array<RowCursor, 2> rows{RowCursor(set), RowCursor(set)};
    for (int32_t i = begin; i < end; ++i) {
      const Point p = fine.pixels.at[i];
      const Point own{p.x / 2, p.y / 2};
      const Point other{own.x + (p.x % 2 == 0 ? -1 : 1), own.y + (p.y % 2 == 0 ? -1 : 1)};
      Parents parents{{}, 9};
      for (int k = 0; k < 4; ++k) {
        const Point q{k % 2 == 0 ? own.x : other.x, k / 2 == 0 ? own.y : other.y};
        const uint8_t label = label_or_excluded<uint8_t>(coarse.label, q.x, q.y);
        parents.index[k] = label == kHole ? rows[k / 2].find(q.x, q.y) : set.count;
        if (label != kExcluded) continue;
        parents.own += k == 3 ? 1 : 3;
        if (coarse.label.contains(q.x, q.y)) heavy_inside = true;
      }
      fine.parents[i] = parents;
      if (parents.own != 9) heavy = true;
    }
  });
  fine.heavy_parents = heavy_inside ? Level::kAnywhere : heavy ? Level::kNearBorders : Level::kNowhere;
  for_pixels(work, set.count, [&](int32_t begin, int32_t end) {
    std::array<RowCursor, 4> rows{RowCursor(fine.pixels), RowCursor(fine.pixels), RowCursor(fine.pixels),
                                  RowCursor(fine.pixels)};
    for (int32_t i = begin; i < end; ++i) {
      const int32_t left = 2 * set.at[i].x - 1;
      Children& children = coarse.children[i];
      children.fill(fine.pixels.count);
      for (int row = 0; row < 4; ++row) {
        RowCursor& cursor = rows[row];
        for (int32_t j = cursor.seek(left, 2 * set.at[i].y - 1 + row); j < cursor.end(); ++j) {
          const int32_t column = fine.pixels.at[j].x - left;
          if (column > 3) break;
          children[4 * row + column] = j;
        }
      }
    }
  });
}

template <class Fine>
template <class Operator>
void Multigrid<Fine>::coarsen_operator(const Operator& a, const Plane<const uint8_t>& label,
                                       const Level& fine, Level& coarse, Work& work) {
  coarse.stencil.set_common(coarsen_stencil(a.common()));
  const auto rows = [&](int64_t begin, int64_t end) {
    GalerkinRows<Operator> galerkin(a, label, fine, coarse);
    for (int64_t i = begin; i < end; ++i) galerkin.write(static_cast<int32_t>(i));
    work.task.advance(16 * static_cast<uint64_t>(end - begin));
  };
  work.threads.parallel_for(work.task, coarse.pixels.count, kPixelPiece / 16, std::cref(rows));
}

// Inverse of the diagonal, and Gershgorin's bound of the spectrum.
template <class Fine>
template <class Operator>
void Multigrid<Fine>::prepare(Level& level, const Operator& a, Work& work) {
  for_pixels(work, level.pixels.count, [&](int32_t begin, int32_t end) {
    double largest = 1;
    for (int32_t i = begin; i < end; ++i) {
      double diagonal = 0;
      double sum = 0;
      a.for_terms(i, [&](int32_t, int place, double value) {
        if (place == StencilOperator::kMiddle) diagonal = value;
        sum += std::abs(value);
      });
      level.inverse_diagonal[i] = diagonal > 0 ? static_cast<float>(1 / diagonal) : 0;
      if (diagonal > 0) largest = std::max(largest, sum / diagonal);
    }
    partial_[begin / kPixelPiece] = largest;
  });
  const auto pieces = static_cast<size_t>((level.pixels.count + kPixelPiece - 1) / kPixelPiece);
  level.spectrum = static_cast<float>(*std::max_element(partial_.begin(), partial_.begin() + pieces));
  for (auto& x : level.x) x[level.pixels.count] = Float4{};
}

// Chebyshev's iteration for the upper part of the spectrum, Fine::kDegree steps; from: which x to start at,
// -1: from zero. Each step reads one x and replaces the other, pixel by pixel.
template <class Fine>
template <class Operator>
int Multigrid<Fine>::smooth(Level& level, const Operator& a, int from, Work& work) {
  const float middle = level.spectrum * (1 + Fine::kSmoothedPart) / 2;
  const float radius = level.spectrum * (1 - Fine::kSmoothedPart) / 2;
  const float sigma = middle / radius;
  float rho = 1 / sigma;
  int now = std::max(from, 0);
  for (int step = 0; step < Fine::kDegree; ++step) {
    const float next_rho = step == 0 ? rho : 1 / (2 * sigma - rho);
    const float momentum = step == 0 ? 0 : next_rho * rho;
    const float factor = step == 0 ? 1 / middle : 2 * next_rho / radius;
    rho = next_rho;
    if (step == 0 && from < 0) {
      for_pixels(work, level.pixels.count, [&](int32_t begin, int32_t end) {
        for (int32_t i = begin; i < end; ++i) {
          level.x[0][i] = factor * level.inverse_diagonal[i] * level.right[i];
          level.x[1][i] = Float4{};
        }
      });
      continue;
    }
    const Float4* x = level.x[now].data();
    Float4* other = level.x[1 - now].data();
    for_pixels(work, level.pixels.count, [&](int32_t begin, int32_t end) {
      for (int32_t i = begin; i < end; ++i) {
        const Float4 residual = level.right[i] - a.apply(i, x);
        Float4 value = x[i] + factor * level.inverse_diagonal[i] * residual;
        if (step > 0) value += momentum * (x[i] - other[i]);
        other[i] = value;
      }
    });
    now = 1 - now;
  }
  return now;
}

template <class Fine>
template <class Operator>
int Multigrid<Fine>::cycle(int l, const Operator& a, Work& work) {
  Level& level = levels_[l];
  const int now = smooth(level, a, -1, work);
  if (l + 1 == used_) return smooth(level, a, now, work);
  Level& coarse = levels_[l + 1];
  Float4* x = level.x[now].data();
  Float4* residual = level.x[1 - now].data();
  for_pixels(work, level.pixels.count, [&](int32_t begin, int32_t end) {
    for (int32_t i = begin; i < end; ++i) residual[i] = level.right[i] - a.apply(i, x);
  });
  for_pixels(work, coarse.pixels.count, [&](int32_t begin, int32_t end) {
    for (int32_t i = begin; i < end; ++i) {
      coarse.right[i] = sum_of_children(level, coarse, i, residual);
    }
  });
  const Float4* correction = coarse.x[cycle(l + 1, work)].data();
  for_pixels(work, level.pixels.count, [&](int32_t begin, int32_t end) {
    for (int32_t i = begin; i < end; ++i) {
      const Parents& parents = level.parents[i];
      for (int k = 0; k < 4; ++k) x[i] += parent_weight(parents, k) * correction[parents.index[k]];
    }
  });
  return smooth(level, a, now, work);
}

}  // namespace infill::classic
