#include "cuda/convert.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/mask.h"
#include "core/pixels.h"
#include "core/status.h"
#include "cuda/device.h"
#include "support/test_image.h"

namespace infill {
namespace {

using test::DeviceArray;
using test::DeviceImage;
using test::kLayouts;
using test::kPictureFormats;
using test::Layout;
using test::TestImage;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A canvas that shows `rect` of a picture, on both sides. Rows are padded.
class Window {
 public:
  Window(const Image& image, const Rect& rect)
      : stride_(static_cast<size_t>(rect.width) + 3),
        size_(stride_ * static_cast<size_t>(rect.height)),
        values_(size_ * 4, -77.0F),
        labels_(size_, kKnown),
        device_values_(size_ * 4),
        device_labels_(size_) {
    canvas.x = device.x = rect.x;
    canvas.y = device.y = rect.y;
    canvas.width = device.width = rect.width;
    canvas.height = device.height = rect.height;
    canvas.channels = device.channels = canvas_channels(image);
    canvas.has_alpha = device.has_alpha = canvas_has_alpha(image);
    device.stride = static_cast<int64_t>(stride_);
    device.label = device_labels_.data();
    canvas.label = {labels_.data(), rect.width, rect.height, static_cast<ptrdiff_t>(stride_)};
    for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
      canvas.planes.at(c) = {&values_[size_ * c], rect.width, rect.height, static_cast<ptrdiff_t>(stride_)};
      device.planes[c] = device_values_.data() + size_ * c;
    }
  }
  void label(const std::function<Label(int x, int y)>& label_at) {
    for (int y = 0; y < canvas.height; ++y) {
      for (int x = 0; x < canvas.width; ++x) canvas.label.at(x, y) = label_at(x, y);
    }
  }
  // Gives the device what this side holds.
  void put() {
    device_values_.put(values_);
    device_labels_.put(labels_);
  }
  [[nodiscard]] float& at(int x, int y, int c) { return canvas.planes.at(static_cast<size_t>(c)).at(x, y); }
  // Whether both sides' values have the same bytes, padding included.
  [[nodiscard]] bool same() const {
    const std::vector<float> theirs = device_values_.get();
    return std::memcmp(theirs.data(), values_.data(), values_.size() * sizeof(float)) == 0;
  }

  Canvas canvas;
  cuda::Canvas device;

