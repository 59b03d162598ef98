#include "classic/biharmonic.h"

#include <algorithm>

#include "classic/bilaplacian.h"
#include "classic/elliptic.h"
#include "classic/known.h"

namespace infill::classic {

namespace {

using Solver = EllipticSolver<Bilaplacian>;

constexpr std::array kParameters{
    Parameter{.name = "biharmonic.tolerance",
              .help =
                  "Largest error of a filled pixel, estimated, as a part of the range of values around the "
                  "hole; raise it for speed.",
              .is_integer = false,
              .minimum = 1e-8,
              .maximum = 0.1,
              .default_value = 1e-4},
    Parameter{.name = "biharmonic.iterations",
              .help = "Most steps of the solver; with fewer than it needs the fill is not yet the answer.",
              .is_integer = true,
              .minimum = 1,
              .maximum = 10000,
              .default_value = 200},
};

void fill(Canvas& canvas, const Settings& settings, Work& work) {
  if (canvas.hole_pixels == 0) return;
  const ArenaScope scope(work.arena);
  Solver solver({.width = canvas.width, .height = canvas.height, .hole_pixels = canvas.hole_pixels},
                work.arena);
  solver.build(canvas, work);
  solver.solve(
      canvas, KnownPixels(canvas), [&] { return mean_of_known(canvas, work.task); },
      {.tolerance = settings[kBiharmonicTolerance], .iterations = settings.integer(kBiharmonicIterations)},
      work);
  write_holes(canvas, solver.pixels(), solver.solution(), work);
}

size_t scratch(const CanvasShape& shape, const Settings& /*settings*/) {
  Arena arena = Arena::measuring();
  const Solver solver(shape, arena);
  return arena.peak();
}

int32_t context(const Settings& /*settings*/, int32_t /*width*/, int32_t /*height*/) {
  return 2;
}

}  // namespace

const Method kBiharmonic{
    .id = MethodId::kBiharmonic,
    .name = "biharmonic",
    .summary = "Smooth fill that continues slopes: scratches and text over shaded surfaces.",
    .parameters = kParameters,
    .context = context,
    .coupling = 2,
    .scratch = scratch,
    .fill = fill,
};

}  // namespace infill::classic
