// Fills by a network: what the pipeline adds to it. That the network computes the published numbers is shown
// in inference/deepfill_test.cpp.
#include "pipeline/neural.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "core/status.h"
#include "pipeline/fill.h"
#include "support/golden_deepfill.h"
#include "support/pictures.h"

namespace infill::pipeline {
namespace {

using test::Mask;
using test::Picture;

constexpr int kWidth = 120;
constexpr int kHeight = 92;

bool blob(int x, int y) {
  return (x - 60) * (x - 60) + (y - 40) * (y - 40) < 14 * 14;
}

float smooth(int x, int y, int channel) {
  return static_cast<float>(0.5 + 0.3 * std::sin(0.1 * x + channel) * std::cos(0.07 * y));
}

uint8_t byte(int x, int y, int channel) {
  return static_cast<uint8_t>(255 * smooth(x, y, channel));
}

class NeuralFill : public testing::Test {
 protected:
  NeuralFill() {
    options.method = &kNeural;
    options.model = &network;
    options.method_settings = Settings(kNeural.parameters);
    options.blend_settings = Settings(blend_parameters());
  }

  Result run(Picture& src, Picture& mask, Picture& dst, int thread_count = 2, Task* task = nullptr) {
    Memory memory;
    Threads threads(thread_count);
    Block cache;
    Task own;
    return fill(request_of(src, mask, dst), options, memory, cache, threads, task != nullptr ? *task : own);
  }
  uint64_t estimated(Picture& src, Picture& mask, Picture& dst) const {
    Memory memory;
    Threads threads(2);
    Task task;
    return estimate(request_of(src, mask, dst), options, memory, 0, threads, task).bytes;
  }
  static Request request_of(Picture& src, Picture& mask, Picture& dst) {
    Request request;
    request.src = src.image();
    request.mask = mask.image();
    request.dst = dst.image();
    request.roi = src.image().bounds();
    return request;
  }

  // Planes of red, green and blue.
  struct Tensors {
    int width, height;
    std::vector<float> values;
    [[nodiscard]] double at(int x, int y, int c) const {
      return static_cast<double>(values[static_cast<size_t>((c * height + y) * width + x)]);
    }
  };
  struct Size {
    int width, height;
  };
  // What the network by itself makes of a picture given pixel by pixel.
  [[nodiscard]] Tensors painted(Size size, const auto& is_unknown, const auto& colour) const {
    const auto area = static_cast<size_t>(size.width) * static_cast<size_t>(size.height);
    std::vector<float> image(3 * area);
    std::vector<uint8_t> unknown(area);
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        const auto at = static_cast<size_t>(y * size.width + x);
        unknown[at] = is_unknown(x, y) ? 1 : 0;
        for (int c = 0; c < 3; ++c) image[static_cast<size_t>(c) * area + at] = colour(x, y, c);
      }
    }
    Tensors filled{size.width, size.height, std::vector<float>(3 * area)};
    const auto planes = [&](auto* data) {
      using View = Plane<std::remove_pointer_t<decltype(data)>>;
      const auto plane = [&](size_t c) { return View{data + c * area, size.width, size.height, size.width}; };
      return std::array{plane(0), plane(1), plane(2)};
    };
    Memory memory;
    const Block block(memory, network.scratch(size.height, size.width, 1));
    Arena arena(block.data(), block.size());
    Threads threads(1);
    Task task;
    kernels::ThreadsParallel parallel(threads, task);
    network.run({.height = size.height,
                 .width = size.width,
                 .image = planes(static_cast<const float*>(image.data())),
                 .unknown = {unknown.data(), size.width, size.height, size.width},
                 .wanted = {0, 0, size.height, size.width},
                 .coarse = {},
                 .refined = planes(filled.values.data())},
                arena, parallel, [](double) {});
    return filled;
  }

  inference::DeepFill network = test::golden_deepfill();
  Options options;
};

TEST_F(NeuralFill, FillsTheHoleAndNothingElse) {
  Picture src(Format::kRgb8, kWidth, kHeight);
  src.set<uint8_t>(byte);
  Picture dst(Format::kRgb8, kWidth, kHeight);
  Mask mask(kWidth, kHeight, blob);
  const Result result = run(src, mask, dst);
  uint64_t holes = 0;
  uint64_t changed = 0;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      for (int c = 0; c < 3; ++c) {
        const bool same = dst.at<uint8_t>(x, y, c) == src.at<uint8_t>(x, y, c);
        if (!blob(x, y)) {
          ASSERT_TRUE(same) << x << ' ' << y;
        }
        changed += same ? 0 : 1;
      }
      holes += blob(x, y) ? 1 : 0;
    }
  }
  EXPECT_EQ(result.hole_pixels, holes);
  EXPECT_GT(changed, holes);
}

