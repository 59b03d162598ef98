// Pictures with memory of their own in every layout that a view can describe, for tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/half.h"
#include "core/image.h"

namespace infill::test {

enum class Layout {
  kPacked,
  kPadded,     // rows, pixels and channels apart
  kUnaligned,  // packed, at an odd address
  kBottomUp,   // negative row stride
  kMirrored,   // all strides negative
  kPlanar,
  kRowPlanar,   // each row: all of R, all of G, ...
  kTransposed,  // columns one after the other
};
inline constexpr std::array kLayouts = {Layout::kPacked,    Layout::kPadded,    Layout::kUnaligned,
                                        Layout::kBottomUp,  Layout::kMirrored,  Layout::kPlanar,
                                        Layout::kRowPlanar, Layout::kTransposed};

inline constexpr std::array kPictureFormats = {
    Format::kGray8,   Format::kRgb8,    Format::kRgba8,   Format::kBgr8,    Format::kBgra8,
    Format::kRg8,     Format::kArgb8,   Format::kGray16,  Format::kRgb16,   Format::kRgba16,
    Format::kRg16,    Format::kGray16F, Format::kRgb16F,  Format::kRgba16F, Format::kRg16F,
    Format::kGray32F, Format::kRgb32F,  Format::kRgba32F, Format::kRg32F};
inline constexpr std::array kMaskFormats = {Format::kGray8, Format::kMask8, Format::kGray16, Format::kGray16F,
                                            Format::kGray32F};

class TestImage {
 public:
  TestImage(Format format, int width, int height, Layout layout = Layout::kPacked) {
    image_.format = format_info(format);
    image_.width = width;
    image_.height = height;
    const int64_t cell = bytes_per_channel(image_.format->type);
    const int64_t channels = image_.format->channels;
    const auto strides = [this](int64_t row, int64_t pixel, int64_t channel) {
      image_.row_stride = row;
      image_.pixel_stride = pixel;
      image_.channel_stride = channel;
    };
    strides(width * channels * cell, channels * cell, cell);
    switch (layout) {
      case Layout::kPacked:
      case Layout::kUnaligned:
        break;
      case Layout::kPadded:
        strides(width * (channels * (cell + 1) + 1) + 5, channels * (cell + 1) + 1, cell + 1);
        break;
      case Layout::kBottomUp:
        image_.row_stride = -image_.row_stride - 1;
        break;
      case Layout::kMirrored:
        strides(-image_.row_stride, -image_.pixel_stride, -image_.channel_stride);
        break;
      case Layout::kPlanar:
        strides(width * cell, cell, cell * width * height);
        break;
      case Layout::kRowPlanar:
        strides(width * cell * channels, cell, width * cell);
        break;
      case Layout::kTransposed:
        strides(channels * cell, channels * cell * height, cell);
        break;
    }
    const ByteRange range = byte_range(image_);
    const size_t guard = layout == Layout::kUnaligned ? 33 : 32;
    bytes_.assign(range.size() + 2 * guard, std::byte{0xA5});
    image_.data = bytes_.data() + guard - range.begin;
    image_ = resolve(image_, "test");
  }
  TestImage(const TestImage&) = delete;
  TestImage& operator=(const TestImage&) = delete;

  [[nodiscard]] Image& image() { return image_; }
  // All of the memory: padding and what lies before and after, too.
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

  // Channels in memory order.
  [[nodiscard]] std::byte* cell(int x, int y, int channel) {
    return image_.at(x, y) + channel * image_.channel_stride;
  }
  // 8 and 16 bits as integers.
  [[nodiscard]] double get(int x, int y, int channel = 0) {
    switch (image_.format->type) {
      case PixelType::kU8:
        return load<uint8_t>(x, y, channel);
      case PixelType::kU16:
        return load<uint16_t>(x, y, channel);
      case PixelType::kF16:
        return half_to_float(load<uint16_t>(x, y, channel));
      case PixelType::kF32:
        return load<float>(x, y, channel);
    }
    std::abort();
  }
  void set(int x, int y, int channel, double value) {
    switch (image_.format->type) {
      case PixelType::kU8:
        return store(x, y, channel, static_cast<uint8_t>(value));
      case PixelType::kU16:
        return store(x, y, channel, static_cast<uint16_t>(value));
      case PixelType::kF16:
        return store(x, y, channel, float_to_half(static_cast<float>(value)));
      case PixelType::kF32:
        return store(x, y, channel, static_cast<float>(value));
    }
  }
  // What stands for 1.
  [[nodiscard]] double maximum() const {
    const PixelType type = image_.format->type;
    return type == PixelType::kU8 ? 255 : type == PixelType::kU16 ? 65535 : 1;
  }
  // Random values, 0..1 of the maximum, some of them exactly 0 or 1; floats from -1 to 2, alpha 0..1.
  void randomise(uint32_t seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> uniform(0, 1);
    for (int y = 0; y < image_.height; ++y) {
      for (int x = 0; x < image_.width; ++x) {
        for (int c = 0; c < image_.format->channels; ++c) {
          const double kind = uniform(random);
          double v = kind < 0.2 ? 0 : kind < 0.3 ? 1 : uniform(random);
          if (maximum() == 1 && c != image_.format->alpha && kind > 0.6) v = v * 3 - 1;
          set(x, y, c, v * maximum());
        }
      }
    }
  }
  [[nodiscard]] bool same_cell(TestImage& other, int x, int y, int channel) {
    return std::memcmp(cell(x, y, channel), other.cell(x, y, channel),
                       static_cast<size_t>(bytes_per_channel(image_.format->type))) == 0;
  }

 private:
  template <class T>
  [[nodiscard]] T load(int x, int y, int channel) {
    T value;
    std::memcpy(&value, cell(x, y, channel), sizeof value);
    return value;
  }
  template <class T>
  void store(int x, int y, int channel, T value) {
    std::memcpy(cell(x, y, channel), &value, sizeof value);
  }

  Image image_;
  std::vector<std::byte> bytes_;
};

}  // namespace infill::test
