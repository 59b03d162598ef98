#include "classic/patchmatch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "support/method_checks.h"
#include "support/noise.h"

namespace infill::classic {
namespace {

using test::TestCanvas;

Label square_hole(int x, int y) {
  return x >= 30 && x < 60 && y >= 26 && y < 52 ? kHole : kKnown;
}

// Period 8 x 6, values on a coarse grid so that periods are told apart.
float tile_value(int x, int y, int channel) {
  return static_cast<float>(test::hash_pixel(x % 8, y % 6, static_cast<uint32_t>(channel)) % 256) / 255;
}

TEST(PatchMatch, FillsHolesAndNothingElse) {
  test::expect_fills_holes_only(kPatchMatchMethod);
}
TEST(PatchMatch, SameBytesForAllThreadsAndInstructionSets) {
  test::expect_same_bytes(kPatchMatchMethod);
}
TEST(PatchMatch, CanBeCancelledAnywhere) {
  test::expect_cancels(kPatchMatchMethod);
}
TEST(PatchMatch, IsFoundByItsNumber) {
  EXPECT_EQ(find_method(MethodId::kPatchMatch), &kPatchMatchMethod);
}

TEST(PatchMatch, ScratchIsExactUnlessPushPullSteppedIn) {
  TestCanvas canvas(90, 80, 3, test::photo_value, square_hole);
  EXPECT_EQ(canvas.fill(kPatchMatchMethod),
            kPatchMatchMethod.scratch(canvas.shape(1), Settings(kPatchMatchMethod.parameters)));
}

TEST(PatchMatch, KeepsAConstantExactly) {
  for (const test::CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    if (each.name == "known_dots") continue;  // no patch: push-pull, which is only near
    const auto canvas =
        each.make([](int, int, int channel) { return 0.3F + 0.1F * static_cast<float>(channel); });
    canvas->fill(kPatchMatchMethod);
    for (int y = 0; y < each.height; ++y) {
      for (int x = 0; x < each.width; ++x) {
        if (each.label(x, y) != kHole) continue;
        for (int c = 0; c < each.channels; ++c) {
          ASSERT_NEAR(canvas->at(x, y, c), canvas->truth(x, y, c), 1e-6F) << x << ',' << y;
        }
      }
    }
  }
  TestCanvas square(
      90, 80, 4, [](int, int, int) { return 0.3F; }, square_hole);
  square.fill(kPatchMatchMethod);
  for (int y = 26; y < 52; ++y) {
    for (int x = 30; x < 60; ++x) ASSERT_EQ(square.at(x, y, 3), 0.3F);
  }
}

TEST(PatchMatch, ContinuesAPeriodicTexture) {
  for (const uint64_t seed : {1, 2, 3}) {
    TestCanvas canvas(96, 84, 3, tile_value, square_hole);
    canvas.fill(kPatchMatchMethod, Settings(kPatchMatchMethod.parameters), 2, seed);
    int wrong = 0;
    for (int y = 26; y < 52; ++y) {
      for (int x = 30; x < 60; ++x) {
        wrong += std::abs(canvas.at(x, y, 1) - canvas.truth(x, y, 1)) > 1e-6F ? 1 : 0;
      }
    }
    EXPECT_LE(wrong, 30 * 26 / 50) << seed;
  }
}

TEST(PatchMatch, EverySizeOfPatchWorks) {
  for (int size = 3; size <= 15; ++size) {
    Settings settings(kPatchMatchMethod.parameters);
    settings.set(kPatchSize, size);
    TestCanvas canvas(96, 84, 3, tile_value, square_hole);
    canvas.fill(kPatchMatchMethod, settings);
    int wrong = 0;
    for (int y = 26; y < 52; ++y) {
      for (int x = 30; x < 60; ++x) {
        wrong += std::abs(canvas.at(x, y, 0) - canvas.truth(x, y, 0)) > 1e-6F ? 1 : 0;
      }
    }
    EXPECT_LE(wrong, 30 * 26 / (size < 7 ? 1 : 20)) << size;
  }
}

TEST(PatchMatch, SameSeedSameBytesOtherSeedOtherBytes) {
  const auto filled = [](uint64_t seed) {
    TestCanvas canvas(
        90, 80, 3, [](int x, int y, int c) { return test::uniform(5, x, y, c); }, square_hole);
    canvas.fill(kPatchMatchMethod, Settings(kPatchMatchMethod.parameters), 1, seed);
    return canvas.bytes();
  };
  EXPECT_EQ(filled(7), filled(7));
  EXPECT_NE(filled(7), filled(8));
}

// Red must not appear: only the right third, which has none, may be copied from.
TEST(PatchMatch, CopiesFromAllowedPixelsOnly) {
  const auto value = [](int x, int y, int channel) {
    const float texture = static_cast<float>(test::hash_pixel(x / 2, y / 2, 3) % 100) / 400;
    return x < 60 ? (channel == 0 ? 0.9F : 0.1F) : (channel == 0 ? 0.0F : 0.5F + texture);
  };
  TestCanvas canvas(90, 80, 3, value, square_hole);
  for (const int first : {60, 88, 89}) {  // 88: no patch fits; 89: one column
    std::vector<uint8_t> allowed(90 * 80, 0);
    for (int y = 0; y < 80; ++y) {
      for (int x = first; x < 90; ++x) allowed[static_cast<size_t>(y * 90 + x)] = 1;
    }
    canvas.canvas().allowed = {allowed.data(), 90, 80, 90};
    canvas.fill(kPatchMatchMethod);
    for (int y = 26; y < 52; ++y) {
      for (int x = 30; x < 60; ++x) {
        ASSERT_EQ(canvas.at(x, y, 0), 0.0F) << first << ": " << x << ',' << y;
        ASSERT_GE(canvas.at(x, y, 1), 0.499F);
      }
    }
  }
}

// The reference shows what the hole hides, in another place that the coarser scales see alike.
TEST(PatchMatch, CopiesFromAReference) {
  const auto value = [](int x, int y, int c) {
    const int blotch = static_cast<int>(test::hash_pixel(x / 5, y / 4, 9) % 128);
    return static_cast<float>(blotch + static_cast<int>(test::hash_pixel(x, y, 3) % 128) / (c + 1)) / 255;
  };
  TestCanvas reference(
      130, 100, 2, [&](int x, int y, int c) { return value(x - 16, y - 8, c); },
      [](int, int) { return kKnown; });
  const auto wrong_pixels = [&](const Canvas* from) {
    TestCanvas canvas(90, 80, 2, value, square_hole);
    canvas.canvas().reference = from;
    canvas.fill(kPatchMatchMethod);
    int wrong = 0;
    for (int y = 26; y < 52; ++y) {
      for (int x = 30; x < 60; ++x) wrong += std::abs(canvas.at(x, y, 0) - value(x, y, 0)) > 1e-6F ? 1 : 0;
    }
    return wrong;
  };
  EXPECT_LE(wrong_pixels(&reference.canvas()), 30 * 26 / 50);
  EXPECT_GE(wrong_pixels(nullptr), 30 * 26 / 2);
}

// The reference shows what the hole hides, turned by a quarter.
TEST(PatchMatch, TurnsPatchesWhenAsked) {
  const auto value = [](int x, int y, int) {
    return static_cast<float>(test::hash_pixel(x / 5, y / 4, 9) % 256) / 255;
  };
  TestCanvas reference(
      100, 130, 1, [&](int x, int y, int c) { return value(y - 16, 88 - x, c); },
      [](int, int) { return kKnown; });
  const auto wrong_pixels = [&](double rotation) {
    Settings settings(kPatchMatchMethod.parameters);
    settings.set(kRotation, rotation);
    settings.set(kDetail, 0);  // where patches come from is the question
    TestCanvas canvas(90, 80, 1, value, square_hole);
    canvas.canvas().reference = &reference.canvas();
    EXPECT_EQ(canvas.fill(kPatchMatchMethod, settings), kPatchMatchMethod.scratch(canvas.shape(1), settings));
    int wrong = 0;
    for (int y = 26; y < 52; ++y) {
      for (int x = 30; x < 60; ++x) wrong += std::abs(canvas.at(x, y, 0) - value(x, y, 0)) > 0.02F ? 1 : 0;
    }
    return wrong;
  };
  EXPECT_LE(wrong_pixels(90), 30 * 26 / 3);
  EXPECT_GE(wrong_pixels(0), 30 * 26 / 2);
}

TEST(PatchMatch, TurnedAndScaledPatchesGiveTheSameBytesOnAnyMachine) {
  Settings settings(kPatchMatchMethod.parameters);
  settings.set(kRotation, 30);
  settings.set(kScale, 0.2);
  std::vector<float> expected;
  for (const int64_t disabled : {int64_t{HWY_AVX3 | HWY_AVX2}, int64_t{0}}) {
    hwy::DisableTargets(disabled);
    for (const int threads : {1, 3}) {
      TestCanvas canvas(90, 80, 3, test::photo_value, square_hole);
      Task task;
      canvas.fill(kPatchMatchMethod, settings, threads, 1, &task);
      EXPECT_LE(task.longest_step(), Task::kPollEvery);
      if (expected.empty()) expected = canvas.bytes();
      EXPECT_EQ(canvas.bytes(), expected);
    }
  }
  hwy::DisableTargets(0);
}

TEST(PatchMatch, AReferenceServesACanvasWithoutKnownPixels) {
  TestCanvas reference(
      40, 30, 1, [](int, int, int) { return 0.25F; }, [](int, int) { return kKnown; });
  TestCanvas canvas(64, 60, 1, test::photo_value, [](int x, int) { return x < 50 ? kHole : kExcluded; });
  canvas.canvas().reference = &reference.canvas();
  canvas.fill(kPatchMatchMethod);
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 50; ++x) ASSERT_NEAR(canvas.at(x, y, 0), 0.25F, 1e-6F);
  }
}

