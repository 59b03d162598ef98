// How far a part looks for what it may copy, against a search that tries every place for a patch.
#include "pipeline/sources.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "core/status.h"
#include "pipeline/plan.h"
#include "support/noise.h"
#include "support/pictures.h"

namespace infill::pipeline {
namespace {

using test::Mask;
using test::Picture;

constexpr int32_t kContext = 20;
constexpr int32_t kPatch = 5;

// A method that looks 20 pixels around a hole and copies patches of 5 x 5; nothing is filled here.
const classic::Method kMethod = {
    .id = classic::MethodId::kPatchMatch,
    .name = "stub",
    .summary = "",
    .parameters = {},
    .context = [](const Settings&, int32_t, int32_t) { return kContext; },
    .coupling = 3,
    .scratch = [](const CanvasShape&, const Settings&) { return size_t{0}; },
    .fill = [](Canvas&, const Settings&, classic::Work&) {},
    .presets = {},
    .patch = [](const Settings&) { return kPatch; },
};

using Where = std::function<bool(int, int)>;

// A mask, where may be copied from, and the plan of both.
struct Planned {
  Planned(Mask& mask, const std::optional<Image>& allow, const std::optional<Image>& reference = {})
      : threads(2), plan(memory) {
    request.src = request.dst = request.mask = mask.image();
    request.roi = mask.image().bounds();
    request.allow = allow;
    request.reference = reference;
    options.method = &kMethod;
    plan = make_plan(request, options, memory, threads, task);
  }
  Memory memory;
  Threads threads;
  Task task;
  Request request;
  Options options;
  Plan plan;
};

// Slow and obvious.
struct Reference {
  Mask& mask;
  Mask& allow;

