// Time of Telea and Navier-Stokes per hole pixel: strokes all over a picture, and one large hole.
#include <benchmark/benchmark.h>

#include "classic/navier_stokes.h"
#include "classic/telea.h"
#include "support/method_checks.h"

namespace infill {
namespace {

void fill(benchmark::State& state, const classic::Method& method, const test::TestCanvas::Hole& hole) {
  const auto size = static_cast<int>(state.range(0));
  const test::CanvasCase each{"", size, size, 3, hole};
  const auto canvas = each.make();
  const auto threads = static_cast<int>(state.range(1));
  for (auto _ : state) canvas->fill(method, threads);
  state.SetItemsProcessed(state.iterations() * canvas->canvas().hole_pixels);
}

Label strokes(int x, int y) {
  return (x + 2 * y) % 97 < 9 ? kHole : kKnown;
}
Label blot(int x, int y) {
  return x >= 64 && x < 448 && y >= 64 && y < 448 ? kHole : kKnown;
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Args({512, 1})->Args({512, 2})->Unit(benchmark::kMillisecond)->UseRealTime();
}
BENCHMARK_CAPTURE(fill, telea_strokes, classic::kTelea, strokes)->Apply(sizes);
BENCHMARK_CAPTURE(fill, telea_blot, classic::kTelea, blot)->Apply(sizes);
BENCHMARK_CAPTURE(fill, navier_stokes_strokes, classic::kNavierStokes, strokes)->Apply(sizes);
BENCHMARK_CAPTURE(fill, navier_stokes_blot, classic::kNavierStokes, blot)->Apply(sizes);

}  // namespace
}  // namespace infill
