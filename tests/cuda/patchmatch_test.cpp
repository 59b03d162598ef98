#include "cuda/patchmatch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "classic/patchmatch.h"
#include "classic/patchmatch_level.h"
#include "cuda/device_canvas.h"
#include "support/method_checks.h"
#include "support/noise.h"

namespace infill {
namespace {

using test::CanvasCase;
using test::DeviceArray;
using test::DeviceCanvas;
using test::TestCanvas;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

constexpr int kWidth = 43;
constexpr int kHeight = 35;
Label square_hole(int x, int y) {
  return x >= 15 && x < 26 && y >= 13 && y < 22 ? kHole : kKnown;
}

// Period 8 x 6, values on a coarse grid so that periods are told apart.
float tile_value(int x, int y, int channel) {
  return static_cast<float>(test::hash_pixel(x % 8, y % 6, static_cast<uint32_t>(channel)) % 256) / 255;
}

struct Filled {
  cuda::PatchMatchPlan plan;
  std::vector<float> values;  // as TestCanvas::bytes()
  std::vector<float> rim;     // likewise
  cudaError_t error = cudaSuccess;
};

cuda::PatchMatchCall call_of(const DeviceCanvas& device) {
  cuda::PatchMatchCall call;
  call.canvas = device.canvas;
  call.box = device.box();
  return call;
}

std::vector<cuda::PatchMatchCounts> prepare(const cuda::PatchMatchCall& call, void* workspace) {
  const auto levels = static_cast<size_t>(cuda::patchmatch_levels(call));
  const DeviceArray<cuda::PatchMatchCounts> counts(levels);
  EXPECT_EQ(cuda::patchmatch_prepare(call, counts.data(), workspace, nullptr), cudaSuccess);
  return counts.get();
}

// Fills a canvas on the device. Unknown pixels hold NaN there before: nothing may come of them.
Filled fill(
    TestCanvas& host, const std::function<void(cuda::PatchMatchCall&)>& change = [](auto&) {},
    const std::function<void(cuda::PatchMatchPlan&)>& change_plan = [](auto&) {}) {
  const Canvas& canvas = host.canvas();
  const auto set_unknown = [&](float value) {
    for (int c = 0; c < canvas.channels; ++c) {
      for (int y = 0; y < canvas.height; ++y) {
        for (int x = 0; x < canvas.width; ++x) {
          if (canvas.label.at(x, y) != kKnown) canvas.planes[static_cast<size_t>(c)].at(x, y) = value;
        }
      }
    }
  };
  set_unknown(kNan);
  DeviceCanvas device(host);
  set_unknown(0);
  const std::vector<float> no_rim(host.bytes().size(), -7.0F);
  const DeviceArray<float> rim(no_rim);
  cuda::PatchMatchCall call = call_of(device);
  for (int c = 0; c < canvas.channels; ++c) call.rim[c] = rim.data() + device.index(0, 0, c);
  change(call);
  const std::vector<uint8_t> rubbish(cuda::patchmatch_workspace(call), 0xCB);
  const DeviceArray<uint8_t> workspace(rubbish);
  Filled filled;
  filled.plan = cuda::patchmatch_plan(call, prepare(call, workspace.data()).data());
  change_plan(filled.plan);
  if (filled.plan.radius >= 0) {
    filled.error = cuda::patchmatch_fill(call, filled.plan, workspace.data(), nullptr);
  }
  filled.values = device.get();
  filled.rim = rim.get();
  return filled;
}

double squared_error(TestCanvas& host, const std::function<float(int x, int y, int c)>& value) {
  double sum = 0;
  int count = 0;
  for (const infill::Run& run : host.canvas().holes) {
    for (int x = run.x0; x < run.x1; ++x) {
      for (int c = 0; c < host.canvas().channels; ++c, ++count) {
        const double difference = double{value(x, run.y, c)} - host.truth(x, run.y, c);
        sum += difference * difference;
      }
    }
  }
  return sum / count;
}

double decibels(double squared) {
  return -10 * std::log10(std::max(squared, 1e-9));
}

size_t index(const TestCanvas& host, int x, int y, int c) {
  const Canvas& canvas = const_cast<TestCanvas&>(host).canvas();
  return static_cast<size_t>(canvas.label.stride * (int64_t{canvas.height} * c + y) + x);
}

TEST(Plan, CallersMistakes) {
  TestCanvas host(kWidth, kHeight, 3, tile_value, square_hole);
  const DeviceCanvas device(host);
  const auto refused = [&](const std::function<void(cuda::PatchMatchCall&)>& change) {
    cuda::PatchMatchCall call = call_of(device);
    change(call);
    const DeviceArray<cuda::PatchMatchCounts> counts(cuda::kMostPatchLevels);
    const cuda::PatchMatchPlan plan{3, 0, false, {1}};
    return cuda::patchmatch_levels(call) == 0 && cuda::patchmatch_workspace(call) == 0 &&
           cuda::patchmatch_prepare(call, counts.data(), counts.data(), nullptr) == cudaErrorInvalidValue &&
           cuda::patchmatch_fill(call, plan, counts.data(), nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.canvas.label = nullptr; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.canvas.channels = 5; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.canvas.planes[2] = nullptr; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.canvas.stride = 1; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.box.width = 0; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.box.x = 60; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.patch_size = 2; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.patch_size = 16; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.iterations = 0; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.passes = 65; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.detail = 1.5F; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) { call.rim[1] = call.canvas.planes[1]; }));
  EXPECT_TRUE(refused([](cuda::PatchMatchCall& call) {
    call.reference = call.canvas;
    call.reference.channels = 2;
  }));
  // What the plan says must hold.
  const cuda::PatchMatchCall call = call_of(device);
  const DeviceArray<uint8_t> memory(cuda::patchmatch_workspace(call));
  const auto plan_refused = [&](const cuda::PatchMatchPlan& plan, void* workspace) {
    return cuda::patchmatch_fill(call, plan, workspace, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(plan_refused({}, memory.data()));
  EXPECT_TRUE(plan_refused({4, 0, false, {1}}, memory.data()));
  EXPECT_TRUE(plan_refused({3, 23, false, {1}}, memory.data()));
  EXPECT_TRUE(plan_refused({3, 1, false, {1}}, memory.data()));
  EXPECT_TRUE(plan_refused({3, 0, false, {1}}, nullptr));
  EXPECT_EQ(cuda::patchmatch_prepare(call, nullptr, memory.data(), nullptr), cudaErrorInvalidValue);
}

// Scales, colours' coverage, sources and targets, for every radius.
TEST(Plan, CountsWhatTheCpuCounts) {
  namespace pm = classic::patchmatch;
  for (const CanvasCase& each : test::canvas_cases()) {
    if (each.name == "no_hole" || each.name == "blob") continue;
    SCOPED_TRACE(each.name);
    const auto host = each.make();
    const Canvas& canvas = host->canvas();
    DeviceCanvas device(*host);
    const cuda::PatchMatchCall call = call_of(device);
    const DeviceArray<uint8_t> workspace(cuda::patchmatch_workspace(call));
    const std::vector<cuda::PatchMatchCounts> counts = prepare(call, workspace.data());

    Threads threads(1);
    Task task;
    std::vector<pm::Level> levels{pm::finest_shape(host->shape(1), {})};
    while (levels.size() < counts.size()) {
      pm::Level next;
      ASSERT_TRUE(pm::next_shape(levels.back(), {}, next));
      levels.push_back(next);
    }
    pm::Level none;
    EXPECT_FALSE(pm::next_shape(levels.back(), {}, none));
    Memory memory;
    std::vector<Block> blocks;
    for (pm::Level& level : levels) {
      Arena measure = Arena::measuring();
      pm::allocate(level, measure);
      blocks.emplace_back(memory, measure.peak());
      Arena arena(blocks.back().data(), blocks.back().size());
      pm::allocate(level, arena);
    }
    pm::load(levels[0], canvas, pm::measure_colours(canvas, threads, task), threads, task);
    for (size_t i = 1; i < levels.size(); ++i) {
      ASSERT_EQ(counts[i].wanted,
                static_cast<unsigned long long>(pm::reduce(levels[i - 1], levels[i], threads, task)));
    }
    for (size_t i = 0; i < levels.size(); ++i) {
      for (int32_t radius = 0; radius <= cuda::kMostPatchRadius; ++radius) {
        pm::mark_patches(levels[i], radius, threads, task);
        ASSERT_EQ(counts[i].targets[radius], static_cast<unsigned long long>(levels[i].targets))
            << i << ' ' << radius;
        ASSERT_EQ(counts[i].sources[radius], static_cast<unsigned long long>(levels[i].sources()))
            << i << ' ' << radius;
      }
    }
  }
}

std::vector<CanvasCase> small_cases() {
  const auto box = [](int x0, int y0, int x1, int y1) {
    return [=](int x, int y) { return x >= x0 && x < x1 && y >= y0 && y < y1 ? kHole : kKnown; };
  };
  return {
      {"one_pixel", 9, 7, 3, box(4, 3, 5, 4)},
      {"one_row", 23, 1, 2, box(3, 0, 10, 1)},
      {"one_column", 1, 21, 1, box(0, 5, 1, 10)},
      {"left_border", 27, 23, 3, box(0, 9, 7, 15)},
      {"right_border", 27, 23, 3, box(20, 9, 27, 15)},
      {"top_border", 27, 23, 2, box(9, 0, 16, 7)},
      {"bottom_border", 27, 23, 4, box(9, 17, 16, 23)},
      {"corners", 29, 25, 4,
       [](int x, int y) { return (x < 5 || x > 23) && (y < 5 || y > 20) ? kHole : kKnown; }},
      {"one_known", 13, 9, 3, [](int x, int y) { return x == 6 && y == 4 ? kKnown : kHole; }},
      {"narrow", 31, 4, 1, box(12, 0, 17, 4)},
      {"excluded_wall", 28, 24, 3,
       [](int x, int y) {
         return x == 14 ? kExcluded : x > 9 && x < 20 && y > 8 && y < 16 ? kHole : kKnown;
       }},
      {"enclosed_by_excluded", 24, 24, 2,
       [](int x, int y) {
         const int d = std::max(std::abs(x - 12), std::abs(y - 12));
         return d < 3 ? kHole : d < 5 ? kExcluded : kKnown;
       }},
      {"dots", 33, 21, 3, [](int x, int y) { return x % 9 == 4 && y % 8 == 3 ? kHole : kKnown; }},
  };
}

TEST(Fill, FillsHolesAndNothingElse) {
  for (const CanvasCase& each : small_cases()) {
    SCOPED_TRACE(each.name);
    const auto host = each.make();
    const Filled filled = fill(*host, [](cuda::PatchMatchCall& call) {
      call.iterations = 1;
      call.patch_size = 5;
    });
    ASSERT_EQ(filled.error, cudaSuccess);
    const bool has_patch =
        each.height >= 3 && each.width >= 3 && each.name != "one_known" && each.name != "narrow";
    ASSERT_EQ(filled.plan.radius >= 0, has_patch);
    if (!has_patch) continue;
    const Canvas& canvas = host->canvas();
    for (int c = 0; c < each.channels; ++c) {
      for (int y = 0; y < each.height; ++y) {
        for (int x = 0; x < each.width; ++x) {
          const float value = filled.values[index(*host, x, y, c)];
          switch (canvas.label.at(x, y)) {
            case kKnown:
              ASSERT_EQ(value, host->truth(x, y, c)) << x << ',' << y;
              break;
            case kExcluded:
              ASSERT_TRUE(std::isnan(value)) << x << ',' << y;
              break;
            default:
              ASSERT_NEAR(value, 0.5F, 0.6F) << x << ',' << y;
          }
        }
      }
    }
  }
}

TEST(Fill, KeepsAConstantExactlyAndFillsTheRim) {
  TestCanvas host(
      kWidth, kHeight, 3, [](int, int, int c) { return 0.3F + 0.1F * static_cast<float>(c); }, square_hole);
  const Filled filled = fill(host, [](cuda::PatchMatchCall& call) { call.iterations = 1; });
  std::vector<float> expected_rim(host.bytes().size(), -7.0F);
  for (int c = 0; c < 3; ++c) {
    for (const infill::Run& run : host.canvas().holes) {
      for (int x = run.x0; x < run.x1; ++x) {
        ASSERT_NEAR(filled.values[index(host, x, run.y, c)], host.truth(x, run.y, c), 1e-6F);
      }
    }
    for (const Point p : host.canvas().rim) expected_rim[index(host, p.x, p.y, c)] = host.truth(p.x, p.y, c);
  }
  EXPECT_EQ(filled.rim, expected_rim);
}

struct Quality {
  const char* name;
  int channels;
  TestCanvas::Value value;
  double margin;  // decibels below the CPU
};

TEST(Fill, AsGoodAsTheCpu) {
  const std::vector<Quality> pictures = {
      {"tiles", 3, tile_value, 3},
      {"photo", 3, test::photo_value, 1},
      {"stripes", 1,
       [](int x, int y, int) {
         return 0.5F + 0.4F * std::sin(0.9F * static_cast<float>(x) + 0.4F * static_cast<float>(y));
       },
       2},
      {"edge and noise", 4,
       [](int x, int y, int c) {
         const float noise =
             static_cast<float>(test::hash_pixel(x, y, static_cast<uint32_t>(c))) / 4294967296.0F;
         return (2 * x + y > 57 ? 0.7F : 0.2F) + 0.05F * noise;
       },
       0.7},
  };
  for (const Quality& picture : pictures) {
    SCOPED_TRACE(picture.name);
    TestCanvas cpu(kWidth, kHeight, picture.channels, picture.value, square_hole);
    cpu.fill(classic::kPatchMatchMethod);
    TestCanvas host(kWidth, kHeight, picture.channels, picture.value, square_hole);
    const Filled filled = fill(host);
    ASSERT_EQ(filled.plan.radius, 3);
    const double theirs = decibels(squared_error(cpu, [&](int x, int y, int c) { return cpu.at(x, y, c); }));
    const double ours = decibels(
        squared_error(host, [&](int x, int y, int c) { return filled.values[index(host, x, y, c)]; }));
    EXPECT_GE(ours, std::min(theirs, 40.0) - picture.margin);
    RecordProperty(std::string(picture.name) + " dB",
                   std::to_string(ours) + " (CPU " + std::to_string(theirs) + ")");
  }
}

TEST(Fill, SameSeedSameBytesOtherSeedOtherBytes) {
  const auto filled = [](uint64_t seed) {
    TestCanvas host(
        kWidth, kHeight, 2, [](int x, int y, int c) { return test::uniform(5, x, y, c); }, square_hole);
    return fill(host,
                [seed](cuda::PatchMatchCall& call) {
                  call.seed = seed;
                  call.iterations = 1;
                })
        .values;
  };
  const auto same = [](const std::vector<float>& a, const std::vector<float>& b) { return a == b; };
  const std::vector<float> seven = filled(7);
  EXPECT_TRUE(same(seven, filled(7)));
  EXPECT_FALSE(same(seven, filled(8)));
}

// Red must not appear: only the right part, which has none, may be copied from.
TEST(Fill, CopiesFromAllowedPixelsOnly) {
  const auto value = [](int x, int y, int channel) {
    const float texture = static_cast<float>(test::hash_pixel(x / 2, y / 2, 3) % 100) / 400;
    return x < 29 ? (channel == 0 ? 0.9F : 0.1F) : (channel == 0 ? 0.0F : 0.5F + texture);
  };
  for (const int first : {29, 41, 42}) {  // 41: smaller patches; 42: one column
    TestCanvas host(kWidth, kHeight, 3, value, square_hole);
    const int64_t stride = host.canvas().label.stride;
    std::vector<uint8_t> allowed(static_cast<size_t>(stride * kHeight), 0);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = first; x < kWidth; ++x) allowed[static_cast<size_t>(y * stride + x)] = 1;
    }
    const DeviceArray<uint8_t> device_allowed(allowed);
    const Filled filled = fill(host, [&](cuda::PatchMatchCall& call) {
      call.allowed = device_allowed.data();
      call.iterations = 1;
    });
    ASSERT_EQ(filled.plan.radius, first == 29 ? 3 : 0);
    for (const infill::Run& run : host.canvas().holes) {
      for (int x = run.x0; x < run.x1; ++x) {
        ASSERT_EQ(filled.values[index(host, x, run.y, 0)], 0.0F) << first << ": " << x << ',' << run.y;
        ASSERT_GE(filled.values[index(host, x, run.y, 1)], 0.499F);
      }
    }
  }
}

// The reference shows what the hole hides, in another place.
TEST(Fill, CopiesFromAReference) {
  const auto value = [](int x, int y, int c) {
    const int blotch = static_cast<int>(test::hash_pixel((x + 100) / 5, (y + 100) / 4, 9) % 128);
    return static_cast<float>(blotch + static_cast<int>(test::hash_pixel(x, y, 3) % 128) / (c + 1)) / 255;
  };
  TestCanvas reference(
      81, 60, 2, [&](int x, int y, int c) { return value(x - 16, y - 8, c); },
      [](int, int) { return kKnown; });
  DeviceCanvas device_reference(reference);
  TestCanvas host(kWidth, kHeight, 2, value, square_hole);
  const Filled filled = fill(host, [&](cuda::PatchMatchCall& call) {
    call.reference = device_reference.canvas;
    call.reference.label = nullptr;
  });
  int wrong = 0;
  int count = 0;
  for (const infill::Run& run : host.canvas().holes) {
    for (int x = run.x0; x < run.x1; ++x, ++count) {
      wrong += std::abs(filled.values[index(host, x, run.y, 0)] - host.truth(x, run.y, 0)) > 1e-3F ? 1 : 0;
    }
  }
  EXPECT_LE(wrong, count / 10);
}

// In noise nothing but a match itself leads to the next one: what one target found at random must reach all.
TEST(Fill, MatchesSpreadInEveryDirection) {
  const auto value = [](int x, int y, int c) {
    return static_cast<float>(test::uniform(9, x + 50, y + 50, c));
  };
  TestCanvas reference(
      47, 45, 1, [&](int x, int y, int c) { return value(x - 3, y - 7, c); },
      [](int, int) { return kKnown; });
  const DeviceCanvas device_reference(reference);
  for (const bool tall : {false, true}) {
    int least_wrong = INT32_MAX;
    for (const uint64_t seed : {1, 2, 3, 4}) {
      TestCanvas host(kWidth, kHeight, 1, value, [tall](int x, int y) {
        const int along = tall ? y : x;
        const int across = tall ? x : y;
        return along >= 8 && along < 27 && across >= 15 && across < 18 ? kHole : kKnown;
      });
      const Filled filled = fill(
          host,
          [&](cuda::PatchMatchCall& call) {
            call.reference = device_reference.canvas;
            call.iterations = 1;
            call.passes = 8;
            call.patch_size = 5;
            call.seed = seed;
          },
          [](cuda::PatchMatchPlan& plan) { plan.exhaustive = false; });
      int wrong = 0;
      for (const infill::Run& run : host.canvas().holes) {
        for (int x = run.x0; x < run.x1; ++x) {
          wrong +=
              std::abs(filled.values[index(host, x, run.y, 0)] - host.truth(x, run.y, 0)) > 1e-3F ? 1 : 0;
        }
      }
      least_wrong = std::min(least_wrong, wrong);
    }
    EXPECT_EQ(least_wrong, 0) << tall;
  }
}

TEST(Fill, EverySizeOfPatchWorks) {
  for (const int size : {3, 4, 9, 15}) {
    TestCanvas host(kWidth, kHeight, 1, tile_value, square_hole);
    const Filled filled = fill(host, [size](cuda::PatchMatchCall& call) {
      call.patch_size = size;
      call.passes = 1;
      call.iterations = 1;
    });
    EXPECT_EQ(filled.plan.radius, size / 2);
    const double error =
        squared_error(host, [&](int x, int y, int c) { return filled.values[index(host, x, y, c)]; });
    EXPECT_LE(error, size == 9 ? 0.02 : 0.1) << size;
  }
}

// Light that is linear, alpha that colours may not exceed, and no more detail than asked for.
TEST(Fill, LinearLightAndAlpha) {
  const auto value = [](int x, int y, int c) {
    return c == 3 ? 0.6F : 0.5F * test::uniform(2, x, y, c) * test::uniform(2, x, y, c);
  };
  for (const float detail : {0.0F, 1.0F}) {
    TestCanvas host(kWidth, kHeight, 4, value, square_hole);
    host.canvas().linear = true;
    host.canvas().has_alpha = true;
    const Filled filled = fill(host, [detail](cuda::PatchMatchCall& call) {
      call.detail = detail;
      call.iterations = 1;
    });
    for (const infill::Run& run : host.canvas().holes) {
      for (int x = run.x0; x < run.x1; ++x) {
        ASSERT_NEAR(filled.values[index(host, x, run.y, 3)], 0.6F, 1e-5F);
        for (int c = 0; c < 3; ++c) {
          ASSERT_GE(filled.values[index(host, x, run.y, c)], 0.0F);
          ASSERT_LE(filled.values[index(host, x, run.y, c)], 0.6F + 1e-5F);
        }
      }
    }
  }
}

// Averages of noise are smooth; what is restored has about the energy of the picture.
TEST(Fill, RestoresDetail) {
  const auto value = [](int x, int y, int c) { return test::uniform(5, x, y, c); };
  const auto energy = [&](float detail) {
    TestCanvas host(kWidth, kHeight, 1, value, square_hole);
    const Filled filled = fill(host, [detail](cuda::PatchMatchCall& call) {
      call.detail = detail;
      call.iterations = 2;
    });
    double sum = 0;
    for (const infill::Run& run : host.canvas().holes) {
      for (int x = run.x0 + 1; x < run.x1; ++x) {
        const double step =
            filled.values[index(host, x, run.y, 0)] - filled.values[index(host, x - 1, run.y, 0)];
        sum += step * step;
      }
    }
    return sum;
  };
  EXPECT_GT(energy(1), 1.3 * energy(0));
}

}  // namespace
}  // namespace infill
