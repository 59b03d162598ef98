// Conjugate gradients on the hole pixels of a canvas, preconditioned by multigrid.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <type_traits>

#include "classic/multigrid.h"
#include "core/meter.h"

namespace infill::classic {

// Solves A u = 0 in the holes for all channels at once, where known pixels give their values.
//
// A residual that is carried along in float drifts away from the true one. For an operator that is Precise
// (the bilaplacian, whose condition grows with the fourth power of the hole's width) residuals and images are
// double. For others the residual of the solution so far is formed anew, in double, after every few digits
// won. Either way the answer is good to the rounding of a float; everything else is float.
template <class Fine>
class EllipticSolver {
 public:
  // Takes its memory from the arena; run it on a measuring arena for the size.
  EllipticSolver(const CanvasShape& shape, Arena& arena)
      : grids_(shape, arena),
        solution_(arena.take<Float4>(static_cast<size_t>(shape.hole_pixels) + 1)),
        direction_(arena.take<Vector>(static_cast<size_t>(shape.hole_pixels) + 1)),
        residual_(arena.take<Double4>(precise_size(shape))),
        image_(arena.take<Double4>(precise_size(shape))),
        partial_(arena.take<Partial>(static_cast<size_t>(shape.hole_pixels / kPixelPiece + 1))) {}

  void build(const Canvas& canvas, Work& work) { grids_.build(canvas, work); }

  struct Goal {
    // Largest error wanted, as a part of the range of the known values around the holes. The error is judged
    // by the preconditioned residual.
    double tolerance;
    int iterations;  // stops there with what it has
  };
  // known(pixel): the lanes of a known pixel. elsewhere(): the first guess of rows of a hole that no known
  // pixel touches, and the result of holes that touch none. Returns whether the goal was reached; solution()
  // is the best found in any case.
  template <class Known, class Elsewhere>
  bool solve(const Canvas& canvas, const Known& known, const Elsewhere& elsewhere, const Goal& goal,
             Work& work);

  [[nodiscard]] const PixelSet& pixels() { return grids_.level(0).pixels; }
  [[nodiscard]] std::span<const Float4> solution() const { return solution_; }

 private:
  // Sums or extremes of one piece, per lane.
  struct Partial {
    std::array<double, kLanes> a, b;
  };
  [[nodiscard]] std::span<const Partial> pieces(int32_t count) const {
    return partial_.first(static_cast<size_t>((count + kPixelPiece - 1) / kPixelPiece));
  }
  template <class Known, class Elsewhere>
  void start(const Canvas& canvas, const Known& known, const Elsewhere& elsewhere, Work& work);
  static size_t precise_size(const CanvasShape& shape) {
    return Fine::kPrecise ? static_cast<size_t>(shape.hole_pixels) : 0;
  }
  struct Range {
    Float4 least, largest;
  };
  template <class Known>
  Range form_residual(const Canvas& canvas, const Known& known, Work& work);
  void allow(const Range& range, double step, double tolerance);
  struct Measure {
    std::array<double, kLanes> product;  // of residual and preconditioned residual
    double error;                        // estimated, as a part of what is allowed
  };
  Measure precondition(int& z, Work& work);
  void step(int z, const std::array<double, kLanes>& product, const std::array<double, kLanes>& before,
            Work& work);

