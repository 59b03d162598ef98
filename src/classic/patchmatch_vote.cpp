#include "classic/patchmatch_vote.h"

#include <algorithm>
#include <array>

#include "core/meter.h"

namespace infill::classic::patchmatch {

namespace {

constexpr size_t kMaximumDiameter = 15;
constexpr size_t kMaximumVotes = kMaximumDiameter * kMaximumDiameter;
// 1.5^(-1/3): trust lost for each third of a pixel of depth.
constexpr float kTrustPerThird = 0.87358046F;

// By depth beyond the shallowest patch over the pixel, in thirds of a pixel.
struct Trust {
  std::array<float, kDeepest + 1> at;
  constexpr Trust() : at() {
    float value = 1;
    for (float& trust : at) {
      trust = value;
      value *= kTrustPerThird;
    }
  }
};

// What the patches over one pixel say; there is at least one.
struct Ballot {
  size_t count = 0;
  std::array<Position, kMaximumVotes> pixel;
  std::array<uint8_t, kMaximumVotes> depth;
  std::array<float, kMaximumVotes> weight;  // 1 for the shallowest
};

void collect(const Level& level, int32_t x, int32_t y, Ballot& ballot) {
  ballot.count = 0;
  const int32_t r = level.radius;
  const Position here = level.at(x, y);
  for (int32_t v = std::max(y - r, 0); v <= std::min(y + r, level.height() - 1); ++v) {
    const int32_t begin = std::max(x - r, level.target_begin[static_cast<size_t>(v)]);
    const int32_t end = std::min(x + r + 1, level.target_end[static_cast<size_t>(v)]);
    for (int32_t u = begin; u < end; ++u) {
      const Position match = level.match[level.index(u, v)];
      if (match == kNowhere) continue;
      ballot.pixel[ballot.count] = match + here - level.at(u, v);
      ballot.depth[ballot.count] = level.coverage[level.at(u, v)];
      ++ballot.count;
    }
  }
}

void weigh(Ballot& ballot) {
  static constexpr Trust kTrust;
  const auto depths = std::span(ballot.depth).first(ballot.count);
  const uint8_t shallowest = *std::min_element(depths.begin(), depths.end());
  for (size_t i = 0; i < ballot.count; ++i) ballot.weight[i] = kTrust.at[depths[i] - shallowest];
}

void average_bytes(const Level& level, const Ballot& ballot, uint8_t* colour) {
  std::array<float, 4> sum{};
  float total = 0;
  for (size_t i = 0; i < ballot.count; ++i) {
    const uint8_t* source = &level.colour[size_t{ballot.pixel[i]} * 4];
    total += ballot.weight[i];
    for (size_t c = 0; c < 4; ++c) sum[c] += ballot.weight[i] * static_cast<float>(source[c]);
  }
  for (size_t c = 0; c < 4; ++c) {
    const float rounded = sum[c] / total + 0.5F;
    colour[c] = static_cast<uint8_t>(rounded);
  }
}

// Averages differences from one vote, so that equal votes give exactly their value.
std::array<float, 4> average_values(const Level& level, const Canvas& canvas, const ColourCode& code,
                                    const Ballot& ballot) {
  std::array<float, 4> values{};
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
    const float value = source_value(level, canvas, ballot.pixel[0], c);
    const float base = code.encode(value);
    float sum = 0;
    float total = 0;
    for (size_t i = 0; i < ballot.count; ++i) {
      total += ballot.weight[i];
      const float other = source_value(level, canvas, ballot.pixel[i], c);
      if (other != value) sum += ballot.weight[i] * (code.encode(other) - base);
    }
    values[c] = sum == 0 ? value : code.decode(base + sum / total);
  }
  return values;
}

// Columns of row y that targets may cover.
Run covered_columns(const Level& level, int32_t y) {
  Run run{y, INT32_MAX, 0};
  const int32_t r = level.radius;
  for (int32_t v = std::max(y - r, 0); v <= std::min(y + r, level.height() - 1); ++v) {
    const auto row = static_cast<size_t>(v);
    if (level.target_end[row] == 0) continue;
    run.x0 = std::min(run.x0, level.target_begin[row] - r);
    run.x1 = std::max(run.x1, level.target_end[row] + r);
  }
  return run;
}

}  // namespace

