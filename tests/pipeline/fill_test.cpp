// Whole fills through every method of the table.
#include "pipeline/fill.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "core/status.h"
#include "support/noise.h"
#include "support/pictures.h"

namespace infill::pipeline {
namespace {

using test::Mask;
using test::Picture;

constexpr int kWidth = 150;
constexpr int kHeight = 110;

uint8_t photo(int x, int y, int channel) {
  const double wave = 60 * std::sin(x * 0.11 + channel) + 40 * std::cos(y * 0.07 - x * 0.02);
  return static_cast<uint8_t>(std::clamp(128 + wave + 8 * test::gauss(1, x, y, channel), 0.0, 255.0));
}

bool blob_and_scratch(int x, int y) {
  return (x - 60) * (x - 60) + (y - 50) * (y - 50) < 18 * 18 || (std::abs(y - 90) < 2 && x > 5 && x < 120);
}

Options options_of(const classic::Method& method) {
  Options options;
  options.method = &method;
  options.method_settings = classic::default_settings(method, classic::Quality::kFast);
  options.blend_settings = Settings(blend_parameters());
  return options;
}

// One context's worth of everything.
struct Rig {
  explicit Rig(int thread_count = 1, uint64_t limit = 0, const Allocator& allocator = {})
      : memory(allocator, limit), threads(thread_count) {}
  Memory memory;
  Threads threads;
  Block cache;

  Result run(const Request& request, const Options& options, Task* task = nullptr) {
    Task own;
    return fill(request, options, memory, cache, threads, task == nullptr ? own : *task);
  }
  uint64_t estimated(const Request& request, const Options& options) {
    Task task;
    return estimate(request, options, memory, 0, threads, task).bytes;
  }
};

Request request_of(Picture& src, Picture& mask, Picture& dst) {
  Request request;
  request.src = src.image();
  request.mask = mask.image();
  request.dst = dst.image();
  request.roi = src.image().bounds();
  request.seed = 11;
  return request;
}

Status status_of(const std::function<void()>& body, std::string* message = nullptr) {
  try {
    body();
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return error.status();
  }
  return Status::kOk;
}

class EveryMethod : public testing::TestWithParam<const classic::Method*> {
 protected:
  EveryMethod()
      : src(Format::kRgb8, kWidth, kHeight),
        dst(Format::kRgb8, kWidth, kHeight),
        mask(kWidth, kHeight, blob_and_scratch),
        options(options_of(*GetParam())) {
    src.set<uint8_t>(photo);
    std::memset(dst.bytes().data(), 0xAB, dst.bytes().size());
  }
  Picture src, dst;
  Mask mask;
  Options options;
};

TEST_P(EveryMethod, FillsTheHoleAndNothingElse) {
  Rig rig(2);
  const Result result = rig.run(request_of(src, mask, dst), options);
  int64_t holes = 0;
  double error = 0;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const bool hole = blob_and_scratch(x, y);
      holes += hole ? 1 : 0;
      for (int c = 0; c < 3; ++c) {
        if (!hole) {
          ASSERT_EQ(dst.at<uint8_t>(x, y, c), src.at<uint8_t>(x, y, c)) << x << ' ' << y;
        } else {
          error += std::abs(dst.at<uint8_t>(x, y, c) - photo(x, y, c));
        }
      }
    }
  }
  EXPECT_EQ(result.hole_pixels, static_cast<uint64_t>(holes));
  EXPECT_LT(error / static_cast<double>(3 * holes), 35.0);
}

TEST_P(EveryMethod, DoesNotLookIntoTheHole) {
  Rig rig;
  rig.run(request_of(src, mask, dst), options);
  Picture other(Format::kRgb8, kWidth, kHeight);
  other.set<uint8_t>(
      [](int x, int y, int c) { return blob_and_scratch(x, y) ? uint8_t{255} : photo(x, y, c); });
  Picture other_dst(Format::kRgb8, kWidth, kHeight);
  rig.run(request_of(other, mask, other_dst), options);
  EXPECT_EQ(dst.bytes(), other_dst.bytes());
}

TEST_P(EveryMethod, InPlaceAndAnyThreadCountGiveTheSameBytes) {
  Rig one(1);
  one.run(request_of(src, mask, dst), options);
  for (const int threads : {2, 16}) {
    Rig rig(threads);
    Picture again(Format::kRgb8, kWidth, kHeight);
    rig.run(request_of(src, mask, again), options);
    EXPECT_EQ(again.bytes(), dst.bytes()) << threads;
  }
  one.run(request_of(src, mask, src), options);
  EXPECT_EQ(src.bytes(), dst.bytes());
}

