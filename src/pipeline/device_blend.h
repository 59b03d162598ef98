// What fills on a device have in common: workspace, the seam, and grain.
#pragma once

#include <array>

#include "core/canvas.h"
#include "core/memory.h"
#include "core/task.h"
#include "device/pictures.h"

namespace infill::pipeline {

// A canvas of a measuring arena for functions that say how much workspace a call takes: they answer for calls
// whose pointers are not null. What these point to is not looked at.
[[nodiscard]] cuda::Canvas as_if_it_had_memory(const cuda::Canvas& canvas);

// Where a canvas has holes, told on the host.
struct HoleBounds {
  Rect holes;    // of kHole pixels: these are filled
  Rect unknown;  // of all that are not kKnown
  int64_t hole_pixels = 0, hole_runs = 0;
};
[[nodiscard]] HoleBounds hole_bounds(const Canvas& labelled, Task& task);

// A fill's step at its seam, and what takes it out. Methods write what they would have put at the known
// pixels around a hole to rim: planes with the canvas's stride.
class DeviceSeam {
 public:
  // With strength 0 there is no rim: null pointers.
  DeviceSeam(Arena& arena, const cuda::Canvas& canvas, double strength);
  [[nodiscard]] const std::array<float*, 4>& rim() const { return rim_; }
  // Takes its workspace from the arena; what it holds must stay until the stream has come so far. box: holds
  // all holes. step: as in Canvas.
  void close(const device::Place& place, Arena& arena, const Rect& box, float step) const;

  // Bytes of arena that both take.
  [[nodiscard]] static size_t scratch(const device::Device& device, const cuda::Canvas& canvas,
                                      double strength);

 private:
  const cuda::Canvas& canvas_;
  const double strength_;
  std::array<float*, 4> rim_{};
};

// Grain (pipeline/grain.h) on a canvas that is filled. Takes its workspace from the arena.
[[nodiscard]] size_t device_grain_scratch(const device::Device& device, const cuda::Canvas& canvas);
void device_add_grain(const device::Place& place, Arena& arena, const cuda::Canvas& canvas,
                      const HoleBounds& bounds, double strength, uint64_t seed);

[[nodiscard]] inline cuda::Rect box_of(const Rect& rect) {
  return {rect.x, rect.y, rect.width, rect.height};
}

}  // namespace infill::pipeline
