#include "classic/membrane.h"

#include <gtest/gtest.h>

#include <vector>

#include "classic/harmonic.h"
#include "support/method_checks.h"

namespace infill::classic {
namespace {

using test::CanvasCase;
using test::TestCanvas;

struct Result {
  std::array<std::vector<float>, 4> inside;
  size_t peak = 0;
};

// The membrane that takes the canvas's true values at the rim; channels >= used get no values.
Result run(TestCanvas& test, int used, double tolerance, int thread_count) {
  const Canvas& canvas = test.canvas();
  std::array<std::vector<float>, 4> rim;
  Result result;
  std::array<std::span<const float>, 4> rim_spans;
  std::array<std::span<float>, 4> inside_spans;
  for (size_t c = 0; c < static_cast<size_t>(used); ++c) {
    for (const Point p : canvas.rim) rim[c].push_back(test.truth(p.x, p.y, static_cast<int>(c)));
    result.inside[c].assign(static_cast<size_t>(canvas.hole_pixels), -1.0F);
    rim_spans[c] = rim[c];
    inside_spans[c] = result.inside[c];
  }
  const size_t size = membrane_scratch(test.shape(thread_count));
  Memory memory;
  const Block block(memory, size);
  std::memset(block.data(), 0xCB, size);
  Arena arena(block.data(), size);
  Threads threads(thread_count);
  Task task;
  Work work{threads, task, arena};
  membrane(canvas, rim_spans, inside_spans, tolerance, work);
  result.peak = arena.peak();
  EXPECT_LE(task.longest_step(), Task::kPollEvery);
  return result;
}

// Same equation, other interface.
TEST(Membrane, EqualsTheHarmonicFillWithinItsTolerance) {
  for (const CanvasCase& each : test::canvas_cases()) {
    if (each.name == "enclosed_by_excluded" || each.name == "excluded_dots") continue;
    SCOPED_TRACE(each.name);
    for (const double tolerance : {1e-6, kSeamTolerance}) {
      const auto harmonic = each.make();
      harmonic->fill(kHarmonic, 1);
      const auto canvas = each.make();
      const Result result = run(*canvas, each.channels, tolerance, 2);
      for (int c = 0; c < each.channels; ++c) {
        size_t i = 0;
        for (const infill::Run& r : canvas->canvas().holes) {
          for (int x = r.x0; x < r.x1; ++x, ++i) {
            ASSERT_NEAR(result.inside[static_cast<size_t>(c)][i], harmonic->at(x, r.y, c),
                        5e-6 + 2 * tolerance);
            ASSERT_EQ(canvas->at(x, r.y, c), 0.0F) << "the canvas is not written";
          }
        }
      }
    }
  }
}

TEST(Membrane, SameBytesForAnyNumberOfThreadsAndExactScratch) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto canvas = each.make();
    const Result expected = run(*canvas, each.channels, kSeamTolerance, 1);
    EXPECT_EQ(expected.peak, canvas->canvas().hole_pixels > 0 ? membrane_scratch(canvas->shape(1)) : 0);
    for (const int threads : {2, 16}) {
      EXPECT_EQ(run(*canvas, each.channels, kSeamTolerance, threads).inside, expected.inside);
    }
  }
}

TEST(Membrane, AHoleThatTouchesNothingKnownIsZero) {
  TestCanvas canvas(12, 12, 1, test::photo_value, [](int x, int y) {
    const int d = std::max(std::abs(x - 6), std::abs(y - 6));
    return d < 2 ? kHole : d < 4 ? kExcluded : kKnown;
  });
  const Result result = run(canvas, 1, kSeamTolerance, 1);
  for (const float value : result.inside[0]) EXPECT_EQ(value, 0.0F);
}

TEST(Membrane, ChannelsWithoutValuesAreLeftAlone) {
  const CanvasCase each = test::canvas_cases().back();
  const auto canvas = each.make();
  const Result all = run(*canvas, 3, kSeamTolerance, 1);
  const Result one = run(*canvas, 1, kSeamTolerance, 1);
  EXPECT_TRUE(one.inside[1].empty());
  for (size_t i = 0; i < one.inside[0].size(); ++i) ASSERT_NEAR(one.inside[0][i], all.inside[0][i], 2e-3);
}

}  // namespace
}  // namespace infill::classic
