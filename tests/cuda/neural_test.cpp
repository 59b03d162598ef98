#include "cuda/neural.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/half.h"
#include "core/srgb.h"
#include "cuda/device_canvas.h"
#include "kernels/bfloat16.h"
#include "support/noise.h"

namespace infill {
namespace {

using cuda::Precision;
using test::DeviceArray;
using test::DeviceCanvas;
using test::TestCanvas;

constexpr std::array kPrecisions = {Precision::kFloat32, Precision::kTf32, Precision::kFloat16,
                                    Precision::kBfloat16};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float bfloat16_to_float(uint16_t bits) {
  return std::bit_cast<float>(uint32_t{bits} << 16U);
}

float rounded(float value, Precision precision) {
  switch (precision) {
    case Precision::kFloat16:
      return half_to_float(float_to_half(value));
    case Precision::kBfloat16:
      return bfloat16_to_float(kernels::to_bfloat16(value));
    default:
      return value;
  }
}

// A map of a network on the device, in any precision.
class DeviceMap {
 public:
  DeviceMap(int height, int width, int channels, Precision precision, std::vector<float> values)
      : bytes_(values.size() * cuda::element_bytes(precision)) {
    map = {bytes_.data(), height, width, channels, precision};
    std::vector<unsigned char> stored(values.size() * cuda::element_bytes(precision));
    for (size_t i = 0; i < values.size(); ++i) {
      if (cuda::element_bytes(precision) == sizeof(float)) {
        std::memcpy(&stored[i * sizeof(float)], &values[i], sizeof(float));
      } else {
        const uint16_t half =
            precision == Precision::kFloat16 ? float_to_half(values[i]) : kernels::to_bfloat16(values[i]);
        std::memcpy(&stored[i * sizeof(half)], &half, sizeof(half));
      }
    }
    bytes_.put(stored);
  }
  [[nodiscard]] std::vector<float> get() const {
    const std::vector<unsigned char> stored = bytes_.get();
    const size_t size = cuda::element_bytes(map.precision);
    std::vector<float> values(stored.size() / size);
    for (size_t i = 0; i < values.size(); ++i) {
      if (size == sizeof(float)) {
        std::memcpy(&values[i], &stored[i * size], size);
      } else {
        uint16_t half = 0;
        std::memcpy(&half, &stored[i * size], size);
        values[i] = map.precision == Precision::kFloat16 ? half_to_float(half) : bfloat16_to_float(half);
      }
    }
    return values;
  }
  cuda::NetworkMap map;

 private:
  DeviceArray<unsigned char> bytes_;
};

// A network's picture on the device; pixels hold rubbish until they are put.
class DevicePicture {
 public:
  DevicePicture(int scale, int width, int height)
      : area_(static_cast<size_t>(width) * static_cast<size_t>(height)),
        colours_(std::vector<float>(3 * area_, -7)),
        unknown_(std::vector<uint8_t>(area_, 9)) {
    picture.scale = scale;
    picture.width = width;
    picture.height = height;
    for (size_t c = 0; c < 3; ++c) picture.colours[c] = colours_.data() + c * area_;
    picture.unknown = unknown_.data();
  }
  void put(const std::vector<float>& colours, const std::vector<uint8_t>& unknown) {
    colours_.put(colours);
    unknown_.put(unknown);
  }
  [[nodiscard]] std::vector<float> colours() const { return colours_.get(); }
  [[nodiscard]] std::vector<uint8_t> unknown() const { return unknown_.get(); }
  cuda::NetworkPicture picture;

