// One scale of PatchMatch: the picture that is filled, and the atlas of pictures that are copied from.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "classic/patchmatch_colour.h"
#include "classic/patchmatch_copies.h"
#include "core/canvas.h"
#include "core/memory.h"
#include "core/task.h"
#include "core/threads.h"

namespace infill::classic::patchmatch {

// A patch is named by its centre; the centre of a source is an index into the atlas.
using Position = uint32_t;
inline constexpr Position kNowhere = UINT32_MAX;

// Rows of one band are searched one after the other, bands side by side: fixed, so that the result does not
// depend on the number of threads.
inline constexpr int32_t kBandRows = 16;

enum Flag : uint8_t {
  kReliable = 1,  // at least half of what this pixel stands for is known
  kUsable = 2,    // may be copied from: reliable, and all that it stands for is allowed
  kWanted = 4,    // to be filled
  kSource = 8,    // centre of a patch of usable pixels
  kTarget = 16,   // centre of a patch that overlaps a wanted pixel
};

// Pictures of the atlas stand below each other: the canvas, the reference if there is one, then turned and
// scaled copies of these. The canvas's unreliable pixels hold the estimate that the search compares with and
// the vote improves.
struct Picture {
  int32_t width = 0, height = 0;
  int32_t row = 0;   // first in the atlas
  int32_t base = 0;  // index of what it is a copy of; of itself if it is none
  Affine from;       // identity for those that are no copies
};

struct Level {
  int32_t scale = 0;                          // a pixel stands for 2^scale x 2^scale pixels of the canvas
  int32_t picture_count = 0, base_count = 0;  // base_count: those that are no copies
  std::array<Picture, kMaximumPictures> pictures;
  int32_t pitch = 0, rows = 0;  // of the atlas; its last column and row are never a source
  std::span<uint8_t> colour;  // 4 bytes a pixel of the atlas; below 4 channels the last is texture, see load
  std::span<uint8_t> flags;   // of Flag, a byte a pixel of the atlas
  std::span<uint8_t> coverage;  // a byte a pixel of the atlas: share that is known, 0..255; see measure_depth

  // Of the patches.
  int32_t radius = 0;
  int64_t targets = 0;
  std::span<uint32_t> sources_above;            // rows + 1 sums: sources in the rows above
  std::span<int32_t> target_begin, target_end;  // targets of row y have begin <= x < end
  std::span<Position> match;                    // a pixel of the canvas: the source of a target
  std::span<uint32_t> cost;                     // and its distance
  std::span<Position> edges;                    // what match held above and below each band before a pass

  [[nodiscard]] int32_t width() const { return pictures[0].width; }
  [[nodiscard]] int32_t height() const { return pictures[0].height; }
  [[nodiscard]] int32_t bands() const { return (height() + kBandRows - 1) / kBandRows; }
  [[nodiscard]] int64_t sources() const { return sources_above.back(); }
  // The picture that a row of the atlas belongs to.
  [[nodiscard]] size_t picture_of(int32_t row) const {
    size_t which = 0;
    while (which + 1 < static_cast<size_t>(picture_count) && row >= pictures[which + 1].row) ++which;
    return which;
  }
  [[nodiscard]] Position at(int32_t x, int32_t y) const {
    return static_cast<Position>(y) * static_cast<Position>(pitch) + static_cast<Position>(x);
  }
  [[nodiscard]] size_t index(int32_t x, int32_t y) const {
    return static_cast<size_t>(y) * static_cast<size_t>(width()) + static_cast<size_t>(x);
  }
};

// Shape of the finest level, then of each next one; false when there is none (one pixel).
[[nodiscard]] Level finest_shape(const CanvasShape& shape, const CopyRange& copies);
[[nodiscard]] bool next_shape(const Level& finer, const CopyRange& copies, Level& coarser);
// Whether a Position can name every pixel of the atlas.
[[nodiscard]] bool fits_positions(const Level& level);
// Takes the memory of a level that has a shape.
void allocate(Level& level, Arena& arena);

// Reads the canvas and its reference into the finest level. The fourth byte of up to three channels becomes
// four times the mean difference from the known neighbours (texture features: Newson et al. 2014); the
// coarser levels average it like a colour.
void load(Level& level, const Canvas& canvas, const ColourCode& code, Threads& threads, Task& task);
// Halves colours and coverage of the bases: averages of what is known with weights 1 3 3 1. Returns wanted
// pixels.
int64_t reduce(const Level& finer, Level& coarser, Threads& threads, Task& task);
// Gives unreliable pixels of the canvas the colours of the next coarser level, bilinearly.
void expand_colours(const Level& coarser, Level& finer, Threads& threads, Task& task);
// No target has a match.
void forget_matches(Level& level, Threads& threads, Task& task);
// Matches of the next coarser level, twice as far; where that is no source, one at most two pixels away, and
// otherwise none.
void expand_matches(const Level& coarser, Level& finer, Threads& threads, Task& task);
// Finds sources and targets for patches of this radius.
void mark_patches(Level& level, int32_t radius, Threads& threads, Task& task);
// Overwrites coverage: around targets it becomes the distance to the nearest reliable pixel, in thirds of a
// pixel, at most kDeepest (chamfer distance 3-4; Borgefors 1986).
void measure_depth(Level& level, Task& task);
inline constexpr uint8_t kDeepest = 255;
// The n-th source, in order of rows. n < sources().
[[nodiscard]] Position nth_source(const Level& level, uint32_t n);

}  // namespace infill::classic::patchmatch
