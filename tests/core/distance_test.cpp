#include "core/distance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "core/status.h"

namespace infill {
namespace {

// A mask plane with padding between its rows.
class MaskPlane {
 public:
  MaskPlane(int width, int height, const std::function<bool(int, int)>& hole)
      : bytes_(Size(width + 3, height), 99) {
    plane = {bytes_.data(), width, height, width + 3};
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const int value = hole(x, y) ? 1 + (x + y) % 255 : 0;
        plane.at(x, y) = static_cast<uint8_t>(value);
      }
    }
  }
  MaskPlane(const MaskPlane& other) : plane(other.plane), bytes_(other.bytes_) { plane.data = bytes_.data(); }
  MaskPlane& operator=(const MaskPlane&) = delete;
  ~MaskPlane() = default;

  [[nodiscard]] Plane<const uint8_t> view() const {
    return {plane.data, plane.width, plane.height, plane.stride};
  }
  [[nodiscard]] const std::vector<uint8_t>& bytes() const { return bytes_; }

  Plane<uint8_t> plane;

 private:
  static size_t Size(int width, int height) {
    return static_cast<size_t>(width) * static_cast<size_t>(height);
  }
  std::vector<uint8_t> bytes_;
};

// An arena of exactly what a function says it takes.
struct Scratch {
  explicit Scratch(size_t size) : block(memory, size), arena(block.data(), size) {}
  Memory memory;
  Block block;
  Arena arena;
};

int64_t slow_squared(const MaskPlane& mask, Target target, int px, int py) {
  int64_t best = kFarAway;
  for (int y = 0; y < mask.plane.height; ++y) {
    for (int x = 0; x < mask.plane.width; ++x) {
      if ((mask.plane.at(x, y) != 0) != (target == Target::kHoles)) continue;
      best = std::min<int64_t>(best, int64_t{x - px} * (x - px) + int64_t{y - py} * (y - py));
    }
  }
  return best;
}

struct Case {
  std::string name;
  MaskPlane mask;
};

std::vector<Case> cases() {
  std::mt19937 random(1);
  std::vector<Case> all;
  const auto add = [&all](const char* name, int w, int h, const std::function<bool(int, int)>& hole) {
    all.push_back(
        {std::string(name) + " " + std::to_string(w) + "x" + std::to_string(h), MaskPlane(w, h, hole)});
  };
  for (const auto& [w, h] : {std::pair{1, 1}, {1, 40}, {40, 1}, {2, 2}, {17, 23}, {64, 31}, {33, 50}}) {
    add("none", w, h, [](int, int) { return false; });
    add("all", w, h, [](int, int) { return true; });
    add("first", w, h, [](int x, int y) { return x == 0 && y == 0; });
    add("last", w, h, [w = w, h = h](int x, int y) { return x == w - 1 && y == h - 1; });
    add("all but one", w, h, [w = w, h = h](int x, int y) { return x != w / 2 || y != h / 3; });
    add("border", w, h,
        [w = w, h = h](int x, int y) { return x == 0 || y == 0 || x == w - 1 || y == h - 1; });
    add("board", w, h, [](int x, int y) { return (x + y) % 2 == 0; });
    add("dust", w, h, [&random](int, int) { return random() % 40 == 0; });
    add("half", w, h, [&random](int, int) { return random() % 2 == 0; });
    add("disc", w, h, [w = w, h = h](int x, int y) { return std::hypot(x - w / 3, y - h / 2) < 9; });
  }
  return all;
}

TEST(Distance, ExactForEveryCaseAndThreadCount) {
  for (const Case& c : cases()) {
    for (const Target target : {Target::kHoles, Target::kKept}) {
      for (const int threads : {1, 2, 16}) {
        Threads pool(threads);
        Task task;
        Scratch scratch(distance_scratch(c.mask.plane.width, threads));
        std::vector<int32_t> out(c.mask.bytes().size(), -1);
        const Plane<int32_t> squared{out.data(), c.mask.plane.width, c.mask.plane.height,
                                     c.mask.plane.stride};
        squared_distance(c.mask.view(), target, squared, scratch.arena, pool, task);
        EXPECT_EQ(scratch.arena.mark(), 0U);
        EXPECT_EQ(scratch.arena.peak(), scratch.block.size());
        for (int y = 0; y < squared.height; ++y) {
          for (int x = 0; x < squared.width; ++x) {
            ASSERT_EQ(squared.at(x, y), slow_squared(c.mask, target, x, y)) << c.name << ' ' << x << ' ' << y;
          }
        }
      }
    }
  }
}