TEST_P(EveryMethod, FillsOnlyInsideTheRoiAndWritesNothingBeyond) {
  Rig rig;
  Request request = request_of(src, mask, dst);
  request.roi = {40, 30, 30, 25};
  rig.run(request, options);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const bool inside = x >= 40 && x < 70 && y >= 30 && y < 55;
      if (!inside) {
        ASSERT_EQ(dst.at<uint8_t>(x, y, 1), 0xAB);
      } else if (!blob_and_scratch(x, y)) {
        ASSERT_EQ(dst.at<uint8_t>(x, y, 1), photo(x, y, 1));
      }
    }
  }
}

TEST_P(EveryMethod, NoHoleIsACopy) {
  Rig rig;
  Mask empty(kWidth, kHeight, [](int, int) { return false; });
  EXPECT_EQ(rig.run(request_of(src, empty, dst), options).hole_pixels, 0U);
  EXPECT_EQ(dst.bytes(), src.bytes());
}

TEST_P(EveryMethod, AllHoleIsRefusedAndDstIsUntouched) {
  Rig rig;
  Mask full(kWidth, kHeight, [](int, int) { return true; });
  const auto before = dst.bytes();
  std::string message;
  EXPECT_EQ(status_of([&] { rig.run(request_of(src, full, dst), options); }, &message),
            Status::kInvalidArgument);
  EXPECT_NE(message.find("mask"), std::string::npos) << message;
  EXPECT_EQ(dst.bytes(), before);
}

TEST_P(EveryMethod, OneKnownPixelIsEnough) {
  Rig rig;
  Mask nearly(kWidth, kHeight, [](int x, int y) { return x != 3 || y != 100; });
  rig.run(request_of(src, nearly, dst), options);
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(dst.at<uint8_t>(140, 5, c), photo(3, 100, c), 1);
}

TEST_P(EveryMethod, HolesAtEveryBorderAndTinyPictures) {
  Rig rig(2);
  for (const auto& [width, height] : {std::pair{1, 2}, {2, 1}, {1, 60}, {60, 1}, {2, 2}, {3, 40}, {33, 17}}) {
    for (int pattern = 0; pattern < 5; ++pattern) {
      Picture small(Format::kRgb8, width, height);
      small.set<uint8_t>([](int, int, int c) { return static_cast<uint8_t>(40 + 70 * c); });
      Mask holes(width, height, [&, w = width, h = height](int x, int y) {
        if (x == w / 2 && y == h / 2) return false;  // something to learn from
        switch (pattern) {
          case 0:
            return x == 0 && y == 0;
          case 1:
            return x == w - 1 || y == 0;
          case 2:
            return x == 0 || y == 0 || x == w - 1 || y == h - 1;
          case 3:
            return (x + y) % 2 == 1;
          default:
            return true;
        }
      });
      Picture out(Format::kRgb8, width, height);
      rig.run(request_of(small, holes, out), options);
      // A constant picture has one sensible fill.
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          for (int c = 0; c < 3; ++c) {
            ASSERT_NEAR(out.at<uint8_t>(x, y, c), 40 + 70 * c, 1)
                << width << " x " << height << " pattern " << pattern << " at " << x << ' ' << y;
          }
        }
      }
    }
  }
}

TEST_P(EveryMethod, SoftMaskBlends) {
  Rig rig;
  rig.run(request_of(src, mask, dst), options);
  Mask soft(kWidth, kHeight, blob_and_scratch);
  for (int x = 40; x < 80; ++x) {
    if (blob_and_scratch(x, 50)) soft.at<uint8_t>(x, 50) = 51;
  }
  Picture out(Format::kRgb8, kWidth, kHeight);
  rig.run(request_of(src, soft, out), options);
  for (int x = 40; x < 80; ++x) {
    const double wanted = photo(x, 50, 0) + 0.2 * (dst.at<uint8_t>(x, 50, 0) - photo(x, 50, 0));
    EXPECT_NEAR(out.at<uint8_t>(x, 50, 0), wanted, 1.01);
    EXPECT_EQ(out.at<uint8_t>(x, 51, 0), dst.at<uint8_t>(x, 51, 0));
  }
}

TEST_P(EveryMethod, NotFiniteOutsideTheHoleIsNamedInsideItIsFine) {
  Rig rig;
  Picture hdr(Format::kRgb32F, kWidth, kHeight);
  hdr.set<float>(
      [](int x, int y, int c) { return blob_and_scratch(x, y) ? NAN : static_cast<float>(photo(x, y, c)); });
  Picture out(Format::kRgb32F, kWidth, kHeight);
  rig.run(request_of(hdr, mask, out), options);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) ASSERT_TRUE(std::isfinite(out.at<float>(x, y, 2))) << x << ' ' << y;
  }
  for (const float bad : {NAN, std::numeric_limits<float>::infinity()}) {
    hdr.at<float>(60, 29, 1) = bad;  // next to the hole
    std::string message;
    EXPECT_EQ(status_of([&] { rig.run(request_of(hdr, mask, out), options); }, &message),
              Status::kInvalidArgument);
    EXPECT_NE(message.find("src"), std::string::npos) << message;
    EXPECT_NE(message.find("60"), std::string::npos) << message;
  }
}