TEST(PatchMatch, TheRimIsFilledWithWhatPatchesSay) {
  TestCanvas canvas(96, 84, 3, tile_value, square_hole);
  canvas.fill(kPatchMatchMethod);
  const Canvas& filled = canvas.canvas();
  ASSERT_TRUE(filled.rim_is_filled);
  int wrong = 0;
  for (size_t i = 0; i < filled.rim.size(); ++i) {
    const Point at = filled.rim[i];
    wrong += std::abs(filled.rim_fill[2][i] - canvas.truth(at.x, at.y, 2)) > 1e-6F ? 1 : 0;
  }
  EXPECT_LE(wrong, static_cast<int>(filled.rim.size() / 20));
}

// Linear light far above 1, and negative: the values of the fill are those of the known.
TEST(PatchMatch, LinearLightAndWideRanges) {
  TestCanvas canvas(
      96, 84, 3, [](int x, int y, int c) { return 40 * tile_value(x, y, c) - 3; }, square_hole);
  canvas.canvas().linear = true;
  canvas.fill(kPatchMatchMethod);
  int wrong = 0;
  for (int y = 26; y < 52; ++y) {
    for (int x = 30; x < 60; ++x) {
      wrong += std::abs(canvas.at(x, y, 1) - canvas.truth(x, y, 1)) > 1e-4F ? 1 : 0;
      ASSERT_GE(canvas.at(x, y, 1), -3.001F);
      ASSERT_LE(canvas.at(x, y, 1), 37.001F);
    }
  }
  EXPECT_LE(wrong, 30 * 26 / 20);
}

TEST(PatchMatch, WritesOnlyColoursThatAreKnown) {
  // Two far colours, split by a straight edge that runs into the hole: nothing grey far from the edge.
  TestCanvas canvas(
      120, 90, 1, [](int x, int, int) { return x < 45 ? 0.1F : 0.9F; }, square_hole);
  canvas.fill(kPatchMatchMethod);
  for (int y = 26; y < 52; ++y) {
    for (int x = 30; x < 60; ++x) {
      if (std::abs(x - 45) > 3) {
        ASSERT_NEAR(canvas.at(x, y, 0), canvas.truth(x, y, 0), 0.02F) << x << ',' << y;
      }
    }
  }
}

TEST(PatchMatch, ContextFollowsTheHoleAndIsBounded) {
  const Settings settings(kPatchMatchMethod.parameters);
  EXPECT_EQ(kPatchMatchMethod.context(settings, 3, 3), 32);
  EXPECT_EQ(kPatchMatchMethod.context(settings, 3, 12), 64);
  EXPECT_EQ(kPatchMatchMethod.context(settings, 200, 100), 200);
  EXPECT_EQ(kPatchMatchMethod.context(settings, 20000, 10000), 512);
}

}  // namespace
}  // namespace infill::classic
