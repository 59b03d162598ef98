// Channels of a canvas as lanes: what solvers read and write.
#pragma once

#include <array>

#include "classic/lanes.h"
#include "classic/multigrid.h"

namespace infill::classic {

// The channels of pixels; lanes beyond the last channel are 0.
class KnownPixels {
 public:
  explicit KnownPixels(const Canvas& canvas) : canvas_(canvas) {}
  Float4 operator()(Point p) const {
    Float4 value{};
    for (int c = 0; c < canvas_.channels; ++c) value[c] = canvas_.planes[c].at(p.x, p.y);
    return value;
  }

 private:
  const Canvas& canvas_;
};

// Of all known pixels of the canvas.
inline Float4 mean_of_known(const Canvas& canvas, Task& task) {
  constexpr int32_t kStep = 1 << 16;
  const KnownPixels known(canvas);
  std::array<double, 4> sum{};
  int64_t count = 0;
  for (int32_t y = 0; y < canvas.height; ++y) {
    for (int32_t x = 0; x < canvas.width; ++x) {
      if (x % kStep == kStep - 1) task.advance(kStep);
      if (canvas.label.at(x, y) != kKnown) continue;
      const Float4 value = known({x, y});
      for (size_t c = 0; c < kLanes; ++c) sum[c] += value[c];
      ++count;
    }
    task.advance(static_cast<uint64_t>(canvas.width % kStep));
  }
  Float4 mean{};
  for (size_t c = 0; c < kLanes && count > 0; ++c) {
    mean[c] = static_cast<float>(sum[c] / static_cast<double>(count));
  }
  return mean;
}

inline void write_holes(Canvas& canvas, const PixelSet& pixels, std::span<const Float4> values, Work& work) {
  for_pixels(work, pixels.count, [&](int32_t begin, int32_t end) {
    for (int32_t i = begin; i < end; ++i) {
      const Point p = pixels.at[i];
      for (int c = 0; c < canvas.channels; ++c) canvas.planes[c].at(p.x, p.y) = values[i][c];
    }
  });
}

}  // namespace infill::classic
