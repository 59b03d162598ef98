#include "core/pixels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/status.h"
#include "support/test_image.h"

namespace infill {
namespace {

using test::kLayouts;
using test::kPictureFormats;
using test::Layout;
using test::TestImage;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A canvas that shows `rect` of a picture.
class Window {
 public:
  Window(const Image& image, const Rect& rect) {
    canvas.x = rect.x;
    canvas.y = rect.y;
    canvas.width = rect.width;
    canvas.height = rect.height;
    canvas.channels = canvas_channels(image);
    canvas.has_alpha = canvas_has_alpha(image);
    const auto area = static_cast<size_t>(rect.area());
    values_.assign(area * 4, -77.0F);
    labels_.assign(area, kKnown);
    for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
      canvas.planes.at(c) = {&values_[area * c], rect.width, rect.height, rect.width};
    }
    canvas.label = {labels_.data(), rect.width, rect.height, rect.width};
  }
  void load(const Image& src, const Image& mask) {
    for (int32_t y = 0; y < canvas.height; ++y) load_row(src, mask, canvas, y);
  }
  [[nodiscard]] float& at(int x, int y, int c) { return canvas.planes.at(static_cast<size_t>(c)).at(x, y); }

  Canvas canvas;

 private:
  std::vector<float> values_;
  std::vector<uint8_t> labels_;
};

// Which channel of memory canvas channel c is, by the format's name.
int memory_channel(const Image& image, int c) {
  const std::string name = image.format->name;
  if (name.starts_with("GRAY")) return 0;
  return static_cast<int>(name.find("RGBA"[c]));
}

double canvas_value(TestImage& picture, int x, int y, int c) {
  const Image& image = picture.image();
  const double value = picture.get(x, y, memory_channel(image, c)) / picture.maximum();
  if (!canvas_has_alpha(image) || image.alpha == Alpha::kPremultiplied || c == canvas_channels(image) - 1) {
    return static_cast<float>(value);
  }
  const double alpha =
      picture.get(x, y, memory_channel(image, canvas_channels(image) - 1)) / picture.maximum();
  return static_cast<float>(value) * static_cast<float>(alpha);
}

void for_each_case(const auto& body) {
  for (const Format format : kPictureFormats) {
    const bool has_alpha = format_info(format)->alpha >= 0;
    for (const Alpha alpha : {Alpha::kStraight, Alpha::kPremultiplied, Alpha::kIgnore}) {
      if (!has_alpha && alpha != Alpha::kStraight) continue;
      for (const Layout layout : kLayouts) {
        SCOPED_TRACE(std::string(format_info(format)->name) + " alpha " +
                     std::to_string(static_cast<int>(alpha)) + " layout " +
                     std::to_string(static_cast<int>(layout)));
        body(format, alpha, layout);
      }
    }
  }
}

TEST(Load, EveryFormatAndLayout) {
  for_each_case([](Format format, Alpha alpha, Layout layout) {
    TestImage src(format, 13, 7, layout);
    src.randomise(3);
    src.image().alpha = alpha;
    TestImage mask(Format::kGray8, 13, 7);
    for (int y = 0; y < 7; ++y) {
      for (int x = 0; x < 13; ++x) mask.set(x, y, 0, (x + y) % 3 == 0 ? 255 : 0);
    }
    const std::vector<std::byte> before = src.bytes();
    for (const Rect& rect : {Rect{0, 0, 13, 7}, Rect{3, 2, 9, 4}, Rect{12, 6, 1, 1}}) {
      Window window(src.image(), rect);
      for (int y = 0; y < rect.height; ++y) {
        for (int x = 0; x < rect.width; ++x) {
          window.canvas.label.at(x, y) =
              (x + rect.x + y + rect.y) % 3 == 0 ? (x % 2 == 0 ? kHole : kExcluded) : kKnown;
        }
      }
      window.load(src.image(), mask.image());
      for (int y = 0; y < rect.height; ++y) {
        for (int x = 0; x < rect.width; ++x) {
          for (int c = 0; c < window.canvas.channels; ++c) {
            const bool known = window.canvas.label.at(x, y) == kKnown;
            const double expected = known ? canvas_value(src, x + rect.x, y + rect.y, c) : 0;
            ASSERT_EQ(window.at(x, y, c), static_cast<float>(expected)) << x << ' ' << y << ' ' << c;
          }
        }
      }
      load_run(src.image(), {rect.y, rect.x, rect.x + rect.width}, window.canvas);
      load_reference_row(src.image(), window.canvas, rect.height - 1);
      for (int x = 0; x < rect.width; ++x) {
        for (int c = 0; c < window.canvas.channels; ++c) {
          for (const int y : {0, rect.height - 1}) {
            ASSERT_EQ(window.at(x, y, c), static_cast<float>(canvas_value(src, x + rect.x, y + rect.y, c)));
          }
        }
      }
    }
    ASSERT_EQ(src.bytes(), before);
  });
}

// What load_row says of a one-pixel picture in which channel 0 holds `value`.
std::string complaint(Format format, double value, double mask_value, Label label, double alpha = 1) {
  TestImage src(format, 5, 3);
  const int alpha_channel = src.image().format->alpha;
  for (int x = 0; x < 5; ++x) {
    for (int y = 0; y < 3; ++y) {
      for (int c = 0; c < src.image().format->channels; ++c) src.set(x, y, c, 0.5);
    }
  }
  src.set(3, 2, 0, value);
  if (alpha_channel > 0) src.set(3, 2, alpha_channel, alpha);
  TestImage mask(Format::kGray32F, 5, 3);
  std::fill(mask.bytes().begin(), mask.bytes().end(), std::byte{0});
  mask.set(3, 2, 0, mask_value);
  Window window(src.image(), {1, 1, 4, 2});
  window.canvas.label.at(2, 1) = label;
  try {
    window.load(src.image(), mask.image());
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(Load, WhatIsNotFiniteIsRefusedWhereItCounts) {
  for (const Format format : {Format::kGray32F, Format::kRgba32F, Format::kRgb16F}) {
    for (const float bad : {kNan, kInfinity, -kInfinity}) {
      EXPECT_EQ(complaint(format, bad, 0, kKnown).rfind("src: pixel (3, 2), channel 0 is ", 0), 0U);
      EXPECT_NE(complaint(format, bad, 0.5, kHole), "");    // a soft edge mixes it in
      EXPECT_EQ(complaint(format, bad, 1, kHole), "");      // under a full hole
      EXPECT_EQ(complaint(format, bad, 1, kExcluded), "");  // another part's hole
      EXPECT_EQ(complaint(format, bad, 0.5, kExcluded), "");
      EXPECT_EQ(complaint(format, bad, 1, kKnown), "");  // filled already: dst's value comes next
    }
    EXPECT_EQ(complaint(format, 0.25, 0, kKnown), "");
  }
  EXPECT_EQ(complaint(Format::kGray32F, -1e18F, 0, kKnown), "");
  EXPECT_NE(complaint(Format::kGray32F, -FLT_MAX, 0, kKnown).find("beyond 1e18"),
            std::string::npos);  // "no data"
  EXPECT_NE(complaint(Format::kRgba32F, 1e18F, 0, kKnown, 2).find("times alpha"), std::string::npos);
  EXPECT_NE(complaint(Format::kRgba32F, 1, 0, kKnown, kNan), "");
}

TEST(Load, AReferenceMustBeFinite) {
  TestImage reference(Format::kRgb32F, 4, 4);
  reference.randomise(1);
  reference.set(2, 3, 1, kNan);
  Window window(reference.image(), {0, 0, 4, 4});
  load_reference_row(reference.image(), window.canvas, 2);
  try {
    load_reference_row(reference.image(), window.canvas, 3);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).rfind("reference: pixel (2, 3), channel 1 is ", 0), 0U);
  }
}

// What memory should hold, in units of the type, before rounding; from premultiplied canvas values.
double encoded(const TestImage& picture, const std::array<double, 4>& canvas, int channels, int c) {
  const Image& image = const_cast<TestImage&>(picture).image();
  const bool is_float = picture.maximum() == 1;
  double value = canvas.at(static_cast<size_t>(c));
  if (canvas_has_alpha(image)) {
    const double alpha = std::clamp(canvas.at(static_cast<size_t>(channels - 1)), 0.0, is_float ? 1e30 : 1.0);
    if (c == channels - 1) {
      value = alpha;
    } else if (image.alpha == Alpha::kStraight) {
      value = alpha > 0 ? value / alpha : 0;
    }
  }
  if (is_float) return value;
  return std::clamp(value, 0.0, 1.0) * picture.maximum();
}

TEST(Store, EveryFormatAndLayoutAgainstTheFormula) {
  for_each_case([](Format format, Alpha alpha, Layout layout) {
    constexpr int kWidth = 11;
    constexpr int kHeight = 5;
    TestImage src(format, kWidth, kHeight, Layout::kPacked);
    TestImage dst(format, kWidth, kHeight, layout);
    TestImage in_place(format, kWidth, kHeight, layout);
    src.randomise(4);
    in_place.randomise(4);
    for (TestImage* image : {&src, &dst, &in_place}) image->image().alpha = alpha;
    TestImage mask(Format::kGray16, kWidth, kHeight);
    Window window(src.image(), {1, 1, kWidth - 1, kHeight - 2});
    std::mt19937 random(5);
    std::uniform_real_distribution<float> uniform(-0.3F, 1.4F);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        mask.set(x, y, 0, x % 3 == 0 ? 0 : x % 3 == 1 ? 65535 : 13107 * (1 + y % 4));
        if (!window.canvas.label.contains(x - 1, y - 1)) continue;
        for (int c = 0; c < window.canvas.channels; ++c) window.at(x - 1, y - 1, c) = uniform(random);
      }
    }
    const std::vector<std::byte> untouched = dst.bytes();
    std::vector<std::byte> expected_bytes = untouched;
    for (int y = 1; y < kHeight - 1; ++y) {
      for (const infill::Run run : {infill::Run{y, 1, 4}, infill::Run{y, 4, kWidth}}) {
        store_run(src.image(), mask.image(), dst.image(), run, window.canvas);
        store_run(in_place.image(), mask.image(), in_place.image(), run, window.canvas);
      }
    }
    const int channels = window.canvas.channels;
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        const double m = mask.get(x, y) / 65535;
        const bool stored = m > 0 && window.canvas.label.contains(x - 1, y - 1);
        std::array<double, 4> mixed{};
        for (int c = 0; stored && c < channels; ++c) {
          const double old = canvas_value(src, x, y, c);
          const double fill = window.at(x - 1, y - 1, c);
          mixed.at(static_cast<size_t>(c)) = old + m * (fill - old);
        }
        for (int c = 0; c < channels; ++c) {
          const int channel = memory_channel(src.image(), c);
          if (!stored) {
            ASSERT_TRUE(in_place.same_cell(src, x, y, channel)) << x << ' ' << y;
            continue;
          }
          const double expected = encoded(dst, mixed, channels, c);
          const double tolerance = dst.maximum() == 1 ? 1e-5 + std::abs(expected) * 6e-4 : 0.5 + 0.02;
          // Colours over next to no alpha magnify the float's rounding.
          const double alpha_value =
              canvas_has_alpha(src.image()) ? mixed.at(static_cast<size_t>(channels - 1)) : 1;
          if (std::abs(alpha_value) > 0.01) {
            ASSERT_NEAR(dst.get(x, y, channel), expected, tolerance) << x << ' ' << y << ' ' << c;
          }
          ASSERT_TRUE(in_place.same_cell(dst, x, y, channel)) << x << ' ' << y << ' ' << c;
          if (m == 1 && dst.image().format->type == PixelType::kF32 && alpha != Alpha::kStraight &&
              c != channels - 1) {
            ASSERT_EQ(dst.get(x, y, channel), static_cast<double>(window.at(x - 1, y - 1, c)));
          }
        }
        if (alpha == Alpha::kIgnore) {
          const int channel = src.image().format->alpha;
          ASSERT_TRUE(in_place.same_cell(src, x, y, channel));
          if (window.canvas.label.contains(x - 1, y - 1)) {
            ASSERT_TRUE(dst.same_cell(src, x, y, channel));
          }
        }
        // Whatever was not stored is as before: lay the old cell over it and compare everything.
        for (int c = 0; c < src.image().format->channels; ++c) {
          const bool written = stored || (alpha == Alpha::kIgnore && c == src.image().format->alpha &&
                                          window.canvas.label.contains(x - 1, y - 1));
          if (!written) continue;
          const auto size = static_cast<size_t>(bytes_per_channel(dst.image().format->type));
          std::memcpy(expected_bytes.data() + (dst.cell(x, y, c) - dst.bytes().data()), dst.cell(x, y, c),
                      size);
        }
      }
    }
    ASSERT_EQ(dst.bytes(), expected_bytes);
  });
}

