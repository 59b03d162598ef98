#include "classic/patchmatch_search.h"

#include <algorithm>

#include "core/meter.h"
#include "core/random.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "classic/patchmatch_search.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef INFILL_PATCHMATCH_SEARCH_ONCE
#define INFILL_PATCHMATCH_SEARCH_ONCE
namespace infill::classic::patchmatch {

inline uint64_t hash(const Search& search, int32_t x, int32_t y) {
  const auto column = static_cast<uint64_t>(static_cast<uint32_t>(search.x + x));
  const auto row = static_cast<uint64_t>(static_cast<uint32_t>(search.y + y));
  return mix_bits(search.key ^ (row << 32 | column));
}

}  // namespace infill::classic::patchmatch
#endif

HWY_BEFORE_NAMESPACE();
namespace infill::classic::patchmatch::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Up to eight pixels of a row of a patch at once.
using Bytes = hn::CappedTag<uint8_t, 32>;
using Words = hn::Repartition<int16_t, Bytes>;
using Longs = hn::Repartition<int32_t, Bytes>;

// Compares patches of one level.
class Comparison {
 public:
  explicit Comparison(const Level& level)
      : colour_(level.colour.data()),
        pitch_(static_cast<size_t>(level.pitch) * 4),
        diameter_(2 * level.radius + 1),
        corner_((static_cast<size_t>(level.pitch) + 1) * static_cast<size_t>(level.radius) * 4),
        row_bytes_(static_cast<size_t>(diameter_) * 4) {
    for (size_t i = 0; i < sizeof(mask_); ++i) mask_[i] = i < row_bytes_ ? 0xFF : 0;
  }

  [[nodiscard]] HWY_INLINE uint32_t operator()(Position a, Position b, uint32_t limit) const {
    const uint8_t* HWY_RESTRICT pa = colour_ + size_t{a} * 4 - corner_;
    const uint8_t* HWY_RESTRICT pb = colour_ + size_t{b} * 4 - corner_;
    const Bytes bytes;
    const Words words;
    const Longs longs;
    const auto zero = hn::Zero(bytes);
    auto sum0 = hn::Zero(longs);
    auto sum1 = hn::Zero(longs);
    int32_t row = 0;
    for (;;) {
      const int32_t stop = std::min(diameter_, row + kRowsBetweenChecks);
      for (; row < stop; ++row) {
        for (size_t i = 0; i < row_bytes_; i += hn::Lanes(bytes)) {
          const auto va = hn::LoadU(bytes, pa + i);
          const auto vb = hn::LoadU(bytes, pb + i);
          const auto difference =
              hn::And(hn::Or(hn::SaturatedSub(va, vb), hn::SaturatedSub(vb, va)), hn::Load(bytes, mask_ + i));
          const auto low = hn::BitCast(words, hn::InterleaveLower(bytes, difference, zero));
          const auto high = hn::BitCast(words, hn::InterleaveUpper(bytes, difference, zero));
          sum0 = hn::ReorderWidenMulAccumulate(longs, low, low, sum0, sum1);
          sum0 = hn::ReorderWidenMulAccumulate(longs, high, high, sum0, sum1);
        }
        pa += pitch_;
        pb += pitch_;
      }
      const auto sum = static_cast<uint32_t>(hn::GetLane(hn::SumOfLanes(longs, hn::Add(sum0, sum1))));
      if (row == diameter_ || sum >= limit) return sum;
    }
  }

 private:
  static constexpr int32_t kRowsBetweenChecks = 4;
  const uint8_t* colour_;
  size_t pitch_;
  int32_t diameter_;
  size_t corner_, row_bytes_;
  HWY_ALIGN uint8_t mask_[64];
};

uint32_t distance(const Level& level, Position a, Position b, uint32_t limit) {
  return Comparison(level)(a, b, limit);
}