// Distances beyond what int32_t holds: a row as wide as pictures get.
TEST(Distance, FarIsFarAway) {
  constexpr int kWidth = 100000;
  const MaskPlane mask(kWidth, 2, [](int x, int y) { return x == 0 && y == 1; });
  Threads pool(2);
  Task task;
  Scratch scratch(distance_scratch(kWidth, 2));
  std::vector<int32_t> out(size_t{2} * kWidth);
  const Plane<int32_t> squared{out.data(), kWidth, 2, kWidth};
  squared_distance(mask.view(), Target::kHoles, squared, scratch.arena, pool, task);
  EXPECT_EQ(squared.at(46340, 1), 46340 * 46340);
  EXPECT_EQ(squared.at(46341, 1), kFarAway);
  EXPECT_EQ(squared.at(kWidth - 1, 0), kFarAway);
  EXPECT_LE(task.longest_step(), Task::kPollEvery);
}

TEST(Distance, LargePlanesPollOften) {
  const MaskPlane mask(1500, 3000, [](int x, int y) { return x * y % 1000 == 1; });
  Threads pool(2);
  Task task;
  Scratch scratch(distance_scratch(1500, 2));
  std::vector<int32_t> out(size_t{1500} * 3000);
  squared_distance(mask.view(), Target::kHoles, {out.data(), 1500, 3000, 1500}, scratch.arena, pool, task);
  EXPECT_LE(task.longest_step(), Task::kPollEvery);
  EXPECT_GE(task.operations(), 3U * 1500 * 2999);
}

TEST(Distance, CanBeCancelled) {
  const MaskPlane mask(600, 600, [](int x, int) { return x == 0; });
  Threads pool(2);
  Task task([](const ProgressReport&) { return true; });
  Scratch scratch(distance_scratch(600, 2));
  std::vector<int32_t> out(size_t{600} * 600);
  EXPECT_THROW(
      squared_distance(mask.view(), Target::kHoles, {out.data(), 600, 600, 600}, scratch.arena, pool, task),
      Error);
  EXPECT_EQ(scratch.arena.mark(), 0U);
}

TEST(Morphology, AgainstTheDefinition) {
  for (const Case& c : cases()) {
    const int width = c.mask.plane.width;
    const int height = c.mask.plane.height;
    for (const double radius : {-1.0, 0.0, 0.9, 1.0, 1.5, 2.0, 5.0, 7.3, 100.0, 1e9}) {
      Threads pool(2);
      Task task;
      Scratch scratch(morphology_scratch(width, height, 2));
      MaskPlane grown(c.mask);
      MaskPlane shrunk(c.mask);
      dilate(grown.plane, radius, scratch.arena, pool, task);
      erode(shrunk.plane, radius, scratch.arena, pool, task);
      EXPECT_EQ(scratch.arena.peak(), scratch.block.size());
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          const auto within = [&](Target target) {
            const int64_t squared = slow_squared(c.mask, target, x, y);
            return squared < kFarAway && std::sqrt(static_cast<double>(squared)) <= radius;
          };
          const bool hole = c.mask.plane.at(x, y) != 0;
          ASSERT_EQ(grown.plane.at(x, y) != 0, hole || within(Target::kHoles)) << c.name << ' ' << radius;
          ASSERT_EQ(shrunk.plane.at(x, y) != 0, hole && !within(Target::kKept)) << c.name << ' ' << radius;
        }
        for (int x = width; x < width + 3; ++x)
          ASSERT_EQ(grown.bytes()[static_cast<size_t>(y * (width + 3) + x)], 99);
      }
    }
  }
}

TEST(Morphology, FeatherStaysInsideTheHoleAndRampsUp) {
  for (const Case& c : cases()) {
    const int width = c.mask.plane.width;
    const int height = c.mask.plane.height;
    for (const double edge : {0.0, 1.0, 3.5, 20.0}) {
      Threads pool(2);
      Task task;
      Scratch scratch(morphology_scratch(width, height, 2));
      std::vector<float> values(c.mask.bytes().size(), -1);
      const Plane<float> soft{values.data(), width, height, c.mask.plane.stride};
      feather(c.mask.view(), edge, soft, scratch.arena, pool, task);
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          const int64_t squared = slow_squared(c.mask, Target::kKept, x, y);
          const double distance = squared == kFarAway ? 1e9 : std::sqrt(static_cast<double>(squared));
          ASSERT_FLOAT_EQ(soft.at(x, y), static_cast<float>(std::min(1.0, distance / (edge + 1)))) << c.name;
          ASSERT_EQ(soft.at(x, y) > 0, c.mask.plane.at(x, y) != 0) << c.name;
          if (edge == 0) {
            ASSERT_EQ(soft.at(x, y), c.mask.plane.at(x, y) != 0 ? 1.0F : 0.0F) << c.name;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace infill
