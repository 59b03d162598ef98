#include "cuda/mask.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/distance.h"
#include "core/mask.h"
#include "core/status.h"
#include "cuda/device.h"
#include "support/test_image.h"

namespace infill {
namespace {

using test::DeviceArray;
using test::DeviceImage;
using test::kLayouts;
using test::kMaskFormats;
using test::Layout;
using test::TestImage;

constexpr int kPadding = 3;

// A mask plane with padding between its rows, on both sides.
class MaskPlane {
 public:
  MaskPlane(int width, int height, const std::function<bool(int, int)>& hole)
      : bytes_(static_cast<size_t>(width + kPadding) * static_cast<size_t>(height), 99),
        device_(bytes_.size()) {
    plane = {bytes_.data(), width, height, width + kPadding};
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        plane.at(x, y) = hole(x, y) ? static_cast<uint8_t>(1 + (x + y) % 255) : uint8_t{0};
      }
    }
    device = {device_.data(), width, height, width + kPadding};
  }
  MaskPlane(const MaskPlane&) = delete;
  MaskPlane& operator=(const MaskPlane&) = delete;

  void put() { device_.put(bytes_); }
  [[nodiscard]] std::vector<uint8_t> get() const { return device_.get(); }
  [[nodiscard]] std::vector<uint8_t>& bytes() { return bytes_; }
  [[nodiscard]] Plane<const uint8_t> view() const {
    return {plane.data, plane.width, plane.height, plane.stride};
  }

  Plane<uint8_t> plane;
  cuda::MaskPlane device;

 private:
  std::vector<uint8_t> bytes_;
  DeviceArray<uint8_t> device_;
};

// Runs the library's own code.
class Cpu {
 public:
  Cpu(int width, int height)
      : pool(1),
        block_(memory_, morphology_scratch(width, height, 1) + distance_scratch(width, 1)),
        arena(block_.data(), block_.size()) {}
  Task task;
  Threads pool;

 private:
  Memory memory_;
  Block block_;

 public:
  Arena arena;
};

void for_each_case(const std::function<void(MaskPlane&)>& body) {
  std::mt19937 random(1);
  for (const auto& [w, h] : {std::pair{1, 1}, {1, 40}, {40, 1}, {2, 2}, {17, 23}, {67, 31}, {33, 50}}) {
    const std::vector<std::pair<const char*, std::function<bool(int, int)>>> holes = {
        {"none", [](int, int) { return false; }},
        {"all", [](int, int) { return true; }},
        {"first", [](int x, int y) { return x == 0 && y == 0; }},
        {"last", [w = w, h = h](int x, int y) { return x == w - 1 && y == h - 1; }},
        {"all but one", [w = w, h = h](int x, int y) { return x != w / 2 || y != h / 3; }},
        {"border", [w = w, h = h](int x, int y) { return x == 0 || y == 0 || x == w - 1 || y == h - 1; }},
        {"board", [](int x, int y) { return (x + y) % 2 == 0; }},
        {"dust", [&random](int, int) { return random() % 40 == 0; }},
        {"half", [&random](int, int) { return random() % 2 == 0; }},
        {"disc", [w = w, h = h](int x, int y) { return std::hypot(x - w / 3, y - h / 2) < 9; }},
    };
    for (const auto& [name, hole] : holes) {
      SCOPED_TRACE(std::string(name) + " " + std::to_string(w) + "x" + std::to_string(h));
      MaskPlane mask(w, h, hole);
      mask.put();
      body(mask);
    }
  }
}

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

struct Read {
  std::vector<uint8_t> plane;
  cuda::MaskReport report;
};

