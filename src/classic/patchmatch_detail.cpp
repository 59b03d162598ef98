#include "classic/patchmatch_detail.h"

#include <algorithm>
#include <cmath>

#include "classic/patchmatch_vote.h"
#include "core/meter.h"

namespace infill::classic::patchmatch {

namespace {

// Energies are compared over windows of 7 x 7.
constexpr int32_t kReach = 3;
// Less is what chance does to a window.
constexpr double kWorthwhile = 1.1;
// Where hardly anything is left to raise, more would raise rounding and seams between patches.
constexpr double kMostGain = 2;
// Raising the high-pass raises its energy by less than the gain's square; the second round sees by how much.
constexpr int kRounds = 2;

// What is left of the middle of 3 x 3 values when the binomial mean (1 2 1)/4 in both directions is taken
// out.
template <class At>
float high_pass(const At& at) {
  const float edges = (at(-1, 0) + at(1, 0)) + (at(0, -1) + at(0, 1));
  const float corners = (at(-1, -1) + at(1, -1)) + (at(-1, 1) + at(1, 1));
  return 0.75F * at(0, 0) - 0.125F * edges - 0.0625F * corners;
}

float high_pass(const Plane<float>& plane, int32_t x, int32_t y) {
  return high_pass([&](int32_t dx, int32_t dy) { return plane.at(x + dx, y + dy); });
}

// The source of the patch around a pixel, if the pixel and its neighbours have values.
Position source_of(const Level& level, const Canvas& canvas, int32_t x, int32_t y) {
  if (x < level.target_begin[static_cast<size_t>(y)] || x >= level.target_end[static_cast<size_t>(y)]) {
    return kNowhere;
  }
  for (int32_t v = y - 1; v <= y + 1; ++v) {
    for (int32_t u = x - 1; u <= x + 1; ++u) {
      if (!canvas.label.contains(u, v) || canvas.label.at(u, v) == kExcluded) return kNowhere;
    }
  }
  return level.match[level.index(x, y)];
}

void measure_energy(const Level& level, const Canvas& canvas, int32_t x, int32_t y,
                    const DetailScratch& scratch) {
  const Position source = source_of(level, canvas, x, y);
  if (source == kNowhere) return;
  float wanted = 0;
  float present = 0;
  for (size_t c = 0; c < static_cast<size_t>(canvas.colour_channels()); ++c) {
    const float there = high_pass([&](int32_t dx, int32_t dy) {
      return source_value(level, canvas, source + static_cast<Position>(dy * level.pitch + dx), c);
    });
    const float here = high_pass(canvas.planes[c], x, y);
    wanted += there * there;
    present += here * here;
  }
  scratch.wanted.at(x, y) = wanted;
  scratch.present.at(x, y) = present;
}

// How much of its high-pass a pixel needs on top.
double missing(const DetailScratch& scratch, int32_t x, int32_t y) {
  if (scratch.present.at(x, y) <= 0) return 0;
  double wanted = 0;
  double present = 0;
  const Plane<float>& plane = scratch.wanted;
  for (int32_t v = std::max(y - kReach, 0); v <= std::min(y + kReach, plane.height - 1); ++v) {
    for (int32_t u = std::max(x - kReach, 0); u <= std::min(x + kReach, plane.width - 1); ++u) {
      wanted += double{scratch.wanted.at(u, v)};
      present += double{scratch.present.at(u, v)};
    }
  }
  return wanted <= kWorthwhile * present ? 0 : std::min(std::sqrt(wanted / present), kMostGain) - 1;
}

}  // namespace

DetailScratch::DetailScratch(const CanvasShape& shape, Arena& arena)
    : first(arena.take<int64_t>(static_cast<size_t>(shape.hole_runs))) {
  const size_t area = static_cast<size_t>(shape.width) * static_cast<size_t>(shape.height);
  for (Plane<float>* plane : {&wanted, &present}) {
    *plane = {arena.take<float>(area).data(), shape.width, shape.height, shape.width};
  }
  for (size_t c = 0; c < static_cast<size_t>(shape.channels); ++c) {
    change[c] = arena.take<float>(static_cast<size_t>(shape.hole_pixels));
  }
}

void restore_detail(const Level& level, Canvas& canvas, double strength, const DetailScratch& scratch,
                    Threads& threads, Task& task) {
  if (strength <= 0 || level.radius == 0) return;
  threads.parallel_for(task, canvas.height, 16, [&](int64_t begin, int64_t end) {
    Meter meter(task);
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      std::fill_n(scratch.wanted.row(y), canvas.width, 0.0F);
      std::fill_n(scratch.present.row(y), canvas.width, 0.0F);
      meter.add(static_cast<uint64_t>(canvas.width));
    }
    meter.flush();
  });
  int64_t pixels = 0;
  Meter counter(task);
  for (size_t r = 0; r < canvas.holes.size(); ++r) {
    scratch.first[r] = pixels;
    pixels += canvas.holes[r].x1 - canvas.holes[r].x0;
    counter.add(1);
  }
  counter.flush();
  // body(x, y, index of the hole pixel), which takes so many pixel operations.
  const auto for_holes = [&](uint64_t operations, const auto& body) {
    threads.parallel_for(task, std::ssize(canvas.holes), 8, [&](int64_t begin, int64_t end) {
      Meter meter(task);
      for (auto r = static_cast<size_t>(begin); r < static_cast<size_t>(end); ++r) {
        const Run& run = canvas.holes[r];
        for (int32_t x = run.x0; x < run.x1; ++x) {
          body(x, run.y, static_cast<size_t>(scratch.first[r] + x - run.x0));
          meter.add(operations);
        }
      }
      meter.flush();
    });
  };
  const auto colours = static_cast<size_t>(canvas.colour_channels());
  const Plane<float>& alpha = canvas.planes[static_cast<size_t>(canvas.channels - 1)];
  constexpr uint64_t kSide = 2 * kReach + 1;
  for (int round = 0; round < kRounds; ++round) {
    for_holes(18, [&](int32_t x, int32_t y, size_t) { measure_energy(level, canvas, x, y, scratch); });
    for_holes(kSide * kSide, [&](int32_t x, int32_t y, size_t i) {
      const auto gain = static_cast<float>(strength * missing(scratch, x, y));
      for (size_t c = 0; c < colours; ++c) {
        scratch.change[c][i] = gain > 0 ? gain * high_pass(canvas.planes[c], x, y) : 0;
      }
    });
    for_holes(1, [&](int32_t x, int32_t y, size_t i) {
      for (size_t c = 0; c < colours; ++c) {
        float& value = canvas.planes[c].at(x, y);
        // Neither beyond black nor, being premultiplied, beyond its alpha.
        const float most = canvas.has_alpha ? std::max(value, alpha.at(x, y)) : INFINITY;
        value = std::clamp(value + scratch.change[c][i], std::min(value, 0.0F), most);
      }
    });
  }
}

}  // namespace infill::classic::patchmatch