 private:
  size_t area_;
  DeviceArray<float> colours_;
  DeviceArray<uint8_t> unknown_;
};

struct CanvasKind {
  const char* name;
  int channels;
  bool alpha, linear;
};
constexpr std::array kKinds = {CanvasKind{"colours", 3, false, false}, CanvasKind{"linear", 3, false, true},
                               CanvasKind{"grey", 1, false, false},
                               CanvasKind{"grey and alpha", 2, true, false},
                               CanvasKind{"colours and alpha", 4, true, true}};

// Values beyond 0..1, a transparent corner, a hole, an excluded column.
std::unique_ptr<TestCanvas> canvas_of(const CanvasKind& kind, int width, int height) {
  auto canvas = std::make_unique<TestCanvas>(
      width, height, kind.channels,
      [&](int x, int y, int c) {
        const float alpha = x < 3 && y < 3 ? 0.0F : 0.25F + 0.75F * static_cast<float>((x + y) % 4) / 3;
        if (kind.alpha && c == kind.channels - 1) return alpha;
        const float value = static_cast<float>((x * 7 + y * 5 + c * 3) % 23) / 20 - 0.05F;
        return kind.alpha ? value * alpha : value;
      },
      [&](int x, int y) {
        if (x == width - 2) return kExcluded;
        return x > width / 3 && x < 2 * width / 3 && y > height / 3 && y < 2 * height / 3 ? kHole : kKnown;
      });
  canvas->canvas().has_alpha = kind.alpha;
  canvas->canvas().linear = kind.linear;
  return canvas;
}

int ceil_divide(int a, int b) {
  return (a + b - 1) / b;
}

TEST(Neural, CanvasesAreReduced) {
  for (const CanvasKind& kind : kKinds) {
    for (const int scale : {1, 2, 3, 40}) {
      SCOPED_TRACE(std::string(kind.name) + ", scale " + std::to_string(scale));
      constexpr int kWidth = 37;
      constexpr int kHeight = 23;
      const auto test = canvas_of(kind, kWidth, kHeight);
      const DeviceCanvas device(*test);
      const DevicePicture own(scale, ceil_divide(kWidth, scale), ceil_divide(kHeight, scale));
      ASSERT_EQ(cuda::reduce_canvas({device.canvas, own.picture}, nullptr), cudaSuccess);
      const std::vector<float> colours = own.colours();
      const std::vector<uint8_t> unknown = own.unknown();
      const int colour_channels = kind.channels - (kind.alpha ? 1 : 0);
      for (int y = 0; y < own.picture.height; ++y) {
        for (int x = 0; x < own.picture.width; ++x) {
          std::array<double, 3> sums{};
          double weight = 0;
          bool any_unknown = false;
          for (int i = y * scale; i < std::min(kHeight, (y + 1) * scale); ++i) {
            for (int j = x * scale; j < std::min(kWidth, (x + 1) * scale); ++j) {
              any_unknown = any_unknown || test->canvas().label.at(j, i) != kKnown;
              const double alpha = kind.alpha ? test->at(j, i, kind.channels - 1) : 1;
              if (!(alpha > 0)) continue;
              weight += alpha;
              for (int c = 0; c < 3; ++c) {
                const double straight = test->at(j, i, std::min(c, colour_channels - 1)) / alpha;
                const double seen = kind.linear ? encode_srgb(static_cast<float>(straight)) : straight;
                sums.at(static_cast<size_t>(c)) += alpha * std::clamp(seen, 0.0, 1.0);
              }
            }
          }
          const auto at = static_cast<size_t>(y * own.picture.width + x);
          const bool expected_unknown = any_unknown || weight == 0;
          ASSERT_EQ(unknown[at] != 0, expected_unknown) << x << ' ' << y;
          for (size_t c = 0; c < 3; ++c) {
            const double expected = expected_unknown ? 0 : sums.at(c) / weight;
            ASSERT_NEAR(colours[c * unknown.size() + at], expected, 3e-6) << x << ' ' << y << ' ' << c;
          }
        }
      }
    }
  }
}

TEST(Neural, PicturesAreEnlargedIntoHolesAndRims) {
  for (const CanvasKind& kind : kKinds) {
    for (const int scale : {1, 3, 40}) {
      for (const bool with_rim : {true, false}) {
        SCOPED_TRACE(std::string(kind.name) + ", scale " + std::to_string(scale));
        constexpr int kWidth = 37;
        constexpr int kHeight = 23;
        const auto test = canvas_of(kind, kWidth, kHeight);
        Canvas& canvas = test->canvas();
        // Alpha of the hole is there already.
        if (kind.alpha) {
          for (const infill::Run& run : canvas.holes) {
            for (int x = run.x0; x < run.x1; ++x)
              canvas.planes.at(static_cast<size_t>(kind.channels - 1)).at(x, run.y) = 0.5F;
          }
        }
        DeviceCanvas device(*test);
        DevicePicture own(scale, ceil_divide(kWidth, scale), ceil_divide(kHeight, scale));
        const int w = own.picture.width;
        const int h = own.picture.height;
        const std::vector<float> colours = test::random_floats(static_cast<size_t>(3 * w * h), 5, 1.0F);
        own.put(colours, std::vector<uint8_t>(static_cast<size_t>(w * h)));
        const size_t plane = static_cast<size_t>(device.canvas.stride) * kHeight;
        const DeviceArray<float> rim(std::vector<float>(plane * static_cast<size_t>(kind.channels), -9));
        cuda::EnlargeCall call;
        call.picture = own.picture;
        call.canvas = device.canvas;
        for (int c = 0; c < kind.channels && with_rim; ++c)
          call.rim[c] = rim.data() + static_cast<size_t>(c) * plane;
        ASSERT_EQ(cuda::enlarge_picture(call, nullptr), cudaSuccess);
        const std::vector<float> filled = device.get();
        const std::vector<float> rims = rim.get();
        const int colour_channels = kind.channels - (kind.alpha ? 1 : 0);
        const auto is_hole = [&](int x, int y) {
          return canvas.label.contains(x, y) && canvas.label.at(x, y) == kHole;
        };
        const auto enlarged = [&](int x, int y, int c) {
          const double u = std::clamp((x + 0.5) / scale - 0.5, -0.5, w - 0.5);
          const double v = std::clamp((y + 0.5) / scale - 0.5, -0.5, h - 0.5);
          const int left = static_cast<int>(std::floor(u));
          const int top = static_cast<int>(std::floor(v));
          const auto pixel = [&](int px, int py) {
            return static_cast<double>(colours[static_cast<size_t>((c * h + std::clamp(py, 0, h - 1)) * w +
                                                                   std::clamp(px, 0, w - 1))]);
          };
          return std::lerp(std::lerp(pixel(left, top), pixel(left + 1, top), u - left),
                           std::lerp(pixel(left, top + 1), pixel(left + 1, top + 1), u - left), v - top);
        };
        const auto expected_at = [&](int x, int y, int c) {
          const double alpha = kind.alpha ? test->at(x, y, kind.channels - 1) : 1;
          if (c == colour_channels) return alpha;
          double value = colour_channels == 1
                             ? (enlarged(x, y, 0) + enlarged(x, y, 1) + enlarged(x, y, 2)) / 3
                             : enlarged(x, y, c);
          if (kind.linear) value = decode_srgb(static_cast<float>(value));
          return alpha * value;
        };
        for (int y = 0; y < kHeight; ++y) {
          for (int x = 0; x < kWidth; ++x) {
            const bool rim_pixel =
                with_rim && canvas.label.at(x, y) == kKnown &&
                (is_hole(x - 1, y) || is_hole(x + 1, y) || is_hole(x, y - 1) || is_hole(x, y + 1));
            for (int c = 0; c < kind.channels; ++c) {
              const size_t at = device.index(x, y, c);
              const double kept = test->at(x, y, c);
              const double expected = is_hole(x, y) ? expected_at(x, y, c) : kept;
              ASSERT_NEAR(filled[at], expected, 2e-6) << x << ' ' << y << ' ' << c;
              ASSERT_NEAR(rims[at], rim_pixel ? expected_at(x, y, c) : -9.0, 2e-6)
                  << x << ' ' << y << ' ' << c;
            }
          }
        }
      }
    }
  }
}

struct Sides {
  int width, height, map_width, map_height;
};

TEST(Neural, InputsAreContinuedByReflection) {
  for (const Precision precision : kPrecisions) {
    for (const Sides& sides :
         {Sides{35, 9, 40, 16}, Sides{1, 1, 8, 8}, Sides{40, 2, 40, 8}, Sides{3, 5, 8, 8}}) {
      DevicePicture own(1, sides.width, sides.height);
      const auto area = static_cast<size_t>(sides.width * sides.height);
      std::vector<float> colours = test::random_floats(3 * area, 3, 1.0F);
      std::vector<uint8_t> unknown(area);
      for (size_t i = 0; i < area; ++i) unknown[i] = i % 5 == 2 ? 200 : 0;
      for (size_t i = 2; i < area; i += 5) colours[i] = kNan;  // must not be read
      own.put(colours, unknown);
      const DeviceMap input(
          sides.map_height, sides.map_width, 5, precision,
          std::vector<float>(static_cast<size_t>(5 * sides.map_height * sides.map_width), 3));
      ASSERT_EQ(cuda::network_input({own.picture, input.map}, nullptr), cudaSuccess);
      const std::vector<float> values = input.get();
      const auto mirrored = [](int i, int n) {
        while (i >= n || i < 0) i = n == 1 ? 0 : i < 0 ? -i : 2 * (n - 1) - i;
        return i;
      };
      for (int y = 0; y < sides.map_height; ++y) {
        for (int x = 0; x < sides.map_width; ++x) {
          const auto from =
              static_cast<size_t>(mirrored(y, sides.height) * sides.width + mirrored(x, sides.width));
          const float* at = &values[static_cast<size_t>((y * sides.map_width + x) * 5)];
          const bool hole = unknown[from] != 0;
          for (size_t c = 0; c < 3; ++c) {
            ASSERT_EQ(at[c], hole ? 0 : rounded(colours[c * area + from] * 2 - 1, precision))
                << x << ' ' << y;
          }
          ASSERT_EQ(at[3], 1);
          ASSERT_EQ(at[4], hole ? 1 : 0);
        }
      }
    }
  }
}

TEST(Neural, MapsAreMixedMaskedAndGivenOut) {
  constexpr int kWidth = 41;
  constexpr int kHeight = 19;
  constexpr cuda::MapRegion kRegion{3, 5, 18, 40};
  const auto inside = [&](int x, int y) {
    return y >= kRegion.y0 && y < kRegion.y1 && x >= kRegion.x0 && x < kRegion.x1;
  };
  for (const Precision precision : kPrecisions) {
    const auto area = static_cast<size_t>(kWidth * kHeight);
    std::vector<float> input = test::random_floats(5 * area, 1, 1.0F);
    for (size_t i = 0; i < area; ++i) input[5 * i + 4] = i % 3 == 0 ? 1.0F : 0.0F;
    const std::vector<float> coarse = test::random_floats(3 * area, 2, 1.0F);
    const DeviceMap on_input(kHeight, kWidth, 5, precision, input);
    const DeviceMap on_coarse(kHeight, kWidth, 3, precision, coarse);
    const DeviceMap mixed(kHeight, kWidth, 3, precision, std::vector<float>(3 * area, 8));
    ASSERT_EQ(cuda::network_mix({on_input.map, on_coarse.map, mixed.map, kRegion}, nullptr), cudaSuccess);
    const DeviceArray<uint8_t> mask(std::vector<uint8_t>(area, 9));
    ASSERT_EQ(cuda::network_mask({on_input.map, mask.data()}, nullptr), cudaSuccess);
    const DevicePicture picture(1, kWidth - 1, kHeight - 1);
    ASSERT_EQ(cuda::network_output({on_coarse.map, kRegion, picture.picture}, nullptr), cudaSuccess);
    const std::vector<float> mixed_values = mixed.get();
    const std::vector<uint8_t> mask_values = mask.get();
    const std::vector<float> given = picture.colours();
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        const auto at = static_cast<size_t>(y * kWidth + x);
        ASSERT_EQ(mask_values[at], at % 3 == 0 ? 1 : 0);
        for (size_t c = 0; c < 3; ++c) {
          const float from = rounded(at % 3 == 0 ? coarse[3 * at + c] : input[5 * at + c], precision);
          ASSERT_EQ(mixed_values[3 * at + c], inside(x, y) ? from : 8) << x << ' ' << y;
          if (x >= kWidth - 1 || y >= kHeight - 1) continue;
          const size_t to =
              (c * (kHeight - 1) + static_cast<size_t>(y)) * (kWidth - 1) + static_cast<size_t>(x);
          ASSERT_EQ(given[to], inside(x, y) ? rounded(coarse[3 * at + c], precision) * 0.5F + 0.5F : -7);
        }
      }
    }
  }
}