  [[nodiscard]] bool usable(int x, int y) const {
    return allow.at<uint8_t>(x, y) != 0 && mask.at<uint8_t>(x, y) == 0;
  }
  [[nodiscard]] int64_t patches(const Rect& in) const {
    int64_t count = 0;
    for (int y = in.y; y + kPatch <= in.bottom(); ++y) {
      for (int x = in.x; x + kPatch <= in.right(); ++x) {
        bool whole = true;
        for (int i = 0; i < kPatch * kPatch && whole; ++i) whole = usable(x + i % kPatch, y + i / kPatch);
        count += whole ? 1 : 0;
      }
    }
    return count;
  }
  [[nodiscard]] Rect bounds(const Rect& in) const {
    Rect all;
    for (int y = in.y; y < in.bottom(); ++y) {
      for (int x = in.x; x < in.right(); ++x) {
        if (usable(x, y)) all = unite(all, {x, y, 1, 1});
      }
    }
    return all;
  }
  // The crop that a part should get.
  [[nodiscard]] Rect crop(const Part& ordinary) const {
    const Rect picture = mask.image().bounds();
    const int64_t enough = std::max(Sources::kFewest, ordinary.hole_pixels);
    Rect seen = ordinary.crop;
    for (int64_t reach = 2 * kContext; patches(seen) < enough && seen != picture; reach *= 2) {
      seen = unite(ordinary.crop, grow(ordinary.bounds, reach, picture));
    }
    return seen == ordinary.crop ? seen : unite(ordinary.crop, bounds(seen));
  }
};

TEST(Sources, EveryCropGrowsUntilItHasEnoughAndNoFurther) {
  constexpr int kWidth = 420;
  constexpr int kHeight = 300;
  const std::vector<Where> holes = {
      [](int x, int y) { return x >= 200 && x < 212 && y >= 140 && y < 150; },
      [](int x, int y) { return (x == 3 && y == 3) || (x == 400 && y < 9) || (x / 30 == 5 && y / 9 == 30); },
      [](int x, int y) { return std::abs(x - y) < 3; },
  };
  const std::vector<Where> allowed = {
      [](int, int) { return true; },
      [](int x, int) { return x >= 210; },
      [](int x, int y) { return x > 380 && y > 270; },
      [](int x, int y) { return x >= 10 && x < 19 && y >= 200 && y < 209; },  // 25 patches
      [](int x, int y) { return x % 4 != 0 && y > 20; },                      // no patch
      [](int x, int y) { return x % 6 != 0 && y % 40 != 0; },
      [](int x, int y) { return (x + y) % 90 == 0; },
      [](int x, int y) { return x == 411 && y == 7; },
  };
  int grown = 0;
  int kept = 0;
  for (const Where& hole : holes) {
    Mask mask(kWidth, kHeight, hole);
    const Planned ordinary(mask, {});
    for (const Where& where : allowed) {
      Mask allow(kWidth, kHeight, where);
      const Planned planned(mask, allow.image());
      const Reference reference{mask, allow};
      ASSERT_EQ(planned.plan.parts.size(), ordinary.plan.parts.size());
      for (size_t i = 0; i < planned.plan.parts.size(); ++i) {
        const Rect expected = reference.crop(ordinary.plan.parts[i]);
        EXPECT_EQ(planned.plan.parts[i].crop, expected);
        ++(expected == ordinary.plan.parts[i].crop ? kept : grown);
      }
    }
  }
  EXPECT_GT(kept, 5);
  EXPECT_GT(grown, 5);
}

TEST(Sources, ALargeAllowedAreaMakesNoCropLarger) {
  Mask mask(2000, 1500, [](int x, int y) { return x % 200 < 5 && y % 200 < 5; });
  Mask allow(2000, 1500, [](int, int) { return true; });
  const Planned ordinary(mask, {});
  const Planned planned(mask, allow.image());
  ASSERT_GT(planned.plan.parts.size(), 15U);
  for (size_t i = 0; i < planned.plan.parts.size(); ++i) {
    EXPECT_EQ(planned.plan.parts[i].crop, ordinary.plan.parts[i].crop);
  }
}

TEST(Sources, AFarCornerIsLookedForOnce) {
  Mask mask(2600, 2000, [](int x, int y) { return x % 300 < 5 && y % 300 < 5; });
  Mask allow(2600, 2000, [](int x, int y) { return x > 2590 && y > 1990; });
  const Planned planned(mask, allow.image());
  ASSERT_GT(planned.plan.parts.size(), 15U);
  EXPECT_LT(planned.task.operations(), 3 * 2600U * 2000U);  // the mask, allow, and a little for each part
  EXPECT_LE(planned.task.longest_step(), Task::kPollEvery);
}

TEST(Sources, NothingAllowedIsRefusedUnlessThereIsAReference) {
  Mask mask(300, 200, [](int x, int y) { return x / 10 == 4 && y / 10 == 4; });
  Mask under_the_hole(300, 200, [](int x, int y) { return x / 10 == 4 && y / 10 == 4; });
  try {
    const Planned planned(mask, under_the_hole.image());
    FAIL() << "planned";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kInvalidArgument);
    EXPECT_EQ(std::string(error.what()).find("allow: "), 0U) << error.what();
  }
  const Planned ordinary(mask, {});
  Mask far(300, 200, [](int x, int) { return x > 250; });
  Picture large(Format::kGray8, 40, 30);
  Picture small(Format::kGray8, 6, 6);
  Picture thin(Format::kGray8, 400, 4);
  const auto crop = [&](Mask& allow, Picture& reference) {
    return Planned(mask, allow.image(), reference.image()).plan.parts.at(0).crop;
  };
  EXPECT_EQ(crop(under_the_hole, small), ordinary.plan.parts[0].crop);
  EXPECT_EQ(crop(far, large), ordinary.plan.parts[0].crop) << "the reference has enough";
  for (Picture* too_little : {&small, &thin}) EXPECT_EQ(crop(far, *too_little).right(), 300);
}

TEST(Sources, WithoutDataAnywhereMayBeCopiedFrom) {
  Mask mask(500, 400, [](int x, int y) { return x / 10 == 4 && y / 10 == 4; });
  Image allow = mask.image();
  allow.data = nullptr;
  EXPECT_EQ(Planned(mask, allow).plan.parts.at(0).crop, mask.image().bounds());
}

// PatchMatch with an allowed area: left of the picture is red, right of it green, and only green may be
// copied.
class AllowedFill : public testing::Test {
 protected:
  struct Outcome {
    Result result;
    uint64_t estimated = 0, peak = 0, operations = 0;
  };

