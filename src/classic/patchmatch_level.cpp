#include "classic/patchmatch_level.h"

#include <algorithm>
#include <atomic>

#include "core/meter.h"

namespace infill::classic::patchmatch {

namespace {

constexpr int64_t kGrainRows = 16;
// Against smooth fills of textured holes: without it smooth patches match blurred estimates best.
constexpr int32_t kTextureWeight = 4;

// Gives rows of the atlas their place once the pictures have their sizes.
void stack(Level& level) {
  level.pitch = 0;
  level.rows = 0;
  for (int32_t i = 0; i < level.picture_count; ++i) {
    Picture& picture = level.pictures[static_cast<size_t>(i)];
    picture.row = level.rows;
    level.rows += picture.height;
    level.pitch = std::max(level.pitch, picture.width);
  }
  ++level.pitch;
  ++level.rows;
}

size_t atlas_size(const Level& level) {
  return static_cast<size_t>(level.pitch) * static_cast<size_t>(level.rows);
}

// Clears what lies right of a picture in its rows of the atlas.
void clear_margin(Level& level, const Picture& picture, int32_t y) {
  for (int32_t x = picture.width; x < level.pitch; ++x) {
    level.flags[level.at(x, picture.row + y)] = 0;
    level.coverage[level.at(x, picture.row + y)] = 0;
  }
}

void load_picture(Level& level, const Picture& picture, const Canvas& canvas, bool is_target,
                  const ColourCode& code, Threads& threads, Task& task) {
  threads.parallel_for(task, picture.height, kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      const auto row = static_cast<int32_t>(y);
      const Position start = level.at(0, picture.row + row);
      const uint8_t* label = canvas.label.row(row);
      const uint8_t* allowed = canvas.allowed.data == nullptr ? nullptr : canvas.allowed.row(row);
      uint8_t* colour = &level.colour[size_t{start} * 4];
      for (int32_t x = 0; x < picture.width; ++x) {
        const bool known = label[x] == kKnown;
        const bool usable = known && (allowed == nullptr || allowed[x] != 0);
        level.coverage[start + static_cast<Position>(x)] = known ? 255 : 0;
        level.flags[start + static_cast<Position>(x)] =
            static_cast<uint8_t>((known ? kReliable : 0) | (usable ? kUsable : 0) |
                                 (is_target && label[x] == kHole ? kWanted : 0));
        for (int c = 0; c < 4; ++c) {
          colour[4 * x + c] =
              known && c < canvas.channels ? code.byte(canvas.planes[static_cast<size_t>(c)].at(x, row)) : 0;
        }
      }
      clear_margin(level, picture, row);
      task.advance(static_cast<uint64_t>(picture.width));
    }
  });
}

struct Average {
  std::array<uint32_t, 4> colour{};
  uint32_t weight = 0;          // of the known share
  uint32_t total = 0;           // of pixels that exist
  uint8_t all = 0xFF, any = 0;  // flags
};

// The 4 x 4 pixels around the 2 x 2 that become pixel (x, y) of the coarser picture.
Average average(const Level& level, const Picture& picture, int32_t x, int32_t y) {
  constexpr std::array<uint32_t, 4> kWeight = {1, 3, 3, 1};
  Average sum;
  for (int32_t j = 0; j < 4; ++j) {
    const int32_t v = 2 * y - 1 + j;
    if (v < 0 || v >= picture.height) continue;
    for (int32_t i = 0; i < 4; ++i) {
      const int32_t u = 2 * x - 1 + i;
      if (u < 0 || u >= picture.width) continue;
      const Position at = level.at(u, picture.row + v);
      const uint32_t weight = kWeight[static_cast<size_t>(i)] * kWeight[static_cast<size_t>(j)];
      const uint32_t known = weight * level.coverage[at];
      sum.total += weight;
      sum.weight += known;
      for (size_t c = 0; c < 4; ++c) sum.colour[c] += known * level.colour[size_t{at} * 4 + c];
      if (i == 0 || i == 3 || j == 0 || j == 3) continue;
      sum.any |= level.flags[at];
      // Unknown pixels lend no colour, so only known ones must be allowed.
      if (level.coverage[at] != 0) sum.all &= level.flags[at];
    }
  }
  return sum;
}

