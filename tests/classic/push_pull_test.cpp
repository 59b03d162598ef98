#include "classic/push_pull.h"

#include <gtest/gtest.h>

#include <algorithm>

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
