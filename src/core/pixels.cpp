#include "core/pixels.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <span>

#include "core/half.h"
#include "core/mask.h"
#include "core/status.h"

namespace infill {

namespace {

// Pixels worked on at a time: what is on the stack stays in the first-level cache.
constexpr int32_t kChunk = 256;
using ChunkRow = std::array<float, kChunk>;

// How the cells of a type stand for numbers.
struct U8 {
  using Bits = uint8_t;
  static constexpr bool kIsFloat = false;
  static float decode(Bits bits) { return static_cast<float>(bits) / 255.0F; }
  static Bits encode(float v) { return static_cast<Bits>(std::clamp(v * 255.0F + 0.5F, 0.0F, 255.0F)); }
};
struct U16 {
  using Bits = uint16_t;
  static constexpr bool kIsFloat = false;
  static float decode(Bits bits) { return static_cast<float>(bits) / 65535.0F; }
  static Bits encode(float v) { return static_cast<Bits>(std::clamp(v * 65535.0F + 0.5F, 0.0F, 65535.0F)); }
};
struct F16 {
  using Bits = uint16_t;
  static constexpr bool kIsFloat = true;
  static float decode(Bits bits) { return half_to_float(bits); }
  static Bits encode(float v) { return float_to_half(std::clamp(v, -kLargestHalf, kLargestHalf)); }
};
struct F32 {
  using Bits = float;
  static constexpr bool kIsFloat = true;
  static float decode(Bits bits) { return bits; }
  static Bits encode(float v) { return std::clamp(v, -FLT_MAX, FLT_MAX); }
};

// Calls body(Type()).
void with_type(PixelType type, const auto& body) {
  switch (type) {
    case PixelType::kU8:
      return body(U8());
    case PixelType::kU16:
      return body(U16());
    case PixelType::kF16:
      return body(F16());
    case PixelType::kF32:
      return body(F32());
  }
}

// Cells of canvas channel c, from pixel (x, y) on.
std::byte* cells(const Image& image, int32_t x, int32_t y, int32_t channel) {
  return image.at(x, y) + image.format->order[channel] * image.channel_stride;
}

template <class Type>
void decode_cells(const std::byte* from, int64_t stride, int32_t n, float* to) {
  for (int32_t i = 0; i < n; ++i) {
    typename Type::Bits bits;
    std::memcpy(&bits, from + i * stride, sizeof bits);
    to[i] = Type::decode(bits);
  }
}

// The pixels from (x, y) on, as a canvas holds them. to: one row of n values for each channel.
using Rows = std::array<float*, 4>;
void read_pixels(const Image& image, int32_t x, int32_t y, int32_t n, const Rows& to) {
  const int32_t channels = canvas_channels(image);
  with_type(image.format->type, [&]<class Type>(Type) {
    for (int32_t c = 0; c < channels; ++c) {
      const std::byte* from = cells(image, x, y, c);
      float* row = to.at(static_cast<size_t>(c));
      // A constant stride makes better loops.
      if (image.pixel_stride == sizeof(typename Type::Bits)) {
        decode_cells<Type>(from, sizeof(typename Type::Bits), n, row);
      } else {
        decode_cells<Type>(from, image.pixel_stride, n, row);
      }
    }
  });
  if (!canvas_has_alpha(image) || image.alpha == Alpha::kPremultiplied) return;
  const float* alpha = to.at(static_cast<size_t>(channels - 1));
  for (int32_t c = 0; c < channels - 1; ++c) {
    float* row = to.at(static_cast<size_t>(c));
    for (int32_t i = 0; i < n; ++i) row[i] *= alpha[i];
  }
}

Rows rows_at(const Canvas& canvas, int32_t x, int32_t y) {
  Rows rows{};
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c)
    rows.at(c) = &canvas.planes.at(c).at(x, y);
  return rows;
}

// Neither NaN nor infinite, and small enough that sums of squares stay finite.
bool is_usable(float value) {
  return std::abs(value) <= kLargestValue;
}

bool all_usable(const float* values, int32_t n) {
  float bad = 0;
  for (int32_t i = 0; i < n; ++i) bad = is_usable(values[i]) ? bad : 1.0F;
  return bad == 0.0F;
}

// The value as it stands in memory.
float value_at(const Image& image, int32_t x, int32_t y, int32_t channel) {
  float value = 0;
  with_type(image.format->type,
            [&]<class Type>(Type) { decode_cells<Type>(cells(image, x, y, channel), 0, 1, &value); });
  return value;
}

// Throws for the first value of the canvas's row that is not usable and counts, as counts(x) says.
void check_usable(const char* argument, const Image& image, const Canvas& canvas, int32_t y,
                  const auto& counts) {
  for (int32_t c = 0; c < canvas.channels; ++c) {
    const float* row = canvas.planes.at(static_cast<size_t>(c)).row(y);
    if (all_usable(row, canvas.width)) continue;
    for (int32_t x = 0; x < canvas.width; ++x) {
      if (is_usable(row[x]) || !counts(x)) continue;
      Image pixel = image;
      pixel.data = image.at(canvas.x + x, canvas.y + y);
      pixel.width = pixel.height = 1;
      fail_unusable(argument, pixel, {canvas.x + x, canvas.y + y}, c);
    }
  }
}

// Makes the canvas's values those of memory, but for rounding.
template <class Type>
void unpremultiply(const Rows& rows, int32_t channels, int32_t n) {
  float* alpha = rows.at(static_cast<size_t>(channels - 1));
  for (int32_t c = 0; c < channels - 1; ++c) {
    float* row = rows.at(static_cast<size_t>(c));
    for (int32_t i = 0; i < n; ++i) row[i] = alpha[i] > 0.0F ? row[i] / alpha[i] : 0.0F;
  }
}

// Writes the cells whose mask value is above 0.
template <class Type>
void encode_cells(const float* from, const ChunkRow& mask, int32_t n, std::byte* to, int64_t stride) {
  for (int32_t i = 0; i < n; ++i) {
    if (mask[static_cast<size_t>(i)] <= 0.0F) continue;
    const float value = from[i] == from[i] ? from[i] : 0.0F;
    const typename Type::Bits bits = Type::encode(value);
    std::memcpy(to + i * stride, &bits, sizeof bits);
  }
}

void store_chunk(const Image& src, const Image& mask, const Image& dst, const Run& run,
                 const Canvas& canvas) {
  const int32_t n = run.x1 - run.x0;
  const Rows fill = rows_at(canvas, run.x0 - canvas.x, run.y - canvas.y);
  ChunkRow m;  // NOLINT: the first n are written next
  read_mask_row(mask, run.x0, run.y, std::span(m).first(static_cast<size_t>(n)));

  std::array<ChunkRow, 4> values;  // NOLINT: the first n are written next
  Rows rows{};
  for (size_t c = 0; c < rows.size(); ++c) rows.at(c) = values.at(c).data();
  read_pixels(src, run.x0, run.y, n, rows);
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
    for (int32_t i = 0; i < n; ++i) {
      const float mi = m[static_cast<size_t>(i)];
      const float old = rows.at(c)[i];
      rows.at(c)[i] = mi >= 1.0F ? fill.at(c)[i] : old + mi * (fill.at(c)[i] - old);
    }
  }
  with_type(dst.format->type, [&]<class Type>(Type) {
    if (canvas.has_alpha) {
      // Negative alpha, which a method may overshoot to, is none.
      float* alpha = rows.at(static_cast<size_t>(canvas.channels - 1));
      for (int32_t i = 0; i < n; ++i) {
        alpha[i] = alpha[i] > 0.0F ? (Type::kIsFloat ? alpha[i] : std::min(alpha[i], 1.0F)) : 0.0F;
      }
      if (dst.alpha == Alpha::kStraight) unpremultiply<Type>(rows, canvas.channels, n);
    }
    for (int32_t c = 0; c < canvas.channels; ++c) {
      encode_cells<Type>(rows.at(static_cast<size_t>(c)), m, n, cells(dst, run.x0, run.y, c),
                         dst.pixel_stride);
    }
  });
}

