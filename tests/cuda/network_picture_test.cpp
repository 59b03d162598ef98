#include "cuda/network_picture.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/srgb.h"
#include "cuda/convert.h"
#include "cuda/device_canvas.h"
#include "support/method_checks.h"
#include "support/noise.h"

namespace infill {
namespace {

using test::DeviceArray;
using test::DeviceCanvas;
using test::TestCanvas;

float uniform(uint32_t salt, int x, int y, int c) {
  return static_cast<float>(test::uniform(salt, x, y, c));
}

Label label_at(int x, int y) {
  return x > 7 && x < 15 && y > 4 && y < 11 ? kHole : x == 20 && y < 4 ? kExcluded : kKnown;
}
// Alpha is now and then 0; colours, premultiplied, leave 0..1 a little.
float value_at(int x, int y, int c, int channels) {
  const float alpha = channels % 2 != 0                    ? 1.0F
                      : test::hash_pixel(x, y, 1) % 4 == 0 ? 0.0F
                                                           : uniform(3, x, y, 3);
  return c == channels - 1 && channels % 2 == 0 ? alpha : alpha * (1.2F * uniform(2, x, y, c) - 0.1F);
}

std::unique_ptr<TestCanvas> canvas_of(int channels, bool linear, int width = 37, int height = 18) {
  auto host = std::make_unique<TestCanvas>(
      width, height, channels, [channels](int x, int y, int c) { return value_at(x, y, c, channels); },
      label_at);
  host->canvas().has_alpha = channels % 2 == 0;
  host->canvas().linear = linear;
  return host;
}

float alpha_at(TestCanvas& host, int x, int y) {
  const Canvas& canvas = host.canvas();
  return canvas.has_alpha ? host.at(x, y, canvas.channels - 1) : 1.0F;
}

// A scaled picture on the device, and back.
struct Scaled {
  Scaled(int width, int height, int scale)
      : colours(static_cast<size_t>(3 * width * height)), unknown(static_cast<size_t>(width * height)) {
    picture.scale = scale;
    picture.width = width;
    picture.height = height;
    for (int c = 0; c < 3; ++c) picture.colours[c] = colours.data() + c * width * height;
    picture.unknown = unknown.data();
  }
  DeviceArray<float> colours;
  DeviceArray<uint8_t> unknown;
  cuda::ScaledPicture picture;
};

void for_each_canvas(const std::function<void(TestCanvas&, int scale)>& body) {
  for (const int channels : {1, 2, 3, 4}) {
    for (const bool linear : {false, true}) {
      for (const int scale : {1, 2, 3, 50}) {
        SCOPED_TRACE(std::to_string(channels) + " channels, linear " + std::to_string(linear) + ", scale " +
                     std::to_string(scale));
        body(*canvas_of(channels, linear), scale);
      }
    }
  }
}

TEST(Reduce, MeansOfKnownBlocks) {
  for_each_canvas([](TestCanvas& host, int scale) {
    const Canvas& canvas = host.canvas();
    DeviceCanvas device(host);
    const int width = (canvas.width + scale - 1) / scale;
    const int height = (canvas.height + scale - 1) / scale;
    const Scaled scaled(width, height, scale);
    ASSERT_EQ(cuda::reduce_canvas({device.canvas, scaled.picture}, nullptr), cudaSuccess);
    const std::vector<float> colours = scaled.colours.get();
    const std::vector<uint8_t> unknown = scaled.unknown.get();
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        std::array<float, 3> sums{};
        float weight = 0;
        bool bad = false;
        for (int j = y * scale; j < std::min((y + 1) * scale, canvas.height); ++j) {
          for (int i = x * scale; i < std::min((x + 1) * scale, canvas.width); ++i) {
            bad = bad || canvas.label.at(i, j) != kKnown;
            const float alpha = alpha_at(host, i, j);
            if (!(alpha > 0)) continue;
            weight += alpha;
            for (int c = 0; c < 3; ++c) {
              const float straight = host.at(i, j, canvas.channels < 3 ? 0 : c) / alpha;
              const float shown = std::clamp(canvas.linear ? encode_srgb(straight) : straight, 0.0F, 1.0F);
              sums.at(static_cast<size_t>(c)) += alpha * shown;
            }
          }
        }
        bad = bad || weight == 0;
        const auto at = static_cast<size_t>(y * width + x);
        ASSERT_EQ(unknown[at], bad ? 1 : 0);
        for (size_t c = 0; c < 3; ++c) {
          ASSERT_EQ(colours[c * static_cast<size_t>(width * height) + at], bad ? 0.0F : sums.at(c) / weight);
        }
      }
    }
  });
}

