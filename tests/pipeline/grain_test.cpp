#include "pipeline/grain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/noise.h"
#include "support/test_canvas.h"

namespace infill::pipeline {
namespace {

using test::gauss;
using test::TestCanvas;

constexpr int kSize = 96;
const auto kHoleAt = [](int x, int y) { return x >= 30 && x < 66 && y >= 28 && y < 70 ? kHole : kKnown; };

// Fills the hole with the clean picture and adds grain.
void fill_clean(TestCanvas& test, const TestCanvas::Value& clean, double strength, int thread_count,
                uint64_t seed) {
  Canvas& canvas = test.canvas();
  for (const auto& run : canvas.holes) {
    for (int x = run.x0; x < run.x1; ++x) {
      for (int c = 0; c < canvas.channels; ++c)
        canvas.planes.at(static_cast<size_t>(c)).at(x, run.y) = clean(x, run.y, c);
    }
  }
  Task task;
  Threads threads(thread_count);
  Memory memory;
  const Block block(memory, grain_scratch(test.shape(thread_count)));
  Arena arena(block.data(), block.size());
  classic::Work work{threads, task, arena, seed};
  add_grain(canvas, strength, work);
  EXPECT_LE(task.longest_step(), Task::kPollEvery);
}

// The plain deviation of the second difference in x and y, over the hole or over the known pixels around it.
double deviation(const TestCanvas& test, int channel, bool inside, int step = 1) {
  double squares = 0;
  int n = 0;
  for (int y = 16; y < kSize - 16; ++y) {
    for (int x = 16; x < kSize - 16; ++x) {
      bool use = true;
      for (int j = -2; j <= 2; ++j) {
        for (int i = -2; i <= 2; ++i) use = use && (kHoleAt(x + i, y + j) == kHole) == inside;
      }
      if (!use) continue;
      const auto at = [&](int i, int j) { return double{test.at(x + i * step, y + j * step, channel)}; };
      const double high = at(-1, -1) + at(1, -1) + at(-1, 1) + at(1, 1) -
                          2 * (at(0, -1) + at(-1, 0) + at(1, 0) + at(0, 1)) + 4 * at(0, 0);
      squares += high * high;
      ++n;
    }
  }
  return std::sqrt(squares / n);
}

float sky(int x, int y, int channel) {
  return 0.3F + 0.002F * static_cast<float>(x) + 0.001F * static_cast<float>(y) +
         0.1F * static_cast<float>(channel);
}

TEST(Grain, MatchesTheSurroundingsInEveryChannel) {
  const double deviations[3] = {0.02, 0.01, 0.03};
  TestCanvas test(
      kSize, kSize, 3,
      [&](int x, int y, int c) {
        return sky(x, y, c) + static_cast<float>(deviations[c] * gauss(5, x, y, c));
      },
      kHoleAt);
  fill_clean(test, sky, 1.0, 1, 3);
  for (int c = 0; c < 3; ++c) {
    const double ratio = deviation(test, c, true) / deviation(test, c, false);
    EXPECT_GT(ratio, 0.85) << c;
    EXPECT_LT(ratio, 1.18) << c;
  }
}

TEST(Grain, IsAsCoarseAsTheSurroundings) {
  // Noise under a 3 x 3 tent, as demosaicing and JPEG leave it.
  const auto coarse = [](int x, int y, int c) {
    double sum = 0;
    for (int j = -1; j <= 1; ++j) {
      for (int i = -1; i <= 1; ++i)
        sum += gauss(9, x + i, y + j, c) * (i == 0 ? 1 : 0.5) * (j == 0 ? 1 : 0.5);
    }
    return sky(x, y, c) + static_cast<float>(0.02 * sum);
  };
  TestCanvas test(kSize, kSize, 1, coarse, kHoleAt);
  fill_clean(test, sky, 1.0, 1, 3);
  for (const int step : {1, 2}) {
    const double ratio = deviation(test, 0, true, step) / deviation(test, 0, false, step);
    EXPECT_GT(ratio, 0.8) << step;
    EXPECT_LT(ratio, 1.25) << step;
  }
}

TEST(Grain, FollowsTheCorrelationBetweenChannels) {
  // Luminance noise: every channel moves together.
  TestCanvas test(
      kSize, kSize, 3,
      [](int x, int y, int c) { return sky(x, y, c) + static_cast<float>(0.02 * gauss(5, x, y)); }, kHoleAt);
  fill_clean(test, sky, 1.0, 1, 3);
  for (const auto& run : test.canvas().holes) {
    for (int x = run.x0; x < run.x1; ++x) {
      const float r = test.at(x, run.y, 0) - sky(x, run.y, 0);
      const float b = test.at(x, run.y, 2) - sky(x, run.y, 2);
      ASSERT_NEAR(r, b, 0.002) << x << ' ' << run.y;
    }
  }
}

TEST(Grain, AddsNothingToACleanPictureOrToAFillThatHasIt) {
  TestCanvas clean(kSize, kSize, 1, sky, kHoleAt);
  fill_clean(clean, sky, 1.0, 1, 3);
  for (const auto& run : clean.canvas().holes) {
    for (int x = run.x0; x < run.x1; ++x) ASSERT_NEAR(clean.at(x, run.y, 0), sky(x, run.y, 0), 1e-6);
  }
  const auto noisy = [](int x, int y, int c) {
    return sky(x, y, c) + static_cast<float>(0.02 * gauss(5, x, y, c));
  };
  TestCanvas grainy(kSize, kSize, 1, noisy, kHoleAt);
  fill_clean(
      grainy,
      [&](int x, int y, int c) { return noisy(x, y, c) + static_cast<float>(0.01 * gauss(6, x, y, c)); }, 1.0,
      1, 3);
  EXPECT_EQ(grainy.at(40, 40, 0),
            static_cast<float>(noisy(40, 40, 0)) + static_cast<float>(0.01 * gauss(6, 40, 40)));
}

TEST(Grain, LeavesKnownPixelsAndAlphaAlone) {
  TestCanvas test(
      kSize, kSize, 4,
      [](int x, int y, int c) {
        return c == 3 ? 0.5F : sky(x, y, c) + static_cast<float>(0.02 * gauss(5, x, y, c));
      },
      kHoleAt);
  test.canvas().has_alpha = true;
  fill_clean(
      test, [](int x, int y, int c) { return c == 3 ? 0.5F : sky(x, y, c); }, 1.0, 1, 3);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      ASSERT_EQ(test.at(x, y, 3), 0.5F);
      for (int c = 0; c < 3 && kHoleAt(x, y) == kKnown; ++c) ASSERT_EQ(test.at(x, y, c), test.truth(x, y, c));
    }
  }
  EXPECT_NE(test.at(40, 40, 0), sky(40, 40, 0));
}