// Every value of a type goes through a canvas and back.
TEST(Store, EightAndSixteenBitsComeBack) {
  for (const Format format : {Format::kGray8, Format::kGray16, Format::kGray16F}) {
    const int count = format == Format::kGray8 ? 256 : 65536;
    TestImage src(format, count, 1);
    TestImage dst(format, count, 1);
    TestImage mask(Format::kMask8, count, 1);
    for (int i = 0; i < count; ++i) {
      mask.set(i, 0, 0, 1);
      const auto bits = static_cast<uint16_t>(i);
      std::memcpy(src.cell(i, 0, 0), &bits, static_cast<size_t>(bytes_per_channel(src.image().format->type)));
    }
    Window window(src.image(), {0, 0, count, 1});
    load_run(src.image(), {0, 0, count}, window.canvas);
    store_run(src.image(), mask.image(), dst.image(), {0, 0, count}, window.canvas);
    for (int i = 0; i < count; ++i) {
      if (std::isfinite(src.get(i, 0))) {
        ASSERT_TRUE(src.same_cell(dst, i, 0, 0)) << i;
      } else {
        ASSERT_TRUE(std::isfinite(dst.get(i, 0))) << i;
      }
    }
  }
}

struct Saturation {
  float fill;
  double u8, u16, f16, f32;
};

