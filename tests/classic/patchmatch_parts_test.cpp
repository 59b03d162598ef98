#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <memory>
#include <vector>

#include "classic/patchmatch_colour.h"
#include "classic/patchmatch_level.h"
#include "classic/patchmatch_search.h"
#include "classic/patchmatch_vote.h"
#include "support/method_checks.h"

namespace infill::classic::patchmatch {
namespace {

using test::TestCanvas;

Label hole(int x, int y) {
  return (x - 20) * (x - 20) + (y - 15) * (y - 15) < 60 ? kHole : x > 36 && y > 20 ? kExcluded : kKnown;
}

// A canvas and its finest level, marked.
struct Example {
  explicit Example(int32_t radius, int channels = 3, const CopyRange& copies = {})
      : canvas(43, 31, channels, test::photo_value, hole),
        memory(1 << 20),
        arena(memory.data(), memory.size()) {
    level = finest_shape(canvas.shape(1), copies);
    allocate(level, arena);
    code = measure_colours(canvas.canvas(), threads, task);
    load(level, canvas.canvas(), code, threads, task);
    // An estimate that is not zero.
    for (size_t i = 0; i < level.flags.size(); ++i) {
      if ((level.flags[i] & kReliable) != 0) continue;
      for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
        level.colour[4 * i + c] =
            static_cast<uint8_t>(test::hash_pixel(static_cast<int>(i), 0, 5) >> (8 * c));
      }
    }
    draw_copies(level, threads, task);
    mark_patches(level, radius, threads, task);
    forget_matches(level, threads, task);
  }

  [[nodiscard]] bool is(int32_t x, int32_t y, Flag flag) const {
    return (level.flags[level.at(x, y)] & flag) != 0;
  }
  [[nodiscard]] uint32_t distance(Position a, Position b) const {
    uint32_t sum = 0;
    for (int32_t j = -level.radius; j <= level.radius; ++j) {
      for (int32_t i = -level.radius; i <= level.radius; ++i) {
        const int32_t shift = j * level.pitch + i;
        for (size_t c = 0; c < 4; ++c) {
          const int d = int{level.colour[(a + static_cast<Position>(shift)) * size_t{4} + c]} -
                        int{level.colour[(b + static_cast<Position>(shift)) * size_t{4} + c]};
          sum += static_cast<uint32_t>(d * d);
        }
      }
    }
    return sum;
  }

