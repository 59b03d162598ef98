#include "core/components.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "core/status.h"

namespace infill {
namespace {

using Picture = std::vector<std::vector<bool>>;  // [y][x]

Picture draw(int width, int height, const std::function<bool(int, int)>& hole) {
  Picture picture(static_cast<size_t>(height), std::vector<bool>(static_cast<size_t>(width)));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) picture[static_cast<size_t>(y)][static_cast<size_t>(x)] = hole(x, y);
  }
  return picture;
}

std::vector<infill::Run> runs_of(const Picture& picture) {
  std::vector<infill::Run> runs;
  for (int y = 0; y < static_cast<int>(picture.size()); ++y) {
    const auto& row = picture[static_cast<size_t>(y)];
    for (int x = 0; x < static_cast<int>(row.size()); ++x) {
      if (!row[static_cast<size_t>(x)]) continue;
      if (!runs.empty() && runs.back().y == y && runs.back().x1 == x) {
        ++runs.back().x1;
      } else {
        runs.push_back({y, x, x + 1});
      }
    }
  }
  return runs;
}

// Flood fill from pixel to pixel; components numbered by their first pixel.
std::vector<std::vector<int>> flood(const Picture& picture, int reach) {
  const int height = static_cast<int>(picture.size());
  const int width = static_cast<int>(picture[0].size());
  std::vector<std::vector<int>> number(picture.size(), std::vector<int>(picture[0].size(), -1));
  int count = 0;
  for (int sy = 0; sy < height; ++sy) {
    for (int sx = 0; sx < width; ++sx) {
      const auto free = [&](int x, int y) {
        return picture[static_cast<size_t>(y)][static_cast<size_t>(x)] &&
               number[static_cast<size_t>(y)][static_cast<size_t>(x)] < 0;
      };
      if (!free(sx, sy)) continue;
      std::vector<Point> open = {{sx, sy}};
      number[static_cast<size_t>(sy)][static_cast<size_t>(sx)] = count;
      while (!open.empty()) {
        const Point at = open.back();
        open.pop_back();
        for (int y = std::max(0, at.y - reach); y <= std::min(height - 1, at.y + reach); ++y) {
          for (int x = std::max(0, at.x - reach); x <= std::min(width - 1, at.x + reach); ++x) {
            if (!free(x, y)) continue;
            number[static_cast<size_t>(y)][static_cast<size_t>(x)] = count;
            open.push_back({x, y});
          }
        }
      }
      ++count;
    }
  }
  return number;
}

void expect_components(const Picture& picture, int reach) {
  Memory memory;
  Task task;
  const std::vector<infill::Run> runs = runs_of(picture);
  {
    const Components components = find_components(runs, reach, memory, task);
    const auto expected = flood(picture, reach);
    size_t run_count = 0;
    int64_t pixels = 0;
    for (size_t i = 0; i < components.list.size(); ++i) {
      const Component& c = components.list[i];
      Rect bounds;
      int64_t own_pixels = 0;
      infill::Run before{-1, 0, 0};
      for (const infill::Run& run : components.runs_of(c)) {
        ASSERT_TRUE(run.y > before.y || (run.y == before.y && run.x0 > before.x1));
        before = run;
        for (int x = run.x0; x < run.x1; ++x) {
          ASSERT_EQ(expected[static_cast<size_t>(run.y)][static_cast<size_t>(x)], static_cast<int>(i));
          const Rect pixel{x, run.y, 1, 1};
          const int left = own_pixels == 0 ? x : std::min(bounds.x, x);
          const int top = own_pixels == 0 ? run.y : bounds.y;
          const int right = own_pixels == 0 ? x + 1 : std::max(bounds.right(), pixel.right());
          bounds = {left, top, right - left, run.y + 1 - top};
          ++own_pixels;
        }
        ++run_count;
      }
      ASSERT_EQ(c.pixels, own_pixels);
      ASSERT_EQ(c.bounds, bounds);
      pixels += own_pixels;
    }
    EXPECT_EQ(run_count, runs.size());
    int64_t expected_pixels = 0;
    for (const infill::Run& run : runs) expected_pixels += run.x1 - run.x0;
    EXPECT_EQ(pixels, expected_pixels);
  }
  EXPECT_EQ(memory.used(), 0U);
}

TEST(Components, AgainstFloodFill) {
  std::mt19937 random(1);
  for (const int reach : {1, 2, 3, 7}) {
    for (const auto& [w, h] : {std::pair{1, 1}, {1, 30}, {30, 1}, {31, 17}, {60, 40}}) {
      expect_components(draw(w, h, [](int, int) { return true; }), reach);
      expect_components(draw(w, h, [](int x, int y) { return (x + y) % 2 == 0; }), reach);
      expect_components(draw(w, h, [](int x, int y) { return x % 4 == 0 && y % 3 == 0; }), reach);
      expect_components(draw(w, h, [](int x, int y) { return x % 8 < 2 || y % 9 == 4; }), reach);
      // A comb, joined at the bottom only; a U turned inwards.
      expect_components(draw(w, h, [h = h](int x, int y) { return x % 9 == 0 || y == h - 1; }), reach);
      expect_components(
          draw(w, h,
               [](int x, int y) { return std::max(std::abs(x - 15), std::abs(y - 8)) % 4 == 0 && y != 8; }),
          reach);
      for (const unsigned density : {2U, 3U, 8U, 30U, 200U}) {
        expect_components(draw(w, h, [&](int, int) { return random() % density == 0; }), reach);
      }
    }
  }
}

