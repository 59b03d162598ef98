#include "classic/patchmatch_copies.h"

#include <cmath>
#include <numbers>

#include "classic/patchmatch_level.h"
#include "core/meter.h"

namespace infill::classic::patchmatch {

namespace {

// To a grid coarse enough that the last bits of the C library's functions do not matter.
double on_grid(double value) {
  return std::nearbyint(value * 65536) / 65536;
}

Picture copy_of(const Picture& base, int32_t index, double degrees, double size) {
  const double cosine = on_grid(std::cos(degrees * std::numbers::pi / 180));
  const double sine = on_grid(std::sin(degrees * std::numbers::pi / 180));
  Picture copy;
  copy.base = index;
  const auto extent = [size](double a, double b) {
    return static_cast<int32_t>(std::ceil(size * (std::abs(a) + std::abs(b))));
  };
  copy.width = extent(base.width * cosine, base.height * sine);
  copy.height = extent(base.width * sine, base.height * cosine);
  Affine& from = copy.from;
  const auto fixed = [](double value) { return static_cast<int64_t>(std::nearbyint(value * 65536)); };
  from.xx = from.yy = fixed(cosine / size);
  from.xy = fixed(sine / size);
  from.yx = -from.xy;
  // The centres coincide.
  from.x0 = int64_t{base.width - 1} * 32768 - (from.xx * (copy.width - 1) + from.xy * (copy.height - 1)) / 2;
  from.y0 = int64_t{base.height - 1} * 32768 - (from.yx * (copy.width - 1) + from.yy * (copy.height - 1)) / 2;
  return copy;
}

}  // namespace

Bilinear origin(const Picture& copy, int32_t x, int32_t y) {
  const Affine& from = copy.from;
  const int64_t u = from.x0 + from.xx * x + from.xy * y;
  const int64_t v = from.y0 + from.yx * x + from.yy * y;
  const auto right = static_cast<uint32_t>(u >> 8) & 0xFF;
  const auto down = static_cast<uint32_t>(v >> 8) & 0xFF;
  return {static_cast<int32_t>(u >> 16),
          static_cast<int32_t>(v >> 16),
          {(256 - right) * (256 - down), right * (256 - down), (256 - right) * down, right * down}};
}

void add_copies(Level& level, const CopyRange& range) {
  const int32_t bases = level.picture_count;
  level.base_count = bases;
  const int turns = range.rotation > 0 ? 2 : 0;
  const int sizes = range.scale > 0 ? 1 : 0;
  for (int32_t base = 0; base < bases; ++base) {
    for (int turn = -turns; turn <= turns; ++turn) {
      for (int size = -sizes; size <= sizes; ++size) {
        if (turn == 0 && size == 0) continue;
        const double factor = size == 0 ? 1 : size > 0 ? 1 + range.scale : 1 / (1 + range.scale);
        level.pictures[static_cast<size_t>(level.picture_count++)] =
            copy_of(level.pictures[static_cast<size_t>(base)], base, range.rotation * turn / 2, factor);
      }
    }
  }
}

void draw_copies(Level& level, Threads& threads, Task& task) {
  constexpr int64_t kRows = 16;
  for (int32_t i = level.base_count; i < level.picture_count; ++i) {
    const Picture& copy = level.pictures[static_cast<size_t>(i)];
    const Picture& base = level.pictures[static_cast<size_t>(copy.base)];
    threads.parallel_for(task, copy.height, kRows, [&](int64_t begin, int64_t end) {
      Meter meter(task);
      for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
        for (int32_t x = 0; x < level.pitch; ++x) {
          const Position to = level.at(x, copy.row + y);
          level.flags[to] = 0;
          meter.add(1);
          if (x >= copy.width) continue;
          const Bilinear four = origin(copy, x, y);
          if (four.x < 0 || four.y < 0 || four.x + 1 >= base.width || four.y + 1 >= base.height) continue;
          const Position at = level.at(four.x, base.row + four.y);
          const auto below = static_cast<Position>(level.pitch);
          level.flags[to] = level.flags[at] & level.flags[at + 1] & level.flags[at + below] &
                            level.flags[at + below + 1] & kUsable;
          for (size_t c = 0; c < 4; ++c) {
            const auto byte = [&](Position from) -> uint32_t { return level.colour[size_t{from} * 4 + c]; };
            const uint32_t sum = four.weight[0] * byte(at) + four.weight[1] * byte(at + 1) +
                                 four.weight[2] * byte(at + below) + four.weight[3] * byte(at + below + 1);
            level.colour[size_t{to} * 4 + c] = static_cast<uint8_t>((sum + 32768) >> 16);
          }
        }
      }
      meter.flush();
    });
  }
}

}  // namespace infill::classic::patchmatch
