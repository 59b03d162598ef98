// Reading masks: which pixels are holes, and how much of the fill each receives.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/canvas.h"
#include "core/image.h"
#include "core/memory.h"
#include "core/task.h"
#include "core/threads.h"

namespace infill {

// A mask is GRAY8, GRAY16, GRAY16F, GRAY32F or MASK8. Its value m is 0 (keep) to 1 (hole): 8 and 16 bits are
// divided by their maximum, floats clamped, and any byte but 0 of a MASK8 is 1. NaN throws kInvalidArgument,
// naming "mask" and the pixel; so does another format.

using RunVector = std::vector<Run, StdAllocator<Run>>;

// m of the pixels from (x, y) on, as many as `values` holds; all lie in the mask.
void read_mask_row(const Image& mask, int32_t x, int32_t y, std::span<float> values);

// Writes m of the pixels from (x, y) on; m above 0 is never rounded to 0. MASK8 gets 1 where m is above 0.
void write_mask_row(const Image& mask, int32_t x, int32_t y, std::span<const float> values);

// Pixels of rect (inside the mask) where m > 0, in coordinates of the mask: maximal runs, sorted by y, then
// x0. Memory: the runs and 8 bytes for each 2^18 pixels of rect. Cancellation: advances the task pixel by
// pixel.
[[nodiscard]] RunVector read_runs(const Image& mask, const Rect& rect, Memory& memory, Threads& threads,
                                  Task& task);

}  // namespace infill
