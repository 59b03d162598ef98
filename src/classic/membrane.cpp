#include "classic/membrane.h"

#include <algorithm>
#include <cstdint>

#include "classic/elliptic.h"
#include "classic/laplacian.h"

namespace infill::classic {

namespace {

using Solver = EllipticSolver<Laplacian>;
constexpr int kIterations = 100;

size_t index_of(std::span<const Point> rim, Point p) {
  const auto before = [](const Point& a, const Point& b) { return a.y != b.y ? a.y < b.y : a.x < b.x; };
  return static_cast<size_t>(std::lower_bound(rim.begin(), rim.end(), p, before) - rim.begin());
}

}  // namespace

size_t membrane_scratch(const CanvasShape& shape) {
  Arena arena = Arena::measuring();
  const Solver solver(shape, arena);
  return arena.peak();
}

void membrane(const Canvas& canvas, const std::array<std::span<const float>, 4>& rim,
              const std::array<std::span<float>, 4>& inside, double tolerance, Work& work) {
  if (canvas.hole_pixels == 0) return;
  const ArenaScope scope(work.arena);
  Solver solver({.width = canvas.width, .height = canvas.height, .hole_pixels = canvas.hole_pixels},
                work.arena);
  solver.build(canvas, work);
  const auto known = [&](Point p) {
    const size_t k = index_of(canvas.rim, p);
    Float4 value{};
    for (size_t c = 0; c < 4; ++c) {
      if (!inside[c].empty()) value[c] = rim[c][k];
    }
    return value;
  };
  solver.solve(
      canvas, known, [] { return Float4{}; }, {.tolerance = tolerance, .iterations = kIterations}, work);
  for_pixels(work, canvas.hole_pixels, [&](int32_t begin, int32_t end) {
    for (size_t c = 0; c < 4; ++c) {
      if (inside[c].empty()) continue;
      for (int32_t i = begin; i < end; ++i) inside[c][i] = solver.solution()[i][c];
    }
  });
}

}  // namespace infill::classic