template <class T>
float as_float(T value) {
  if constexpr (std::is_same_v<T, __half>) return __half2float(value);
  if constexpr (std::is_same_v<T, __nv_bfloat16>) return __bfloat162float(value);
  if constexpr (std::is_same_v<T, float>) return value;
}
template <class T>
T rounded(float value) {
  if constexpr (std::is_same_v<T, __half>) return __float2half_rn(value);
  if constexpr (std::is_same_v<T, __nv_bfloat16>) return __float2bfloat16_rn(value);
  if constexpr (std::is_same_v<T, float>) return value;
}

// Channels in one pixel, or apart; rows padded.
template <class T>
cuda::PictureTensor tensor_of(T* data, cuda::TensorType type, int width, int height, int channels,
                              bool planar) {
  const int64_t pixel = planar ? 1 : channels;
  const int64_t row = width * pixel + 3;
  return {data, type, width, height, planar ? row * height : 1, row, pixel};
}

template <class T>
void expect_input(cuda::TensorType type) {
  struct Size {
    int width, height, padded_width, padded_height;
  };
  for (const Size& size : {Size{37, 18, 40, 24}, Size{5, 3, 8, 8}, Size{1, 2, 8, 8}, Size{8, 8, 8, 8}}) {
    for (const bool planar : {false, true}) {
      const int area = size.width * size.height;
      Scaled scaled(size.width, size.height, 1);
      std::vector<float> colours(static_cast<size_t>(3 * area));
      std::vector<uint8_t> unknown(static_cast<size_t>(area));
      for (int i = 0; i < 3 * area; ++i) colours[static_cast<size_t>(i)] = uniform(4, i, 0, 0);
      for (int i = 0; i < area; ++i)
        unknown[static_cast<size_t>(i)] = test::hash_pixel(i, 0, 5) % 3 == 0 ? 1 : 0;
      scaled.colours.put(colours);
      scaled.unknown.put(unknown);
      const std::vector<T> before(static_cast<size_t>((size.padded_width * 5 + 3) * size.padded_height * 5),
                                  rounded<T>(9));
      const DeviceArray<T> memory(before);
      const cuda::PictureTensor tensor =
          tensor_of(memory.data(), type, size.padded_width, size.padded_height, 5, planar);
      ASSERT_EQ(cuda::network_input({scaled.picture, tensor}, nullptr), cudaSuccess);
      const std::vector<T> got = memory.get();
      const auto source = [](int i, int n) {
        int at = 0;
        int step = 1;
        for (; i > 0; --i) {  // to and fro
          if (n > 1 && (at + step < 0 || at + step >= n)) step = -step;
          if (n > 1) at += step;
        }
        return at;
      };
      for (int y = 0; y < size.padded_height; ++y) {
        for (int x = 0; x < size.padded_width; ++x) {
          const int from = source(y, size.height) * size.width + source(x, size.width);
          const bool is_unknown = unknown[static_cast<size_t>(from)] != 0;
          for (int c = 0; c < 5; ++c) {
            const float expected =
                c == 3   ? 1.0F
                : c == 4 ? (is_unknown ? 1.0F : 0.0F)
                         : (is_unknown ? 0.0F : colours[static_cast<size_t>(c * area + from)] * 2 - 1);
            const int64_t at = c * tensor.channel_stride + y * tensor.row_stride + x * tensor.pixel_stride;
            ASSERT_EQ(as_float(got[static_cast<size_t>(at)]), as_float(rounded<T>(expected)))
                << x << ' ' << y << ' ' << c;
          }
        }
      }
      ASSERT_EQ(as_float(got[static_cast<size_t>(tensor.row_stride - 1)]), 9.0F);  // padding
    }
  }
}

TEST(Input, ReflectsInEveryType) {
  expect_input<float>(cuda::TensorType::kFloat);
  expect_input<__half>(cuda::TensorType::kHalf);
  expect_input<__nv_bfloat16>(cuda::TensorType::kBfloat16);
}

