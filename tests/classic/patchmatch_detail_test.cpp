#include "classic/patchmatch_detail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "classic/patchmatch.h"
#include "support/noise.h"
#include "support/test_canvas.h"

namespace infill::classic {
namespace {

using test::TestCanvas;

constexpr int kWidth = 120;
constexpr int kHeight = 100;

Label hole(int x, int y) {
  return x >= 40 && x < 80 && y >= 32 && y < 70 ? kHole : kKnown;
}

// A slope with noise that no two places share.
float noisy(int x, int y, int channel) {
  return 0.3F + 0.002F * static_cast<float>(x) + static_cast<float>(0.03 * test::gauss(4, x, y, channel));
}

Settings with_detail(double detail) {
  Settings settings(kPatchMatchMethod.parameters);
  settings.set(kDetail, detail);
  return settings;
}

// Mean square of what 3 x 3 binomial means leave, in the hole or well outside of it.
double energy(const TestCanvas& canvas, bool inside) {
  constexpr double kKernel[3] = {0.25, 0.5, 0.25};
  double sum = 0;
  int count = 0;
  for (int y = 1; y < kHeight - 1; ++y) {
    for (int x = 1; x < kWidth - 1; ++x) {
      const bool in = hole(x - 1, y - 1) == kHole && hole(x + 1, y + 1) == kHole;
      const bool out = hole(x - 1, y - 1) == kKnown && hole(x + 1, y + 1) == kKnown &&
                       hole(x + 1, y - 1) == kKnown && hole(x - 1, y + 1) == kKnown;
      if (!(inside ? in : out)) continue;
      double mean = 0;
      for (int v = 0; v < 3; ++v) {
        for (int u = 0; u < 3; ++u)
          mean += kKernel[v] * kKernel[u] * double{canvas.at(x + u - 1, y + v - 1, 0)};
      }
      sum += (canvas.at(x, y, 0) - mean) * (canvas.at(x, y, 0) - mean);
      ++count;
    }
  }
  return sum / count;
}

TEST(PatchMatchDetail, NoiseKeepsItsStrength) {
  const auto ratio = [](double detail) {
    TestCanvas canvas(kWidth, kHeight, 3, noisy, hole);
    canvas.fill(kPatchMatchMethod, with_detail(detail));
    return std::sqrt(energy(canvas, true) / energy(canvas, false));
  };
  const double without = ratio(0);
  EXPECT_LT(without, 0.8) << "voting keeps it all: nothing to test";
  EXPECT_GT(ratio(1), 0.8);
  EXPECT_LT(ratio(1), 1.1);
  EXPECT_GT(ratio(0.5), without);
  EXPECT_LT(ratio(0.5), ratio(1));
}

TEST(PatchMatchDetail, PatchesThatAgreeAreLeftAlone) {
  const auto tiles = [](int x, int y, int channel) {
    return static_cast<float>(test::uniform(2, x % 8, y % 6, channel));
  };
  TestCanvas with(kWidth, kHeight, 3, tiles, hole);
  TestCanvas without(kWidth, kHeight, 3, tiles, hole);
  with.fill(kPatchMatchMethod, with_detail(1));
  without.fill(kPatchMatchMethod, with_detail(0));
  EXPECT_EQ(with.bytes(), without.bytes());
}

TEST(PatchMatchDetail, StaysWithinBlackAndAlpha) {
  const auto value = [](int x, int y, int channel) {
    if (channel == 3) return 0.2F;
    return std::clamp(static_cast<float>(0.1 + 0.1 * test::gauss(4, x, y, channel)), 0.0F, 0.2F);
  };
  TestCanvas canvas(kWidth, kHeight, 4, value, hole);
  canvas.canvas().has_alpha = true;
  canvas.fill(kPatchMatchMethod, with_detail(1));
  int at_limit = 0;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      for (int c = 0; c < 3; ++c) {
        ASSERT_GE(canvas.at(x, y, c), 0.0F);
        ASSERT_LE(canvas.at(x, y, c), canvas.at(x, y, 3));
        const bool limit = canvas.at(x, y, c) == 0 || canvas.at(x, y, c) == canvas.at(x, y, 3);
        at_limit += hole(x, y) == kHole && limit ? 1 : 0;
      }
      ASSERT_FLOAT_EQ(canvas.at(x, y, 3), 0.2F);
    }
  }
  EXPECT_GT(at_limit, 0) << "nothing was held back";
}

TEST(PatchMatchDetail, FilledNeighboursThatAreMissingAreNoReason) {
  // Excluded pixels hold 0: next to them nothing is measured, and nothing raised.
  const auto label = [](int x, int y) { return x == 60 ? kExcluded : hole(x, y); };
  TestCanvas with(kWidth, kHeight, 1, noisy, label);
  TestCanvas without(kWidth, kHeight, 1, noisy, label);
  with.fill(kPatchMatchMethod, with_detail(1));
  without.fill(kPatchMatchMethod, with_detail(0));
  for (int y = 32; y < 70; ++y) {
    EXPECT_EQ(with.at(59, y, 0), without.at(59, y, 0)) << y;
    EXPECT_EQ(with.at(61, y, 0), without.at(61, y, 0)) << y;
    EXPECT_EQ(with.at(60, y, 0), 0.0F);
  }
  EXPECT_NE(with.bytes(), without.bytes());
}

}  // namespace
}  // namespace infill::classic
