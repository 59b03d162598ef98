// Push-pull, harmonic and biharmonic fills of 3 channels: a disc, and lines of 5 pixels that cover a tenth.
// Arguments: width of the canvas, hole (0 disc, 1 lines), threads. items: hole pixels.
#include <benchmark/benchmark.h>

#include <cmath>

#include "classic/biharmonic.h"
#include "classic/harmonic.h"
#include "classic/push_pull.h"
#include "support/test_canvas.h"

namespace infill {
namespace {

float value(int x, int y, int channel) {
  return 0.5F +
         0.4F * std::sin(0.02F * static_cast<float>(x + channel)) * std::cos(0.03F * static_cast<float>(y));
}

void run(benchmark::State& state, const classic::Method& method) {
  const auto size = static_cast<int>(state.range(0));
  const bool lines = state.range(1) == 1;
  test::TestCanvas canvas(size, size, 3, value, [&](int x, int y) {
    const int dx = x - size / 2;
    const int dy = y - size / 2;
    return (lines ? (x + y / 3) % 50 < 5 : 16 * (dx * dx + dy * dy) < size * size) ? kHole : kKnown;
  });
  const auto thread_count = static_cast<int>(state.range(2));
  const Settings settings(method.parameters);
  Threads threads(thread_count);
  Memory memory;
  const Block block(memory, method.scratch(canvas.shape(thread_count), settings));
  for (auto step : state) {
    Task task;
    Arena arena(block.data(), block.size());
    classic::Work work{threads, task, arena};
    method.fill(canvas.canvas(), settings, work);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * canvas.canvas().hole_pixels);
}

void arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgsProduct({{512, 2048}, {0, 1}, {1, 2}})->UseRealTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(run, push_pull, classic::kPushPull)->Apply(arguments);
BENCHMARK_CAPTURE(run, harmonic, classic::kHarmonic)->Apply(arguments);
BENCHMARK_CAPTURE(run, biharmonic, classic::kBiharmonic)->Apply(arguments);

}  // namespace
}  // namespace infill
