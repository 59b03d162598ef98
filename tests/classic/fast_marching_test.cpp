#include "classic/fast_marching.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/hole_groups.h"
#include "support/march_reference.h"
#include "support/method_checks.h"

namespace infill::classic {
namespace {

using test::CanvasCase;

struct Marched {
  std::vector<std::byte> memory;
  ArrivalTimes times;
};

Marched march_over(const Canvas& canvas, int32_t reach, int thread_count) {
  const MarchShape shape{
      canvas.width, canvas.height, canvas.hole_pixels, static_cast<int64_t>(canvas.holes.size()), reach,
      reach,        reach};
  Arena measure = Arena::measuring();
  measure_march(shape, measure);
  Marched marched{std::vector<std::byte>(measure.peak() + 64), {}};
  Arena arena(marched.memory.data(), marched.memory.size());
  Threads threads(thread_count);
  Task task;
  marched.times = march(canvas, shape, arena, threads, task);
  EXPECT_EQ(arena.peak(), measure.peak());
  return marched;
}

TEST(FastMarching, TimesAndOrderAreThoseOfTheReference) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto canvas = each.make();
    const Canvas& c = canvas->canvas();
    const Marched marched = march_over(c, 4, 3);
    const ArrivalTimes& times = marched.times;
    const test::ReferenceMarch reference(c, 4);
    for (int y = -4; y < c.height + 4; ++y) {
      for (int x = -4; x < c.width + 4; ++x) {
        ASSERT_EQ(times.time.data[y * times.time.stride + x], reference.time(x, y)) << x << ',' << y;
      }
    }
    // The order of the groups is free; a pixel's order among its surroundings is not.
    ASSERT_EQ(times.order.size(), reference.order().size());
    std::vector<uint32_t> order(times.order.begin(), times.order.end());
    std::sort(order.begin(), order.end());
    ASSERT_EQ(std::adjacent_find(order.begin(), order.end()), order.end());
    for (size_t i = 1; i < times.order.size(); ++i) {
      const auto stride = static_cast<uint32_t>(times.time.stride);
      const auto a = times.order[i - 1];
      const auto b = times.order[i];
      const int dx = std::abs(static_cast<int>(a % stride) - static_cast<int>(b % stride));
      const int dy = std::abs(static_cast<int>(a / stride) - static_cast<int>(b / stride));
      if (std::max(dx, dy) > 4) continue;
      const float ta = times.time.data[a];
      const float tb = times.time.data[b];
      EXPECT_TRUE(ta < tb || (ta == tb && a < b)) << i;
    }
  }
}

TEST(FastMarching, AStraightRimGivesTheDistance) {
  const CanvasCase each{"half", 40, 30, 1, [](int x, int) { return x >= 10 ? kHole : kKnown; }};
  const auto canvas = each.make();
  const Marched marched = march_over(canvas->canvas(), 5, 1);
  for (int y = 0; y < 30; ++y) {
    for (int x = 0; x < 40; ++x) {
      ASSERT_EQ(marched.times.time.at(x, y), static_cast<float>(std::max(x - 9, -5))) << x << ',' << y;
    }
  }
}

TEST(FastMarching, ADiscIsMarchedToItsCentreWithinAPixel) {
  const CanvasCase each{"disc", 101, 101, 1, [](int x, int y) {
                          return (x - 50) * (x - 50) + (y - 50) * (y - 50) < 45 * 45 ? kHole : kKnown;
                        }};
  const auto canvas = each.make();
  const Marched marched = march_over(canvas->canvas(), 3, 1);
  EXPECT_NEAR(marched.times.time.at(50, 50), 45.0F, 1.0F);
}

// Groups are the connected components of "at most reach apart", by flood fill.
TEST(HoleGroups, AreTheComponentsWithinReach) {
  for (const CanvasCase& each : test::canvas_cases()) {
    for (const int32_t reach : {1, 3, 6}) {
      SCOPED_TRACE(each.name + " reach " + std::to_string(reach));
      const auto canvas = each.make();
      const Canvas& c = canvas->canvas();
      std::vector<int> flooded(static_cast<size_t>(c.width) * static_cast<size_t>(c.height), -1);
      const auto at = [&](int x, int y) -> int& {
        return flooded[static_cast<size_t>(y) * static_cast<size_t>(c.width) + static_cast<size_t>(x)];
      };
      int count = 0;
      for (const infill::Run& run : c.holes) {
        if (at(run.x0, run.y) >= 0) continue;
        std::vector<Point> todo;
        for (int x = run.x0; x < run.x1; ++x) {
          if (at(x, run.y) >= 0) continue;
          at(x, run.y) = count;
          todo.push_back({x, run.y});
          while (!todo.empty()) {
            const Point p = todo.back();
            todo.pop_back();
            for (int j = p.y - reach; j <= p.y + reach; ++j) {
              for (int i = p.x - reach; i <= p.x + reach; ++i) {
                if (!c.label.contains(i, j) || c.label.at(i, j) != kHole || at(i, j) >= 0) continue;
                at(i, j) = count;
                todo.push_back({i, j});
              }
            }
          }
          ++count;
        }
      }
      Arena measure = Arena::measuring();
      measure_hole_groups(static_cast<int64_t>(c.holes.size()), measure);
      std::vector<std::byte> memory(measure.peak() + 64);
      Arena arena(memory.data(), memory.size());
      Task task;
      const HoleGroups groups = group_holes(c.holes, reach, arena, task);
      ASSERT_EQ(groups.count(), count);
      for (int g = 0; g < count; ++g) {
        const auto first = static_cast<size_t>(groups.first_run[static_cast<size_t>(g)]);
        const auto last = static_cast<size_t>(groups.first_run[static_cast<size_t>(g) + 1]);
        int64_t pixels = 0;
        for (size_t i = first; i < last; ++i) {
          const infill::Run& run = groups.runs[i];
          ASSERT_EQ(at(run.x0, run.y), g);
          pixels += run.x1 - run.x0;
        }
        ASSERT_EQ(groups.first_pixel[static_cast<size_t>(g) + 1] - groups.first_pixel[static_cast<size_t>(g)],
                  pixels);
      }
    }
  }
}

}  // namespace
}  // namespace infill::classic
