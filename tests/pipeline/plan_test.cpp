#include "pipeline/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "core/status.h"
#include "support/pictures.h"

namespace infill::pipeline {
namespace {

using test::Mask;

// A method that looks so many pixels around a hole; nothing is filled here.
template <int32_t kContext>
constexpr classic::Method kLooks = {
    .id = classic::MethodId::kHarmonic,
    .name = "stub",
    .summary = "",
    .parameters = {},
    .context = [](const Settings&, int32_t, int32_t) { return kContext; },
    .coupling = 3,
    .scratch = [](const CanvasShape&, const Settings&) { return size_t{0}; },
    .fill = [](Canvas&, const Settings&, classic::Work&) {},
};

struct Planned {
  explicit Planned(Mask& mask, Rect roi = {}, const classic::Method& method = kLooks<20>)
      : threads(2), plan(memory) {
    request.src = request.dst = request.mask = mask.image();
    request.roi = roi.empty() ? mask.image().bounds() : roi;
    options.method = &method;
    plan = make_plan(request, options, memory, threads, task);
  }
  Memory memory;
  Threads threads;
  Task task;
  Request request;
  Options options;
  Plan plan;
};

// Every hole pixel of the roi belongs to exactly one part, no other pixel to any; runs lie in bounds, bounds
// in crop.
void expect_partition(Planned& planned, Mask& mask) {
  const Image& image = mask.image();
  std::vector<int> owners(static_cast<size_t>(image.width * image.height));
  uint64_t pixels = 0;
  for (const Part& part : planned.plan.parts) {
    int64_t own = 0;
    EXPECT_EQ(intersect(part.bounds, part.crop), part.bounds);
    EXPECT_EQ(intersect(part.crop, image.bounds()), part.crop);
    for (const auto& run : part.runs) {
      EXPECT_LT(run.x0, run.x1);
      EXPECT_EQ(intersect({run.x0, run.y, run.x1 - run.x0, 1}, part.bounds).width, run.x1 - run.x0);
      own += run.x1 - run.x0;
      for (int x = run.x0; x < run.x1; ++x)
        ++owners.at(static_cast<size_t>(run.y) * static_cast<size_t>(image.width) + static_cast<size_t>(x));
    }
    EXPECT_EQ(own, part.hole_pixels);
    EXPECT_GE(part.solved_pixels, own);
    pixels += static_cast<uint64_t>(own);
  }
  EXPECT_EQ(pixels, planned.plan.hole_pixels);
  const Rect& roi = planned.request.roi;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const bool inside = x >= roi.x && x < roi.right() && y >= roi.y && y < roi.bottom();
      ASSERT_EQ(owners[static_cast<size_t>(y * image.width + x)],
                mask.at<uint8_t>(x, y) != 0 && inside ? 1 : 0)
          << x << ' ' << y;
    }
  }
}

int64_t area_of_crops(const Plan& plan) {
  int64_t area = 0;
  for (const Part& part : plan.parts) area += part.crop.area();
  return area;
}

TEST(Plan, NoHoleNoPart) {
  Mask mask(30, 20, [](int, int) { return false; });
  const Planned planned(mask);
  EXPECT_TRUE(planned.plan.parts.empty());
  EXPECT_EQ(planned.plan.hole_pixels, 0U);
}

TEST(Plan, AllHoleIsRefusedAndSaysWhy) {
  Mask mask(30, 20, [](int, int) { return true; });
  try {
    const Planned planned(mask);
    FAIL() << "planned";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kInvalidArgument);
    const std::string message = error.what();
    EXPECT_EQ(message.find("mask: "), 0U) << message;
    EXPECT_NE(message.find("30 x 20"), std::string::npos) << message;
  }
}

TEST(Plan, OneKnownPixelFarAwayIsFound) {
  Mask mask(3000, 40, [](int x, int y) { return x != 2999 || y != 0; });
  Planned planned(mask, {0, 0, 100, 40});
  ASSERT_EQ(planned.plan.parts.size(), 1U);
  EXPECT_EQ(planned.plan.parts[0].crop.right(), 3000);
  expect_partition(planned, mask);
}

TEST(Plan, EveryHolePixelBelongsToOnePart) {
  const std::vector<std::function<bool(int, int)>> masks = {
      [](int x, int y) { return x == 0 && y == 0; },
      [](int x, int y) { return x > 10 && x < 60 && y > 10 && y < 50; },
      [](int x, int y) { return (x / 7 + y / 5) % 2 == 0 && x != 3; },
      [](int x, int y) { return x % 13 == 0 || y % 17 == 0; },
      [](int x, int y) { return x == 0 || y == 0 || x == 699 || y == 599; },
      [](int x, int y) { return std::abs(x - y) < 3; },
      [](int x, int y) { return std::abs(x + y - 600) < 2 && (x / 40) % 2 == 0; },
      [](int x, int y) { return (x - 350) * (x - 350) + (y - 300) * (y - 300) < 250 * 250; },
  };
  for (const auto& hole : masks) {
    for (const Rect roi : {Rect{}, Rect{30, 20, 500, 400}, Rect{0, 0, 1, 1}}) {
      Mask mask(700, 600, hole);
      Planned planned(mask, roi);
      expect_partition(planned, mask);
    }
  }
}