// Mean difference between a known pixel and its known neighbours, times kTextureWeight.
uint8_t texture_at(const Level& level, const Picture& picture, int32_t x, int32_t y, int32_t channels) {
  const uint8_t* here = &level.colour[size_t{level.at(x, picture.row + y)} * 4];
  int32_t sum = 0;
  int32_t count = 0;
  const auto add = [&](int32_t u, int32_t v) {
    if (u < 0 || v < 0 || u >= picture.width || v >= picture.height) return;
    const Position at = level.at(u, picture.row + v);
    if ((level.flags[at] & kReliable) == 0) return;
    for (int32_t c = 0; c < channels; ++c) {
      sum += std::abs(int32_t{here[c]} - int32_t{level.colour[size_t{at} * 4 + static_cast<size_t>(c)]});
    }
    count += channels;
  };
  add(x - 1, y);
  add(x + 1, y);
  add(x, y - 1);
  add(x, y + 1);
  return count == 0 ? uint8_t{0} : static_cast<uint8_t>(std::min(255, kTextureWeight * sum / count));
}

// Writes where a row of a patch around x is all usable (kSource) or has a wanted pixel (kTarget).
void mark_row(const Level& level, const Picture& picture, int32_t y, int32_t radius) {
  const uint8_t* flags = &level.flags[level.at(0, picture.row + y)];
  uint8_t* marks = &level.coverage[level.at(0, picture.row + y)];
  std::fill_n(marks, level.pitch, uint8_t{0});
  int32_t usable = 0;  // length of the run of usable pixels that ends here
  int32_t wanted = 0;  // the patch's row that ends here overlaps a wanted pixel while this is positive
  for (int32_t x = 0; x < picture.width; ++x) {
    usable = (flags[x] & kUsable) != 0 ? usable + 1 : 0;
    wanted = (flags[x] & kWanted) != 0 ? 2 * radius + 1 : wanted - 1;
    if (x < 2 * radius) continue;
    marks[x - radius] =
        static_cast<uint8_t>((usable > 2 * radius ? kSource : 0) | (wanted > 0 ? kTarget : 0));
  }
}

// Combines the rows of the patches around row y of a picture. Returns the number of targets.
int64_t mark_centres(Level& level, const Picture& picture, int32_t y, int32_t radius, Meter& meter) {
  const auto rows = static_cast<uint64_t>(radius) * 2 + 1;
  const bool fits = y >= radius && y + radius < picture.height;
  uint8_t* flags = &level.flags[level.at(0, picture.row + y)];
  uint32_t sources = 0;
  int64_t targets = 0;
  int32_t first = INT32_MAX;
  int32_t last = -1;
  for (int32_t x = 0; x < level.pitch; ++x) {
    meter.add(rows);
    uint8_t all = fits ? kSource : 0;
    uint8_t any = 0;
    for (int32_t j = -radius; fits && j <= radius; ++j) {
      const uint8_t mark = level.coverage[level.at(x, picture.row + y + j)];
      all &= mark;
      any |= mark;
    }
    any &= kTarget;
    flags[x] = static_cast<uint8_t>((flags[x] & ~(kSource | kTarget)) | all | any);
    if (all != 0) ++sources;
    if (any != 0) {
      ++targets;
      first = std::min(first, x);
      last = x;
    }
  }
  level.sources_above[static_cast<size_t>(picture.row + y) + 1] = sources;
  if (picture.row == 0) {
    level.target_begin[static_cast<size_t>(y)] = last < 0 ? 0 : first;
    level.target_end[static_cast<size_t>(y)] = last + 1;
  }
  return targets;
}

void mark_texture(Level& level, int32_t channels, Threads& threads, Task& task) {
  for (int32_t i = 0; i < level.base_count; ++i) {
    const Picture& picture = level.pictures[static_cast<size_t>(i)];
    threads.parallel_for(task, picture.height, kGrainRows, [&](int64_t begin, int64_t end) {
      for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
        for (int32_t x = 0; x < picture.width; ++x) {
          const Position at = level.at(x, picture.row + y);
          level.colour[size_t{at} * 4 + 3] =
              (level.flags[at] & kReliable) != 0 ? texture_at(level, picture, x, y, channels) : uint8_t{0};
        }
        task.advance(static_cast<uint64_t>(picture.width));
      }
    });
  }
}

}  // namespace