TEST_P(EveryMethod, EstimateIsAnUpperBoundAndNotTwiceTooHigh) {
  for (const int threads : {1, 2}) {
    Rig rig(threads);
    const Request request = request_of(src, mask, dst);
    const uint64_t bytes = rig.estimated(request, options);
    ASSERT_EQ(rig.memory.used(), 0U);
    Rig fresh(threads);
    const Result result = fresh.run(request, options);
    EXPECT_GE(bytes, fresh.memory.peak());
    EXPECT_LE(bytes, 2 * fresh.memory.peak());
    // Nor is the memory taken in vain.
    EXPECT_GE(result.scratch, result.scratch_used);
    EXPECT_LE(result.scratch, 2 * result.scratch_used) << options.method->name;
  }
}

TEST_P(EveryMethod, EstimateWithoutPixelsCountsEverythingAsHole) {
  Rig rig;
  Request request = request_of(src, mask, dst);
  const uint64_t some = rig.estimated(request, options);
  request.src.data = request.mask.data = request.dst.data = nullptr;
  EXPECT_GE(rig.estimated(request, options), some);
}

TEST_P(EveryMethod, MemoryLimitIsKeptOrRefused) {
  const Request request = request_of(src, mask, dst);
  Rig free;
  const uint64_t bytes = free.estimated(request, options);
  Rig enough(1, bytes);
  enough.run(request, options);
  EXPECT_LE(enough.memory.peak(), bytes);
  const auto before = std::vector<std::byte>(dst.bytes().size(), std::byte{0xAB});
  dst.bytes() = before;
  Request fresh = request_of(src, mask, dst);
  Rig tight(1, bytes / 2);
  EXPECT_EQ(status_of([&] { tight.run(fresh, options); }), Status::kMemoryLimit);
  EXPECT_EQ(dst.bytes(), before);
}

TEST_P(EveryMethod, ALargerFillGivesTheScratchOfASmallerOneBackFirst) {
  Mask dot(kWidth, kHeight, [](int x, int y) { return x > 5 && x < 12 && y > 5 && y < 12; });
  Rig free;
  free.run(request_of(src, dot, dst), options);
  const Request larger = request_of(src, mask, dst);
  Task task;
  const uint64_t bytes = estimate(larger, options, free.memory, free.cache.size(), free.threads, task).bytes;
  Rig rig(1, bytes);
  rig.run(request_of(src, dot, dst), options);
  rig.run(larger, options);
  EXPECT_LE(rig.memory.peak(), bytes);
}

struct FailingAllocator {
  int64_t countdown = INT64_MAX;
  static void* alloc(void* user, size_t size, size_t alignment) {
    auto& self = *static_cast<FailingAllocator*>(user);
    return self.countdown-- <= 0
               ? nullptr
               : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  }
  static void free(void*, void* memory, size_t, size_t) { std::free(memory); }
};

TEST_P(EveryMethod, EveryAllocationMayFailAndTheNextCallWorks) {
  FailingAllocator allocator;
  Rig rig(2, 0, {&allocator, &FailingAllocator::alloc, &FailingAllocator::free});
  int failures = 0;
  for (int64_t n = 0;; ++n) {
    ASSERT_LT(n, 1000);
    rig.cache = Block();
    allocator.countdown = n;
    const Status status = status_of([&] { rig.run(request_of(src, mask, dst), options); });
    if (status == Status::kOk) break;
    ASSERT_EQ(status, Status::kOutOfMemory);
    ++failures;
    allocator.countdown = INT64_MAX;
    rig.run(request_of(src, mask, dst), options);
  }
  EXPECT_GE(failures, 2);
  rig.cache = Block();
  EXPECT_EQ(rig.memory.used(), 0U);
}

TEST_P(EveryMethod, CancelAtEveryReport) {
  Rig rig(2);
  for (int at = 0; at < 60; ++at) {
    int reports = 0;
    Task task([&](const ProgressReport&) { return reports++ == at; });
    const Status status = status_of([&] { rig.run(request_of(src, mask, dst), options, &task); });
    if (reports <= at) {
      EXPECT_EQ(status, Status::kOk);
      break;
    }
    // Only the last report, of a finished fill, comes too late.
    EXPECT_TRUE(status == Status::kCancelled || at == reports - 1) << at;
    for (int x = 0; x < kWidth; ++x) {
      ASSERT_TRUE(dst.at<uint8_t>(x, 5, 0) == photo(x, 5, 0) || dst.at<uint8_t>(x, 5, 0) == 0xAB);
    }
  }
}

