// Channels of a canvas as lanes: what solvers read and write.
#pragma once

#include <algorithm>

#include "classic/lanes.h"
#include "classic/multigrid.h"

namespace infill::classic {

// Channels first .. first + lanes - 1 of pixels; lanes beyond the last channel are 0.
template <class T>
class KnownPixels {
 public:
  KnownPixels(const Canvas& canvas, int first)
      : canvas_(canvas), first_(first), count_(std::min(LanesOf<T>::kCount, canvas.channels - first)) {}
  Lanes<T> operator()(Point p) const {
    Lanes<T> value{};
    for (int c = 0; c < count_; ++c) value[c] = canvas_.planes[first_ + c].at(p.x, p.y);
    return value;
  }

 private:
  const Canvas& canvas_;
  int first_, count_;
};

// Of all known pixels of the canvas.
template <class T>
Lanes<T> mean_of_known(const Canvas& canvas, int first, Task& task) {
  constexpr int32_t kStep = 1 << 16;
  const KnownPixels<T> known(canvas, first);
  std::array<double, 4> sum{};
  int64_t count = 0;
  for (int32_t y = 0; y < canvas.height; ++y) {
    for (int32_t x = 0; x < canvas.width; ++x) {
      if (x % kStep == kStep - 1) task.advance(kStep);
      if (canvas.label.at(x, y) != kKnown) continue;
      const Lanes<T> value = known({x, y});
      for (size_t c = 0; c < LanesOf<T>::kCount; ++c) sum[c] += value[c];
      ++count;
    }
    task.advance(static_cast<uint64_t>(canvas.width % kStep));
  }
  Lanes<T> mean{};
  for (size_t c = 0; c < LanesOf<T>::kCount && count > 0; ++c) {
    mean[c] = static_cast<T>(sum[c] / static_cast<double>(count));
  }
  return mean;
}

template <class T>
void write_holes(Canvas& canvas, int first, const PixelSet& pixels, std::span<const Lanes<T>> values,
                 Work& work) {
  const int count = std::min(LanesOf<T>::kCount, canvas.channels - first);
  for_pixels(work, pixels.count, [&](int32_t begin, int32_t end) {
    for (int32_t i = begin; i < end; ++i) {
      const Point p = pixels.at[i];
      for (int c = 0; c < count; ++c)
        canvas.planes[first + c].at(p.x, p.y) = static_cast<float>(values[i][c]);
    }
  });
}

}  // namespace infill::classic