Read read_on_device(const cuda::Picture& mask, const Rect& rect, bool solid) {
  const size_t stride = static_cast<size_t>(rect.width) + kPadding;
  const std::vector<uint8_t> before(stride * static_cast<size_t>(rect.height), 99);
  const DeviceArray<uint8_t> plane(before);
  const DeviceArray<cuda::MaskReport> report(1);
  cuda::ReadMaskCall call;
  call.mask = mask;
  call.rect = {rect.x, rect.y, rect.width, rect.height};
  call.solid = solid;
  call.plane = {plane.data(), rect.width, rect.height, static_cast<int64_t>(stride)};
  call.report = report.data();
  EXPECT_EQ(cuda::read_mask(call, nullptr), cudaSuccess);
  return {plane.get(), report.get()[0]};
}

TEST(Read, CallersMistakes) {
  TestImage mask(Format::kGray8, 7, 5);
  TestImage colours(Format::kRgb8, 7, 5);
  const DeviceImage device_mask(mask.image());
  const DeviceImage device_colours(colours.image());
  const DeviceArray<uint8_t> plane(35);
  const auto refused = [&](const std::function<void(cuda::ReadMaskCall&)>& change) {
    cuda::ReadMaskCall call;
    call.mask = device_mask.picture;
    call.rect = {1, 1, 0, 4};
    change(call);
    return cuda::read_mask(call, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_FALSE(refused([](cuda::ReadMaskCall&) {}));
  EXPECT_TRUE(refused([](cuda::ReadMaskCall& call) { call.mask.data = nullptr; }));
  EXPECT_TRUE(refused([&](cuda::ReadMaskCall& call) { call.mask = device_colours.picture; }));
  EXPECT_TRUE(refused([](cuda::ReadMaskCall& call) { call.rect = {0, 2, 7, 4}; }));
  EXPECT_TRUE(refused([](cuda::ReadMaskCall& call) { call.rect = {-1, 0, 7, 5}; }));
  EXPECT_TRUE(refused([&](cuda::ReadMaskCall& call) { call.plane = {plane.data(), 7, 5, 7}; }));
  EXPECT_TRUE(refused([&](cuda::ReadMaskCall& call) { call.plane = {plane.data(), 0, 4, -1}; }));
}

TEST(Read, EveryFormatAndLayoutLikeTheCpu) {
  for (const Format format : kMaskFormats) {
    for (const Layout layout : kLayouts) {
      TestImage mask(format, 45, 27, layout);
      mask.randomise(11);
      const DeviceImage device_mask(mask.image(), layout == Layout::kUnaligned ? 1 : 0);
      for (const Rect& rect :
           {Rect{0, 0, 45, 27}, Rect{5, 3, 33, 20}, Rect{44, 26, 1, 1}, Rect{7, 7, 1, 9}}) {
        for (const bool solid : {false, true}) {
          const Read read = read_on_device(device_mask.picture, rect, solid);
          unsigned long long holes = 0;
          Rect box;
          std::vector<float> row(static_cast<size_t>(rect.width));
          for (int y = 0; y < rect.height; ++y) {
            read_mask_row(mask.image(), rect.x, rect.y + y, row);
            for (int x = 0; x < rect.width + kPadding; ++x) {
              const uint8_t got = read.plane[static_cast<size_t>(y * (rect.width + kPadding) + x)];
              if (x >= rect.width) {
                ASSERT_EQ(got, 99);
                continue;
              }
              const float m = row[static_cast<size_t>(x)];
              const bool hole = solid ? m >= 1 : m > 0;
              ASSERT_EQ(got, hole ? 1 : 0) << x << ' ' << y;
              if (!hole) continue;
              ++holes;
              box = unite(box, {x, y, 1, 1});
            }
          }
          ASSERT_EQ(read.report.holes, holes);
          ASSERT_EQ(read.report.nan, cuda::kNoNan);
          if (holes == 0) {
            ASSERT_EQ(read.report.left, rect.width);
            ASSERT_EQ(read.report.top, rect.height);
          } else {
            ASSERT_EQ(read.report.left, box.x);
            ASSERT_EQ(read.report.top, box.y);
          }
          ASSERT_EQ(read.report.right, holes == 0 ? 0 : box.right());
          ASSERT_EQ(read.report.bottom, holes == 0 ? 0 : box.bottom());
        }
      }
    }
  }
}

TEST(Read, ReportsNanAndExtremes) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const Format format : {Format::kGray16F, Format::kGray32F}) {
    TestImage mask(format, 40, 9);
    for (int y = 0; y < 9; ++y) {
      for (int x = 0; x < 40; ++x) mask.set(x, y, 0, 0);
    }
    mask.set(39, 3, 0, kNan);
    mask.set(2, 8, 0, kNan);
    mask.set(4, 1, 0, std::numeric_limits<float>::infinity());
    mask.set(5, 1, 0, -std::numeric_limits<float>::infinity());
    mask.set(6, 1, 0, 0x1p-24);
    mask.set(7, 1, 0, -0.0);
    const DeviceImage device_mask(mask.image());
    const Read read = read_on_device(device_mask.picture, {0, 0, 40, 9}, false);
    EXPECT_EQ(read.report.nan, 3U * 40 + 39);
    EXPECT_EQ(read.report.holes, 2U);
    EXPECT_EQ(read.plane[1 * 43 + 4], 1);
    EXPECT_EQ(read.plane[1 * 43 + 6], 1);
    EXPECT_EQ(read_on_device(device_mask.picture, {0, 0, 40, 9}, true).report.holes, 1U);
  }
}