// A run of cells of one channel, or of whole pixels where they are packed.
void copy_cells(const std::byte* from, int64_t from_stride, std::byte* to, int64_t to_stride, int32_t n,
                size_t size) {
  const auto packed = static_cast<int64_t>(size);
  if (from_stride == packed && to_stride == packed) {
    std::memcpy(to, from, static_cast<size_t>(n) * size);
    return;
  }
  for (int32_t i = 0; i < n; ++i) std::memcpy(to + i * to_stride, from + i * from_stride, size);
}

}  // namespace

int32_t canvas_channels(const Image& image) {
  return image.format->channels - (image.has_alpha() && !canvas_has_alpha(image) ? 1 : 0);
}

bool canvas_has_alpha(const Image& image) {
  return image.has_alpha() && image.alpha != Alpha::kIgnore;
}

void fail_unusable(const char* argument, const Image& pixel, const Point& at, int32_t channel) {
  const float value = value_at(pixel, 0, 0, channel);
  fail(Status::kInvalidArgument, argument, ": pixel (", at.x, ", ", at.y, "), channel ",
       pixel.format->order[channel], " is ", value,
       is_usable(value)       ? ", which times alpha is beyond 1e18"
       : std::isfinite(value) ? ", beyond 1e18"
                              : "");
}

