#include <gtest/gtest.h>

#include "pipeline/seam.h"
#include "support/test_canvas.h"

namespace infill::pipeline {
namespace {

using test::TestCanvas;

constexpr int kSize = 60;
const auto kDisc = [](int x, int y) {
  return (x - 30) * (x - 30) + (y - 28) * (y - 28) < 15 * 15 ? kHole : kKnown;
};
const auto kRamp = [](int x, int y, int c) {
  return 0.2F + 0.01F * static_cast<float>(x - y) + 0.1F * static_cast<float>(c);
};

// A fill that is off by offset(x, y, c), inside and on the rim.
void fill_off(TestCanvas& test, const TestCanvas::Value& offset, double strength, bool says_so) {
  Canvas& canvas = test.canvas();
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
    const int channel = static_cast<int>(c);
    for (const auto& run : canvas.holes) {
      for (int x = run.x0; x < run.x1; ++x) {
        canvas.planes.at(c).at(x, run.y) = kRamp(x, run.y, channel) + offset(x, run.y, channel);
      }
    }
    for (size_t k = 0; k < canvas.rim.size(); ++k) {
      const auto [x, y] = canvas.rim[k];
      canvas.rim_fill.at(c)[k] = kRamp(x, y, channel) + offset(x, y, channel);
    }
  }
  canvas.rim_is_filled = says_so;
  Memory memory;
  const Block block(memory, seam_scratch(test.shape(1), canvas.rim.size()));
  Arena arena(block.data(), block.size());
  Threads threads(2);
  Task task;
  classic::Work work{threads, task, arena, 1};
  close_seam(canvas, strength, work);
  EXPECT_LE(task.longest_step(), Task::kPollEvery);
}

TEST(CloseSeam, TakesAHarmonicErrorOutWhole) {
  // What is off by a constant or a slope is off by a harmonic function: the membrane is exactly that.
  const auto off = [](int x, int y, int c) {
    return 0.1F * static_cast<float>(c + 1) + 0.003F * static_cast<float>(x + 2 * y);
  };
  TestCanvas test(kSize, kSize, 3, kRamp, kDisc);
  fill_off(test, off, 1.0, true);
  for (const auto& run : test.canvas().holes) {
    for (int x = run.x0; x < run.x1; ++x) {
      for (int c = 0; c < 3; ++c)
        ASSERT_NEAR(test.at(x, run.y, c), kRamp(x, run.y, c), 1e-3) << x << ' ' << run.y;
    }
  }
}

TEST(CloseSeam, KeepsTextureInsideAndTakesAPartOnDemand) {
  const auto texture = [](int x, int y) { return (x + y) % 2 == 0 ? 0.05F : -0.05F; };
  for (const double strength : {0.0, 0.5, 1.0}) {
    TestCanvas test(kSize, kSize, 1, kRamp, kDisc);
    fill_off(
        test, [&](int x, int y, int) { return 0.2F + (kDisc(x, y) == kHole ? texture(x, y) : 0.0F); },
        strength, true);
    for (const auto& run : test.canvas().holes) {
      for (int x = run.x0; x < run.x1; ++x) {
        const double wanted = kRamp(x, run.y, 0) + 0.2 * (1 - strength) + double{texture(x, run.y)};
        ASSERT_NEAR(test.at(x, run.y, 0), wanted, 1e-3);
      }
    }
  }
}

TEST(CloseSeam, LeavesFillsAloneThatDoNotAsk) {
  TestCanvas test(kSize, kSize, 1, kRamp, kDisc);
  fill_off(
      test, [](int, int, int) { return 0.2F; }, 1.0, false);
  EXPECT_EQ(test.at(30, 30, 0), kRamp(30, 30, 0) + 0.2F);
}

TEST(CloseSeam, KnownPixelsStay) {
  TestCanvas test(kSize, kSize, 2, kRamp, kDisc);
  fill_off(
      test, [](int, int, int) { return 0.2F; }, 1.0, true);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      if (kDisc(x, y) == kKnown) {
        ASSERT_EQ(test.at(x, y, 1), test.truth(x, y, 1));
      }
    }
  }
}

}  // namespace
}  // namespace infill::pipeline
