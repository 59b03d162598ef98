// The edge of a hole must not show: on noisy photos, every method with the blend stage on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "classic/patchmatch.h"
#include "pipeline/fill.h"
#include "support/noise.h"
#include "support/pictures.h"

namespace infill::pipeline {
namespace {

using test::Mask;
using test::Picture;

constexpr int kSize = 128;

bool disc(int x, int y) {
  return (x - 48) * (x - 48) + (y - 60) * (y - 60) < 22 * 22;
}
bool stroke(int x, int y) {
  return std::abs((x - 20) - (y - 10)) < 7 && x > 12 && x < 110;
}
bool near_hole(bool (*hole)(int, int), int x, int y, int reach) {
  for (int j = -reach; j <= reach; ++j) {
    for (int i = -reach; i <= reach; ++i) {
      if (hole(x + i, y + j)) return true;
    }
  }
  return false;
}

void load_noisy_photo(const std::string& name, double deviation, Picture& picture) {
  std::ifstream file(std::string(INFILL_TEST_DATA) + "/" + name, std::ios::binary);
  std::string magic;
  int width = 0;
  int height = 0;
  int maximum = 0;
  file >> magic >> width >> height >> maximum;
  file.get();
  ASSERT_TRUE(file && magic == "P6" && width == kSize && height == kSize && maximum == 255) << name;
  picture.set<uint8_t>([&](int x, int y, int c) {
    const double noisy = file.get() + deviation * test::gauss(21, x, y, c);
    return static_cast<uint8_t>(std::clamp(noisy + 0.5, 0.0, 255.0));
  });
  ASSERT_TRUE(file) << name;
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Measures {
  double edge_step = 0,
         ring_step = 0;  // mean |difference| of neighbours across the edge, and around the hole
  double inside_grain = 0, ring_grain = 0;  // median |high pass|: edges of things do not count
};

Measures measure(Picture& picture, bool (*hole)(int, int)) {
  Measures m;
  int edges = 0;
  int steps = 0;
  std::vector<double> inside;
  std::vector<double> ring;
  for (int y = 2; y < kSize - 2; ++y) {
    for (int x = 2; x < kSize - 2; ++x) {
      if (!near_hole(hole, x, y, 8)) continue;
      for (int c = 0; c < 3; ++c) {
        const auto at = [&](int i, int j) { return double(picture.at<uint8_t>(x + i, y + j, c)); };
        for (const auto& [i, j] : {std::pair{1, 0}, {0, 1}}) {
          const double step = std::abs(at(i, j) - at(0, 0));
          if (hole(x, y) != hole(x + i, y + j)) {
            m.edge_step += step;
            ++edges;
          } else if (!hole(x, y)) {
            m.ring_step += step;
            ++steps;
          }
        }
        const double high = at(-1, -1) + at(1, -1) + at(-1, 1) + at(1, 1) -
                            2 * (at(0, -1) + at(-1, 0) + at(1, 0) + at(0, 1)) + 4 * at(0, 0);
        if (hole(x, y)) {
          inside.push_back(std::abs(high));
        } else if (!near_hole(hole, x, y, 1)) {
          ring.push_back(std::abs(high));
        }
      }
    }
  }
  m.edge_step /= edges;
  m.ring_step /= steps;
  m.inside_grain = median(inside);
  m.ring_grain = median(ring);
  return m;
}

class Seams : public testing::TestWithParam<const classic::Method*> {};

// least: how much of the ring's grain there has to be.
void expect_no_seam(const classic::Method& method, double grain, double least) {
  for (const char* name : {"rocket-sky.ppm", "rocket-rocket.ppm", "rocket-cloud.ppm"}) {
    for (const double deviation : {3.0, 8.0}) {
      for (const auto hole : {&disc, &stroke}) {
        Picture picture(Format::kRgb8, kSize, kSize);
        load_noisy_photo(name, deviation, picture);
        Mask mask(kSize, kSize, hole);
        Options options;
        options.method = &method;
        options.method_settings = Settings(method.parameters);
        options.blend_settings = Settings(blend_parameters());
        options.blend_settings.set(kGrain, grain);
        Memory memory;
        Block cache;
        Threads threads(2);
        Task task;
        fill({picture.image(), mask.image(), picture.image(), {}, {}, picture.image().bounds(), 5}, options,
             memory, cache, threads, task);
        const Measures m = measure(picture, hole);
        const std::string what =
            std::string(name) + (hole == &disc ? " disc " : " stroke ") + std::to_string(deviation);
        EXPECT_LE(m.edge_step, 1.2 * m.ring_step) << what;
        EXPECT_GE(m.inside_grain, least * m.ring_grain) << what;
        EXPECT_LE(m.inside_grain, 1.25 * m.ring_grain) << what;
      }
    }
  }
}

TEST_P(Seams, DoesNotShowOnNoisyPhotos) {
  expect_no_seam(*GetParam(), 1, 0.8);
}

// Patches bring most of the grain with them.
TEST(Seam, OfPatchesDoesNotShowWithoutAddedGrain) {
  expect_no_seam(classic::kPatchMatchMethod, 0, 0.7);
}

INSTANTIATE_TEST_SUITE_P(Blend, Seams,
                         testing::ValuesIn(classic::methods().begin(), classic::methods().end()),
                         [](const auto& param) {
                           std::string name = param.param->name;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace infill::pipeline
