// Checks that hold for every classical method, over one table of canvases.
#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "classic/method.h"
#include "core/simd.h"
#include "support/test_canvas.h"

namespace infill::test {

// Evenly spread bits for a pixel.
inline uint32_t hash_pixel(int x, int y, uint32_t salt) {
  uint32_t h =
      static_cast<uint32_t>(x) * 0x9E3779B1U ^ static_cast<uint32_t>(y) * 0x85EBCA77U ^ salt * 0xC2B2AE3DU;
  h = (h ^ (h >> 15)) * 0x2C1B3C6DU;
  h = (h ^ (h >> 12)) * 0x297A2D39U;
  return h ^ (h >> 15);
}

// Smooth colours with some noise, 0..1.
inline float photo_value(int x, int y, int channel) {
  const double wave = std::sin(0.11 * x + channel) * std::cos(0.07 * y - channel);
  const double noise = hash_pixel(x, y, static_cast<uint32_t>(channel)) / 4294967296.0;
  return static_cast<float>(0.5 + 0.35 * wave + 0.1 * (noise - 0.5));
}

struct CanvasCase {
  std::string name;
  int width, height, channels;
  TestCanvas::Hole label;
  [[nodiscard]] std::unique_ptr<TestCanvas> make(const TestCanvas::Value& value = photo_value) const {
    return std::make_unique<TestCanvas>(width, height, channels, value, label);
  }
};

// Ragged sizes, thin canvases, holes at borders and corners, excluded pixels, few known pixels, dots, blobs.
inline std::vector<CanvasCase> canvas_cases() {
  const auto box = [](int x0, int y0, int x1, int y1) {
    return [=](int x, int y) { return x >= x0 && x < x1 && y >= y0 && y < y1 ? kHole : kKnown; };
  };
  return {
      {"no_hole", 9, 7, 3, [](int, int) { return kKnown; }},
      {"one_pixel", 9, 7, 3, box(4, 3, 5, 4)},
      {"one_row", 61, 1, 2, box(3, 0, 50, 1)},
      {"one_column", 1, 47, 1, box(0, 5, 1, 40)},
      {"two_pixels", 2, 1, 1, box(1, 0, 2, 1)},
      {"left_border", 33, 29, 3, box(0, 9, 12, 20)},
      {"right_border", 33, 29, 3, box(20, 9, 33, 20)},
      {"top_border", 33, 29, 3, box(9, 0, 20, 12)},
      {"bottom_border", 33, 29, 3, box(9, 20, 20, 29)},
      {"corners", 37, 31, 4,
       [](int x, int y) { return (x < 8 || x > 28) && (y < 7 || y > 24) ? kHole : kKnown; }},
      {"one_known", 23, 19, 3, [](int x, int y) { return x == 11 && y == 8 ? kKnown : kHole; }},
      {"excluded_wall", 40, 30, 3,
       [](int x, int y) {
         return x == 20 ? kExcluded : x > 8 && x < 33 && y > 5 && y < 25 ? kHole : kKnown;
       }},
      {"enclosed_by_excluded", 24, 24, 2,
       [](int x, int y) {
         const int d = std::max(std::abs(x - 12), std::abs(y - 12));
         return d < 4 ? kHole : d < 6 ? kExcluded : kKnown;
       }},
      {"excluded_dots", 45, 41, 3,
       [](int x, int y) {
         if (x < 5 || y < 5 || x > 39 || y > 35) return kKnown;
         return hash_pixel(x, y, 7) % 5 == 0 ? kExcluded : kHole;
       }},
      {"dots", 64, 48, 3, [](int x, int y) { return hash_pixel(x, y, 1) % 8 == 0 ? kHole : kKnown; }},
      {"known_dots", 64, 48, 3, [](int x, int y) { return hash_pixel(x, y, 2) % 8 == 0 ? kKnown : kHole; }},
      {"thin_lines", 70, 50, 3,
       [](int x, int y) { return (x + y) % 13 == 0 || x % 17 == 4 ? kHole : kKnown; }},
      {"blob", 131, 117, 3,
       [](int x, int y) {
         const int r = 45 + static_cast<int>(hash_pixel(x, y, 3) % 6);
         return (x - 66) * (x - 66) + (y - 57) * (y - 57) < r * r ? kHole : kKnown;
       }},
  };
}

// Known and excluded pixels keep their value, hole pixels are written with finite numbers, and the arena was
// used to at least half.
inline void expect_fills_holes_only(const classic::Method& method) {
  for (const CanvasCase& each : canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto canvas = each.make();
    const Settings settings(method.parameters);
    const size_t peak = canvas->fill(method, settings, 2);
    const size_t scratch = method.scratch(canvas->shape(2), settings);
    EXPECT_LE(peak, scratch);
    if (canvas->canvas().hole_pixels > 0) {
      EXPECT_GE(peak * 2, scratch);
    }
    for (int c = 0; c < each.channels; ++c) {
      for (int y = 0; y < each.height; ++y) {
        for (int x = 0; x < each.width; ++x) {
          const float value = canvas->at(x, y, c);
          switch (each.label(x, y)) {
            case kKnown:
              ASSERT_EQ(value, canvas->truth(x, y, c)) << x << ',' << y;
              break;
            case kExcluded:
              ASSERT_EQ(value, 0.0F) << x << ',' << y;
              break;
            case kHole:
              ASSERT_TRUE(std::isfinite(value)) << x << ',' << y;
              ASSERT_NEAR(value, 0.5F, 2.0F) << x << ',' << y;
              break;
          }
        }
      }
    }
  }
}

// The bytes are those of one thread and the baseline's instructions.
inline void expect_same_bytes(const classic::Method& method) {
  for (const CanvasCase& each : canvas_cases()) {
    SCOPED_TRACE(each.name);
    hwy::DisableTargets(HWY_AVX3 | HWY_AVX2);
    const auto expected = each.make();
    expected->fill(method, 1);
    for (const int64_t disabled : {int64_t{HWY_AVX3 | HWY_AVX2}, int64_t{HWY_AVX3}, int64_t{0}}) {
      hwy::DisableTargets(disabled);
      for (const int threads : {1, 2, 16}) {
        const auto canvas = each.make();
        canvas->fill(method, threads);
        ASSERT_TRUE(canvas->bytes() == expected->bytes()) << threads << " threads, " << simd_name();
      }
    }
  }
  hwy::DisableTargets(0);
}

// A fill that is cancelled at its n-th progress call ends with kCancelled, for every n; then it can be run
// again. No step between two looks at the task is longer than was promised.
inline void expect_cancels(const classic::Method& method) {
  const CanvasCase each{"cancel", 300, 280, 3,
                        [](int x, int y) { return x > 20 && x < 280 && y > 20 && y < 260 ? kHole : kKnown; }};
  const Settings settings(method.parameters);
  for (int n = 1; n < 1000; n = n < 8 ? n + 1 : 2 * n) {
    SCOPED_TRACE(n);
    int calls = 0;
    Task task([&](const ProgressReport&) { return ++calls == n; });
    const auto canvas = each.make();
    try {
      canvas->fill(method, settings, 2, 1, &task);
      EXPECT_LT(calls, n);
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Status::kCancelled);
    }
    EXPECT_LE(task.longest_step(), Task::kPollEvery);
  }
  Task task;
  const auto canvas = each.make();
  canvas->fill(method, settings, 1, 1, &task);
  EXPECT_LE(task.longest_step(), Task::kPollEvery);
  EXPECT_GE(task.operations(), static_cast<uint64_t>(canvas->canvas().hole_pixels));
}

}  // namespace infill::test
