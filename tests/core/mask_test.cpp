#include "core/mask.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/status.h"
#include "support/test_image.h"

namespace infill {
namespace {

using test::kLayouts;
using test::kMaskFormats;
using test::Layout;
using test::TestImage;

double expected_value(TestImage& mask, int x, int y) {
  if (mask.image().format->is_mask) return mask.get(x, y) != 0 ? 1 : 0;
  return std::clamp(mask.get(x, y) / mask.maximum(), 0.0, 1.0);
}

std::vector<Run> expected_runs(TestImage& mask, const Rect& rect) {
  std::vector<Run> runs;
  for (int y = rect.y; y < rect.bottom(); ++y) {
    for (int x = rect.x; x < rect.right(); ++x) {
      if (expected_value(mask, x, y) <= 0) continue;
      if (!runs.empty() && runs.back().y == y && runs.back().x1 == x) {
        ++runs.back().x1;
      } else {
        runs.push_back({y, x, x + 1});
      }
    }
  }
  return runs;
}

void expect_runs(TestImage& mask, const Rect& rect, int thread_count) {
  Memory memory;
  Threads threads(thread_count);
  Task task;
  {
    const RunVector runs = read_runs(mask.image(), rect, memory, threads, task);
    const std::vector<Run> expected = expected_runs(mask, rect);
    ASSERT_EQ(runs.size(), expected.size());
    for (size_t i = 0; i < runs.size(); ++i) {
      ASSERT_EQ(runs[i].y, expected[i].y);
      ASSERT_EQ(runs[i].x0, expected[i].x0);
      ASSERT_EQ(runs[i].x1, expected[i].x1);
    }
    EXPECT_GE(task.operations(), static_cast<uint64_t>(rect.area()));
    EXPECT_LE(task.longest_step(), Task::kPollEvery);
  }
  EXPECT_EQ(memory.used(), 0U);
}

// Runs of random length, holes with soft and odd values.
void draw(TestImage& mask, uint32_t seed, int mean_kept, int mean_hole) {
  std::mt19937 random(seed);
  bool hole = false;
  int left = 0;
  for (int y = 0; y < mask.image().height; ++y) {
    for (int x = 0; x < mask.image().width; ++x) {
      if (left-- <= 0) {
        hole = !hole;
        left = static_cast<int>(random() % static_cast<uint32_t>(2 * (hole ? mean_hole : mean_kept)));
      }
      const double soft = 1.0 + static_cast<double>(random() % 254);
      double value = !hole ? 0 : random() % 4 == 0 ? soft / 255 * mask.maximum() : mask.maximum();
      if (mask.maximum() == 1 && random() % 7 == 0) value = hole ? 1e30 : random() % 2 == 0 ? -0.0 : -3;
      mask.set(x, y, 0, mask.maximum() == 1 ? value : std::ceil(value));
    }
  }
}

TEST(Mask, ValuesAndRunsOfEveryFormatAndLayout) {
  for (const Format format : kMaskFormats) {
    for (const Layout layout : kLayouts) {
      TestImage mask(format, 150, 9, layout);
      draw(mask, 1, 9, 4);
      SCOPED_TRACE(std::string(mask.image().format->name) + " layout " +
                   std::to_string(static_cast<int>(layout)));
      std::vector<float> row(150);
      for (int y = 0; y < 9; ++y) {
        read_mask_row(mask.image(), 0, y, row);
        for (int x = 0; x < 150; ++x) {
          ASSERT_EQ(row[static_cast<size_t>(x)], static_cast<float>(expected_value(mask, x, y)));
        }
      }
      read_mask_row(mask.image(), 77, 3, std::span(row).first(2));
      EXPECT_EQ(row[1], static_cast<float>(expected_value(mask, 78, 3)));
      for (const Rect& rect :
           {Rect{0, 0, 150, 9}, Rect{3, 1, 130, 7}, Rect{149, 8, 1, 1}, Rect{5, 5, 0, 0}}) {
        expect_runs(mask, rect, 1);
      }
    }
  }
}

TEST(Mask, RaggedWidths) {
  for (const Format format : kMaskFormats) {
    for (int width = 1; width < 200; ++width) {
      TestImage mask(format, width, 3, width % 2 == 0 ? Layout::kPacked : Layout::kUnaligned);
      draw(mask, static_cast<uint32_t>(width), 1 + width / 3, 1 + width / 5);
      expect_runs(mask, mask.image().bounds(), 1);
    }
  }
}

TEST(Mask, OneHoleAnywhereAndOneKeptPixelAnywhere) {
  constexpr int kWidth = 140;
  for (const Format format : kMaskFormats) {
    for (const bool inverted : {false, true}) {
      TestImage mask(format, kWidth, 1);
      for (int x = 0; x < kWidth; ++x) mask.set(x, 0, 0, inverted ? mask.maximum() : 0);
      for (int x = 0; x < kWidth; ++x) {
        mask.set(x, 0, 0, inverted ? 0 : 1);
        expect_runs(mask, mask.image().bounds(), 1);
        mask.set(x, 0, 0, inverted ? mask.maximum() : 0);
      }
    }
  }
}

// Pieces of rows and bands of rows are put together without a seam, by any number of threads.
TEST(Mask, BandsAndLongRows) {
  TestImage wide(Format::kGray8, 900000, 3);
  draw(wide, 2, 200000, 150000);
  TestImage large(Format::kMask8, 1000, 900);
  draw(large, 3, 40, 300);
  TestImage full(Format::kGray16, 600000, 2);
  std::fill(full.bytes().begin(), full.bytes().end(), std::byte{0xFF});
  for (const int threads : {1, 2, 16}) {
    expect_runs(wide, wide.image().bounds(), threads);
    expect_runs(wide, {262143, 0, 262146, 3}, threads);
    expect_runs(large, large.image().bounds(), threads);
    expect_runs(full, full.image().bounds(), threads);
  }
}

TEST(Mask, NanIsRefusedWhereItStands) {
  for (const Format format : {Format::kGray16F, Format::kGray32F}) {
    for (const double before : {0.0, 1.0}) {
      TestImage mask(format, 90, 4);
      for (int y = 0; y < 4; ++y) {
        for (int x = 0; x < 90; ++x) mask.set(x, y, 0, before);
      }
      mask.set(71, 2, 0, std::numeric_limits<double>::quiet_NaN());
      Memory memory;
      Threads threads(2);
      Task task;
      try {
        (void)read_runs(mask.image(), mask.image().bounds(), memory, threads, task);
        FAIL();
      } catch (const Error& error) {
        EXPECT_EQ(error.status(), Status::kInvalidArgument);
        EXPECT_STREQ(error.what(), "mask: pixel (71, 2) is NaN");
      }
      EXPECT_EQ(memory.used(), 0U);
      std::vector<float> row(90);
      EXPECT_THROW(read_mask_row(mask.image(), 0, 2, row), Error);
      EXPECT_NO_THROW(read_mask_row(mask.image(), 0, 1, row));
      const double infinity = std::numeric_limits<double>::infinity();
      mask.set(71, 2, 0, infinity);
      mask.set(72, 2, 0, -infinity);
      read_mask_row(mask.image(), 71, 2, std::span(row).first(2));
      EXPECT_EQ(row[0], 1.0F);
      EXPECT_EQ(row[1], 0.0F);
    }
  }
}

TEST(Mask, OtherFormatsAreRefused) {
  TestImage mask(Format::kRgb8, 4, 4);
  Memory memory;
  Threads threads(1);
  Task task;
  try {
    (void)read_runs(mask.image(), mask.image().bounds(), memory, threads, task);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kInvalidArgument);
    EXPECT_EQ(std::string(error.what()).rfind("mask.format: RGB8", 0), 0U);
  }
}

TEST(Mask, ReadingCanBeCancelled) {
  TestImage mask(Format::kGray8, 2000, 2000);
  Memory memory;
  Threads threads(2);
  Task task([](const ProgressReport&) { return true; });
  try {
    (void)read_runs(mask.image(), mask.image().bounds(), memory, threads, task);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kCancelled);
  }
  EXPECT_EQ(memory.used(), 0U);
}

TEST(WriteMaskRow, ReadsBackAndKeepsHoles) {
  for (const Format format : kMaskFormats) {
    for (const Layout& layout : kLayouts) {
      TestImage mask(format, 5, 2, layout);
      const std::vector<float> values = {0.0F, 1e-9F, 0.25F, 1.0F, 2.0F};
      write_mask_row(mask.image(), 0, 1, values);
      std::vector<float> back(5);
      read_mask_row(mask.image(), 0, 1, back);
      EXPECT_EQ(back[0], 0.0F);
      EXPECT_GT(back[1], 0.0F);
      EXPECT_NEAR(back[2], mask.image().format->is_mask ? 1.0 : 0.25, 0.002);
      EXPECT_EQ(back[3], 1.0F);
      EXPECT_EQ(back[4], 1.0F);
    }
  }
}

}  // namespace
}  // namespace infill