TEST(Store, ValuesAreRoundedAndClamped) {
  constexpr double kHalf = kLargestHalf;
  const std::vector<Saturation> cases = {
      {0.0F, 0, 0, 0, 0},
      {1.0F, 255, 65535, 1, 1},
      {1.001F, 255, 65535, 1.0009765625, 1.001F},
      {-0.001F, 0, 0, half_to_float(float_to_half(-0.001F)), -0.001F},
      {0.5F / 255.0F, 1, 129, half_to_float(float_to_half(0.5F / 255.0F)), 0.5F / 255.0F},
      {0.4999F / 255.0F, 0, 128, half_to_float(float_to_half(0.4999F / 255.0F)), 0.4999F / 255.0F},
      {254.4999F / 255.0F, 254, 65406, half_to_float(float_to_half(254.4999F / 255.0F)), 254.4999F / 255.0F},
      {65519.0F, 255, 65535, kHalf, 65519.0F},
      {1e6F, 255, 65535, kHalf, 1e6F},
      {-1e30F, 0, 0, -kHalf, -1e30F},
      {kInfinity, 255, 65535, kHalf, FLT_MAX},
      {-kInfinity, 0, 0, -kHalf, -FLT_MAX},
      {kNan, 0, 0, 0, 0},
  };
  for (const Saturation& c : cases) {
    for (const auto& [format, expected] :
         {std::pair{Format::kGray8, c.u8}, std::pair{Format::kGray16, c.u16},
          std::pair{Format::kGray16F, c.f16}, std::pair{Format::kGray32F, c.f32}}) {
      TestImage picture(format, 1, 1);
      TestImage mask(Format::kMask8, 1, 1);
      mask.set(0, 0, 0, 1);
      Window window(picture.image(), {0, 0, 1, 1});
      window.at(0, 0, 0) = c.fill;
      store_run(picture.image(), mask.image(), picture.image(), {0, 0, 1}, window.canvas);
      EXPECT_EQ(picture.get(0, 0), expected) << c.fill << ' ' << format_info(format)->name;
    }
  }
}