// Where the surroundings are larger than what can be cut, a cut makes them larger still.
TEST(Plan, CompactAndStraightHolesAreNotCutHoweverFarTheMethodLooks) {
  const std::vector<std::function<bool(int, int)>> masks = {
      [](int x, int y) { return x == 900 && y == 600; },
      [](int x, int y) { return x == 0 && y == 1199; },
      [](int x, int y) { return x / 6 == 150 && y / 6 == 100; },
      [](int x, int y) { return x >= 700 && x < 702 && y == 300; },
      [](int x, int y) { return y >= 600 && y < 620 && x >= 200 && x < 1700; },
      [](int x, int y) { return x / 3 == 250 && y >= 100 && y < 1150; },
      [](int x, int) { return x == 40 || x == 1700; },
  };
  for (const classic::Method* method : {&kLooks<128>, &kLooks<300>, &kLooks<1024>}) {
    for (const auto& hole : masks) {
      Mask mask(1800, 1200, hole);
      Planned planned(mask, {}, *method);
      expect_partition(planned, mask);
      for (const Part& part : planned.plan.parts) EXPECT_FALSE(part.is_cut);
    }
  }
}

TEST(Plan, ScatteredSpecksAreDividedHoweverFarTheMethodLooks) {
  for (const classic::Method* method : {&kLooks<20>, &kLooks<128>, &kLooks<1024>}) {
    Mask mask(1800, 1200, [](int x, int y) { return x % 300 == 7 && y % 230 == 5; });
    Planned planned(mask, {}, *method);
    expect_partition(planned, mask);
  }
}

TEST(Plan, FarHolesAreIndependentAndSmall) {
  Mask mask(4000, 3000, [](int x, int y) { return (x - 50) / 20 == 0 && (y - 50) / 20 == 0; });
  mask.at<uint8_t>(3900, 2900) = 1;
  mask.at<uint8_t>(3900, 40) = 1;
  Planned planned(mask);
  EXPECT_EQ(planned.plan.parts.size(), 3U);
  for (const Part& part : planned.plan.parts) EXPECT_FALSE(part.is_cut);
  EXPECT_LT(area_of_crops(planned.plan), 4 * 80 * 80);
}

TEST(Plan, AreaFollowsALongDiagonalHole) {
  const auto area = [](int size) {
    Mask mask(size, size, [](int x, int y) { return std::abs(x - y) < 4; });
    Planned planned(mask);
    expect_partition(planned, mask);
    bool any_cut = false;
    for (const Part& part : planned.plan.parts) any_cut = any_cut || part.is_cut;
    EXPECT_TRUE(any_cut);
    return area_of_crops(planned.plan);
  };
  const int64_t small = area(1000);
  const int64_t large = area(4000);
  EXPECT_LT(large, 6 * small);  // not 16 times
}

TEST(Plan, CutPartsSolveBeyondTheCut) {
  Mask mask(2000, 2000, [](int x, int y) { return std::abs(x - y) < 4; });
  Planned planned(mask);
  for (const Part& part : planned.plan.parts) {
    ASSERT_TRUE(part.is_cut);
    EXPECT_EQ(intersect(part.solved, part.crop), part.solved);
    EXPECT_GT(part.solved_pixels, part.hole_pixels);
  }
}

TEST(Plan, PartsThatTouchKnowThatTheyWereCut) {
  const std::vector<std::function<bool(int, int)>> masks = {
      // A diagonal with a gap, and bars that hide the gap until the diagonal was cut in the middle.
      [](int x, int y) {
        if (std::abs(x - y) < 4) return x < 700 || x > 760;
        return (x == 1900 && y > 650 && y < 800) || (y == 1900 && x > 650 && x < 800);
      },
      // Blocks with gaps narrower than the method's coupling.
      [](int x, int y) { return x / 20 == y / 20 && x % 20 < 18 && y % 20 < 18; },
  };
  for (const auto& hole : masks) {
    Mask mask(2000, 2000, hole);
    Planned planned(mask);
    expect_partition(planned, mask);
    std::vector<int> owners(size_t{2000} * 2000, -1);
    const auto owner = [&](int x, int y) -> int& { return owners[static_cast<size_t>(y * 2000 + x)]; };
    for (size_t i = 0; i < planned.plan.parts.size(); ++i) {
      for (const auto& run : planned.plan.parts[i].runs) {
        for (int x = run.x0; x < run.x1; ++x) owner(x, run.y) = static_cast<int>(i);
      }
    }
    int touching = 0;
    for (const Part& part : planned.plan.parts) {
      for (const auto& run : part.runs) {
        for (int y = std::max(run.y - kLooks<20>.coupling, 0);
             y <= std::min(run.y + kLooks<20>.coupling, 1999); ++y) {
          for (int x = std::max(run.x0 - kLooks<20>.coupling, 0);
               x < std::min(run.x1 + kLooks<20>.coupling, 2000); ++x) {
            if (owner(x, y) < 0 || owner(x, y) == owner(run.x0, run.y)) continue;
            ++touching;
            ASSERT_TRUE(part.is_cut) << x << ' ' << y;
          }
        }
      }
    }
    EXPECT_GT(touching, 0);
  }
}

TEST(Plan, DoesNotDependOnThreadsAndPolls) {
  Mask mask(900, 700, [](int x, int y) { return x % 31 < 3 && y % 29 < 20; });
  Planned two(mask);
  Threads one(1);
  Task task;
  const Plan again = make_plan(two.request, two.options, two.memory, one, task);
  ASSERT_EQ(again.parts.size(), two.plan.parts.size());
  for (size_t i = 0; i < again.parts.size(); ++i) EXPECT_EQ(again.parts[i].crop, two.plan.parts[i].crop);
  EXPECT_LE(task.longest_step(), Task::kPollEvery);
  EXPECT_GE(task.operations(), 900U * 700U);
}

}  // namespace
}  // namespace infill::pipeline
