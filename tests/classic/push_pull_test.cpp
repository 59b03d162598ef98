#include "classic/push_pull.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "support/method_checks.h"

namespace infill::classic {
namespace {

using test::CanvasCase;

TEST(PushPull, FillsHolesAndNothingElse) {
  test::expect_fills_holes_only(kPushPull);
}
TEST(PushPull, SameBytesForAllThreadsAndInstructionSets) {
  test::expect_same_bytes(kPushPull);
}
TEST(PushPull, CanBeCancelledAnywhere) {
  test::expect_cancels(kPushPull);
}

TEST(PushPull, IsFoundByItsNumber) {
  EXPECT_EQ(find_method(MethodId::kPushPull), &kPushPull);
}

TEST(PushPull, ScratchIsExact) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto canvas = each.make();
    if (canvas->canvas().hole_pixels == 0) continue;
    EXPECT_EQ(canvas->fill(kPushPull), push_pull_scratch(canvas->shape(1)));
  }
}

// The pyramid of classic/push_pull.h with the kernel 1 3 3 1, plainly: one channel, in double.
struct ReferenceLevel {
  int width, height;
  std::vector<double> value, weight;

  ReferenceLevel(int w, int h)
      : width(w), height(h), value(static_cast<size_t>(w * h)), weight(static_cast<size_t>(w * h)) {}
  [[nodiscard]] size_t index(int x, int y) const { return static_cast<size_t>(y * width + x); }
};

void fill_reference(ReferenceLevel& fine) {
  if (fine.width == 1 && fine.height == 1) return;
  constexpr std::array<double, 4> kKernel{1, 3, 3, 1};
  ReferenceLevel coarse((fine.width + 1) / 2, (fine.height + 1) / 2);
  for (int y = 0; y < coarse.height; ++y) {
    for (int x = 0; x < coarse.width; ++x) {
      double sum = 0;
      double total = 0;
      for (int j = 0; j < 4; ++j) {
        for (int i = 0; i < 4; ++i) {
          const int u = 2 * x - 1 + i;
          const int v = 2 * y - 1 + j;
          if (u < 0 || v < 0 || u >= fine.width || v >= fine.height) continue;
          const double weight = kKernel.at(static_cast<size_t>(i)) * kKernel.at(static_cast<size_t>(j)) *
                                fine.weight[fine.index(u, v)];
          sum += weight * fine.value[fine.index(u, v)];
          total += weight;
        }
      }
      coarse.value[coarse.index(x, y)] = total > 0 ? sum / total : 0;
      coarse.weight[coarse.index(x, y)] = std::min(1.0, total / 9);
    }
  }
  fill_reference(coarse);
  for (int y = 0; y < fine.height; ++y) {
    for (int x = 0; x < fine.width; ++x) {
      const int x1 = std::clamp(x / 2 + (x % 2 == 0 ? -1 : 1), 0, coarse.width - 1);
      const int y1 = std::clamp(y / 2 + (y % 2 == 0 ? -1 : 1), 0, coarse.height - 1);
      const auto at = [&](int u, int v) { return coarse.value[coarse.index(u, v)]; };
      const double spline = (9 * at(x / 2, y / 2) + 3 * at(x1, y / 2) + 3 * at(x / 2, y1) + at(x1, y1)) / 16;
      const double weight = fine.weight[fine.index(x, y)];
      double& value = fine.value[fine.index(x, y)];
      value = weight * value + (1 - weight) * spline;
    }
  }
}

TEST(PushPull, EqualsTheReference) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto canvas = each.make();
    canvas->fill(kPushPull);
    for (int c = 0; c < each.channels; ++c) {
      ReferenceLevel reference(each.width, each.height);
      for (int y = 0; y < each.height; ++y) {
        for (int x = 0; x < each.width; ++x) {
          if (each.label(x, y) != kKnown) continue;
          reference.value[reference.index(x, y)] = canvas->truth(x, y, c);
          reference.weight[reference.index(x, y)] = 1;
        }
      }
      fill_reference(reference);
      for (int y = 0; y < each.height; ++y) {
        for (int x = 0; x < each.width; ++x) {
          if (each.label(x, y) != kHole) continue;
          ASSERT_NEAR(canvas->at(x, y, c), reference.value[reference.index(x, y)], 1e-5) << x << ',' << y;
        }
      }
    }
  }
}

TEST(PushPull, StaysBetweenTheKnownValuesAndKeepsAConstant) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto photo = each.make();
    const auto constant = each.make([](int, int, int) { return 0.3F; });
    photo->fill(kPushPull);
    constant->fill(kPushPull);
    for (int c = 0; c < each.channels; ++c) {
      float least = 2;
      float most = -1;
      for (int y = 0; y < each.height; ++y) {
        for (int x = 0; x < each.width; ++x) {
          if (each.label(x, y) != kKnown) continue;
          least = std::min(least, photo->at(x, y, c));
          most = std::max(most, photo->at(x, y, c));
        }
      }
      for (int y = 0; y < each.height; ++y) {
        for (int x = 0; x < each.width; ++x) {
          if (each.label(x, y) != kHole) continue;
          ASSERT_GE(photo->at(x, y, c), least - 1e-6F);
          ASSERT_LE(photo->at(x, y, c), most + 1e-6F);
          ASSERT_NEAR(constant->at(x, y, c), 0.3F, 1e-6F);
        }
      }
    }
  }
}

// A smooth surface: no step between neighbours in a ramp's hole is much larger than the ramp's, and the
// second difference is small everywhere; blocks of a coarse level would show in both.
TEST(PushPull, LeavesNoBlocks) {
  const CanvasCase each{"ramp", 160, 150, 1, [](int x, int y) {
                          return x >= 40 && x < 120 && y >= 40 && y < 110 ? kHole : kKnown;
                        }};
  const auto canvas = each.make([](int x, int, int) { return static_cast<float>(x) / 160.0F; });
  canvas->fill(kPushPull);
  for (int y = 41; y < 109; ++y) {
    for (int x = 41; x < 119; ++x) {
      const float slope = canvas->at(x + 1, y, 0) - canvas->at(x, y, 0);
      ASSERT_LT(std::abs(slope), 4.0F / 160.0F) << x << ',' << y;
      ASSERT_LT(std::abs(canvas->at(x, y, 0) - canvas->truth(x, y, 0)), 0.15F) << x << ',' << y;
    }
  }
}

}  // namespace
}  // namespace infill::classic