  Multigrid<Fine> grids_;
  using Vector = std::conditional_t<Fine::kPrecise, Double4, Float4>;
  using Scalar = std::conditional_t<Fine::kPrecise, double, float>;
  std::span<Float4> solution_;
  std::span<Vector> direction_;
  std::span<Double4> residual_, image_;  // of a precise operator, else empty
  std::span<Partial> partial_;
  std::array<double, kLanes> allowed_{};  // error per lane
};

template <class Fine>
template <class Known, class Elsewhere>
bool EllipticSolver<Fine>::solve(const Canvas& canvas, const Known& known, const Elsewhere& elsewhere,
                                 const Goal& goal, Work& work) {
  constexpr bool kRefine = !Fine::kPrecise;
  constexpr double kDigitsOfARefinement = 1e-3;
  constexpr int kRefinements = 8;
  // So little is left to a last step that measuring afterwards, which takes most of another, is not worth it:
  // steps win a factor of 3 to 10.
  constexpr double kLastStep = 2;
  start(canvas, known, elsewhere, work);
  int iterations = 0;
  double worst = 0;
  for (int refinement = 0; refinement < kRefinements; ++refinement) {
    const Range range = form_residual(canvas, known, work);
    if (refinement == 0) allow(range, canvas.step, goal.tolerance);
    double first = 0;
    std::array<double, kLanes> before{};
    for (int k = 0;; ++k) {
      int z = 0;
      const Measure measure = precondition(z, work);
      if (k == 0) first = measure.error;
      worst = std::max(worst, measure.error);
      const double won = worst > 1 ? std::log(worst / std::max(measure.error, 1.0)) / std::log(worst) : 1;
      work.task.done(won);
      if (measure.error <= 1 && (k == 0 || !kRefine)) return true;
      const bool last = !kRefine && measure.error <= kLastStep;
      if (kRefine && measure.error <= std::max(1.0, first * kDigitsOfARefinement)) break;
      if (iterations++ == goal.iterations) return false;
      step(z, measure.product, before, work);
      if (last) return true;
      before = measure.product;
    }
  }
  return false;
}

// The first solution: straight lines between the known pixels at both ends of each row of a hole, or the one
// there is; elsewhere() in rows that have none.
template <class Fine>
template <class Known, class Elsewhere>
void EllipticSolver<Fine>::start(const Canvas& canvas, const Known& known, const Elsewhere& elsewhere,
                                 Work& work) {
  const PixelSet& set = pixels();
  const auto for_runs = [&](const auto& ends_of) {
    constexpr int64_t kRuns = 64;
    const auto piece = [&](int64_t begin, int64_t end) {
      RowCursor cursor(set);
      Meter meter(work.task);
      for (int64_t r = begin; r < end; ++r) {
        const Run& run = canvas.holes[static_cast<size_t>(r)];
        const Point before{run.x0 - 1, run.y};
        const Point after{run.x1, run.y};
        const bool left = label_or_excluded(canvas.label, before.x, before.y) == kKnown;
        const bool right = label_or_excluded(canvas.label, after.x, after.y) == kKnown;
        Float4 from{};
        Float4 to{};
        if (!ends_of(left, right, before, after, from, to)) continue;
        const Float4 slope = (to - from) / static_cast<float>(after.x - before.x);
        const int32_t first = cursor.seek(run.x0, run.y);
        for (int32_t x = run.x0; x < run.x1; ++x) {
          solution_[first + x - run.x0] = from + slope * static_cast<float>(x - before.x);
        }
        meter.add(static_cast<uint64_t>(run.x1 - run.x0));
      }
      meter.flush();
    };
    work.threads.parallel_for(work.task, static_cast<int64_t>(canvas.holes.size()), kRuns, std::cref(piece));
  };
  std::atomic<bool> endless{false};
  for_runs([&](bool left, bool right, Point before, Point after, Float4& from, Float4& to) {
    if (!left && !right) {
      endless = true;
      return false;
    }
    from = known(left ? before : after);
    to = known(right ? after : before);
    return true;
  });
  if (!endless) return;
  const Float4 value = elsewhere();
  for_runs([&](bool left, bool right, Point, Point, Float4& from, Float4& to) {
    from = to = value;
    return !left && !right;
  });
}

// right = - A u, in double; the rows of A add up to 0, so differences do. Returns the range of the known
// pixels around.
template <class Fine>
template <class Known>
auto EllipticSolver<Fine>::form_residual(const Canvas& canvas, const Known& known, Work& work) -> Range {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const PixelSet& set = pixels();
  Level& level = grids_.level(0);
  for_pixels(work, set.count, [&](int32_t begin, int32_t end) {
    Float4 least = Float4{} + kInfinity;
    Float4 largest = Float4{} - kInfinity;
    for (int32_t i = begin; i < end; ++i) {
      const Double4 here = __builtin_convertvector(solution_[i], Double4);
      Double4 sum{};
      const auto add = [&](const Float4& value, double a) {
        sum -= a * (__builtin_convertvector(value, Double4) - here);
      };
      grids_.fine_operator.for_terms(i, [&](int32_t j, int, double a) { add(solution_[j], a); });
      grids_.fine_operator.for_known(canvas, i, set.at[i], [&](Point q, double a) {
        const Float4 value = known(q);
        least = value < least ? value : least;
        largest = value > largest ? value : largest;
        add(value, a);
      });
      level.right[i] = __builtin_convertvector(sum, Float4);
      if constexpr (Fine::kPrecise) residual_[i] = sum;
    }
    Partial& part = partial_[begin / kPixelPiece];
    for (size_t c = 0; c < kLanes; ++c) {
      part.a[c] = least[c];
      part.b[c] = largest[c];
    }
  });
  Range range{Float4{} + kInfinity, Float4{} - kInfinity};
  for (const Partial& part : pieces(set.count)) {
    for (size_t c = 0; c < kLanes; ++c) {
      range.least[c] = std::min(range.least[c], static_cast<float>(part.a[c]));
      range.largest[c] = std::max(range.largest[c], static_cast<float>(part.b[c]));
    }
  }
  return range;
}

// The errors allowed, from the range of the known pixels around; none where there are none.
template <class Fine>
void EllipticSolver<Fine>::allow(const Range& range, double step, double tolerance) {
  // An error this far below what the caller's format can show is none.
  constexpr double kShareOfAStep = 1.0 / 16;
  for (size_t c = 0; c < kLanes; ++c) {
    allowed_[c] = 0;
    if (range.least[c] > range.largest[c]) continue;
    const double least = range.least[c];
    const double largest = range.largest[c];
    const double magnitude = std::max(std::abs(least), std::abs(largest));
    const double rounding = 2 * std::numeric_limits<float>::epsilon() * magnitude;
    allowed_[c] = std::max({tolerance * (largest - least), rounding, step * kShareOfAStep});
  }
}

template <class Fine>
auto EllipticSolver<Fine>::precondition(int& z, Work& work) -> Measure {
  const int32_t count = pixels().count;
  Level& level = grids_.level(0);
  z = grids_.cycle(work);
  const Float4* x = level.x[z].data();
  for_pixels(work, count, [&](int32_t begin, int32_t end) {
    Partial part{};
    Float4 largest{};
    for (int32_t i = begin; i < end; ++i) {
      for (size_t c = 0; c < kLanes; ++c) {
        const double residual = Fine::kPrecise ? residual_[i][c] : static_cast<double>(level.right[i][c]);
        part.a[c] += residual * static_cast<double>(x[i][c]);
      }
      const Float4 size = x[i] < 0 ? -x[i] : x[i];
      largest = size > largest ? size : largest;
    }
    for (size_t c = 0; c < kLanes; ++c) part.b[c] = largest[c];
    partial_[begin / kPixelPiece] = part;
  });
  Measure measure{};
  std::array<double, kLanes> largest{};
  for (const Partial& part : pieces(count)) {
    for (size_t c = 0; c < kLanes; ++c) {
      measure.product[c] += part.a[c];
      largest[c] = std::max(largest[c], part.b[c]);
    }
  }
  for (size_t c = 0; c < kLanes; ++c) {
    if (allowed_[c] > 0) measure.error = std::max(measure.error, largest[c] / allowed_[c]);
  }
  return measure;
}

// One step of conjugate gradients along the preconditioned residual x[z].
template <class Fine>
void EllipticSolver<Fine>::step(int z, const std::array<double, kLanes>& product,
                                const std::array<double, kLanes>& before, Work& work) {
  const int32_t count = pixels().count;
  Level& level = grids_.level(0);
  const Float4* x = level.x[z].data();
  Vector* residual = nullptr;
  Vector* image = nullptr;  // A direction
  if constexpr (Fine::kPrecise) {
    residual = residual_.data();
    image = image_.data();
  } else {
    residual = level.right.data();
    image = level.x[1 - z].data();
  }
  const bool first = std::all_of(before.begin(), before.end(), [](double b) { return b == 0; });
  Vector beta{};
  for (size_t c = 0; c < kLanes; ++c) {
    if (before[c] > 0) beta[c] = static_cast<Scalar>(product[c] / before[c]);
  }
  for_pixels(work, count, [&](int32_t begin, int32_t end) {
    for (int32_t i = begin; i < end; ++i) {
      const Vector ahead = __builtin_convertvector(x[i], Vector);
      direction_[i] = first ? ahead : ahead + beta * direction_[i];
    }
  });
  direction_[count] = Vector{};
  for_pixels(work, count, [&](int32_t begin, int32_t end) {
    Double4 form{};
    for (int32_t i = begin; i < end; ++i) {
      grids_.fine_operator.apply(i, direction_.data(), image[i]);
      form += __builtin_convertvector(image[i], Double4) * __builtin_convertvector(direction_[i], Double4);
    }
    Partial& part = partial_[begin / kPixelPiece];
    for (size_t c = 0; c < kLanes; ++c) part.a[c] = form[c];
  });
  Vector alpha{};
  std::array<double, kLanes> energy{};
  for (const Partial& part : pieces(count)) {
    for (size_t c = 0; c < kLanes; ++c) energy[c] += part.a[c];
  }
  for (size_t c = 0; c < kLanes; ++c) {
    if (energy[c] > 0) alpha[c] = static_cast<Scalar>(product[c] / energy[c]);
  }
  for_pixels(work, count, [&](int32_t begin, int32_t end) {
    for (int32_t i = begin; i < end; ++i) {
      solution_[i] += __builtin_convertvector(alpha * direction_[i], Float4);
      residual[i] -= alpha * image[i];
      if constexpr (Fine::kPrecise) level.right[i] = __builtin_convertvector(residual[i], Float4);
    }
  });
}

}  // namespace infill::classic
