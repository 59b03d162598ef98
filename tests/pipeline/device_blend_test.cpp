#include "pipeline/device_blend.h"

#include <gtest/gtest.h>

#include <array>

#include "support/test_canvas.h"

namespace infill::pipeline {
namespace {

using test::TestCanvas;

TEST(DeviceBlend, BoundsOfHolesAndOfAllThatIsUnknown) {
  //    0123456
  constexpr std::array<const char*, 5> kLabels = {
      ".......",  //
      "##..#x.",  //
      "#.#x...",  //
      "..x....",  //
      ".......",
  };
  TestCanvas canvas(
      7, 5, 1, [](int, int, int) { return 0.0F; },
      [&](int x, int y) {
        const char c = kLabels.at(static_cast<size_t>(y))[x];
        return c == '#' ? kHole : c == 'x' ? kExcluded : kKnown;
      });
  Task task;
  const HoleBounds bounds = hole_bounds(canvas.canvas(), task);
  EXPECT_EQ(bounds.holes, (Rect{0, 1, 5, 2}));
  EXPECT_EQ(bounds.unknown, (Rect{0, 1, 6, 3}));
  EXPECT_EQ(bounds.hole_pixels, 5);
  EXPECT_EQ(bounds.hole_runs, 4);
}

}  // namespace
}  // namespace infill::pipeline
