// What kernels see of a fill: pictures in the caller's format, and the canvas made of one.
//
// The device's side of src/core/image.h and src/core/canvas.h, whose rules hold here: callers have checked
// their views there (sides from 1 to a million, addresses that do not overflow, no two cells that share a
// byte). All pointers are to memory of the device.
#pragma once

#include <cstdint>

#include "cuda/runtime_types.h"

namespace infill::cuda {

enum class CellType : int32_t { kU8, kU16, kF16, kF32 };
enum class AlphaMeaning : int32_t { kStraight, kPremultiplied, kIgnore };

constexpr int64_t bytes_per_cell(CellType type) {
  return type == CellType::kU8 ? 1 : type == CellType::kF32 ? 4 : 2;
}

// A view of pixels in a caller's format. Strides are in bytes and may be negative; data is channel 0 of pixel
// (0, 0) and need not be aligned. A mask has one channel.
struct Picture {
  unsigned char* data = nullptr;
  int32_t width = 0, height = 0;
  int64_t row_stride = 0, pixel_stride = 0, channel_stride = 0;
  CellType type = CellType::kU8;
  int32_t channels = 0;             // in memory
  int32_t alpha = -1;               // index in memory of alpha, -1: none
  int32_t order[4] = {0, 1, 2, 3};  // index in memory of colour channel i, then of alpha
  AlphaMeaning meaning = AlphaMeaning::kStraight;
  bool is_mask = false;  // 0 keeps, any other byte is a hole
};

struct Rect {
  int32_t x = 0, y = 0, width = 0, height = 0;
};

// Labels of pixels: those of src/core/canvas.h.
constexpr uint8_t kKnown = 0;     // its colour may be used and stays as it is
constexpr uint8_t kHole = 1;      // to be filled
constexpr uint8_t kExcluded = 2;  // unknown, and not to be filled: as if the canvas ended there

// A crop of a picture as planes of float; see src/core/canvas.h. Planes and label have the same stride, in
// elements. (x, y) is the place of its corner in the picture.
struct Canvas {
  int32_t width = 0, height = 0, channels = 0;  // 1 to 4 channels
  int64_t stride = 0;
  float* planes[4] = {};
  uint8_t* label = nullptr;
  int32_t x = 0, y = 0;
  bool has_alpha = false;  // the last channel; colours are multiplied by it
  bool linear = false;     // light is linear: compare colours after encoding as sRGB
};

}  // namespace infill::cuda