TEST(Read, TallerThanTheGrid) {
  TestImage mask(Format::kMask8, 3, 70 * 8 * 2 + 5);
  for (int y = 0; y < mask.image().height; ++y) {
    for (int x = 0; x < 3; ++x) mask.set(x, y, 0, y % 5 == x ? 1 : 0);
  }
  const DeviceImage device_mask(mask.image());
  const Read read = read_on_device(device_mask.picture, mask.image().bounds(), false);
  EXPECT_EQ(read.report.holes, static_cast<unsigned long long>(mask.image().height / 5 * 3));
  EXPECT_EQ(read.report.bottom, mask.image().height - 2);
}

TEST(Write, EveryFormatAndLayoutLikeTheCpu) {
  for (const Format format : kMaskFormats) {
    for (const Layout layout : kLayouts) {
      TestImage mask(format, 37, 11, layout);
      const Rect rect{2, 3, 34, 7};
      std::vector<float> values(static_cast<size_t>((rect.width + 2) * rect.height));
      std::mt19937 random(3);
      std::uniform_real_distribution<float> uniform(-0.2F, 1.2F);
      for (float& value : values) value = random() % 5 == 0 ? 1e-9F : uniform(random);
      const DeviceImage device_mask(mask.image(), layout == Layout::kUnaligned ? 1 : 0);
      const DeviceArray<float> device_values(values);
      const std::vector<float> zeros(37, 0.0F);
      for (int y = 0; y < 11; ++y) {
        write_mask_row(mask.image(), 0, y, zeros);
        if (y < rect.y || y >= rect.bottom()) continue;
        write_mask_row(mask.image(), rect.x, y,
                       std::span(values).subspan(static_cast<size_t>((y - rect.y) * (rect.width + 2)),
                                                 static_cast<size_t>(rect.width)));
      }
      cuda::WriteMaskCall call;
      call.mask = device_mask.picture;
      call.rect = {rect.x, rect.y, rect.width, rect.height};
      call.values = device_values.data();
      call.stride = rect.width + 2;
      ASSERT_EQ(cuda::write_mask(call, nullptr), cudaSuccess);
      TestImage got(format, 37, 11, layout);
      device_mask.copy_back(got.image());
      ASSERT_EQ(got.bytes(), mask.bytes()) << mask.image().format->name << ' ' << static_cast<int>(layout);
    }
  }
}

