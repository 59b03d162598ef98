// Between the caller's pixels and a canvas, row by row, so that callers can share rows out to threads and
// poll.
//
// The canvas holds R, G, B or grey or any two channels, then alpha, whatever the order in memory. 8 and 16
// bits are divided by 255 and 65535, halves widened exactly, floats taken as they are. STRAIGHT colours are
// multiplied by alpha. Alpha to IGNORE is no channel of the canvas.
//
// Nothing here needs aligned data, allocates, or depends on the instruction set. Coordinates of runs are
// those of the picture; canvas row y shows picture row canvas.y + y.
#pragma once

#include <cstdint>

#include "core/canvas.h"
#include "core/image.h"

namespace infill {

// The largest magnitude that fills compute with.
constexpr float kLargestValue = 1e18F;

// Of a canvas made from the image.
[[nodiscard]] int32_t canvas_channels(const Image& image);
[[nodiscard]] bool canvas_has_alpha(const Image& image);

// Loads row y where the label is kKnown and writes 0 elsewhere. Throws kInvalidArgument, naming "src", pixel,
// channel and value, when a pixel that counts is NaN, infinite or beyond kLargestValue: one with mask 0 that
// is kKnown, or one whose mask lies between 0 and 1 that is kHole. Under a full hole anything may stand.
void load_row(const Image& src, const Image& mask, Canvas& canvas, int32_t y);

// Throws what load_row throws of a value. pixel: that pixel alone, of a picture where it stands at `at`.
// channel: the canvas's.
[[noreturn]] void fail_unusable(const char* argument, const Image& pixel, const Point& at, int32_t channel);

// Loads the pixels of the run, which lies in the canvas, whatever their label says; unchecked.
void load_run(const Image& image, const Run& run, Canvas& canvas);

// Loads row y of a canvas that shows the image. Throws as load_row does, for every pixel, naming "reference".
void load_reference_row(const Image& image, Canvas& canvas, int32_t y);

// Writes the run's pixels: src + m * (fill - src) for mask value m, mixed with colours premultiplied, and the
// fill itself where m is 1; pixels with m = 0 are left alone. Then STRAIGHT colours are divided by alpha (0
// where alpha is not above 0) and values are rounded (half up; halves: to nearest even) and clamped to what
// the format holds; integer alpha to its range, float alpha to 0 and above. Alpha to IGNORE is src's. dst has
// src's format, color and alpha and may be the same view.
void store_run(const Image& src, const Image& mask, const Image& dst, const Run& run, const Canvas& canvas);

// Copies the run's pixels, all channels, bit for bit. dst has src's format.
void copy_row(const Image& src, const Image& dst, const Run& run);

}  // namespace infill
