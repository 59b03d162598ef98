// Views of pixels that the caller owns, in every format of the C interface.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace infill {

enum class PixelType : uint8_t { kU8, kU16, kF16, kF32 };

// Values equal infill_format.
enum class Format : int32_t {
  kUndefined = 0,
  kGray8 = 1,
  kRgb8,
  kRgba8,
  kBgr8,
  kBgra8,
  kRg8,
  kArgb8,
  kMask8,
  kGray16 = 33,
  kRgb16,
  kRgba16,
  kRg16,
  kGray16F = 65,
  kRgb16F,
  kRgba16F,
  kRg16F,
  kGray32F = 97,
  kRgb32F,
  kRgba32F,
  kRg32F,
};

enum class Color : int32_t { kSrgb = 0, kLinear = 1 };
enum class Alpha : int32_t { kStraight = 0, kPremultiplied = 1, kIgnore = 2 };
enum class DeviceType : int32_t { kCpu = 0, kCuda = 1 };

struct FormatInfo {
  Format format;
  const char* name;
  PixelType type;
  int channels;  // in memory
  int alpha;     // memory index of alpha, -1: none
  int order[4];  // memory index of colour channel i (R, G, B or grey), then of alpha
  bool is_mask;  // 0 keeps, anything else is a hole
};

// Null for a value that is no format.
[[nodiscard]] const FormatInfo* format_info(Format format);
[[nodiscard]] constexpr int bytes_per_channel(PixelType type) {
  return type == PixelType::kU8 ? 1 : type == PixelType::kF32 ? 4 : 2;
}

struct Rect {
  int32_t x = 0, y = 0, width = 0, height = 0;
  [[nodiscard]] int64_t area() const { return int64_t{width} * height; }
  [[nodiscard]] bool empty() const { return width <= 0 || height <= 0; }
  [[nodiscard]] int32_t right() const { return x + width; }
  [[nodiscard]] int32_t bottom() const { return y + height; }
  bool operator==(const Rect&) const = default;
};

[[nodiscard]] inline Rect intersect(const Rect& a, const Rect& b) {
  const int32_t x = std::max(a.x, b.x);
  const int32_t y = std::max(a.y, b.y);
  return {x, y, std::max(0, std::min(a.right(), b.right()) - x),
          std::max(0, std::min(a.bottom(), b.bottom()) - y)};
}

// The smallest that holds both. Nothing lies in an empty one.
[[nodiscard]] inline Rect unite(const Rect& a, const Rect& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  const int32_t x = std::min(a.x, b.x);
  const int32_t y = std::min(a.y, b.y);
  return {x, y, std::max(a.right(), b.right()) - x, std::max(a.bottom(), b.bottom()) - y};
}

// rect and up to `by` pixels of the picture on each side.
[[nodiscard]] inline Rect grow(const Rect& rect, int64_t by, const Rect& picture) {
  const int64_t x0 = std::max<int64_t>(picture.x, rect.x - by);
  const int64_t y0 = std::max<int64_t>(picture.y, rect.y - by);
  const int64_t x1 = std::min<int64_t>(picture.right(), rect.right() + by);
  const int64_t y1 = std::min<int64_t>(picture.bottom(), rect.bottom() + by);
  return {static_cast<int32_t>(x0), static_cast<int32_t>(y0), static_cast<int32_t>(x1 - x0),
          static_cast<int32_t>(y1 - y0)};
}

// Every stride is in bytes, resolved (never "0 = packed") and may be negative; data is channel 0 of pixel (0,
// 0). A resolved view was checked: its arithmetic cannot overflow and no two of its cells share a byte.
struct Image {
  const FormatInfo* format = nullptr;
  int32_t width = 0, height = 0;
  Color color = Color::kSrgb;
  Alpha alpha = Alpha::kStraight;
  int64_t row_stride = 0, pixel_stride = 0, channel_stride = 0;
  std::byte* data = nullptr;
  bool read_only = false;
  DeviceType device = DeviceType::kCpu;  // where data lies

  [[nodiscard]] std::byte* at(int32_t x, int32_t y) const { return data + y * row_stride + x * pixel_stride; }
  [[nodiscard]] Rect bounds() const { return {0, 0, width, height}; }
  [[nodiscard]] bool has_alpha() const { return format->alpha >= 0; }
};

// The longest side of a picture. One row is never more than Task::kPollEvery pixels: code may poll row by
// row.
constexpr int32_t kMaximumSide = 1'000'000;

// Checks a view as a caller describes it and resolves its strides, where 0 stands for packed and interleaved:
// channel_stride the size of a channel, pixel_stride that of all channels, row_stride width * |pixel_stride|.
// Looks at no pixel; data may be null and need not be aligned. Throws kInvalidArgument, naming argument
// ("src"), field and value, for a side below 1 or above kMaximumSide, addresses that overflow, and two cells
// that share a byte.
[[nodiscard]] Image resolve(Image view, const char* argument);

// The bytes of a view, [begin, end), counted from data; begin is at most 0.
struct ByteRange {
  int64_t begin, end;
  [[nodiscard]] uint64_t size() const { return static_cast<uint64_t>(end - begin); }
};
[[nodiscard]] ByteRange byte_range(const Image& image);

}  // namespace infill