TEST_P(EveryMethod, ProgressNeverFallsAndEndsAtOne) {
  Rig rig(2);
  double last = 0;
  int whole = 0;
  Task task([&](const ProgressReport& report) {
    EXPECT_GE(report.fraction, last);
    last = report.fraction;
    whole += last == 1.0 ? 1 : 0;
    return false;
  });
  rig.run(request_of(src, mask, dst), options, &task);
  EXPECT_EQ(last, 1.0);
  EXPECT_EQ(whole, 1);  // at the very end
  EXPECT_LE(task.longest_step(), Task::kPollEvery);
}

TEST_P(EveryMethod, LargeHolesAreCancellableToo) {
  constexpr int kSide = 1100;
  Picture large(Format::kRgb8, kSide, kSide);
  large.set<uint8_t>(photo);
  Mask hole(kSide, kSide, [](int x, int y) { return x > 300 && x < 800 && y > 320 && y < 700; });
  Rig rig(2);
  Task task;
  const Result result = rig.run(request_of(large, hole, large), options, &task);
  EXPECT_LE(task.longest_step(), Task::kPollEvery);
  // Reading the mask, and at the very least: label, load, list, solve once, store.
  EXPECT_GE(task.operations(), static_cast<uint64_t>(kSide) * kSide + 5 * result.hole_pixels);
}

TEST_P(EveryMethod, ACutHoleIsFilledLikeAWholeOne) {
  // A long diagonal scratch on a ramp: it is cut, and every piece continues the ramp.
  constexpr int kSize = 1200;
  Picture ramp(Format::kGray32F, kSize, kSize);
  const auto value = [](int x, int y, int) {
    return 0.0004F * static_cast<float>(x) + 0.0003F * static_cast<float>(y);
  };
  ramp.set<float>(value);
  Mask scratch(kSize, kSize, [](int x, int y) { return std::abs(x - y) < 3; });
  Picture out(Format::kGray32F, kSize, kSize);
  Rig rig(2);
  const Result result = rig.run(request_of(ramp, scratch, out), options);
  EXPECT_GT(result.tiles, 1U);
  for (int i = 0; i < kSize; ++i) ASSERT_NEAR(out.at<float>(i, i), value(i, i, 0), 0.02) << i;
  rig.run(request_of(ramp, scratch, ramp), options);
  EXPECT_EQ(ramp.bytes(), out.bytes());
}

TEST_P(EveryMethod, ACutHoleDoesNotLearnFromItsSoftEdge) {
  constexpr int kSize = 2400;
  const auto gray = [](int, int, int) { return uint8_t{90}; };
  Picture bright(Format::kGray8, kSize, kSize);
  bright.set<uint8_t>(
      [&](int x, int y, int c) { return std::abs(x - y) < 4 ? uint8_t{255} : gray(x, y, c); });
  Mask soft(kSize, kSize, [](int x, int y) { return std::abs(x - y) < 4; });
  for (int i = 3; i < kSize; ++i)
    soft.at<uint8_t>(i, i - 3) = soft.at<uint8_t>(i - 3, i) = 1;  // keeps 254/255
  Rig rig(2);
  Picture out(Format::kGray8, kSize, kSize);
  ASSERT_GT(rig.run(request_of(bright, soft, out), options).tiles, 1U);
  for (int i = 5; i < kSize - 5; ++i) {
    for (int d = -2; d <= 2; ++d) ASSERT_NEAR(out.at<uint8_t>(i + d, i), 90, 1) << i << ' ' << d;
  }
}

TEST_P(EveryMethod, WrongPartnersAreNamed) {
  Rig rig;
  std::string message;
  Mask small(kWidth - 1, kHeight, [](int, int) { return false; });
  EXPECT_EQ(status_of([&] { rig.run(request_of(src, small, dst), options); }, &message),
            Status::kInvalidArgument);
  EXPECT_NE(message.find("mask"), std::string::npos);
  EXPECT_NE(message.find("149"), std::string::npos) << message;
  Picture gray(Format::kGray8, kWidth, kHeight);
  EXPECT_EQ(status_of([&] { rig.run(request_of(src, mask, gray), options); }, &message),
            Status::kInvalidArgument);
  EXPECT_NE(message.find("dst"), std::string::npos);
  for (const Rect roi :
       {Rect{-1, 0, 5, 5}, Rect{0, 0, kWidth + 1, 5}, Rect{5, 5, 0, 3}, Rect{kWidth, 0, 1, 1}}) {
    Request request = request_of(src, mask, dst);
    request.roi = roi;
    EXPECT_EQ(status_of([&] { rig.run(request, options); }, &message), Status::kInvalidArgument);
    EXPECT_NE(message.find("roi"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Fill, EveryMethod,
                         testing::ValuesIn(classic::methods().begin(), classic::methods().end()),
                         [](const auto& param) {
                           std::string name = param.param->name;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace infill::pipeline