 private:
  size_t stride_, size_;
  std::vector<float> values_;
  std::vector<uint8_t> labels_;
  DeviceArray<float> device_values_;
  DeviceArray<uint8_t> device_labels_;
};

void for_each_case(const std::function<void(Format, Alpha, Layout)>& body) {
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

size_t shift_of(Layout layout) {
  return layout == Layout::kUnaligned ? 1 : 0;
}

// Scattered labels: all three next to each other.
Label label_at(int x, int y) {
  return (x + y) % 3 == 0 ? (x % 2 == 0 ? kHole : kExcluded) : kKnown;
}

cuda::LoadCall load_call(const DeviceImage& src, const Window& window) {
  cuda::LoadCall call;
  call.src = src.picture;
  call.canvas = window.device;
  return call;
}

TEST(Load, CallersMistakes) {
  TestImage src(Format::kRgba8, 5, 4);
  TestImage mask(Format::kGray8, 5, 4);
  TestImage small_mask(Format::kGray8, 4, 4);
  const DeviceImage device_src(src.image());
  const DeviceImage device_mask(mask.image());
  const DeviceImage device_small(small_mask.image());
  const Window window(src.image(), {1, 1, 4, 3});
  const auto refused = [&](const std::function<void(cuda::LoadCall&)>& change) {
    cuda::LoadCall call = load_call(device_src, window);
    call.mask = device_mask.picture;
    change(call);
    return cuda::load_canvas(call, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(refused([](cuda::LoadCall& call) { call.src.data = nullptr; }));
  EXPECT_TRUE(refused([](cuda::LoadCall& call) { call.src.channels = 5; }));
  EXPECT_TRUE(refused([](cuda::LoadCall& call) { call.canvas.channels = 3; }));
  EXPECT_TRUE(refused([](cuda::LoadCall& call) { call.canvas.has_alpha = false; }));
  EXPECT_TRUE(refused([](cuda::LoadCall& call) { call.canvas.planes[3] = nullptr; }));
  EXPECT_TRUE(refused([](cuda::LoadCall& call) { call.canvas.stride = 3; }));
  EXPECT_TRUE(refused([](cuda::LoadCall& call) { call.canvas.x = 2; }));
  EXPECT_TRUE(refused([](cuda::LoadCall& call) { call.canvas.y = -1; }));
  EXPECT_TRUE(refused([&](cuda::LoadCall& call) { call.mask = device_small.picture; }));
  EXPECT_TRUE(refused([&](cuda::LoadCall& call) { call.mask = device_src.picture; }));
  EXPECT_FALSE(refused([](cuda::LoadCall& call) { call.canvas.width = 0; }));
}

TEST(Load, EveryFormatAndLayoutLikeTheCpu) {
  for_each_case([](Format format, Alpha alpha, Layout layout) {
    TestImage src(format, 37, 11, layout);
    src.randomise(3);
    src.image().alpha = alpha;
    TestImage mask(Format::kMask8, 37, 11);
    const DeviceImage device_src(src.image(), shift_of(layout));
    for (const Rect& rect : {Rect{0, 0, 37, 11}, Rect{3, 1, 33, 9}, Rect{36, 10, 1, 1}}) {
      Window window(src.image(), rect);
      window.label(label_at);
      window.put();
      for (int32_t y = 0; y < rect.height; ++y) load_row(src.image(), mask.image(), window.canvas, y);
      ASSERT_EQ(cuda::load_canvas(load_call(device_src, window), nullptr), cudaSuccess);
      ASSERT_TRUE(window.same());

      for (int32_t y = 0; y < rect.height; ++y) load_reference_row(src.image(), window.canvas, y);
      cuda::LoadCall all = load_call(device_src, window);
      all.canvas.label = nullptr;
      ASSERT_EQ(cuda::load_canvas(all, nullptr), cudaSuccess);
      ASSERT_TRUE(window.same());
    }
  });
}

TEST(Load, OnlyWhereAskedFor) {
  TestImage src(Format::kRgb16, 9, 5);
  src.randomise(4);
  const DeviceImage device_src(src.image());
  Window window(src.image(), {1, 0, 8, 5});
  window.label([](int, int) { return kHole; });
  window.put();
  std::vector<uint8_t> where(static_cast<size_t>(window.device.stride) * 5, 0);
  for (const int y : {0, 4}) {
    std::fill_n(where.begin() + y * window.device.stride + 2, 3, uint8_t{7});
    load_run(src.image(), {y, 3, 6}, window.canvas);
  }
  const DeviceArray<uint8_t> device_where(where);
  cuda::LoadCall call = load_call(device_src, window);
  call.where = device_where.data();
  ASSERT_EQ(cuda::load_canvas(call, nullptr), cudaSuccess);
  ASSERT_TRUE(window.same());
}

// Every pattern of bits of a half, and of a byte and a word.
TEST(Load, EveryValueOfAType) {
  for (const Format format : {Format::kGray8, Format::kGray16, Format::kGray16F}) {
    const int count = format == Format::kGray8 ? 256 : 65536;
    TestImage src(format, count / 16, 16);
    TestImage dst(format, count / 16, 16);
    TestImage mask(Format::kMask8, count / 16, 16);
    for (int i = 0; i < count; ++i) {
      mask.set(i / 16, i % 16, 0, 1);
      const auto bits = static_cast<uint16_t>(i);
      std::memcpy(src.cell(i / 16, i % 16, 0), &bits,
                  static_cast<size_t>(bytes_per_channel(src.image().format->type)));
    }
    const DeviceImage device_src(src.image());
    const DeviceImage device_mask(mask.image());
    const DeviceImage device_dst(dst.image());
    Window window(src.image(), src.image().bounds());
    window.put();
    for (int y = 0; y < 16; ++y) {
      load_run(src.image(), {y, 0, count / 16}, window.canvas);
      store_run(src.image(), mask.image(), dst.image(), {y, 0, count / 16}, window.canvas);
    }
    ASSERT_EQ(cuda::load_canvas(load_call(device_src, window), nullptr), cudaSuccess);
    ASSERT_TRUE(window.same());
    cuda::StoreCall store;
    store.src = device_src.picture;
    store.mask = device_mask.picture;
    store.dst = device_dst.picture;
    store.canvas = window.device;
    ASSERT_EQ(cuda::store_canvas(store, nullptr), cudaSuccess);
    TestImage got(format, count / 16, 16);
    device_dst.copy_back(got.image());
    ASSERT_EQ(got.bytes(), dst.bytes()) << dst.image().format->name;
  }
}

// Between two halves, and a little off the middle.
TEST(Store, RoundsHalvesLikeTheCpu) {
  constexpr int kValues = 31743;  // halves below infinity, less one
  TestImage picture(Format::kGray16F, kValues, 3);
  TestImage mask(Format::kMask8, kValues, 3);
  Window window(picture.image(), picture.image().bounds());
  for (int i = 0; i < kValues; ++i) {
    const float low = half_to_float(static_cast<uint16_t>(i));
    const float middle = low + (half_to_float(static_cast<uint16_t>(i + 1)) - low) / 2;
    window.at(i, 0, 0) = middle;
    window.at(i, 1, 0) = -std::nextafter(middle, kInfinity);
    window.at(i, 2, 0) = std::nextafter(middle, 0.0F);
    for (int y = 0; y < 3; ++y) mask.set(i, y, 0, 1);
  }
  window.put();
  const DeviceImage device_picture(picture.image());
  const DeviceImage device_mask(mask.image());
  for (int y = 0; y < 3; ++y) {
    store_run(picture.image(), mask.image(), picture.image(), {y, 0, kValues}, window.canvas);
  }
  cuda::StoreCall call;
  call.src = call.dst = device_picture.picture;
  call.mask = device_mask.picture;
  call.canvas = window.device;
  ASSERT_EQ(cuda::store_canvas(call, nullptr), cudaSuccess);
  TestImage got(Format::kGray16F, kValues, 3);
  device_picture.copy_back(got.image());
  ASSERT_EQ(got.bytes(), picture.bytes());
}

// The index that the device reports of a picture with one value that is not usable.
unsigned long long bad_index(Format format, float value, float mask_value, Label label, float alpha = 1) {
  TestImage src(format, 5, 3);
  for (int x = 0; x < 5; ++x) {
    for (int y = 0; y < 3; ++y) {
      for (int c = 0; c < src.image().format->channels; ++c) src.set(x, y, c, 0.5);
    }
  }
  src.set(3, 2, 0, value);
  if (src.image().format->alpha > 0) src.set(3, 2, src.image().format->alpha, alpha);
  TestImage mask(Format::kGray32F, 5, 3);
  std::fill(mask.bytes().begin(), mask.bytes().end(), std::byte{0});
  mask.set(3, 2, 0, mask_value);
  Window window(src.image(), {1, 1, 4, 2});
  window.canvas.label.at(2, 1) = label;
  window.put();
  const DeviceImage device_src(src.image());
  const DeviceImage device_mask(mask.image());
  const DeviceArray<unsigned long long> bad(1);
  cuda::LoadCall call = load_call(device_src, window);
  call.mask = device_mask.picture;
  call.bad = bad.data();
  EXPECT_EQ(cuda::load_canvas(call, nullptr), cudaSuccess);
  bool thrown = false;
  try {
    for (int32_t y = 0; y < 2; ++y) load_row(src.image(), mask.image(), window.canvas, y);
  } catch (const Error&) {
    thrown = true;
  }
  EXPECT_EQ(thrown, bad.get()[0] != cuda::kNoBadPixel);
  return bad.get()[0];
}

TEST(Load, WhatIsNotFiniteIsReportedWhereItCounts) {
  constexpr unsigned long long kNone = cuda::kNoBadPixel;
  for (const Format format : {Format::kGray32F, Format::kRgba32F, Format::kRgb16F}) {
    const auto channels = static_cast<unsigned long long>(format_info(format)->channels);
    const unsigned long long here = channels * 4 + 2;  // row 1 of 4 pixels, channel 0, pixel 2
    for (const float bad : {kNan, kInfinity, -kInfinity}) {
      EXPECT_EQ(bad_index(format, bad, 0, kKnown), here);
      EXPECT_EQ(bad_index(format, bad, 0.5, kHole), here);
      EXPECT_EQ(bad_index(format, bad, 1, kHole), kNone);
      EXPECT_EQ(bad_index(format, bad, 1, kExcluded), kNone);
      EXPECT_EQ(bad_index(format, bad, 0.5, kExcluded), kNone);
      EXPECT_EQ(bad_index(format, bad, 1, kKnown), kNone);
    }
    EXPECT_EQ(bad_index(format, 0.25, 0, kKnown), kNone);
  }
  EXPECT_EQ(bad_index(Format::kGray32F, -1e18F, 0, kKnown), kNone);
  EXPECT_EQ(bad_index(Format::kGray32F, -2e18F, 0, kKnown), 6U);
  EXPECT_EQ(bad_index(Format::kRgba32F, 1e18F, 0, kKnown, 2), 18U);  // times alpha
  EXPECT_EQ(bad_index(Format::kRgba32F, 1, 0, kKnown, kNan), 18U);
}

TEST(Load, TheFirstBadValueIsReportedAndEveryOneOfAReferenceCounts) {
  TestImage src(Format::kRgb32F, 70, 19);
  src.randomise(9);
  for (const auto& [x, y, c] : {std::array{69, 18, 2}, std::array{3, 18, 1}, std::array{40, 17, 2}}) {
    src.set(x, y, c, kNan);
  }
  const DeviceImage device_src(src.image());
  const Window window(src.image(), src.image().bounds());
  const DeviceArray<unsigned long long> bad(1);
  cuda::LoadCall call = load_call(device_src, window);
  call.canvas.label = nullptr;
  call.bad = bad.data();
  ASSERT_EQ(cuda::load_canvas(call, nullptr), cudaSuccess);
  EXPECT_EQ(bad.get()[0], (17ULL * 3 + 2) * 70 + 40);
}

TEST(Store, CallersMistakes) {
  TestImage src(Format::kRgb8, 5, 4);
  TestImage other(Format::kBgr8, 5, 4);
  TestImage mask(Format::kGray8, 5, 4);
  TestImage wide(Format::kGray8, 6, 4);
  const DeviceImage device_src(src.image());
  const DeviceImage device_other(other.image());
  const DeviceImage device_mask(mask.image());
  const DeviceImage device_wide(wide.image());
  const Window window(src.image(), {0, 0, 5, 4});
  const auto refused = [&](const std::function<void(cuda::StoreCall&)>& change) {
    cuda::StoreCall call;
    call.src = call.dst = device_src.picture;
    call.mask = device_mask.picture;
    call.canvas = window.device;
    call.canvas.width = 0;
    change(call);
    return cuda::store_canvas(call, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_FALSE(refused([](cuda::StoreCall&) {}));
  EXPECT_TRUE(refused([&](cuda::StoreCall& call) { call.dst = device_other.picture; }));
  EXPECT_TRUE(refused([&](cuda::StoreCall& call) { call.mask = device_wide.picture; }));
  EXPECT_TRUE(refused([](cuda::StoreCall& call) { call.mask.data = nullptr; }));
  EXPECT_TRUE(refused([](cuda::StoreCall& call) { call.dst.data = nullptr; }));
  EXPECT_TRUE(refused([](cuda::StoreCall& call) { call.dst.height = 3; }));
  EXPECT_TRUE(refused([](cuda::StoreCall& call) { call.canvas.planes[0] = nullptr; }));
  const auto copy_refused = [&](const Rect& rect, const DeviceImage& dst) {
    return cuda::copy_pixels({device_src.picture, dst.picture, {rect.x, rect.y, rect.width, rect.height}},
                             nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(copy_refused({0, 0, 5, 4}, device_other));
  EXPECT_TRUE(copy_refused({1, 0, 5, 4}, device_src));
  EXPECT_TRUE(copy_refused({0, -1, 5, 4}, device_src));
  EXPECT_FALSE(copy_refused({5, 4, 0, 0}, device_src));
}

TEST(Store, EveryFormatAndLayoutLikeTheCpu) {
  for_each_case([](Format format, Alpha alpha, Layout layout) {
    constexpr int kWidth = 35;
    constexpr int kHeight = 9;
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
        for (int c = 0; c < window.canvas.channels; ++c) {
          const int kind = (x + 5 * y + c) % 41;
          window.at(x - 1, y - 1, c) = kind == 0   ? kNan
                                       : kind == 1 ? kInfinity
                                       : kind == 2 ? -kInfinity
                                       : kind == 3 ? 1e30F
                                                   : uniform(random);
        }
      }
    }
    window.put();
    const DeviceImage device_src(src.image());
    const DeviceImage device_dst(dst.image(), shift_of(layout));
    const DeviceImage device_in_place(in_place.image(), shift_of(layout));
    const DeviceImage device_mask(mask.image());
    // Rows 2 and 5 of the picture are not asked for.
    std::vector<uint8_t> where(static_cast<size_t>(window.device.stride) * (kHeight - 2), 1);
    for (const int y : {2, 5})
      std::fill_n(where.begin() + (y - 1) * window.device.stride, kWidth, uint8_t{0});
    const DeviceArray<uint8_t> device_where(where);
    for (int y = 1; y < kHeight - 1; ++y) {
      if (y == 2 || y == 5) continue;
      store_run(src.image(), mask.image(), dst.image(), {y, 1, kWidth}, window.canvas);
      store_run(in_place.image(), mask.image(), in_place.image(), {y, 1, kWidth}, window.canvas);
    }
    cuda::StoreCall call;
    call.src = device_src.picture;
    call.mask = device_mask.picture;
    call.dst = device_dst.picture;
    call.canvas = window.device;
    call.where = device_where.data();
    ASSERT_EQ(cuda::store_canvas(call, nullptr), cudaSuccess);
    call.src = call.dst = device_in_place.picture;
    ASSERT_EQ(cuda::store_canvas(call, nullptr), cudaSuccess);
    TestImage got(format, kWidth, kHeight, layout);
    device_dst.copy_back(got.image());
    ASSERT_EQ(got.bytes(), dst.bytes());
    device_in_place.copy_back(got.image());
    ASSERT_EQ(got.bytes(), in_place.bytes());
  });
}

TEST(Store, MasksOfEveryFormat) {
  TestImage src(Format::kRgb8, 19, 4);
  src.randomise(6);
  const DeviceImage device_src(src.image());
  Window window(src.image(), src.image().bounds());
  for (int y = 0; y < 4; ++y) load_run(src.image(), {3 - y, 0, 19}, window.canvas);
  for (int x = 0; x < 19; ++x) window.at(x, 2, 1) = 1 - window.at(x, 2, 1);
  window.put();
  for (const Format format : test::kMaskFormats) {
    for (const Layout layout : kLayouts) {
      TestImage mask(format, 19, 4, layout);
      mask.randomise(7);
      const DeviceImage device_mask(mask.image(), shift_of(layout));
      TestImage dst(Format::kRgb8, 19, 4);
      const DeviceImage device_dst(dst.image());
      for (int y = 0; y < 4; ++y) {
        store_run(src.image(), mask.image(), dst.image(), {y, 0, 19}, window.canvas);
      }
      cuda::StoreCall call;
      call.src = device_src.picture;
      call.mask = device_mask.picture;
      call.dst = device_dst.picture;
      call.canvas = window.device;
      ASSERT_EQ(cuda::store_canvas(call, nullptr), cudaSuccess);
      TestImage got(Format::kRgb8, 19, 4);
      device_dst.copy_back(got.image());
      ASSERT_EQ(got.bytes(), dst.bytes()) << mask.image().format->name << static_cast<int>(layout);
    }
  }
}

TEST(Copy, EveryFormatBetweenLayouts) {
  for (const Format format : kPictureFormats) {
    for (const Layout from : kLayouts) {
      const Layout to = kLayouts[(static_cast<size_t>(from) * 3 + 1) % kLayouts.size()];
      TestImage src(format, 34, 10, from);
      src.randomise(8);
      if (src.maximum() == 1) src.set(4, 2, 0, kNan);
      TestImage dst(format, 34, 10, to);
      const DeviceImage device_src(src.image(), shift_of(from));
      const DeviceImage device_dst(dst.image(), shift_of(to));
      for (int y = 1; y < 10; ++y) copy_row(src.image(), dst.image(), {y, 1, 34});
      ASSERT_EQ(cuda::copy_pixels({device_src.picture, device_dst.picture, {1, 1, 33, 9}}, nullptr),
                cudaSuccess);
      TestImage got(format, 34, 10, to);
      device_dst.copy_back(got.image());
      ASSERT_EQ(got.bytes(), dst.bytes()) << src.image().format->name;
    }
  }
}

}  // namespace
}  // namespace infill