TEST_F(NeuralFill, AtItsOwnScaleItIsWhatTheNetworkSays) {
  options.blend_settings.set(kSeam, 0);
  Picture src(Format::kRgb32F, 64, 64);
  src.set<float>(smooth);
  Picture dst(Format::kRgb32F, 64, 64);
  Mask mask(64, 64, [](int x, int y) { return x >= 20 && x < 33 && y >= 30 && y < 47; });
  run(src, mask, dst);
  const Tensors filled = painted(
      {64, 64}, [&](int x, int y) { return mask.at<uint8_t>(x, y) != 0; }, smooth);
  for (int y = 30; y < 47; ++y) {
    for (int x = 20; x < 33; ++x) {
      for (int c = 0; c < 3; ++c) EXPECT_NEAR(dst.at<float>(x, y, c), filled.at(x, y, c), 1e-5);
    }
  }
}

TEST_F(NeuralFill, SameBytesForAllThreadsAndInPlace) {
  Picture src(Format::kRgb8, kWidth, kHeight);
  src.set<uint8_t>(byte);
  Picture one(Format::kRgb8, kWidth, kHeight);
  Picture three(Format::kRgb8, kWidth, kHeight);
  Mask mask(kWidth, kHeight, blob);
  run(src, mask, one, 1);
  run(src, mask, three, 3);
  run(src, mask, src, 2);
  EXPECT_EQ(one.bytes(), three.bytes());
  EXPECT_EQ(one.bytes(), src.bytes());
}

TEST_F(NeuralFill, TheSeamIsClosed) {
  Picture src(Format::kRgb32F, kWidth, kHeight);
  src.set<float>([](int, int, int) { return 0.4F; });
  Picture dst(Format::kRgb32F, kWidth, kHeight);
  Mask mask(kWidth, kHeight, [](int x, int y) { return x >= 40 && x < 80 && y >= 30 && y < 70; });
  const auto step = [&](double seam) {
    options.blend_settings.set(kSeam, seam);
    run(src, mask, dst);
    double sum = 0;
    for (int y = 30; y < 70; ++y) sum += std::abs(static_cast<double>(dst.at<float>(40, y, 1)) - 0.4);
    return sum / 40;
  };
  EXPECT_LT(step(1), 0.5 * step(0));
}

TEST_F(NeuralFill, TheScaleFollowsTheThicknessOfTheHole) {
  Settings settings(kNeural.parameters);
  EXPECT_EQ(neural_scale(settings, {0, 0, 256, 256}, 65536), 1);
  EXPECT_EQ(neural_scale(settings, {0, 0, 257, 257}, 257 * 257), 2);
  EXPECT_EQ(neural_scale(settings, {0, 0, 5000, 20}, 5000), 1);
  EXPECT_EQ(neural_scale(settings, {0, 0, 2000, 1500}, 3'000'000), 6);
  settings.set(kNeuralSize, 32);
  EXPECT_EQ(neural_scale(settings, {0, 0, 100, 90}, 9000), 3);
}