float source_value(const Level& level, const Canvas& canvas, Position pixel, size_t channel) {
  const auto x = static_cast<int32_t>(pixel % static_cast<Position>(level.pitch));
  const auto y = static_cast<int32_t>(pixel / static_cast<Position>(level.pitch));
  if (y < level.height()) return canvas.planes[channel].at(x, y);
  const size_t which = level.picture_of(y);
  const Picture& picture = level.pictures[which];
  const Canvas& base = picture.base == 0 ? canvas : *canvas.reference;
  const Plane<float>& plane = base.planes[channel];
  if (which < static_cast<size_t>(level.base_count)) return plane.at(x, y - picture.row);
  const Bilinear four = origin(picture, x, y - picture.row);
  const auto share = [&four](size_t i) { return static_cast<float>(four.weight[i]) / 65536; };
  const float first = plane.at(four.x, four.y);
  return first + share(1) * (plane.at(four.x + 1, four.y) - first) +
         share(2) * (plane.at(four.x, four.y + 1) - first) +
         share(3) * (plane.at(four.x + 1, four.y + 1) - first);
}

void vote(Level& level, Threads& threads, Task& task) {
  constexpr int64_t kRows = 4;
  threads.parallel_for(task, level.height(), kRows, [&](int64_t begin, int64_t end) {
    Ballot ballot;
    Meter meter(task);
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      const Run run = covered_columns(level, y);
      for (int32_t x = std::max(run.x0, 0); x < std::min(run.x1, level.width()); ++x) {
        const Position here = level.at(x, y);
        meter.add(1);
        if ((level.flags[here] & kReliable) != 0) continue;
        collect(level, x, y, ballot);
        if (ballot.count == 0) continue;
        weigh(ballot);
        average_bytes(level, ballot, &level.colour[size_t{here} * 4]);
        meter.add(ballot.count);
      }
    }
    meter.flush();
  });
}

void vote_result(const Level& level, Canvas& canvas, const ColourCode& code, Threads& threads, Task& task) {
  const auto channels = static_cast<size_t>(canvas.channels);
  threads.parallel_for(task, static_cast<int64_t>(canvas.holes.size()), 1, [&](int64_t index, int64_t) {
    const Run& run = canvas.holes[static_cast<size_t>(index)];
    Ballot ballot;
    Meter meter(task);
    for (int32_t x = run.x0; x < run.x1; ++x) {
      collect(level, x, run.y, ballot);
      weigh(ballot);
      const std::array<float, 4> values = average_values(level, canvas, code, ballot);
      for (size_t c = 0; c < channels; ++c) canvas.planes[c].at(x, run.y) = values[c];
      meter.add(ballot.count);
    }
    meter.flush();
  });
  if (level.radius == 0) return;
  threads.parallel_for(task, static_cast<int64_t>(canvas.rim.size()), 64, [&](int64_t begin, int64_t end) {
    Ballot ballot;
    Meter meter(task);
    for (int64_t i = begin; i < end; ++i) {
      const Point& at = canvas.rim[static_cast<size_t>(i)];
      collect(level, at.x, at.y, ballot);
      weigh(ballot);
      const std::array<float, 4> values = average_values(level, canvas, code, ballot);
      for (size_t c = 0; c < channels; ++c) canvas.rim_fill[c][static_cast<size_t>(i)] = values[c];
      meter.add(ballot.count);
    }
    meter.flush();
  });
  canvas.rim_is_filled = true;
}

}  // namespace infill::classic::patchmatch
