#include "classic/push_pull.h"

#include <algorithm>
#include <functional>

#include "classic/lanes.h"

namespace infill::classic {

namespace {

constexpr int kMaximumLevels = 32;
constexpr int64_t kPieceBudget = 16384;  // pixels of a piece of a parallel loop, at least one row
constexpr int32_t kStep = 1 << 16;       // pixels of a row between two looks at the task

// Averages hold up to four channels; weight is how much of the pixel is known, 0..1.
struct PyramidLevel {
  int32_t width = 0, height = 0;
  std::span<Float4> average;
  std::span<float> weight;
  [[nodiscard]] size_t index(int32_t x, int32_t y) const {
    return static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x);
  }
};

struct Pyramid {
  std::array<PyramidLevel, kMaximumLevels> levels;  // [0] is half the canvas's size
  int count = 0;
};

Pyramid lay_out(const CanvasShape& shape, Arena& arena) {
  Pyramid pyramid;
  int32_t width = shape.width;
  int32_t height = shape.height;
  do {
    width = width / 2 + width % 2;
    height = height / 2 + height % 2;
    const size_t area = static_cast<size_t>(width) * static_cast<size_t>(height);
    pyramid.levels.at(static_cast<size_t>(pyramid.count++)) = {width, height, arena.take<Float4>(area),
                                                               arena.take<float>(area)};
  } while (width > 1 || height > 1);
  return pyramid;
}

// The canvas with the interface of a level.
struct CanvasLevel {
  const Canvas& canvas;
  int32_t width, height;
  explicit CanvasLevel(const Canvas& from) : canvas(from), width(from.width), height(from.height) {}
};

float weight_at(const CanvasLevel& level, int32_t x, int32_t y) {
  return level.canvas.label.at(x, y) == kKnown ? 1.0F : 0.0F;
}
Float4 average_at(const CanvasLevel& level, int32_t x, int32_t y) {
  Float4 value{};
  for (int c = 0; c < level.canvas.channels; ++c) value[c] = level.canvas.planes[c].at(x, y);
  return value;
}
float weight_at(const PyramidLevel& level, int32_t x, int32_t y) {
  return level.weight[level.index(x, y)];
}
Float4 average_at(const PyramidLevel& level, int32_t x, int32_t y) {
  return level.average[level.index(x, y)];
}

// Calls body(y, x0, x1) for pieces of every row; cost: pixels it visits for each.
template <class Body>
void for_rows(Work& work, int32_t width, int32_t height, int cost, const Body& body) {
  const auto rows = [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      for (int32_t x = 0; x < width; x += std::min(kStep, width - x)) {
        const int32_t x1 = x + std::min(kStep, width - x);
        body(static_cast<int32_t>(y), x, x1);
        work.task.advance(static_cast<uint64_t>(cost) * static_cast<uint64_t>(x1 - x));
      }
    }
  };
  work.threads.parallel_for(work.task, height, std::max<int64_t>(1, kPieceBudget / width), std::cref(rows));
}

// A pixel of coarse covers 2x2 of fine; the kernel 1 3 3 1 reaches one further on each side.
template <class Fine>
void push(const Fine& fine, const PyramidLevel& coarse, Work& work) {
  for_rows(work, coarse.width, coarse.height, 4, [&](int32_t y, int32_t begin, int32_t end) {
    constexpr std::array<float, 4> kKernel{1, 3, 3, 1};
    const int32_t y0 = std::max(2 * y - 1, 0);
    const int32_t y1 = std::min(2 * y + 2, fine.height - 1);
    for (int32_t x = begin; x < end; ++x) {
      const int32_t x0 = std::max(2 * x - 1, 0);
      const int32_t x1 = std::min(2 * x + 2, fine.width - 1);
      Float4 sum{};
      float total = 0;
      for (int32_t j = y0; j <= y1; ++j) {
        for (int32_t i = x0; i <= x1; ++i) {
          const float weight = kKernel[i - 2 * x + 1] * kKernel[j - 2 * y + 1] * weight_at(fine, i, j);
          if (weight == 0) continue;
          sum += weight * average_at(fine, i, j);
          total += weight;
        }
      }
      const size_t at = coarse.index(x, y);
      coarse.average[at] = total > 0 ? sum / total : Float4{};
      // One pixel in the middle (9 of 64) counts as known: far colours do not wash out near ones.
      coarse.weight[at] = std::min(1.0F, total / 9.0F);
    }
  });
}