void search_all_row(Level& level, int32_t y, Meter& meter) {
  const Comparison compare(level);
  const int32_t begin = level.target_begin[static_cast<size_t>(y)];
  const int32_t end = level.target_end[static_cast<size_t>(y)];
  for (int32_t x = begin; x < end; ++x) {
    const Position here = level.at(x, y);
    if ((level.flags[here] & kTarget) == 0) continue;
    Position best = kNowhere;
    uint32_t best_cost = UINT32_MAX;
    for (int32_t row = 0; row < level.rows; ++row) {
      const auto sources = std::span(level.sources_above).subspan(static_cast<size_t>(row), 2);
      if (sources[0] == sources[1]) continue;
      for (Position at = level.at(0, row); at < level.at(0, row + 1); ++at) {
        if ((level.flags[at] & kSource) == 0) continue;
        const uint32_t cost = compare(here, at, best_cost);
        if (cost < best_cost) {
          best_cost = cost;
          best = at;
        }
      }
      meter.add(sources[1] - sources[0]);
    }
    level.match[level.index(x, y)] = best;
    level.cost[level.index(x, y)] = best_cost;
  }
}

void measure_row(Level& level, const Search& search, int32_t y, Meter& meter) {
  const Comparison compare(level);
  const int32_t begin = level.target_begin[static_cast<size_t>(y)];
  const int32_t end = level.target_end[static_cast<size_t>(y)];
  for (int32_t x = begin; x < end; ++x) {
    const Position here = level.at(x, y);
    if ((level.flags[here] & kTarget) == 0) continue;
    Position& match = level.match[level.index(x, y)];
    if (match == kNowhere) {
      const uint64_t random = hash(search, x, y) >> 32;
      match = nth_source(level, static_cast<uint32_t>(random * static_cast<uint64_t>(level.sources()) >> 32));
    }
    level.cost[level.index(x, y)] = compare(here, match, UINT32_MAX);
    meter.add(1);
  }
}

class Pass {
 public:
  Pass(Level& level, const Search& search, Meter& meter)
      : level_(level), search_(search), meter_(meter), compare_(level) {}

  void band(int32_t index) {
    const int32_t begin = index * kBandRows;
    const int32_t end = std::min(level_.height(), begin + kBandRows);
    const auto width = static_cast<size_t>(level_.width());
    const size_t above = static_cast<size_t>(index) * 2 * width;
    if (search_.backward) {
      const Position* neighbours = &level_.edges[above + width];
      for (int32_t y = end - 1; y >= begin; --y) {
        backward_row(y, neighbours);
        neighbours = &level_.match[level_.index(0, y)];
      }
    } else {
      const Position* neighbours = &level_.edges[above];
      for (int32_t y = begin; y < end; ++y) {
        forward_row(y, neighbours);
        neighbours = &level_.match[level_.index(0, y)];
      }
    }
  }

 private:
  void forward_row(int32_t y, const Position* above) {
    const int32_t begin = level_.target_begin[static_cast<size_t>(y)];
    const int32_t end = level_.target_end[static_cast<size_t>(y)];
    Position* match = &level_.match[level_.index(0, y)];
    for (int32_t x = begin; x < end; ++x) {
      const Position here = level_.at(x, y);
      if ((level_.flags[here] & kTarget) == 0) continue;
      begin_target(x, y, here);
      if (x > 0 && match[x - 1] != kNowhere) consider(match[x - 1] + 1);
      if (above[x] != kNowhere) consider(above[x] + static_cast<Position>(level_.pitch));
      search_randomly(x, y);
      end_target(x, y);
    }
  }

  void backward_row(int32_t y, const Position* below) {
    const int32_t begin = level_.target_begin[static_cast<size_t>(y)];
    const int32_t end = level_.target_end[static_cast<size_t>(y)];
    Position* match = &level_.match[level_.index(0, y)];
    for (int32_t x = end - 1; x >= begin; --x) {
      const Position here = level_.at(x, y);
      if ((level_.flags[here] & kTarget) == 0) continue;
      begin_target(x, y, here);
      if (x + 1 < level_.width() && match[x + 1] != kNowhere) consider(match[x + 1] - 1);
      if (below[x] != kNowhere) consider(below[x] - static_cast<Position>(level_.pitch));
      search_randomly(x, y);
      end_target(x, y);
    }
  }

  void begin_target(int32_t x, int32_t y, Position here) {
    here_ = here;
    best_ = level_.match[level_.index(x, y)];
    cost_ = level_.cost[level_.index(x, y)];
    compared_ = 1;
  }

  void end_target(int32_t x, int32_t y) {
    level_.match[level_.index(x, y)] = best_;
    level_.cost[level_.index(x, y)] = cost_;
    meter_.add(compared_);
  }