TEST_F(NeuralFill, ALargeHoleIsFilledAtASmallerScale) {
  constexpr int kScale = 4;  // 100 pixels, of which the network gets 32 at most
  constexpr int kRight = 301;
  constexpr int kBottom = 203;
  options.method_settings.set(kNeuralSize, 32);
  options.blend_settings.set(kSeam, 0);
  const auto hole = [](int x, int y) { return x >= 90 && x < 190 && y >= 40 && y < 140; };
  Picture src(Format::kRgb32F, kRight, kBottom);
  src.set<float>(smooth);
  Picture dst(Format::kRgb32F, kRight, kBottom);
  Mask mask(kRight, kBottom, hole);
  const uint64_t small = estimated(src, mask, dst);
  run(src, mask, dst);

  const auto pixels = [&](int x, int y, const auto& visit) {
    for (int i = kScale * y; i < std::min(kScale * (y + 1), kBottom); ++i) {
      for (int j = kScale * x; j < std::min(kScale * (x + 1), kRight); ++j) visit(j, i);
    }
  };
  const auto any_hole = [&](int x, int y) {
    bool any = false;
    pixels(x, y, [&](int j, int i) { any = any || hole(j, i); });
    return any;
  };
  const auto mean = [&](int x, int y, int c) {
    double sum = 0;
    int count = 0;
    pixels(x, y, [&](int j, int i) {
      sum += smooth(j, i, c);
      ++count;
    });
    return static_cast<float>(sum / count);
  };
  const Tensors filled =
      painted({(kRight + kScale - 1) / kScale, (kBottom + kScale - 1) / kScale}, any_hole, mean);
  for (int y = 40; y < 140; ++y) {
    for (int x = 90; x < 190; ++x) {
      const double u = (x + 0.5) / kScale - 0.5;
      const double v = (y + 0.5) / kScale - 0.5;
      const int left = static_cast<int>(std::floor(u));
      const int top = static_cast<int>(std::floor(v));
      for (int c = 0; c < 3; ++c) {
        const double above = std::lerp(filled.at(left, top, c), filled.at(left + 1, top, c), u - left);
        const double below =
            std::lerp(filled.at(left, top + 1, c), filled.at(left + 1, top + 1, c), u - left);
        ASSERT_NEAR(dst.at<float>(x, y, c), std::lerp(above, below, v - top), 1e-4) << x << ' ' << y;
      }
    }
  }
  options.method_settings.set(kNeuralSize, 256);
  EXPECT_LT(2 * small, estimated(src, mask, dst)) << "four times the scale, a fraction of the memory";
}

TEST_F(NeuralFill, EstimatesHoldAndAreNotTwiceTooLarge) {
  for (const int size : {32, 256}) {
    options.method_settings.set(kNeuralSize, size);
    for (const Format format : {Format::kRgb8, Format::kRgba16, Format::kGray32F}) {
      Picture src(format, 210, 160);
      Picture dst(format, 210, 160);
      Mask mask(210, 160, [](int x, int y) { return blob(x, y) || (x > 150 && x < 200 && y > 100); });
      const uint64_t bytes = estimated(src, mask, dst);
      const Result result = run(src, mask, dst);
      EXPECT_GE(bytes, result.scratch);
      EXPECT_LE(result.scratch_used, result.scratch);
      EXPECT_GE(2 * result.scratch_used, result.scratch);
    }
  }
}

TEST_F(NeuralFill, GreyIsGreyAndOpaqueStaysOpaque) {
  options.blend_settings.set(kSeam, 0);
  Mask mask(kWidth, kHeight, blob);
  Picture rgb(Format::kRgb32F, kWidth, kHeight);
  rgb.set<float>([](int x, int y, int) { return smooth(x, y, 0); });
  Picture grey(Format::kGray32F, kWidth, kHeight);
  grey.set<float>([](int x, int y, int) { return smooth(x, y, 0); });
  Picture rgba(Format::kRgba32F, kWidth, kHeight);
  rgba.set<float>([](int x, int y, int c) { return c == 3 ? 1.0F : smooth(x, y, 0); });
  run(rgb, mask, rgb);
  run(grey, mask, grey);
  run(rgba, mask, rgba);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const float mean = (rgb.at<float>(x, y, 0) + rgb.at<float>(x, y, 1) + rgb.at<float>(x, y, 2)) / 3;
      EXPECT_NEAR(grey.at<float>(x, y), mean, 1e-4);
      EXPECT_NEAR(rgba.at<float>(x, y, 3), 1, 1e-4);
      for (int c = 0; c < 3; ++c) EXPECT_NEAR(rgba.at<float>(x, y, c), rgb.at<float>(x, y, c), 1e-3);
    }
  }
}

TEST_F(NeuralFill, TranslucentPicturesGetTheColoursOfOpaqueOnes) {
  options.blend_settings.set(kSeam, 0);
  Mask mask(kWidth, kHeight, blob);
  Picture opaque(Format::kRgb32F, kWidth, kHeight);
  opaque.set<float>(smooth);
  run(opaque, mask, opaque);
  const auto alpha = [](int x) { return 0.05F + 0.007F * static_cast<float>(x); };
  for (const Alpha kind : {Alpha::kStraight, Alpha::kPremultiplied}) {
    Picture src(Format::kRgba32F, kWidth, kHeight);
    src.image().alpha = kind;
    src.set<float>([&](int x, int y, int c) {
      if (c == 3) return alpha(x);
      return smooth(x, y, c) * (kind == Alpha::kPremultiplied ? alpha(x) : 1);
    });
    run(src, mask, src);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        const float shown = kind == Alpha::kPremultiplied ? src.at<float>(x, y, 3) : 1;
        EXPECT_NEAR(src.at<float>(x, y, 3), alpha(x), 1e-3);
        for (int c = 0; c < 3; ++c)
          EXPECT_NEAR(src.at<float>(x, y, c) / shown, opaque.at<float>(x, y, c), 2e-3);
      }
    }
  }
}

