// Turned and scaled copies of the pictures that patches are copied from.
//
// A patch of a turned copy is a turned patch: search, propagation and vote need not know (Barnes et al.: The
// Generalized PatchMatch Correspondence Algorithm, ECCV 2010, search the same space with patches drawn anew
// for every comparison).
#pragma once

#include <cstdint>

#include "core/task.h"
#include "core/threads.h"

namespace infill::classic::patchmatch {

struct Level;
struct Picture;

// Which copies there are: turned by 0, +-rotation / 2 and +-rotation degrees, each in the sizes 1, 1 + scale
// and 1 / (1 + scale); those that do not differ only once.
struct CopyRange {
  double rotation = 0;  // degrees, 0..180
  double scale = 0;     // 0..0.5
};
inline constexpr int32_t kMaximumPictures = 2 * 5 * 3;

// Where a pixel of a copy comes from in its base, in 2^-16 pixels: x0 + x * xx + y * xy, y0 + x * yx + y *
// yy.
struct Affine {
  int64_t x0 = 0, y0 = 0;
  int64_t xx = 1 << 16, xy = 0, yx = 0, yy = 1 << 16;
};

// Appends copies of all pictures that the level has; before its atlas is stacked.
void add_copies(Level& level, const CopyRange& range);
// Gives the copies the colours of their bases, bilinearly. A pixel is usable when the four that it comes from
// are.
void draw_copies(Level& level, Threads& threads, Task& task);

// Four pixels of the base and their weights, which add up to 2^16.
struct Bilinear {
  int32_t x, y;  // of the first; the others are right of it and below
  uint32_t weight[4];
};
[[nodiscard]] Bilinear origin(const Picture& copy, int32_t x, int32_t y);

}  // namespace infill::classic::patchmatch
