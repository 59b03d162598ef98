#include "classic/patchmatch_colour.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace infill::classic::patchmatch {

namespace {

struct Moments {
  double count = 0, sum = 0, squares = 0;
  float low = INFINITY, high = -INFINITY;
};

// Adds the known values of rows [begin, end) that lie within [low, high].
void add_rows(const Canvas& canvas, int32_t begin, int32_t end, float low, float high, Moments& m,
              Task& task) {
  for (int32_t y = begin; y < end; ++y) {
    const uint8_t* label = canvas.label.row(y);
    for (int c = 0; c < canvas.channels; ++c) {
      const float* row = canvas.planes[static_cast<size_t>(c)].row(y);
      for (int32_t x = 0; x < canvas.width; ++x) {
        const float v = row[x];
        if (label[x] != kKnown || !(v >= low && v <= high)) continue;
        m.count += 1;
        m.sum += v;
        m.squares += static_cast<double>(v) * v;
        m.low = std::min(m.low, v);
        m.high = std::max(m.high, v);
      }
    }
    task.advance(static_cast<uint64_t>(canvas.width));
  }
}

// Sums of a fixed number of pieces, added in order.
void add_picture(const Canvas& canvas, float low, float high, Moments& sum, Threads& threads, Task& task) {
  constexpr int32_t kPieces = 32;
  std::array<Moments, kPieces> pieces;
  threads.parallel_for(task, kPieces, 1, [&](int64_t piece, int64_t) {
    const auto row = [&canvas](int64_t p) { return static_cast<int32_t>(canvas.height * p / kPieces); };
    add_rows(canvas, row(piece), row(piece + 1), low, high, pieces[static_cast<size_t>(piece)], task);
  });
  for (const Moments& m : pieces) {
    sum.count += m.count;
    sum.sum += m.sum;
    sum.squares += m.squares;
    sum.low = std::min(sum.low, m.low);
    sum.high = std::max(sum.high, m.high);
  }
}

}  // namespace

ColourCode measure_colours(const Canvas& canvas, Threads& threads, Task& task) {
  float low = -std::numeric_limits<float>::max();
  float high = std::numeric_limits<float>::max();
  for (int pass = 0; pass < 2; ++pass) {
    Moments all;
    add_picture(canvas, low, high, all, threads, task);
    if (canvas.reference != nullptr) add_picture(*canvas.reference, low, high, all, threads, task);
    if (all.count == 0) break;
    const double mean = all.sum / all.count;
    const double deviation = std::sqrt(std::max(0.0, all.squares / all.count - mean * mean));
    low = std::max(all.low, static_cast<float>(mean - 8 * deviation));
    high = std::min(all.high, static_cast<float>(mean + 8 * deviation));
  }
  ColourCode code;
  code.linear = canvas.linear;
  code.low = code.encode(low);
  const float range = code.encode(high) - code.low;
  code.scale = range > 0 ? 255 / range : 0;
  return code;
}

}  // namespace infill::classic::patchmatch
