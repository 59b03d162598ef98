#include "pipeline/seam.h"

#include <array>
#include <span>

#include "classic/membrane.h"
#include "core/meter.h"

namespace infill::pipeline {

namespace {

// The step at the rim, and the correction inside.
struct Scratch {
  std::array<std::span<float>, 4> rim, inside;

  Scratch(Arena& arena, int32_t channels, size_t rim_pixels, int64_t hole_pixels) {
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
      rim.at(c) = arena.take<float>(rim_pixels);
      inside.at(c) = arena.take<float>(static_cast<size_t>(hole_pixels));
    }
  }
};

}  // namespace

size_t seam_scratch(const CanvasShape& shape, size_t rim_pixels) {
  Arena arena = Arena::measuring();
  const Scratch scratch(arena, shape.channels, rim_pixels, shape.hole_pixels);
  return arena.peak() + classic::membrane_scratch(shape);
}

void close_seam(Canvas& canvas, double strength, classic::Work& work) {
  if (strength <= 0 || !canvas.rim_is_filled || canvas.rim.empty()) return;
  const ArenaScope scope(work.arena);
  const Scratch s(work.arena, canvas.channels, canvas.rim.size(), canvas.hole_pixels);
  std::array<std::span<const float>, 4> steps;
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
    Meter meter(work.task);
    for (size_t k = 0; k < canvas.rim.size(); ++k) {
      s.rim.at(c)[k] = canvas.planes.at(c).at(canvas.rim[k].x, canvas.rim[k].y) - canvas.rim_fill.at(c)[k];
      meter.add(1);
    }
    meter.flush();
    steps.at(c) = s.rim.at(c);
  }
  classic::membrane(canvas, steps, s.inside, classic::kSeamTolerance, work);

  const auto share = static_cast<float>(strength);
  size_t i = 0;
  for (const Run& run : canvas.holes) {
    for (int32_t x = run.x0; x < run.x1; ++x, ++i) {
      for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
        canvas.planes.at(c).at(x, run.y) += share * s.inside.at(c)[i];
      }
    }
    work.task.advance(static_cast<uint64_t>(run.x1 - run.x0));
  }
}

}  // namespace infill::pipeline