Level finest_shape(const CanvasShape& shape, const CopyRange& copies) {
  Level level;
  level.pictures[0].width = shape.width;
  level.pictures[0].height = shape.height;
  level.picture_count = 1;
  if (shape.reference_width > 0) {
    level.pictures[1].base = 1;
    level.pictures[1].width = shape.reference_width;
    level.pictures[1].height = shape.reference_height;
    level.picture_count = 2;
  }
  add_copies(level, copies);
  stack(level);
  return level;
}

bool next_shape(const Level& finer, const CopyRange& copies, Level& coarser) {
  if (finer.width() == 1 && finer.height() == 1) return false;
  coarser = Level{};
  coarser.scale = finer.scale + 1;
  coarser.picture_count = finer.base_count;
  for (int32_t i = 0; i < finer.base_count; ++i) {
    const Picture& from = finer.pictures[static_cast<size_t>(i)];
    Picture& to = coarser.pictures[static_cast<size_t>(i)];
    to.base = i;
    to.width = (from.width + 1) / 2;
    to.height = (from.height + 1) / 2;
  }
  add_copies(coarser, copies);
  stack(coarser);
  return true;
}

bool fits_positions(const Level& level) {
  return int64_t{level.pitch} * level.rows < int64_t{kNowhere};
}

void allocate(Level& level, Arena& arena) {
  constexpr size_t kOverread = 64;  // of the vectors that compare patches
  const size_t pixels = atlas_size(level);
  const auto width = static_cast<size_t>(level.width());
  const auto height = static_cast<size_t>(level.height());
  level.colour = arena.take<uint8_t>(pixels * 4 + kOverread);
  level.flags = arena.take<uint8_t>(pixels);
  level.coverage = arena.take<uint8_t>(pixels);
  level.sources_above = arena.take<uint32_t>(static_cast<size_t>(level.rows) + 1);
  level.target_begin = arena.take<int32_t>(height);
  level.target_end = arena.take<int32_t>(height);
  level.match = arena.take<Position>(width * height);
  level.cost = arena.take<uint32_t>(width * height);
  level.edges = arena.take<Position>(width * static_cast<size_t>(level.bands()) * 2);
}

void load(Level& level, const Canvas& canvas, const ColourCode& code, Threads& threads, Task& task) {
  load_picture(level, level.pictures[0], canvas, true, code, threads, task);
  if (level.base_count > 1) {
    load_picture(level, level.pictures[1], *canvas.reference, false, code, threads, task);
  }
  if (canvas.channels < 4) mark_texture(level, canvas.channels, threads, task);
}

int64_t reduce(const Level& finer, Level& coarser, Threads& threads, Task& task) {
  std::atomic<int64_t> wanted{0};
  for (int32_t i = 0; i < finer.base_count; ++i) {
    const Picture& from = finer.pictures[static_cast<size_t>(i)];
    const Picture& to = coarser.pictures[static_cast<size_t>(i)];
    threads.parallel_for(task, to.height, kGrainRows, [&](int64_t begin, int64_t end) {
      int64_t wanted_here = 0;
      Meter meter(task);
      for (int64_t row = begin; row < end; ++row) {
        const auto y = static_cast<int32_t>(row);
        for (int32_t x = 0; x < to.width; ++x) {
          meter.add(16);
          const Average sum = average(finer, from, x, y);
          const Position at = coarser.at(x, to.row + y);
          const uint32_t coverage = (sum.weight + sum.total / 2) / sum.total;
          for (size_t c = 0; c < 4; ++c) {
            coarser.colour[size_t{at} * 4 + c] =
                sum.weight == 0 ? uint8_t{128}
                                : static_cast<uint8_t>((sum.colour[c] + sum.weight / 2) / sum.weight);
          }
          coarser.coverage[at] = static_cast<uint8_t>(coverage);
          const bool reliable = coverage >= 128;
          coarser.flags[at] = static_cast<uint8_t>((reliable ? kReliable | (sum.all & kUsable) : 0) |
                                                   (reliable ? 0 : sum.any & kWanted));
          wanted_here += (coarser.flags[at] & kWanted) != 0 ? 1 : 0;
        }
        clear_margin(coarser, to, y);
      }
      meter.flush();
      wanted += wanted_here;
    });
  }
  return wanted;
}