template <class T>
void expect_enlarged(cuda::TensorType type) {
  for_each_canvas([&](TestCanvas& host, int scale) {
    const Canvas& canvas = host.canvas();
    // Alpha of the holes is there already.
    if (canvas.has_alpha) {
      for (const infill::Run& run : canvas.holes) {
        for (int x = run.x0; x < run.x1; ++x) {
          canvas.planes[static_cast<size_t>(canvas.channels - 1)].at(x, run.y) =
              0.5F + 0.01F * static_cast<float>(x);
        }
      }
    }
    DeviceCanvas device(host);
    const int width = (canvas.width + scale - 1) / scale;
    const int height = (canvas.height + scale - 1) / scale;
    std::vector<T> painted(static_cast<size_t>((width * 3 + 3) * height * 3), rounded<T>(9));
    const cuda::PictureTensor shape = tensor_of<T>(nullptr, type, width, height, 3, scale % 2 == 0);
    const auto at = [&](int c, int y, int x) {
      return static_cast<size_t>(c * shape.channel_stride + y * shape.row_stride + x * shape.pixel_stride);
    };
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) painted[at(c, y, x)] = rounded<T>(2 * uniform(6, x, y, c) - 1);
      }
    }
    const DeviceArray<T> memory(painted);
    const std::vector<float> no_rim(host.bytes().size(), -7.0F);
    const DeviceArray<float> rim(no_rim);
    const DeviceArray<unsigned long long> bad(1);
    cuda::EnlargeCall call;
    call.tensor = shape;
    call.tensor.data = memory.data();
    call.scale = scale;
    call.canvas = device.canvas;
    call.box = device.box();
    call.bad = bad.data();
    for (int c = 0; c < canvas.channels; ++c) call.rim[c] = rim.data() + device.index(0, 0, c);
    ASSERT_EQ(cuda::enlarge_fill(call, nullptr), cudaSuccess);
    ASSERT_EQ(bad.get()[0], cuda::kNoBadPixel);

    std::vector<float> expected = host.bytes();
    std::vector<float> expected_rim = no_rim;
    const auto place = [scale](int i, int side, int& low, int& high) {
      const float centre = (static_cast<float>(i) + 0.5F) / static_cast<float>(scale) - 0.5F;
      const int below = static_cast<int>(std::floor(centre));
      low = std::clamp(below, 0, side - 1);
      high = std::clamp(below + 1, 0, side - 1);
      return centre - static_cast<float>(below);
    };
    const int colours = canvas.colour_channels();
    const auto fill = [&](int x, int y, int c) {
      int x0 = 0;
      int x1 = 0;
      int y0 = 0;
      int y1 = 0;
      const float sx = place(x, width, x0, x1);
      const float sy = place(y, height, y0, y1);
      std::array<float, 3> rgb{};
      for (int k = 0; k < 3; ++k) {
        const auto value = [&](int v, int u) { return as_float(painted[at(k, v, u)]) * 0.5F + 0.5F; };
        const float above = value(y0, x0) + sx * (value(y0, x1) - value(y0, x0));
        const float below = value(y1, x0) + sx * (value(y1, x1) - value(y1, x0));
        rgb.at(static_cast<size_t>(k)) = above + sy * (below - above);
      }
      if (colours == 1) rgb[0] = (rgb[0] + rgb[1] + rgb[2]) / 3.0F;
      const float alpha = alpha_at(host, x, y);
      if (c >= colours) return alpha;
      const float shown = rgb.at(static_cast<size_t>(c));
      return alpha * (canvas.linear ? decode_srgb(shown) : shown);
    };
    for (int c = 0; c < canvas.channels; ++c) {
      for (const infill::Run& run : canvas.holes) {
        for (int x = run.x0; x < run.x1; ++x) expected[device.index(x, run.y, c)] = fill(x, run.y, c);
      }
      for (const Point p : canvas.rim) expected_rim[device.index(p.x, p.y, c)] = fill(p.x, p.y, c);
    }
    const std::vector<float> got = device.get();
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected[i]) << i;
    ASSERT_EQ(rim.get(), expected_rim);
  });
}

TEST(Enlarge, BetweenTheNearestFour) {
  expect_enlarged<float>(cuda::TensorType::kFloat);
  expect_enlarged<__half>(cuda::TensorType::kHalf);
  expect_enlarged<__nv_bfloat16>(cuda::TensorType::kBfloat16);
}

