// Pictures with memory of their own, for tests of whole fills.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/image.h"

namespace infill::test {

// Packed and interleaved.
class Picture {
 public:
  Picture(Format format, int width, int height)
      : pixel_(static_cast<size_t>(format_info(format)->channels *
                                   bytes_per_channel(format_info(format)->type))),
        bytes_(pixel_ * static_cast<size_t>(width) * static_cast<size_t>(height)) {
    image_.format = format_info(format);
    image_.width = width;
    image_.height = height;
    image_.channel_stride = bytes_per_channel(image_.format->type);
    image_.pixel_stride = static_cast<int64_t>(pixel_);
    image_.row_stride = image_.pixel_stride * width;
    image_.data = bytes_.data();
  }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;

  [[nodiscard]] Image& image() { return image_; }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

  template <class T>
  [[nodiscard]] T& at(int x, int y, int channel = 0) {
    return *reinterpret_cast<T*>(image_.at(x, y) + channel * image_.channel_stride);
  }
  template <class T>
  void set(const std::function<T(int x, int y, int channel)>& value) {
    for (int y = 0; y < image_.height; ++y) {
      for (int x = 0; x < image_.width; ++x) {
        for (int c = 0; c < image_.format->channels; ++c) at<T>(x, y, c) = value(x, y, c);
      }
    }
  }

 private:
  size_t pixel_;
  std::vector<std::byte> bytes_;
  Image image_;
};

// A GRAY8 mask from a function.
class Mask : public Picture {
 public:
  Mask(int width, int height, const std::function<bool(int x, int y)>& hole)
      : Picture(Format::kGray8, width, height) {
    set<uint8_t>([&](int x, int y, int) { return static_cast<uint8_t>(hole(x, y) ? 255 : 0); });
  }
};

}  // namespace infill::test
