// What fills on a device have in common: workspace, and the seam.
#pragma once

#include <array>

#include "core/memory.h"
#include "device/pictures.h"

namespace infill::pipeline {

// Device memory as launchers want it: aligned to 256 bytes, which arenas are not. Null on a measuring arena.
[[nodiscard]] void* take_workspace(Arena& arena, size_t bytes);

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

[[nodiscard]] inline cuda::Rect box_of(const Rect& rect) {
  return {rect.x, rect.y, rect.width, rect.height};
}

}  // namespace infill::pipeline