TEST(Store, TransparentPixelsHaveNoColour) {
  for (const float alpha : {0.0F, -0.5F, kNan}) {
    for (const Format format : {Format::kRgba8, Format::kRgba32F, Format::kArgb8}) {
      TestImage picture(format, 1, 1);
      TestImage mask(Format::kMask8, 1, 1);
      mask.set(0, 0, 0, 1);
      Window window(picture.image(), {0, 0, 1, 1});
      for (int c = 0; c < 3; ++c) window.at(0, 0, c) = 0.5F;
      window.at(0, 0, 3) = alpha;
      store_run(picture.image(), mask.image(), picture.image(), {0, 0, 1}, window.canvas);
      for (int c = 0; c < 4; ++c) EXPECT_EQ(picture.get(0, 0, c), 0) << alpha;
    }
  }
}

TEST(Copy, EveryFormatBetweenAllLayouts) {
  for (const Format format : kPictureFormats) {
    for (const Layout from : kLayouts) {
      for (const Layout to : kLayouts) {
        TestImage src(format, 9, 4, from);
        src.randomise(8);
        if (src.maximum() == 1) src.set(4, 2, 0, kNan);
        TestImage dst(format, 9, 4, to);
        std::vector<std::byte> expected = dst.bytes();
        copy_row(src.image(), dst.image(), {2, 3, 8});
        for (int x = 3; x < 8; ++x) {
          for (int c = 0; c < src.image().format->channels; ++c) {
            std::memcpy(expected.data() + (dst.cell(x, 2, c) - dst.bytes().data()), src.cell(x, 2, c),
                        static_cast<size_t>(bytes_per_channel(src.image().format->type)));
          }
        }
        ASSERT_EQ(dst.bytes(), expected) << src.image().format->name;
      }
    }
  }
}

}  // namespace
}  // namespace infill
