// Reading and writing the cells of a picture: the rules of src/core/pixels.h and src/core/mask.h, one pixel
// at a time.
#pragma once

#include <cfloat>

#include "cuda/exact.cuh"
#include "cuda/picture.h"

namespace infill::cuda {

// How a kernel reaches a pixel.
enum class Access {
  kBytes,   // cell by cell, each put together from bytes: any address
  kCells,   // cell by cell: cells are aligned
  kPixels,  // all cells at once: packed, two or four of them, aligned
};

// The best that fits the view.
inline Access access_of(const Picture& picture) {
  const int64_t cell = bytes_per_cell(picture.type);
  const auto aligned = [&](int64_t size) {
    return (reinterpret_cast<uintptr_t>(picture.data) | static_cast<uintptr_t>(picture.row_stride) |
            static_cast<uintptr_t>(picture.pixel_stride)) %
               static_cast<uintptr_t>(size) ==
           0;
  };
  const int64_t pixel = cell * picture.channels;
  if ((picture.channels == 2 || picture.channels == 4) && picture.channel_stride == cell &&
      picture.pixel_stride == pixel && aligned(pixel)) {
    return Access::kPixels;
  }
  return aligned(cell) && picture.channel_stride % cell == 0 ? Access::kCells : Access::kBytes;
}

// Of a canvas made from the picture.
__host__ __device__ inline bool canvas_has_alpha(const Picture& picture) {
  return picture.alpha >= 0 && picture.meaning != AlphaMeaning::kIgnore;
}
__host__ __device__ inline int32_t canvas_channels(const Picture& picture) {
  return picture.channels - (picture.alpha >= 0 && picture.meaning == AlphaMeaning::kIgnore ? 1 : 0);
}

__device__ inline float half_to_float(uint32_t half) {
  const uint32_t sign = (half & 0x8000U) << 16U;
  const uint32_t magnitude = half & 0x7FFFU;
  if (magnitude >= 0x7C00U) {  // infinity, NaN
    return exact::bits_as<float>(sign | 0x7F800000U | (magnitude & 0x3FFU) << 13U);
  }
  const uint32_t bits = magnitude >= 0x400U
                            ? (magnitude << 13U) + 0x38000000U
                            : exact::bits_as<uint32_t>(static_cast<float>(magnitude) * 0x1p-24F);
  return exact::bits_as<float>(sign | bits);
}

// Rounded to nearest, ties to even; |value| is at most the largest half.
__device__ inline uint32_t float_to_half(float value) {
  const auto bits = exact::bits_as<uint32_t>(value);
  const uint32_t sign = bits >> 16U & 0x8000U;
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude < 0x38800000U) {
    // Halves below 2^-14 are multiples of 2^-24, and so are floats near 0.5: adding that one rounds.
    const float shifted = exact::add(exact::bits_as<float>(magnitude), 0.5F);
    return sign | (exact::bits_as<uint32_t>(shifted) - 0x3F000000U);
  }
  return sign | ((magnitude - 0x38000000U + 0xFFFU + (magnitude >> 13U & 1U)) >> 13U);
}

__device__ inline float clamped(float value, float low, float high) {
  return value < low ? low : high < value ? high : value;
}

// How the cells of a type stand for numbers.
template <CellType kType>
struct Cell;
template <>
struct Cell<CellType::kU8> {
  using Bits = uint8_t;
  static constexpr bool kIsFloat = false;
  __device__ static float decode(uint32_t bits) { return exact::divide(static_cast<float>(bits), 255.0F); }
  __device__ static uint32_t encode(float v) {
    return static_cast<uint32_t>(clamped(exact::add(exact::multiply(v, 255.0F), 0.5F), 0.0F, 255.0F));
  }
};
template <>
struct Cell<CellType::kU16> {
  using Bits = uint16_t;
  static constexpr bool kIsFloat = false;
  __device__ static float decode(uint32_t bits) { return exact::divide(static_cast<float>(bits), 65535.0F); }
  __device__ static uint32_t encode(float v) {
    return static_cast<uint32_t>(clamped(exact::add(exact::multiply(v, 65535.0F), 0.5F), 0.0F, 65535.0F));
  }
};
template <>
struct Cell<CellType::kF16> {
  using Bits = uint16_t;
  static constexpr bool kIsFloat = true;
  __device__ static float decode(uint32_t bits) { return half_to_float(bits); }
  __device__ static uint32_t encode(float v) { return float_to_half(clamped(v, -65504.0F, 65504.0F)); }
};
template <>
struct Cell<CellType::kF32> {
  using Bits = uint32_t;
  static constexpr bool kIsFloat = true;
  __device__ static float decode(uint32_t bits) { return exact::bits_as<float>(bits); }
  __device__ static uint32_t encode(float v) {
    return exact::bits_as<uint32_t>(clamped(v, -FLT_MAX, FLT_MAX));
  }
};