TEST(Grain, DependsOnSeedAndPositionButNotOnThreads) {
  const auto noisy = [](int x, int y, int c) {
    return sky(x, y, c) + static_cast<float>(0.02 * gauss(5, x, y, c));
  };
  const auto bytes = [&](int threads, uint64_t seed) {
    TestCanvas test(kSize, kSize, 3, noisy, kHoleAt);
    fill_clean(test, sky, 1.0, threads, seed);
    return test.bytes();
  };
  const auto one = bytes(1, 3);
  EXPECT_EQ(one, bytes(2, 3));
  EXPECT_EQ(one, bytes(16, 3));
  EXPECT_NE(one, bytes(1, 4));
}

TEST(Grain, HangsOnThePictureNotOnTheCrop) {
  const auto noisy = [](int x, int y, int c) {
    return sky(x, y, c) + static_cast<float>(0.02 * gauss(5, x, y, c));
  };
  TestCanvas whole(kSize, kSize, 1, noisy, kHoleAt);
  fill_clean(whole, sky, 1.0, 1, 3);
  constexpr int kX = 7;
  constexpr int kY = 4;
  const auto moved = [](const auto& of) {
    return [&of](int x, int y, auto... channel) { return of(x + kX, y + kY, channel...); };
  };
  TestCanvas crop(kSize - kX, kSize - kY, 1, moved(noisy), moved(kHoleAt));
  crop.canvas().x = kX;
  crop.canvas().y = kY;
  fill_clean(crop, moved(sky), 1.0, 1, 3);
  for (int y = 0; y < kSize - kY; ++y) {
    for (int x = 0; x < kSize - kX; ++x) {
      ASSERT_EQ(crop.at(x, y, 0), whole.at(x + kX, y + kY, 0)) << x << ' ' << y;
    }
  }
}

TEST(Grain, IsPremultipliedAsColoursAre) {
  const auto alpha = [](int x, int y) { return x >= 36 && x < 44 && y >= 34 && y < 60 ? 0.0F : 1.0F; };
  const auto clean = [&](int x, int y, int c) { return c == 3 ? alpha(x, y) : alpha(x, y) * sky(x, y, c); };
  TestCanvas test(
      kSize, kSize, 4,
      [&](int x, int y, int c) {
        return clean(x, y, c) + (c == 3 ? 0.0F : static_cast<float>(0.02 * gauss(5, x, y, c)));
      },
      kHoleAt);
  test.canvas().has_alpha = true;
  fill_clean(test, clean, 1.0, 1, 3);
  for (int y = 34; y < 60; ++y) {
    for (int x = 36; x < 44; ++x) ASSERT_EQ(test.at(x, y, 0), 0.0F) << x << ' ' << y;
  }
  EXPECT_NE(test.at(56, 40, 0), sky(56, 40, 0));
}

TEST(Grain, TooFewKnownPixelsAddNothing) {
  TestCanvas test(
      kSize, kSize, 1, [](int x, int y, int) { return static_cast<float>(0.5 + 0.1 * gauss(5, x, y)); },
      [](int x, int y) { return x < 8 && y < 8 ? kKnown : kHole; });
  fill_clean(
      test, [](int, int, int) { return 0.5F; }, 1.0, 1, 3);
  EXPECT_EQ(test.at(50, 50, 0), 0.5F);
}

}  // namespace
}  // namespace infill::pipeline