TEST_F(NeuralFill, WhatIsTransparentShowsTheNetworkNoColour) {
  Mask mask(kWidth, kHeight, blob);
  const auto filled = [&](float colour) {
    Picture src(Format::kRgba32F, kWidth, kHeight);
    src.image().alpha = Alpha::kStraight;
    src.set<float>([&](int x, int y, int c) {
      if (x >= 40) return c == 3 ? 1.0F : smooth(x, y, c);
      return c == 3 ? 0.0F : colour;
    });
    run(src, mask, src);
    std::vector<float> values;
    for (int x = 47; x < 74; ++x) {
      for (int c = 0; c < 4; ++c) values.push_back(src.at<float>(x, 40, c));
    }
    return values;
  };
  const std::vector<float> values = filled(0.1F);
  EXPECT_EQ(values, filled(0.9F));
  for (const float value : values) EXPECT_TRUE(std::isfinite(value));
}

TEST_F(NeuralFill, LinearLightIsEncodedForTheNetwork) {
  Mask mask(kWidth, kHeight, blob);
  options.blend_settings.set(kSeam, 0);
  Picture encoded(Format::kRgb32F, kWidth, kHeight);
  encoded.set<float>(smooth);
  Picture linear(Format::kRgb32F, kWidth, kHeight);
  linear.set<float>([](int x, int y, int c) {
    return static_cast<float>(std::pow((smooth(x, y, c) + 0.055) / 1.055, 2.4));
  });
  linear.image().color = Color::kLinear;
  run(encoded, mask, encoded);
  run(linear, mask, linear);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      if (!blob(x, y)) continue;
      const double value = encoded.at<float>(x, y, 1);
      const double expected = value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
      EXPECT_NEAR(linear.at<float>(x, y, 1), expected, 1e-3);
    }
  }
}

TEST_F(NeuralFill, TwoChannelsOfAnythingAreRefused) {
  Picture src(Format::kRg8, kWidth, kHeight);
  Mask mask(kWidth, kHeight, blob);
  try {
    run(src, mask, src);
    FAIL() << "was not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kUnsupported);
    EXPECT_STREQ(error.what(), "src.format: RG8 is no colour; networks fill RGB and grey");
  }
}

// Wherever in the network: in all of it, before attention only, which gives numbers whatever it is asked.
TEST_F(NeuralFill, NumbersThatOverflowAreAnErrorAndNotAPicture) {
  for (const char* const part : {"stage", "stage2.ca_", "stage2.ca_conv_bn1"}) {
    for (const float factor : {1e30F, 1e38F}) {
      const inference::DeepFill broken =
          test::golden_deepfill([&](const std::string& key, std::vector<float>& values) {
            if (!key.starts_with(part) || !key.ends_with("weight")) return;
            for (float& value : values) value *= factor;
          });
      options.model = &broken;
      Picture src(Format::kRgb8, kWidth, kHeight);
      src.set<uint8_t>(byte);
      Mask mask(kWidth, kHeight, blob);
      try {
        run(src, mask, src);
        FAIL() << "was not refused: " << part << " times " << factor;
      } catch (const Error& error) {
        EXPECT_EQ(error.status(), Status::kUnsupported) << error.what();
        EXPECT_NE(std::string(error.what()).find("fill_model: its numbers overflow"), std::string::npos);
      }
    }
  }
}

TEST_F(NeuralFill, ReportsProgressAndIsCancelled) {
  Picture src(Format::kRgb8, kWidth, kHeight);
  src.set<uint8_t>(byte);
  Mask mask(kWidth, kHeight, blob);
  std::vector<double> fractions;
  Task watched([&](const ProgressReport& report) {
    fractions.push_back(report.fraction);
    return false;
  });
  run(src, mask, src, 1, &watched);
  EXPECT_GT(fractions.size(), 20U);
  EXPECT_TRUE(std::ranges::is_sorted(fractions));
  EXPECT_EQ(fractions.back(), 1);
  EXPECT_LE(watched.longest_step(), Task::kPollEvery);
  Task cancelled([](const ProgressReport& report) { return report.fraction > 0.3; });
  try {
    run(src, mask, src, 2, &cancelled);
    FAIL() << "was not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kCancelled);
  }
}

}  // namespace
}  // namespace infill::pipeline
