// A test canvas on the device.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "cuda/device.h"
#include "cuda/picture.h"
#include "support/test_canvas.h"

namespace infill::test {

class DeviceCanvas {
 public:
  explicit DeviceCanvas(TestCanvas& host) : values_(host.bytes()), labels_(labels_of(host.canvas())) {
    const Canvas& from = host.canvas();
    canvas.width = from.width;
    canvas.height = from.height;
    canvas.channels = from.channels;
    canvas.stride = from.label.stride;
    canvas.x = from.x;
    canvas.y = from.y;
    canvas.has_alpha = from.has_alpha;
    canvas.linear = from.linear;
    canvas.label = labels_.data();
    for (int c = 0; c < from.channels; ++c) {
      canvas.planes[c] = values_.data() + canvas.stride * from.height * c;
    }
    for (const infill::Run& run : from.holes) {
      box_ = unite(box_, {run.x0, run.y, run.x1 - run.x0, 1});
    }
  }

  // The smallest rectangle around the holes.
  [[nodiscard]] cuda::Rect box() const { return {box_.x, box_.y, box_.width, box_.height}; }
  // All pixels with their padding, as TestCanvas::bytes().
  [[nodiscard]] std::vector<float> get() const { return values_.get(); }
  // Where a value lies in what get() returns.
  [[nodiscard]] size_t index(int x, int y, int channel) const {
    return static_cast<size_t>(canvas.stride * (int64_t{canvas.height} * channel + y) + x);
  }

  cuda::Canvas canvas;

 private:
  static std::vector<uint8_t> labels_of(const Canvas& canvas) {
    return {canvas.label.data, canvas.label.data + canvas.label.stride * canvas.height};
  }

  Rect box_;
  DeviceArray<float> values_;
  DeviceArray<uint8_t> labels_;
};

}  // namespace infill::test