TEST(Neural, WantedQueriesAreMarked) {
  constexpr int kWidth = 37;
  constexpr int kHeight = 11;
  for (const cuda::MapRegion& region : {cuda::MapRegion{2, 3, 9, 36}, cuda::MapRegion{0, 0, 11, 37},
                                        cuda::MapRegion{4, 4, 4, 9}, cuda::MapRegion{10, 36, 99, 99}}) {
    const DeviceArray<uint8_t> wanted(std::vector<uint8_t>(kWidth * kHeight, 9));
    ASSERT_EQ(cuda::mark_wanted({wanted.data(), kHeight, kWidth, region}, nullptr), cudaSuccess);
    const std::vector<uint8_t> values = wanted.get();
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        const bool inside = y >= region.y0 && y < region.y1 && x >= region.x0 && x < region.x1;
        ASSERT_EQ(values[static_cast<size_t>(y * kWidth + x)], inside ? 1 : 0);
      }
    }
  }
}

TEST(Neural, OverflowIsFoundAndSpread) {
  constexpr int kWidth = 35;
  constexpr int kHeight = 9;
  constexpr int kChannels = 7;
  constexpr cuda::MapRegion kRegion{1, 2, 8, 34};
  struct Case {
    const char* name;
    int x, y;
    float value;
    bool bad;
  };
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Precision precision : kPrecisions) {
    for (const Case& each : {Case{"numbers", 5, 5, 3.0F, false}, Case{"NaN", 33, 7, kNan, true},
                             Case{"infinity", 2, 1, -infinity, true}, Case{"outside", 34, 8, kNan, false}}) {
      SCOPED_TRACE(each.name);
      std::vector<float> values = test::random_floats(kWidth * kHeight * kChannels, 4, 1.0F);
      values[static_cast<size_t>((each.y * kWidth + each.x) * kChannels + kChannels - 1)] = each.value;
      const DeviceMap map(kHeight, kWidth, kChannels, precision, values);
      const DeviceArray<int32_t> bad(std::vector<int32_t>(1, 77));
      ASSERT_EQ(cuda::find_overflow({map.map, kRegion, bad.data()}, nullptr), cudaSuccess);
      EXPECT_EQ(bad.get()[0] != 0, each.bad);
      const DeviceMap other(kHeight, kWidth, kChannels, precision, std::vector<float>(values.size(), 0.5F));
      ASSERT_EQ(cuda::spread_overflow({other.map, kRegion, bad.data()}, nullptr), cudaSuccess);
      const std::vector<float> spread = other.get();
      for (int y = 0; y < kHeight; ++y) {
        for (int x = 0; x < kWidth; ++x) {
          const bool inside = y >= kRegion.y0 && y < kRegion.y1 && x >= kRegion.x0 && x < kRegion.x1;
          for (int c = 0; c < kChannels; ++c) {
            const float value = spread[static_cast<size_t>((y * kWidth + x) * kChannels + c)];
            ASSERT_EQ(std::isnan(value), inside && each.bad) << x << ' ' << y;
          }
        }
      }
    }
  }
  // Squares that no float holds.
  std::vector<float> large(kWidth * kHeight * kChannels, 1e30F);
  const DeviceMap map(kHeight, kWidth, kChannels, Precision::kFloat32, large);
  const DeviceArray<int32_t> bad(std::vector<int32_t>(1, 0));
  ASSERT_EQ(cuda::find_overflow({map.map, kRegion, bad.data()}, nullptr), cudaSuccess);
  EXPECT_NE(bad.get()[0], 0);
}