TEST(Components, NoneOfNothing) {
  Memory memory;
  Task task;
  EXPECT_TRUE(find_components({}, 1, memory, task).list.empty());
}

TEST(Components, FarApartRowsAndCancelling) {
  Memory memory;
  const std::vector<infill::Run> runs = {{0, 0, 1}, {999999, 5, 9}};
  {
    Task task;
    EXPECT_EQ(find_components(runs, 1, memory, task).list.size(), 2U);
    EXPECT_LE(task.longest_step(), Task::kPollEvery);
  }
  Task task([](const ProgressReport&) { return true; });
  EXPECT_THROW((void)find_components(runs, 1, memory, task), Error);
  EXPECT_EQ(memory.used(), 0U);
}

// Joins any two that share pixels until none do.
std::vector<Rect> slow_crops(std::vector<Rect> boxes) {
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < boxes.size() && !again; ++i) {
      for (size_t j = i + 1; j < boxes.size() && !again; ++j) {
        if (intersect(boxes[i], boxes[j]).empty()) continue;
        const int x0 = std::min(boxes[i].x, boxes[j].x);
        const int y0 = std::min(boxes[i].y, boxes[j].y);
        const int x1 = std::max(boxes[i].right(), boxes[j].right());
        const int y1 = std::max(boxes[i].bottom(), boxes[j].bottom());
        boxes[i] = {x0, y0, x1 - x0, y1 - y0};
        boxes.erase(boxes.begin() + static_cast<ptrdiff_t>(j));
        again = true;
      }
    }
  }
  std::sort(boxes.begin(), boxes.end(),
            [](const Rect& a, const Rect& b) { return std::pair(a.y, a.x) < std::pair(b.y, b.x); });
  return boxes;
}

TEST(Crops, AgainstJoiningPairByPair) {
  std::mt19937 random(2);
  Memory memory;
  int joined = 0;
  for (int round = 0; round < 2000; ++round) {
    const auto pick = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    const Rect picture{pick(0, 3), pick(0, 3), pick(40, 120), pick(40, 120)};
    const int margin = pick(0, 6);
    const int largest = pick(1, 20);
    std::vector<Rect> rects;
    std::vector<Rect> grown;
    for (int i = pick(0, 40); i > 0; --i) {
      const int w = pick(1, largest);
      const int h = pick(1, largest);
      const Rect rect{picture.x + pick(0, picture.width - w), picture.y + pick(0, picture.height - h), w, h};
      rects.push_back(rect);
      grown.push_back(intersect({rect.x - margin, rect.y - margin, w + 2 * margin, h + 2 * margin}, picture));
    }
    Task task;
    const std::vector<Rect> expected = slow_crops(grown);
    for (int order = 0; order < 2; ++order) {
      const Crops crops = make_crops(rects, margin, picture, memory, task);
      ASSERT_TRUE(std::equal(crops.list.begin(), crops.list.end(), expected.begin(), expected.end()));
      ASSERT_EQ(crops.crop_of.size(), rects.size());
      for (size_t i = 0; i < rects.size(); ++i) {
        ASSERT_EQ(intersect(crops.list[crops.crop_of[i]], rects[i]), rects[i]);
      }
      std::reverse(rects.begin(), rects.end());
    }
    joined += static_cast<int>(rects.size() - expected.size());
  }
  EXPECT_GT(joined, 10000);
  EXPECT_EQ(memory.used(), 0U);
}

TEST(Crops, ManyLettersAndHugeMargins) {
  Memory memory;
  Task task;
  std::vector<Rect> letters;
  letters.reserve(50000);
  for (int i = 0; i < 50000; ++i) letters.push_back({i % 500 * 20, i / 500 * 30, 12, 18});
  EXPECT_EQ(make_crops(letters, 3, {0, 0, 10000, 3000}, memory, task).list.size(), 50000U);
  EXPECT_EQ(make_crops(letters, 5, {0, 0, 10000, 3000}, memory, task).list.size(), 100U);
  const Crops all = make_crops(letters, INT32_MAX, {0, 0, 10000, 3000}, memory, task);
  ASSERT_EQ(all.list.size(), 1U);
  EXPECT_EQ(all.list[0], (Rect{0, 0, 10000, 3000}));
  EXPECT_LE(task.longest_step(), Task::kPollEvery);
}

}  // namespace
}  // namespace infill
