// Detail that voting averages away.
//
// Where the patches over a pixel disagree about the finest detail, their average is smoother than any of
// them, and the fill looks blurred beside grain and fine texture. So the fill's high-pass is raised until it
// is as strong, around each pixel, as that of the places its patches were copied from. This is the idea of
// variance-preserving blending (Heitz, Neyret: "High-Performance By-Example Noise using a
// Histogram-Preserving Blending Operator", 2018); but the loss is measured, since votes that agree lose none.
#pragma once

#include <array>
#include <span>

#include "classic/patchmatch_level.h"
#include "core/canvas.h"
#include "core/memory.h"
#include "core/task.h"
#include "core/threads.h"

namespace infill::classic::patchmatch {

struct DetailScratch {
  DetailScratch(const CanvasShape& shape, Arena& arena);

  Plane<float> wanted, present;            // energy of the high-pass: of the source, and of the fill
  std::span<int64_t> first;                // hole pixels before each run
  std::array<std::span<float>, 4> change;  // of each hole pixel, one array a channel
};

// Puts back strength (0..1) times what is missing. The canvas holds the result of the vote, the finest level
// the matches it came from. Alpha stays.
void restore_detail(const Level& level, Canvas& canvas, double strength, const DetailScratch& scratch,
                    Threads& threads, Task& task);

}  // namespace infill::classic::patchmatch