  static Outcome run(Picture& src, Mask& mask, Mask& allow, Picture& dst, int thread_count,
                     const Rect& roi = {0, 0, kWidth, kHeight}) {
    const classic::Method& method = *classic::find_method(classic::MethodId::kPatchMatch);
    Request request;
    request.src = src.image();
    request.mask = mask.image();
    request.dst = dst.image();
    request.allow = allow.image();
    request.roi = roi;
    request.seed = 3;
    Options options{.method = &method,
                    .method_settings = classic::default_settings(method, classic::Quality::kFast),
                    .blend_settings = Settings(blend_parameters())};
    options.blend_settings.set(kSeam, 0);  // what was copied, as it is
    options.blend_settings.set(kGrain, 0);
    Threads threads(thread_count);
    Outcome outcome;
    {
      Memory memory;
      Task task;
      outcome.estimated = estimate(request, options, memory, 0, threads, task).bytes;
    }
    Memory memory;
    Block cache;
    Task task;
    outcome.result = fill(request, options, memory, cache, threads, task);
    outcome.peak = memory.peak();
    outcome.operations = task.operations();
    return outcome;
  }

  static uint8_t red_and_green(int x, int y, int channel) {
    const int tone = 120 + static_cast<int>(20 * test::gauss(1, x, y, 0));
    return static_cast<uint8_t>(std::clamp(channel == (x < kBorder ? 0 : 1) ? tone : 10, 0, 255));
  }
  static constexpr int kBorder = 260;
  static constexpr int kWidth = 700;
  static constexpr int kHeight = 500;
};

TEST_F(AllowedFill, TakesOnlyWhatIsAllowedAndWhatWasEstimated) {
  Picture src(Format::kRgb8, kWidth, kHeight);
  src.set<uint8_t>(red_and_green);
  Mask mask(kWidth, kHeight, [](int x, int y) {
    return (x / 20 == 2 && y / 20 == 3) || (x / 10 == 55 && y / 10 == 9) || (x == 7 && y == 490);
  });
  const std::vector<Where> allowed = {
      [](int x, int) { return x >= kBorder + 12; },
      [](int x, int y) { return x >= 370 && x < 390 && y < 20; },
      [](int x, int y) { return x > 300 && x % 3 == 0 && y % 2 == 0; },
  };
  for (const Where& where : allowed) {
    Mask allow(kWidth, kHeight, where);
    Picture dst(Format::kRgb8, kWidth, kHeight);
    const Outcome outcome = run(src, mask, allow, dst, 1);
    EXPECT_GT(outcome.result.tiles, 1U);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        if (mask.at<uint8_t>(x, y) == 0) continue;
        EXPECT_LT(dst.at<uint8_t>(x, y, 0), 60) << x << ' ' << y;
        EXPECT_GT(dst.at<uint8_t>(x, y, 1), 40) << x << ' ' << y;
      }
    }
    EXPECT_GE(outcome.estimated, outcome.peak);
    EXPECT_LE(outcome.estimated, 2 * outcome.peak);
    for (const int threads : {2, 16}) {
      Picture again(Format::kRgb8, kWidth, kHeight);
      run(src, mask, allow, again, threads);
      EXPECT_EQ(again.bytes(), dst.bytes()) << threads;
    }
  }
}

TEST_F(AllowedFill, CostsWhatItsHolesCost) {
  const auto outcome_of = [](int width, int height) {
    Picture src(Format::kRgb8, width, height);
    src.set<uint8_t>(red_and_green);
    Mask mask(width, height, [](int x, int y) { return x % 350 < 4 && y % 350 < 4; });
    Mask allow(width, height, [](int, int) { return true; });
    return run(src, mask, allow, src, 2, {0, 0, 1100, 800});
  };
  const Outcome small = outcome_of(1100, 800);
  const Outcome large = outcome_of(1600, 1300);
  EXPECT_GT(small.result.tiles, 3U);
  EXPECT_EQ(large.result.tiles, small.result.tiles);
  EXPECT_LT(static_cast<double>(large.operations), 1.3 * static_cast<double>(small.operations));
  EXPECT_LT(static_cast<double>(large.peak), 1.3 * static_cast<double>(small.peak));
}

}  // namespace
}  // namespace infill::pipeline
