// The working set of one part of a fill: a crop around holes, as planes of float.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/image.h"

namespace infill {

// A view of a row-major plane. stride is in elements, at least width.
template <class T>
struct Plane {
  T* data = nullptr;
  int32_t width = 0, height = 0;
  ptrdiff_t stride = 0;

  [[nodiscard]] T* row(int32_t y) const { return data + y * stride; }
  [[nodiscard]] T& at(int32_t x, int32_t y) const { return data[y * stride + x]; }
  [[nodiscard]] bool contains(int32_t x, int32_t y) const {
    return x >= 0 && y >= 0 && x < width && y < height;
  }
};

enum Label : uint8_t {
  kKnown = 0,     // its colour may be used and stays as it is
  kHole = 1,      // to be filled; holds 0 until then
  kExcluded = 2,  // unknown, and not to be filled here: treat it as if the canvas ended there. Holds 0
};

struct Point {
  int32_t x, y;
};

// Pixels x0 <= x < x1 of row y.
struct Run {
  int32_t y, x0, x1;
};

// Values are those of the caller's image: 8 and 16 bits scaled to 0..1, floats as they are. With alpha it is
// the last channel and colours are premultiplied, so that transparent pixels lend no colour.
struct Canvas {
  int32_t width = 0, height = 0;
  int32_t channels = 0;                // 1..4
  std::array<Plane<float>, 4> planes;  // all with the same stride
  Plane<uint8_t> label;                // of Label
  std::span<const Run> holes;          // every kHole pixel once, sorted by y, then x0; maximal runs
  int64_t hole_pixels = 0;
  bool linear = false;  // light is linear: compare colours after encoding as sRGB
  bool has_alpha = false;
  // The smallest difference that the caller's format can hold: 1/255, 1/65535, or 0 for floats. Solvers need
  // not be more exact than a fraction of it.
  float step = 0;
  // Picture coordinates of the canvas's corner: random numbers are drawn by picture position.
  int32_t x = 0, y = 0;

  // Only pixels that are not 0 here may be copied from (PatchMatch); data null: every known pixel.
  Plane<const uint8_t> allowed;
  // More pixels to copy from (PatchMatch), same channels; null: none. Its kKnown pixels are usable.
  const Canvas* reference = nullptr;

  // The seam. rim lists the known pixels that touch a hole (8 neighbours), sorted by y, then x. A method
  // whose fill does not continue its surroundings by itself writes what it would have put there and sets
  // rim_is_filled; the blend stage then takes the difference out of the hole.
  std::span<const Point> rim;
  std::array<std::span<float>, 4> rim_fill;
  bool rim_is_filled = false;

  [[nodiscard]] int32_t colour_channels() const { return channels - (has_alpha ? 1 : 0); }
};

// What the memory of a method may depend on.
struct CanvasShape {
  int32_t width = 0, height = 0, channels = 0;
  int64_t hole_pixels = 0;
  int64_t hole_runs = 0;
  int32_t threads = 1;
  int32_t reference_width = 0, reference_height = 0;  // 0: no reference
};

}  // namespace infill
