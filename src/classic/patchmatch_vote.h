// Voting: a pixel becomes the weighted average of what the patches over it say.
//
// Patches deep inside the hole guess more than those at its border, so their votes count less: 1.5^-d for a
// patch whose centre is d pixels from the known (Wexler, Shechtman, Irani 2007).
#pragma once

#include "classic/patchmatch_colour.h"
#include "classic/patchmatch_level.h"
#include "core/canvas.h"
#include "core/task.h"
#include "core/threads.h"

namespace infill::classic::patchmatch {

// Improves the estimate: the bytes of the canvas's unreliable pixels that a target covers.
void vote(Level& level, Threads& threads, Task& task);
// The result, from the canvas's own values at the finest level: holes and, if patches are larger than a
// pixel, the rim.
void vote_result(const Level& level, Canvas& canvas, const ColourCode& code, Threads& threads, Task& task);
// A channel of a pixel of the finest level's atlas, as the canvas or the reference has it.
[[nodiscard]] float source_value(const Level& level, const Canvas& canvas, Position pixel, size_t channel);

}  // namespace infill::classic::patchmatch