  // Whether it is better than the best so far.
  HWY_INLINE bool consider(Position candidate) {
    // A step off the atlas (patches of one pixel) wraps around to a large number or lands on a margin.
    if (candidate == best_ || candidate >= level_.flags.size()) return false;
    if ((level_.flags[candidate] & kSource) == 0) return false;
    ++compared_;
    const uint32_t cost = compare_(here_, candidate, cost_);
    if (cost >= cost_) return false;
    cost_ = cost;
    best_ = candidate;
    return true;
  }

  void search_randomly(int32_t x, int32_t y) {
    if (cost_ == 0) return;
    uint64_t random = hash(search_, x, y);
    auto best_y = static_cast<int32_t>(best_ / static_cast<Position>(level_.pitch));
    auto best_x = static_cast<int32_t>(best_ % static_cast<Position>(level_.pitch));
    for (int32_t window = std::max(level_.pitch, level_.rows); window >= 1;
         window = std::min(search_.window, window / 2)) {
      random = random * 6364136223846793005U + 1442695040888963407U;
      const auto draw = [window](uint64_t bits, int32_t most) {
        const int32_t side = std::min(window, most);
        return static_cast<int32_t>((bits & 0xFFFFFF) * static_cast<uint64_t>(2 * side + 1) >> 24) - side;
      };
      const int32_t u = best_x + draw(random >> 40, level_.pitch);
      const int32_t v = best_y + draw(random >> 16, level_.rows);
      if (u < 0 || v < 0 || u >= level_.pitch || v >= level_.rows) continue;
      if (consider(level_.at(u, v))) {
        best_x = u;
        best_y = v;
      }
    }
  }

  Level& level_;
  const Search& search_;
  Meter& meter_;
  const Comparison compare_;
  Position here_ = 0, best_ = 0;
  uint32_t cost_ = 0;
  uint64_t compared_ = 0;
};

void search_band(Level& level, const Search& search, int32_t index, Meter& meter) {
  Pass(level, search, meter).band(index);
}

}  // namespace infill::classic::patchmatch::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infill::classic::patchmatch {

HWY_EXPORT(distance);
HWY_EXPORT(search_all_row);
HWY_EXPORT(measure_row);
HWY_EXPORT(search_band);

uint32_t patch_distance(const Level& level, Position a, Position b, uint32_t limit) {
  return HWY_DYNAMIC_DISPATCH(distance)(level, a, b, limit);
}

void search_all(Level& level, Threads& threads, Task& task) {
  threads.parallel_for(task, level.height(), 1, [&](int64_t y, int64_t) {
    Meter meter(task);
    HWY_DYNAMIC_DISPATCH(search_all_row)(level, static_cast<int32_t>(y), meter);
    meter.flush();
  });
}

void measure(Level& level, const Search& search, Threads& threads, Task& task) {
  threads.parallel_for(task, level.height(), kBandRows, [&](int64_t begin, int64_t end) {
    Meter meter(task);
    for (int64_t y = begin; y < end; ++y) {
      HWY_DYNAMIC_DISPATCH(measure_row)(level, search, static_cast<int32_t>(y), meter);
    }
    meter.flush();
  });
}

void search_pass(Level& level, const Search& search, Threads& threads, Task& task) {
  const auto width = static_cast<size_t>(level.width());
  threads.parallel_for(task, level.bands(), 8, [&](int64_t begin, int64_t end) {
    for (int64_t band = begin; band < end; ++band) {
      const auto first = static_cast<int32_t>(band) * kBandRows;
      const int32_t last = first + kBandRows;
      Position* edges = &level.edges[static_cast<size_t>(band) * 2 * width];
      if (first > 0) {
        std::copy_n(&level.match[level.index(0, first - 1)], width, edges);
      } else {
        std::fill_n(edges, width, kNowhere);
      }
      task.advance(width);
      if (last < level.height()) {
        std::copy_n(&level.match[level.index(0, last)], width, edges + width);
      } else {
        std::fill_n(edges + width, width, kNowhere);
      }
      task.advance(width);
    }
  });
  threads.parallel_for(task, level.bands(), 1, [&](int64_t band, int64_t) {
    Meter meter(task);
    HWY_DYNAMIC_DISPATCH(search_band)(level, search, static_cast<int32_t>(band), meter);
    meter.flush();
  });
}

}  // namespace infill::classic::patchmatch
#endif