void expand_colours(const Level& coarser, Level& finer, Threads& threads, Task& task) {
  const int32_t last_x = coarser.width() - 1;
  const int32_t last_y = coarser.height() - 1;
  threads.parallel_for(task, finer.height(), kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const auto y = static_cast<int32_t>(row);
      const int32_t near_y = y / 2;
      const int32_t far_y = std::clamp(near_y + ((y & 1) != 0 ? 1 : -1), 0, last_y);
      for (int32_t x = 0; x < finer.width(); ++x) {
        const Position at = finer.at(x, y);
        if ((finer.flags[at] & kReliable) != 0) continue;
        const int32_t near_x = x / 2;
        const int32_t far_x = std::clamp(near_x + ((x & 1) != 0 ? 1 : -1), 0, last_x);
        const auto byte = [&coarser](int32_t u, int32_t v, size_t c) -> uint32_t {
          return coarser.colour[size_t{coarser.at(u, v)} * 4 + c];
        };
        for (size_t c = 0; c < 4; ++c) {
          const uint32_t sum = 9 * byte(near_x, near_y, c) + 3 * byte(far_x, near_y, c) +
                               3 * byte(near_x, far_y, c) + byte(far_x, far_y, c);
          finer.colour[size_t{at} * 4 + c] = static_cast<uint8_t>((sum + 8) / 16);
        }
      }
      task.advance(static_cast<uint64_t>(finer.width()));
    }
  });
}

void mark_patches(Level& level, int32_t radius, Threads& threads, Task& task) {
  level.radius = radius;
  const auto width = static_cast<uint64_t>(level.pitch);
  const auto pictures = std::span(level.pictures).first(static_cast<size_t>(level.picture_count));
  std::atomic<int64_t> targets{0};
  for (const Picture& picture : pictures) {
    threads.parallel_for(task, picture.height, kGrainRows, [&](int64_t begin, int64_t end) {
      for (int64_t y = begin; y < end; ++y) {
        mark_row(level, picture, static_cast<int32_t>(y), radius);
        task.advance(width);
      }
    });
    threads.parallel_for(task, picture.height, kGrainRows, [&](int64_t begin, int64_t end) {
      Meter meter(task);
      for (int64_t y = begin; y < end; ++y) {
        targets += mark_centres(level, picture, static_cast<int32_t>(y), radius, meter);
      }
      meter.flush();
    });
  }
  level.targets = targets;
  std::fill_n(&level.flags[level.at(0, level.rows - 1)], level.pitch, uint8_t{0});
  level.sources_above.front() = 0;
  level.sources_above.back() = 0;
  for (size_t y = 1; y < level.sources_above.size(); ++y) {
    level.sources_above[y] += level.sources_above[y - 1];
  }
}

void measure_depth(Level& level, Task& task) {
  const int32_t w = level.width();
  const int32_t h = level.height();
  const auto depth = [&level, w, h](int32_t x, int32_t y) -> int32_t {
    return x < 0 || y < 0 || x >= w || y >= h ? int32_t{kDeepest} : level.coverage[level.at(x, y)];
  };
  const auto least = [&](int32_t x, int32_t y, int32_t side) {
    return std::min({depth(x - side, y) + 3, depth(x, y - side) + 3, depth(x - 1, y - side) + 4,
                     depth(x + 1, y - side) + 4, int32_t{kDeepest}});
  };
  for (int32_t y = 0; y < h; ++y) {
    for (int32_t x = 0; x < w; ++x) {
      const Position at = level.at(x, y);
      level.coverage[at] =
          (level.flags[at] & kReliable) != 0 ? uint8_t{0} : static_cast<uint8_t>(least(x, y, 1));
    }
    task.advance(static_cast<uint64_t>(w));
  }
  for (int32_t y = h - 1; y >= 0; --y) {
    for (int32_t x = w - 1; x >= 0; --x) {
      const Position at = level.at(x, y);
      if (level.coverage[at] > 3) {
        level.coverage[at] = static_cast<uint8_t>(std::min<int32_t>(level.coverage[at], least(x, y, -1)));
      }
    }
    task.advance(static_cast<uint64_t>(w));
  }
}

Position nth_source(const Level& level, uint32_t n) {
  const auto above = std::upper_bound(level.sources_above.begin(), level.sources_above.end(), n) - 1;
  const auto y = static_cast<int32_t>(above - level.sources_above.begin());
  uint32_t left = n - *above;
  Position at = level.at(0, y);
  for (;; ++at) {
    if ((level.flags[at] & kSource) != 0 && left-- == 0) return at;
  }
}

}  // namespace infill::classic::patchmatch