TEST(Write, CallersMistakes) {
  TestImage mask(Format::kGray8, 7, 5);
  const DeviceImage device_mask(mask.image());
  const DeviceArray<float> values(35);
  const auto refused = [&](const std::function<void(cuda::WriteMaskCall&)>& change) {
    cuda::WriteMaskCall call{device_mask.picture, {0, 0, 7, 5}, values.data(), 7};
    change(call);
    return cuda::write_mask(call, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(refused([](cuda::WriteMaskCall& call) { call.mask.channels = 3; }));
  EXPECT_TRUE(refused([](cuda::WriteMaskCall& call) { call.rect.x = 1; }));
  EXPECT_TRUE(refused([](cuda::WriteMaskCall& call) { call.stride = 6; }));
  EXPECT_TRUE(refused([](cuda::WriteMaskCall& call) { call.values = nullptr; }));
}

TEST(Distance, CallersMistakes) {
  MaskPlane mask(5, 4, [](int, int) { return true; });
  const DeviceArray<int32_t> squared(20);
  const DeviceArray<float> soft(20);
  const DeviceArray<uint8_t> workspace(cuda::morphology_workspace(5, 4));
  const auto refused = [&](const cuda::MaskPlane& plane, int32_t* to, int64_t stride, void* memory) {
    return cuda::squared_distance({plane, cuda::Target::kHoles, to, stride}, memory, nullptr) ==
           cudaErrorInvalidValue;
  };
  const cuda::MaskPlane no_data{nullptr, 5, 4, 5};
  const cuda::MaskPlane narrow{mask.device.data, 5, 4, 4};
  EXPECT_TRUE(refused(no_data, squared.data(), 5, workspace.data()));
  EXPECT_TRUE(refused(narrow, squared.data(), 5, workspace.data()));
  EXPECT_TRUE(refused(mask.device, squared.data(), 4, workspace.data()));
  EXPECT_TRUE(refused(mask.device, nullptr, 5, workspace.data()));
  EXPECT_TRUE(refused(mask.device, squared.data(), 5, nullptr));
  EXPECT_FALSE(refused({nullptr, 0, 4, 5}, nullptr, 5, nullptr));
  EXPECT_EQ(cuda::dilate(mask.device, 1, nullptr, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::dilate(mask.device, std::nan(""), workspace.data(), nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::erode(narrow, 1, workspace.data(), nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::feather({mask.device, -1, soft.data(), 5}, workspace.data(), nullptr),
            cudaErrorInvalidValue);
  EXPECT_EQ(cuda::feather({mask.device, 1, nullptr, 5}, workspace.data(), nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::feather({mask.device, 1, soft.data(), 4}, workspace.data(), nullptr),
            cudaErrorInvalidValue);
}

TEST(Distance, ExactForEveryCase) {
  for_each_case([](MaskPlane& mask) {
    const int width = mask.plane.width;
    const int height = mask.plane.height;
    const DeviceArray<uint8_t> workspace(cuda::squared_distance_workspace(width, height));
    for (const Target target : {Target::kHoles, Target::kKept}) {
      std::vector<int32_t> before(static_cast<size_t>((width + 1) * height), -5);
      const DeviceArray<int32_t> squared(before);
      ASSERT_EQ(
          cuda::squared_distance({mask.device, static_cast<cuda::Target>(target), squared.data(), width + 1},
                                 workspace.data(), nullptr),
          cudaSuccess);
      const std::vector<int32_t> got = squared.get();
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          ASSERT_EQ(got[static_cast<size_t>(y * (width + 1) + x)], slow_squared(mask, target, x, y))
              << x << ' ' << y;
        }
        ASSERT_EQ(got[static_cast<size_t>(y * (width + 1) + width)], -5);
      }
    }
  });
}

// Distances beyond what int32_t holds, in both directions.
TEST(Distance, FarIsFarAway) {
  constexpr int kLong = 47000;
  for (const bool wide : {true, false}) {
    MaskPlane mask(wide ? kLong : 2, wide ? 2 : kLong, [](int x, int y) { return x == 0 && y == 0; });
    mask.put();
    const int width = mask.plane.width;
    const DeviceArray<uint8_t> workspace(cuda::squared_distance_workspace(width, mask.plane.height));
    const DeviceArray<int32_t> squared(size_t{2} * kLong);
    ASSERT_EQ(cuda::squared_distance({mask.device, cuda::Target::kHoles, squared.data(), width},
                                     workspace.data(), nullptr),
              cudaSuccess);
    const std::vector<int32_t> got = squared.get();
    const size_t step = wide ? 1 : 2;
    EXPECT_EQ(got[46340 * step], 46340 * 46340);
    EXPECT_EQ(got[46341 * step], kFarAway);
    EXPECT_EQ(got.back(), kFarAway);
  }
}

TEST(Morphology, GrowsAndShrinksLikeTheCpu) {
  for_each_case([](MaskPlane& mask) {
    const int width = mask.plane.width;
    const int height = mask.plane.height;
    Cpu cpu(width, height);
    const DeviceArray<uint8_t> workspace(cuda::morphology_workspace(width, height));
    const std::vector<uint8_t> original = mask.bytes();
    for (const double radius : {-1.0, 0.0, 0.9, 1.0, 1.5, 2.0, 7.3, 64.9, 65.0, 100.0, 1e9}) {
      mask.put();
      ASSERT_EQ(cuda::dilate(mask.device, radius, workspace.data(), nullptr), cudaSuccess);
      dilate(mask.plane, radius, cpu.arena, cpu.pool, cpu.task);
      ASSERT_EQ(mask.get(), mask.bytes()) << radius;
      mask.bytes() = original;
      mask.put();
      ASSERT_EQ(cuda::erode(mask.device, radius, workspace.data(), nullptr), cudaSuccess);
      erode(mask.plane, radius, cpu.arena, cpu.pool, cpu.task);
      ASSERT_EQ(mask.get(), mask.bytes()) << radius;
      mask.bytes() = original;
    }
  });
}

// Radii around the one beyond which the envelope takes over, where there is room for them.
TEST(Morphology, LargeRadiiLikeTheCpu) {
  MaskPlane mask(90, 150, [](int x, int y) { return (x == 3 && y == 8) || (x > 70 && y > 140); });
  const std::vector<uint8_t> original = mask.bytes();
  Cpu cpu(90, 150);
  const DeviceArray<uint8_t> workspace(cuda::morphology_workspace(90, 150));
  for (const double radius : {63.99, 64.0, 64.01, 65.0, 80.0}) {
    mask.put();
    ASSERT_EQ(cuda::dilate(mask.device, radius, workspace.data(), nullptr), cudaSuccess);
    dilate(mask.plane, radius, cpu.arena, cpu.pool, cpu.task);
    ASSERT_EQ(mask.get(), mask.bytes()) << radius;
    mask.bytes() = original;
  }
}

TEST(Morphology, FeathersLikeTheCpu) {
  for_each_case([](MaskPlane& mask) {
    const int width = mask.plane.width;
    const int height = mask.plane.height;
    Cpu cpu(width, height);
    const DeviceArray<uint8_t> workspace(cuda::morphology_workspace(width, height));
    for (const double edge : {0.0, 1.0, 3.5, 20.0, 80.0, 1e6}) {
      std::vector<float> values(mask.bytes().size(), -1);
      const DeviceArray<float> soft(values);
      feather(mask.view(), edge, {values.data(), width, height, width + kPadding}, cpu.arena, cpu.pool,
              cpu.task);
      ASSERT_EQ(cuda::feather({mask.device, edge, soft.data(), width + kPadding}, workspace.data(), nullptr),
                cudaSuccess);
      ASSERT_EQ(std::memcmp(soft.get().data(), values.data(), values.size() * sizeof(float)), 0) << edge;
    }
  });
}

}  // namespace
}  // namespace infill