  TestCanvas canvas;
  std::vector<std::byte> memory;
  Arena arena;
  Threads threads{2};
  Task task;
  Level level;
  ColourCode code;
};

class PatchMatchParts : public testing::TestWithParam<int32_t> {};
INSTANTIATE_TEST_SUITE_P(Radius, PatchMatchParts, testing::Values(0, 1, 2, 3, 4, 5, 6, 7));

TEST_P(PatchMatchParts, SourcesAndTargetsAreThoseOfTheDefinition) {
  const int32_t r = GetParam();
  const Example e(r);
  int64_t targets = 0;
  std::vector<Position> sources;
  for (int32_t y = 0; y < e.level.height(); ++y) {
    for (int32_t x = 0; x < e.level.width(); ++x) {
      bool source = true;
      bool target = false;
      bool fits = true;
      for (int32_t j = -r; j <= r; ++j) {
        for (int32_t i = -r; i <= r; ++i) {
          const bool in = x + i >= 0 && y + j >= 0 && x + i < e.level.width() && y + j < e.level.height();
          fits = fits && in;
          source = source && in && hole(x + i, y + j) == kKnown;
          target = target || (in && hole(x + i, y + j) == kHole);
        }
      }
      ASSERT_EQ(e.is(x, y, kSource), source) << x << ',' << y;
      ASSERT_EQ(e.is(x, y, kTarget), target && fits) << x << ',' << y;
      if (source) sources.push_back(e.level.at(x, y));
      if (target && fits) {
        ++targets;
        EXPECT_LE(e.level.target_begin[static_cast<size_t>(y)], x);
        EXPECT_GT(e.level.target_end[static_cast<size_t>(y)], x);
      }
    }
  }
  EXPECT_EQ(e.level.targets, targets);
  ASSERT_EQ(e.level.sources(), static_cast<int64_t>(sources.size()));
  for (uint32_t n = 0; n < sources.size(); ++n) ASSERT_EQ(nth_source(e.level, n), sources[n]);
}

TEST_P(PatchMatchParts, DistanceIsTheSumOfSquaresOnEveryInstructionSet) {
  for (const int channels : {1, 3, 4}) {
    const Example e(GetParam(), channels);
    for (const int64_t disabled : {int64_t{HWY_AVX3 | HWY_AVX2}, int64_t{HWY_AVX3}, int64_t{0}}) {
      hwy::DisableTargets(disabled);
      for (uint32_t n = 0; n < 200; ++n) {
        const auto pick = [&](uint32_t salt) {
          const auto r = static_cast<uint32_t>(e.level.radius);
          const uint32_t h = test::hash_pixel(static_cast<int>(n), 1, salt);
          return e.level.at(static_cast<int32_t>(r + h % (43 - 2 * r)),
                            static_cast<int32_t>(r + (h >> 8) % (31 - 2 * r)));
        };
        const Position a = pick(1);
        const Position b = pick(2);
        const uint32_t exact = e.distance(a, b);
        ASSERT_EQ(patch_distance(e.level, a, b, UINT32_MAX), exact);
        ASSERT_EQ(patch_distance(e.level, a, b, exact + 1), exact);
        ASSERT_GE(patch_distance(e.level, a, b, exact), exact == 0 ? 0 : exact);
        ASSERT_GE(patch_distance(e.level, a, b, exact / 2), exact / 2);
      }
    }
    hwy::DisableTargets(0);
  }
}

TEST_P(PatchMatchParts, ExhaustiveSearchFindsTheNearest) {
  Example e(GetParam());
  search_all(e.level, e.threads, e.task);
  for (int32_t y = 0; y < e.level.height(); ++y) {
    for (int32_t x = 0; x < e.level.width(); ++x) {
      if (!e.is(x, y, kTarget)) continue;
      uint32_t least = UINT32_MAX;
      for (uint32_t n = 0; n < e.level.sources(); ++n) {
        least = std::min(least, e.distance(e.level.at(x, y), nth_source(e.level, n)));
      }
      ASSERT_EQ(e.level.cost[e.level.index(x, y)], least);
      ASSERT_EQ(e.distance(e.level.at(x, y), e.level.match[e.level.index(x, y)]), least);
      ASSERT_NE(e.level.flags[e.level.match[e.level.index(x, y)]] & kSource, 0);
    }
  }
}

TEST_P(PatchMatchParts, SearchNeverWorsensAndComesNearTheBest) {
  Example e(GetParam());
  search_all(e.level, e.threads, e.task);
  const std::vector<uint32_t> best(e.level.cost.begin(), e.level.cost.end());
  forget_matches(e.level, e.threads, e.task);
  Search search{.key = 17, .window = 64};
  measure(e.level, search, e.threads, e.task);
  double sum = 0;
  double sum_best = 0;
  for (int pass = 0; pass < 16; ++pass) {
    const std::vector<uint32_t> before(e.level.cost.begin(), e.level.cost.end());
    search.key = static_cast<uint64_t>(100 + pass);
    search.backward = pass % 2 != 0;
    search_pass(e.level, search, e.threads, e.task);
    sum = sum_best = 0;
    for (int32_t y = 0; y < e.level.height(); ++y) {
      for (int32_t x = 0; x < e.level.width(); ++x) {
        if (!e.is(x, y, kTarget)) continue;
        const size_t i = e.level.index(x, y);
        ASSERT_LE(e.level.cost[i], before[i]);
        ASSERT_EQ(e.level.cost[i], e.distance(e.level.at(x, y), e.level.match[i]));
        ASSERT_NE(e.level.flags[e.level.match[i]] & kSource, 0);
        sum += e.level.cost[i];
        sum_best += best[i];
        // What the neighbour in the row that was searched just before suggests was looked at.
        const int32_t side = search.backward ? 1 : -1;
        if (x + side < 0 || x + side >= e.level.width() || !e.is(x + side, y, kTarget)) continue;
        const Position guess = e.level.match[e.level.index(x + side, y)] - static_cast<Position>(side);
        if (guess >= e.level.flags.size() || (e.level.flags[guess] & kSource) == 0) continue;
        ASSERT_LE(e.level.cost[i], e.distance(e.level.at(x, y), guess)) << x << ' ' << y;
      }
    }
  }
  // Single pixels have no neighbourhood to learn from.
  EXPECT_LE(sum, (GetParam() == 0 ? 2 : 1.1) * sum_best);
}

TEST_P(PatchMatchParts, VotesAreTheWeightedAverage) {
  Example e(GetParam());
  search_all(e.level, e.threads, e.task);
  measure_depth(e.level, e.task);
  const std::vector<uint8_t> before(e.level.colour.begin(), e.level.colour.end());
  vote(e.level, e.threads, e.task);
  vote_result(e.level, e.canvas.canvas(), e.code, e.threads, e.task);
  const int32_t r = GetParam();
  for (int32_t y = 0; y < e.level.height(); ++y) {
    for (int32_t x = 0; x < e.level.width(); ++x) {
      const size_t at = e.level.at(x, y) * size_t{4};
      double total = 0;
      std::array<double, 3> bytes{};
      std::array<double, 3> values{};
      for (int32_t v = std::max(0, y - r); v <= std::min(30, y + r); ++v) {
        for (int32_t u = std::max(0, x - r); u <= std::min(42, x + r); ++u) {
          if (!e.is(u, v, kTarget)) continue;
          const Position match = e.level.match[e.level.index(u, v)];
          const auto source_x = static_cast<int32_t>(match) % e.level.pitch + x - u;
          const auto source_y = static_cast<int32_t>(match) / e.level.pitch + y - v;
          const double weight = std::pow(1.5, -e.level.coverage[e.level.at(u, v)] / 3.0);
          total += weight;
          for (size_t c = 0; c < 3; ++c) {
            bytes[c] += weight * before[e.level.at(source_x, source_y) * size_t{4} + c];
            values[c] +=
                weight * static_cast<double>(e.canvas.truth(source_x, source_y, static_cast<int>(c)));
          }
        }
      }
      for (size_t c = 0; c < 3; ++c) {
        if (hole(x, y) == kKnown || total == 0) {
          ASSERT_EQ(e.level.colour[at + c], before[at + c]);
        } else {
          ASSERT_NEAR(e.level.colour[at + c], bytes[c] / total, 0.501);
        }
        if (hole(x, y) == kHole) {
          ASSERT_NEAR(e.canvas.at(x, y, static_cast<int>(c)), values[c] / total, 1e-5);
        }
      }
    }
  }
}

TEST(PatchMatchLevels, DepthIsNearTheEuclideanDistance) {
  Example e(3);
  measure_depth(e.level, e.task);
  for (int32_t y = 0; y < e.level.height(); ++y) {
    for (int32_t x = 0; x < e.level.width(); ++x) {
      double least = 1e9;
      for (int32_t v = 0; v < e.level.height(); ++v) {
        for (int32_t u = 0; u < e.level.width(); ++u) {
          if (hole(u, v) == kKnown) least = std::min(least, std::hypot(u - x, v - y));
        }
      }
      ASSERT_NEAR(e.level.coverage[e.level.at(x, y)] / 3.0, least, 0.07 * least) << x << ',' << y;
    }
  }
}

TEST(PatchMatchLevels, ReducingAveragesTheKnownAndCarriesTheMarks) {
  Example e(3);
  load(e.level, e.canvas.canvas(), e.code, e.threads, e.task);
  Level half;
  ASSERT_TRUE(next_shape(e.level, {}, half));
  allocate(half, e.arena);
  const int64_t wanted = reduce(e.level, half, e.threads, e.task);
  ASSERT_EQ(half.width(), 22);
  ASSERT_EQ(half.height(), 16);
  int64_t wanted_seen = 0;
  for (int32_t y = 0; y < half.height(); ++y) {
    for (int32_t x = 0; x < half.width(); ++x) {
      constexpr std::array<int, 4> kWeight = {1, 3, 3, 1};
      double known = 0;
      double total = 0;
      double colour = 0;
      bool wants = false;
      for (int32_t j = 0; j < 4; ++j) {
        for (int32_t i = 0; i < 4; ++i) {
          const int32_t u = 2 * x - 1 + i;
          const int32_t v = 2 * y - 1 + j;
          if (u < 0 || v < 0 || u >= 43 || v >= 31) continue;
          const double weight = kWeight[static_cast<size_t>(i)] * kWeight[static_cast<size_t>(j)];
          total += weight;
          if (hole(u, v) == kKnown) {
            known += weight;
            colour += weight * e.level.colour[e.level.at(u, v) * size_t{4} + 1];
          }
          wants = wants || (i % 3 != 0 && j % 3 != 0 && hole(u, v) == kHole);
        }
      }
      const Position at = half.at(x, y);
      ASSERT_NEAR(half.coverage[at], 255 * known / total, 0.51);
      if (known > 0) {
        ASSERT_NEAR(half.colour[at * size_t{4} + 1], colour / known, 0.51);
      }
      ASSERT_EQ((half.flags[at] & kReliable) != 0, half.coverage[at] >= 128);
      ASSERT_EQ((half.flags[at] & kUsable) != 0, half.coverage[at] >= 128);
      ASSERT_EQ((half.flags[at] & kWanted) != 0, half.coverage[at] < 128 && wants);
      wanted_seen += (half.flags[at] & kWanted) != 0 ? 1 : 0;
    }
  }
  EXPECT_EQ(wanted, wanted_seen);
}

TEST(PatchMatchLevels, MatchesExpandToThePixel) {
  constexpr int32_t kRadius = 2;
  Example e(kRadius);
  load(e.level, e.canvas.canvas(), e.code, e.threads, e.task);
  Level coarser;
  ASSERT_TRUE(next_shape(e.level, {}, coarser));
  allocate(coarser, e.arena);
  reduce(e.level, coarser, e.threads, e.task);
  mark_patches(e.level, kRadius, e.threads, e.task);
  mark_patches(coarser, kRadius, e.threads, e.task);
  forget_matches(coarser, e.threads, e.task);
  search_all(coarser, e.threads, e.task);
  expand_matches(coarser, e.level, e.threads, e.task);
  int compared = 0;
  for (int32_t y = 2 * kRadius; y < e.level.height() - 2 * kRadius - 1; ++y) {
    for (int32_t x = 2 * kRadius; x < e.level.width() - 2 * kRadius - 1; ++x) {
      const Position from = coarser.match[coarser.index(x / 2, y / 2)];
      if (!e.is(x, y, kTarget) || from == kNowhere) continue;
      const auto pitch = static_cast<Position>(coarser.pitch);
      const auto u = 2 * static_cast<int32_t>(from % pitch) + x % 2;
      const auto v = 2 * static_cast<int32_t>(from / pitch) + y % 2;
      if (u >= e.level.width() || v >= e.level.height() || !e.is(u, v, kSource)) continue;
      ASSERT_EQ(e.level.match[e.level.index(x, y)], e.level.at(u, v)) << x << ' ' << y;
      ++compared;
    }
  }
  EXPECT_GT(compared, 50);
}

TEST(PatchMatchLevels, TheFourthByteIsTextureOfTheKnown) {
  Example e(1, 2);
  load(e.level, e.canvas.canvas(), e.code, e.threads, e.task);
  for (int32_t y = 0; y < 31; ++y) {
    for (int32_t x = 0; x < 43; ++x) {
      const uint8_t* here = &e.level.colour[e.level.at(x, y) * size_t{4}];
      int sum = 0;
      int count = 0;
      constexpr std::array<std::array<int, 2>, 4> kSteps = {{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};
      for (const auto& step : kSteps) {
        const int u = x + step[0];
        const int v = y + step[1];
        if (u < 0 || v < 0 || u >= 43 || v >= 31 || hole(u, v) != kKnown) continue;
        const uint8_t* there = &e.level.colour[e.level.at(u, v) * size_t{4}];
        for (int c = 0; c < 2; ++c) sum += std::abs(here[c] - there[c]);
        count += 2;
      }
      const int expected = hole(x, y) != kKnown || count == 0 ? 0 : std::min(255, 4 * sum / count);
      ASSERT_EQ(here[3], expected) << x << ',' << y;
    }
  }
}

TEST(PatchMatchCopies, AQuarterTurnMovesPixelsExactly) {
  const Example e(2, 3, {.rotation = 90});
  ASSERT_EQ(e.level.picture_count, 5);
  const Picture& copy = e.level.pictures[4];
  ASSERT_EQ(copy.width, 31);
  ASSERT_EQ(copy.height, 43);
  int usable = 0;
  for (int32_t y = 0; y < copy.height; ++y) {
    for (int32_t x = 0; x < copy.width; ++x) {
      const Position at = e.level.at(x, copy.row + y);
      if ((e.level.flags[at] & kUsable) == 0) continue;
      ++usable;
      const int32_t u = y;
      const int32_t v = 30 - x;
      ASSERT_EQ(hole(u, v), kKnown);
      for (size_t c = 0; c < 4; ++c) {
        ASSERT_EQ(e.level.colour[at * size_t{4} + c], e.level.colour[e.level.at(u, v) * size_t{4} + c]);
      }
    }
  }
  EXPECT_GT(usable, 31 * 43 / 2);
}

TEST(PatchMatchCopies, CopiesAreTheBilinearPictureAndUsableWhereAllOfItIs) {
  const Example e(1, 3, {.rotation = 40, .scale = 0.25});
  ASSERT_EQ(e.level.picture_count, 15);
  ASSERT_EQ(e.level.rows, e.level.pictures[14].row + e.level.pictures[14].height + 1);
  for (size_t i = 1; i < 15; ++i) {
    const Picture& copy = e.level.pictures[i];
    int usable = 0;
    for (int32_t y = 0; y < copy.height; ++y) {
      for (int32_t x = 0; x < copy.width; ++x) {
        const Position at = e.level.at(x, copy.row + y);
        const double u = static_cast<double>(copy.from.x0 + copy.from.xx * x + copy.from.xy * y) / 65536;
        const double v = static_cast<double>(copy.from.y0 + copy.from.yx * x + copy.from.yy * y) / 65536;
        const auto x0 = static_cast<int32_t>(std::floor(u));
        const auto y0 = static_cast<int32_t>(std::floor(v));
        bool all = true;
        double sum = 0;
        for (int32_t j = 0; j < 2; ++j) {
          for (int32_t k = 0; k < 2; ++k) {
            const bool in = x0 + k >= 0 && y0 + j >= 0 && x0 + k < 43 && y0 + j < 31;
            all = all && in && hole(x0 + k, y0 + j) == kKnown;
            if (!all) continue;
            sum += (k == 0 ? 1 - (u - x0) : u - x0) * (j == 0 ? 1 - (v - y0) : v - y0) *
                   e.level.colour[e.level.at(x0 + k, y0 + j) * size_t{4} + 1];
          }
        }
        ASSERT_EQ((e.level.flags[at] & kUsable) != 0, all) << i << ": " << x << ',' << y;
        if (!all) continue;
        ++usable;
        ASSERT_NEAR(e.level.colour[at * size_t{4} + 1], sum, 2.6) << i << ": " << x << ',' << y;
      }
    }
    EXPECT_GT(usable, copy.width * copy.height / 5) << i;
  }
}

TEST(PatchMatchColour, TheRangeIsThatOfTheKnownWithoutRareExtremes) {
  TestCanvas canvas(
      100, 100, 1,
      [](int x, int y, int) { return x == 3 && y == 3 ? 1e6F : static_cast<float>(x) / 99 - 0.25F; },
      [](int x, int) { return x == 50 ? kHole : kKnown; });
  Threads threads(2);
  Task task;
  const ColourCode code = measure_colours(canvas.canvas(), threads, task);
  EXPECT_EQ(code.byte(-0.25F), 0);
  EXPECT_EQ(code.byte(1e6F), 255);
  EXPECT_EQ(code.byte(NAN), 0);
  EXPECT_GE(code.byte(0.75F) - code.byte(0.25F), 1);
}

}  // namespace
}  // namespace infill::classic::patchmatch