TEST(Enlarge, ReportsWhatIsNotFinite) {
  const auto host = canvas_of(3, false);
  DeviceCanvas device(*host);
  std::vector<float> painted(size_t{37} * 18 * 3, 0.0F);
  painted[(size_t{9} * 37 + 12) * 3 + 1] = std::numeric_limits<float>::infinity();
  painted[(size_t{6} * 37 + 14) * 3 + 2] = std::numeric_limits<float>::quiet_NaN();
  painted[0] = std::numeric_limits<float>::quiet_NaN();  // far from the hole
  const DeviceArray<float> memory(painted);
  const DeviceArray<unsigned long long> bad(1);
  cuda::EnlargeCall call;
  call.tensor = {memory.data(), cuda::TensorType::kFloat, 37, 18, 1, 37 * 3, 3};
  call.canvas = device.canvas;
  call.box = device.box();
  call.bad = bad.data();
  ASSERT_EQ(cuda::enlarge_fill(call, nullptr), cudaSuccess);
  // At scale 1 the other pixels of the four have no share, but NaN takes none into account.
  EXPECT_GE(bad.get()[0], 5U * 37 + 13);
  EXPECT_LE(bad.get()[0], 6U * 37 + 14);
}

TEST(NetworkPicture, CallersMistakes) {
  const auto host = canvas_of(3, false);
  DeviceCanvas device(*host);
  const Scaled scaled(19, 9, 2);
  const DeviceArray<float> memory(size_t{24} * 16 * 5);
  const auto reduce_refused = [&](const std::function<void(cuda::ReduceCall&)>& change) {
    cuda::ReduceCall call{device.canvas, scaled.picture};
    change(call);
    return cuda::reduce_canvas(call, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(reduce_refused([](cuda::ReduceCall& call) { call.canvas.channels = 2; }));
  EXPECT_TRUE(reduce_refused([](cuda::ReduceCall& call) { call.canvas.label = nullptr; }));
  EXPECT_TRUE(reduce_refused([](cuda::ReduceCall& call) { call.canvas.planes[2] = nullptr; }));
  EXPECT_TRUE(reduce_refused([](cuda::ReduceCall& call) { call.canvas.stride = 3; }));
  EXPECT_TRUE(reduce_refused([](cuda::ReduceCall& call) { call.scaled.scale = 0; }));
  EXPECT_TRUE(reduce_refused([](cuda::ReduceCall& call) { call.scaled.width = 18; }));
  EXPECT_TRUE(reduce_refused([](cuda::ReduceCall& call) { call.scaled.unknown = nullptr; }));
  EXPECT_TRUE(reduce_refused([](cuda::ReduceCall& call) { call.scaled.colours[1] = nullptr; }));
  const auto input_refused = [&](const std::function<void(cuda::NetworkInputCall&)>& change) {
    cuda::NetworkInputCall call{scaled.picture, {memory.data(), cuda::TensorType::kFloat, 24, 16, 1, 120, 5}};
    change(call);
    return cuda::network_input(call, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(input_refused([](cuda::NetworkInputCall& call) { call.tensor.data = nullptr; }));
  EXPECT_TRUE(input_refused([](cuda::NetworkInputCall& call) { call.tensor.width = 18; }));
  EXPECT_TRUE(input_refused([](cuda::NetworkInputCall& call) { call.tensor.height = 8; }));
  EXPECT_TRUE(input_refused([](cuda::NetworkInputCall& call) { call.picture.colours[0] = nullptr; }));
  EXPECT_TRUE(input_refused(
      [](cuda::NetworkInputCall& call) { call.tensor.type = static_cast<cuda::TensorType>(7); }));
  const auto enlarge_refused = [&](const std::function<void(cuda::EnlargeCall&)>& change) {
    cuda::EnlargeCall call;
    call.tensor = {memory.data(), cuda::TensorType::kFloat, 19, 9, 1, 57, 3};
    call.scale = 2;
    call.canvas = device.canvas;
    call.box = {8, 5, 0, 6};
    change(call);
    return cuda::enlarge_fill(call, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_FALSE(enlarge_refused([](cuda::EnlargeCall&) {}));
  EXPECT_TRUE(enlarge_refused([](cuda::EnlargeCall& call) { call.tensor.data = nullptr; }));
  EXPECT_TRUE(enlarge_refused([](cuda::EnlargeCall& call) { call.scale = 1; }));
  EXPECT_TRUE(enlarge_refused([](cuda::EnlargeCall& call) { call.box.width = 99; }));
  EXPECT_TRUE(enlarge_refused([](cuda::EnlargeCall& call) { call.canvas.channels = 5; }));
  EXPECT_TRUE(enlarge_refused([](cuda::EnlargeCall& call) { call.rim[2] = call.canvas.planes[2]; }));
}

}  // namespace
}  // namespace infill