void load_row(const Image& src, const Image& mask, Canvas& canvas, int32_t y) {
  read_pixels(src, canvas.x, canvas.y + y, canvas.width, rows_at(canvas, 0, y));
  const uint8_t* label = canvas.label.row(y);
  if (src.format->type == PixelType::kF16 || src.format->type == PixelType::kF32) {
    check_usable("src", src, canvas, y, [&](int32_t x) {
      std::array<float, 1> m{};
      read_mask_row(mask, canvas.x + x, canvas.y + y, m);
      return label[x] == kKnown ? m[0] == 0.0F : label[x] == kHole && m[0] < 1.0F;
    });
  }
  for (int32_t c = 0; c < canvas.channels; ++c) {
    float* row = canvas.planes.at(static_cast<size_t>(c)).row(y);
    for (int32_t x = 0; x < canvas.width; ++x) row[x] = label[x] == kKnown ? row[x] : 0.0F;
  }
}

void load_run(const Image& image, const Run& run, Canvas& canvas) {
  read_pixels(image, run.x0, run.y, run.x1 - run.x0, rows_at(canvas, run.x0 - canvas.x, run.y - canvas.y));
}

void load_reference_row(const Image& image, Canvas& canvas, int32_t y) {
  read_pixels(image, canvas.x, canvas.y + y, canvas.width, rows_at(canvas, 0, y));
  if (image.format->type == PixelType::kU8 || image.format->type == PixelType::kU16) return;
  check_usable("reference", image, canvas, y, [](int32_t) { return true; });
}

void store_run(const Image& src, const Image& mask, const Image& dst, const Run& run, const Canvas& canvas) {
  for (int32_t x = run.x0; x < run.x1; x += kChunk) {
    store_chunk(src, mask, dst, {run.y, x, std::min(run.x1, x + kChunk)}, canvas);
  }
  if (!src.has_alpha() || canvas_has_alpha(src) || src.data == dst.data) return;
  const auto size = static_cast<size_t>(bytes_per_channel(src.format->type));
  copy_cells(src.at(run.x0, run.y) + src.format->alpha * src.channel_stride, src.pixel_stride,
             dst.at(run.x0, run.y) + dst.format->alpha * dst.channel_stride, dst.pixel_stride,
             run.x1 - run.x0, size);
}

void copy_row(const Image& src, const Image& dst, const Run& run) {
  const std::byte* from = src.at(run.x0, run.y);
  std::byte* to = dst.at(run.x0, run.y);
  const int64_t size = bytes_per_channel(src.format->type);
  const int32_t n = run.x1 - run.x0;
  if (src.channel_stride == size && dst.channel_stride == size) {
    copy_cells(from, src.pixel_stride, to, dst.pixel_stride, n,
               static_cast<size_t>(size * src.format->channels));
    return;
  }
  for (int32_t c = 0; c < src.format->channels; ++c) {
    copy_cells(from + c * src.channel_stride, src.pixel_stride, to + c * dst.channel_stride, dst.pixel_stride,
               n, static_cast<size_t>(size));
  }
}

}  // namespace infill
