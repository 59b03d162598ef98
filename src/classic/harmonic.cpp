#include "classic/harmonic.h"

#include <algorithm>

#include "classic/elliptic.h"
#include "classic/known.h"
#include "classic/laplacian.h"

namespace infill::classic {

namespace {

using Solver = EllipticSolver<Laplacian>;
constexpr int kIterations = 200;

constexpr std::array kParameters{
    Parameter{.name = "harmonic.tolerance",
              .help =
                  "Largest error of a filled pixel, as a part of the range of values around the hole; raise "
                  "it for speed.",
              .is_integer = false,
              .minimum = 1e-7,
              .maximum = 0.1,
              .default_value = 1e-6},
};

void fill(Canvas& canvas, const Settings& settings, Work& work) {
  if (canvas.hole_pixels == 0) return;
  const ArenaScope scope(work.arena);
  Solver solver({.width = canvas.width, .height = canvas.height, .hole_pixels = canvas.hole_pixels},
                work.arena);
  solver.build(canvas, work);
  solver.solve(
      canvas, KnownPixels(canvas), [&] { return mean_of_known(canvas, work.task); },
      {.tolerance = settings[kHarmonicTolerance], .iterations = kIterations}, work);
  write_holes(canvas, solver.pixels(), solver.solution(), work);
}

size_t scratch(const CanvasShape& shape, const Settings& /*settings*/) {
  Arena arena = Arena::measuring();
  const Solver solver(shape, arena);
  return arena.peak();
}

int32_t context(const Settings& /*settings*/, int32_t /*width*/, int32_t /*height*/) {
  return 1;
}

}  // namespace

const Method kHarmonic{
    .id = MethodId::kHarmonic,
    .name = "harmonic",
    .summary = "Smooth fill (Laplace): thin scratches, and holes in even surfaces.",
    .parameters = kParameters,
    .context = context,
    .coupling = 1,
    .scratch = scratch,
    .fill = fill,
};

}  // namespace infill::classic