TEST(Neural, CallsThatDoNotFitAreRefused) {
  const auto test = canvas_of(kKinds[0], 20, 10);
  const DeviceCanvas device(*test);
  const DevicePicture own(2, 10, 5);
  const DeviceArray<float> memory(4096);
  const auto map = [&](int height, int width, int channels) {
    return cuda::NetworkMap{memory.data(), height, width, channels, Precision::kFloat32};
  };
  cuda::NetworkPicture wrong = own.picture;
  wrong.width = 9;
  EXPECT_EQ(cuda::reduce_canvas({device.canvas, wrong}, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::enlarge_picture({wrong, device.canvas}, nullptr), cudaErrorInvalidValue);
  wrong = own.picture;
  wrong.unknown = nullptr;
  EXPECT_EQ(cuda::reduce_canvas({device.canvas, wrong}, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::network_input({wrong, map(8, 16, 5)}, nullptr), cudaErrorInvalidValue);
  cuda::Canvas two = device.canvas;
  two.channels = 2;
  EXPECT_EQ(cuda::reduce_canvas({two, own.picture}, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::network_input({own.picture, map(8, 16, 4)}, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::network_input({own.picture, map(4, 16, 5)}, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::network_mix({map(8, 8, 5), map(8, 8, 3), map(8, 7, 3), {0, 0, 8, 8}}, nullptr),
            cudaErrorInvalidValue);
  EXPECT_EQ(cuda::network_mix({map(8, 8, 5), map(8, 8, 3), map(8, 8, 3), {0, 0, 9, 8}}, nullptr),
            cudaErrorInvalidValue);
  EXPECT_EQ(cuda::network_mask({map(8, 8, 5), nullptr}, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::mark_wanted({nullptr, 3, 3, {}}, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::find_overflow({map(8, 8, 3), {0, 0, 8, 8}, nullptr}, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::spread_overflow({map(8, 8, 3), {-1, 0, 8, 8}, nullptr}, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::network_output({map(4, 8, 3), {0, 0, 4, 8}, own.picture}, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "nothing was launched";
}

}  // namespace
}  // namespace infill