__device__ inline unsigned char* pixel_at(const Picture& picture, int32_t x, int32_t y) {
  return picture.data + y * picture.row_stride + x * picture.pixel_stride;
}

template <class Bits, bool kAligned>
__device__ inline uint32_t load_cell(const unsigned char* from) {
  if constexpr (kAligned) {
    return *reinterpret_cast<const Bits*>(from);
  } else {
    uint32_t bits = 0;
    for (unsigned i = 0; i < sizeof(Bits); ++i) bits |= static_cast<uint32_t>(from[i]) << 8U * i;
    return bits;
  }
}

template <class Bits, bool kAligned>
__device__ inline void store_cell(unsigned char* to, uint32_t bits) {
  if constexpr (kAligned) {
    *reinterpret_cast<Bits*>(to) = static_cast<Bits>(bits);
  } else {
    for (unsigned i = 0; i < sizeof(Bits); ++i) to[i] = static_cast<unsigned char>(bits >> 8U * i);
  }
}

// A packed pixel in up to four words.
struct Words {
  uint32_t w[4];
};

template <class Bits>
__device__ inline uint32_t cell_of(const Words& words, int32_t channel) {
  constexpr int32_t kPerWord = 4 / sizeof(Bits);
  const int32_t at = channel / kPerWord;
  const uint32_t word = at == 0 ? words.w[0] : at == 1 ? words.w[1] : at == 2 ? words.w[2] : words.w[3];
  if constexpr (kPerWord == 1) {
    return word;
  } else {
    constexpr uint32_t kMask = (1U << 8U * sizeof(Bits)) - 1;
    return word >> 8U * sizeof(Bits) * static_cast<unsigned>(channel % kPerWord) & kMask;
  }
}

__device__ inline Words load_words(const unsigned char* from, int64_t bytes) {
  switch (bytes) {
    case 2:
      return {{*reinterpret_cast<const uint16_t*>(from), 0, 0, 0}};
    case 4:
      return {{*reinterpret_cast<const uint32_t*>(from), 0, 0, 0}};
    case 8: {
      const uint2 two = *reinterpret_cast<const uint2*>(from);
      return {{two.x, two.y, 0, 0}};
    }
    default: {
      const uint4 four = *reinterpret_cast<const uint4*>(from);
      return {{four.x, four.y, four.z, four.w}};
    }
  }
}

// The bits of the first `count` channels, in the canvas's order.
template <CellType kType, Access kAccess>
__device__ inline void load_bits(const Picture& picture, int32_t x, int32_t y, int32_t count,
                                 uint32_t (&bits)[4]) {
  using Bits = typename Cell<kType>::Bits;
  const unsigned char* from = pixel_at(picture, x, y);
  if constexpr (kAccess == Access::kPixels) {
    const Words words = load_words(from, picture.pixel_stride);
#pragma unroll
    for (int32_t c = 0; c < 4; ++c) bits[c] = c < count ? cell_of<Bits>(words, picture.order[c]) : 0;
  } else {
    constexpr bool kAligned = kAccess != Access::kBytes;
#pragma unroll
    for (int32_t c = 0; c < 4; ++c) {
      bits[c] = c < count ? load_cell<Bits, kAligned>(from + picture.order[c] * picture.channel_stride) : 0;
    }
  }
}

// A pixel as a canvas holds it. Only pictures of four channels have alpha.
template <CellType kType, Access kAccess>
__device__ inline void read_pixel(const Picture& picture, int32_t x, int32_t y, float (&values)[4]) {
  const int32_t channels = canvas_channels(picture);
  uint32_t bits[4];
  load_bits<kType, kAccess>(picture, x, y, channels, bits);
#pragma unroll
  for (int32_t c = 0; c < 4; ++c) values[c] = Cell<kType>::decode(bits[c]);
  if (!canvas_has_alpha(picture) || picture.meaning == AlphaMeaning::kPremultiplied) return;
#pragma unroll
  for (int32_t c = 0; c < 3; ++c) values[c] = exact::multiply(values[c], values[3]);
}

// m of a pixel of a mask: 0 keeps, 1 is a hole. NaN stays NaN.
__device__ inline float mask_at(const Picture& mask, int32_t x, int32_t y) {
  const unsigned char* from = pixel_at(mask, x, y);
  switch (mask.type) {
    case CellType::kU8:
      if (mask.is_mask) return *from != 0 ? 1.0F : 0.0F;
      return Cell<CellType::kU8>::decode(*from);
    case CellType::kU16:
      return Cell<CellType::kU16>::decode(load_cell<uint16_t, false>(from));
    case CellType::kF16:
    case CellType::kF32: {
      const float value = mask.type == CellType::kF16
                              ? half_to_float(load_cell<uint16_t, false>(from))
                              : exact::bits_as<float>(load_cell<uint32_t, false>(from));
      return value <= 0.0F ? 0.0F : value >= 1.0F ? 1.0F : value;
    }
  }
  return 0.0F;
}

}  // namespace infill::cuda