// The coarse level read through the B-spline at pixel (x, y) of the next finer level.
Float4 spline_at(const PyramidLevel& coarse, int32_t x, int32_t y) {
  const int32_t x0 = x / 2;
  const int32_t y0 = y / 2;
  const int32_t x1 = std::clamp(x0 + (x % 2 == 0 ? -1 : 1), 0, coarse.width - 1);
  const int32_t y1 = std::clamp(y0 + (y % 2 == 0 ? -1 : 1), 0, coarse.height - 1);
  return (9.0F * average_at(coarse, x0, y0) + 3.0F * average_at(coarse, x1, y0) +
          3.0F * average_at(coarse, x0, y1) + average_at(coarse, x1, y1)) /
         16.0F;
}

void pull(const PyramidLevel& fine, const PyramidLevel& coarse, Work& work) {
  for_rows(work, fine.width, fine.height, 1, [&](int32_t y, int32_t begin, int32_t end) {
    for (int32_t x = begin; x < end; ++x) {
      const size_t at = fine.index(x, y);
      const float weight = fine.weight[at];
      if (weight == 1) continue;
      fine.average[at] = weight * fine.average[at] + (1 - weight) * spline_at(coarse, x, y);
    }
  });
}

void pull(Canvas& canvas, const PyramidLevel& coarse, Work& work) {
  const auto fill_run = [&](const Run& run) {
    for (int32_t x = run.x0; x < run.x1; ++x) {
      const Float4 value = spline_at(coarse, x, run.y);
      for (int c = 0; c < canvas.channels; ++c) canvas.planes[c].at(x, run.y) = value[c];
      if ((x - run.x0) % kStep == kStep - 1) work.task.advance(kStep);
    }
    work.task.advance(static_cast<uint64_t>((run.x1 - run.x0) % kStep));
  };
  const auto runs = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) fill_run(canvas.holes[static_cast<size_t>(i)]);
  };
  work.threads.parallel_for(work.task, static_cast<int64_t>(canvas.holes.size()), 64, std::cref(runs));
}

void fill(Canvas& canvas, const Settings& /*settings*/, Work& work) {
  push_pull_fill(canvas, work);
}

int32_t context(const Settings& /*settings*/, int32_t width, int32_t height) {
  return std::clamp(std::min(width, height) / 4, 4, 64);
}

}  // namespace

size_t push_pull_scratch(const CanvasShape& shape) {
  Arena arena = Arena::measuring();
  (void)lay_out(shape, arena);
  return arena.peak();
}

void push_pull_fill(Canvas& canvas, Work& work) {
  if (canvas.holes.empty()) return;
  const ArenaScope scope(work.arena);
  const Pyramid pyramid =
      lay_out({.width = canvas.width, .height = canvas.height, .channels = canvas.channels}, work.arena);
  const auto level = [&](int i) -> const PyramidLevel& { return pyramid.levels[static_cast<size_t>(i)]; };
  push(CanvasLevel(canvas), level(0), work);
  for (int i = 1; i < pyramid.count; ++i) push(level(i - 1), level(i), work);
  for (int i = pyramid.count - 2; i >= 0; --i) pull(level(i), level(i + 1), work);
  pull(canvas, level(0), work);
  work.task.done(1);
}

const Method kPushPull{
    .id = MethodId::kPushPull,
    .name = "push-pull",
    .summary = "Instant smooth preview from a pyramid of averages.",
    .parameters = {},
    .context = context,
    .coupling = 2,
    .scratch = [](const CanvasShape& shape,
                  const Settings& /*settings*/) { return push_pull_scratch(shape); },
    .fill = fill,
};

}  // namespace infill::classic
