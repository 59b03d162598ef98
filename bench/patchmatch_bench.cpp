// PatchMatch of 3 channels: a disc of about 50,000 pixels, and lines of 5 pixels that cover a tenth of 512 x
// 512; then its parts. Arguments: hole (0 disc, 1 lines), threads. items: hole pixels, or comparisons of
// patches.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "classic/patchmatch.h"
#include "classic/patchmatch_level.h"
#include "classic/patchmatch_search.h"
#include "support/noise.h"
#include "support/test_canvas.h"

namespace infill {
namespace {

float value(int x, int y, int channel) {
  const double blades =
      std::sin(0.35 * x + 2 * test::uniform(1, x / 9, y / 31)) * std::cos(0.02 * y + channel);
  return static_cast<float>(0.5 + 0.3 * blades + 0.1 * test::uniform(2, x, y, channel));
}

void fill(benchmark::State& state) {
  const bool lines = state.range(0) == 1;
  const int size = lines ? 512 : 756;
  test::TestCanvas canvas(size, size, 3, value, [&](int x, int y) {
    const int dx = x - size / 2;
    const int dy = y - size / 2;
    return (lines ? (x + y / 3) % 50 < 5 : dx * dx + dy * dy < 126 * 126) ? kHole : kKnown;
  });
  const auto thread_count = static_cast<int>(state.range(1));
  const classic::Method& method = classic::kPatchMatchMethod;
  const Settings settings(method.parameters);
  Threads threads(thread_count);
  Memory memory;
  const Block block(memory, method.scratch(canvas.shape(thread_count), settings));
  for (auto step : state) {
    Task task;
    Arena arena(block.data(), block.size());
    classic::Work work{threads, task, arena, 1};
    method.fill(canvas.canvas(), settings, work);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * canvas.canvas().hole_pixels);
}
BENCHMARK(fill)->ArgsProduct({{0, 1}, {1, 2}})->UseRealTime()->Unit(benchmark::kMillisecond);

// Every pair of a target and a source. Argument: radius of the patches.
void compare_all(benchmark::State& state) {
  test::TestCanvas canvas(96, 96, 3, value,
                          [](int x, int y) { return x / 12 == 4 && y / 12 == 4 ? kHole : kKnown; });
  Threads threads(1);
  Task task;
  Memory memory;
  const Block block(memory, size_t{1} << 20);
  Arena arena(block.data(), block.size());
  namespace pm = classic::patchmatch;
  pm::Level level = pm::finest_shape(canvas.shape(1), {});
  pm::allocate(level, arena);
  pm::load(level, canvas.canvas(), pm::measure_colours(canvas.canvas(), threads, task), threads, task);
  pm::mark_patches(level, static_cast<int32_t>(state.range(0)), threads, task);
  for (auto step : state) pm::search_all(level, threads, task);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * level.targets * level.sources());
}
BENCHMARK(compare_all)->Arg(1)->Arg(3)->Arg(5)->Arg(7)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace infill
