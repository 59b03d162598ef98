// PatchMatch on a device: cuda/patchmatch.h on a canvas there.
#pragma once

#include "core/memory.h"
#include "core/parameter.h"
#include "core/task.h"
#include "device/pictures.h"

namespace infill::pipeline {

// Whether the kernels do what the settings ask for: they turn and scale no pictures.
[[nodiscard]] bool device_patchmatch_can(const Settings& settings);

struct DevicePatchMatch {
  const Settings& settings;
  const device::Place& place;
  Arena& arena;                      // device memory
  const uint8_t* allowed = nullptr;  // as in cuda::PatchMatchCall
  cuda::Canvas reference;
  uint64_t seed = 0;
};

// Bytes of device memory that it takes for a canvas with such holes anywhere.
[[nodiscard]] size_t device_patchmatch_scratch(const device::Device& device, const Settings& settings,
                                               const cuda::Canvas& canvas, const cuda::Canvas& reference,
                                               double seam);

// Writes the canvas's holes, all in `holes`, and closes their seam by strength (0..1). step: as in Canvas.
// False: there is nothing that could be copied, and nothing was written. Waits for what can be copied to be
// counted.
[[nodiscard]] bool device_patchmatch_fill(const DevicePatchMatch& patchmatch, const cuda::Canvas& canvas,
                                          const Rect& holes, double strength, float step, Task& task);

// The harmonic fill (classic/harmonic.h).
[[nodiscard]] size_t device_harmonic_scratch(const device::Device& device, const cuda::Canvas& canvas);
void device_harmonic_fill(const device::Place& place, Arena& arena, const cuda::Canvas& canvas,
                          const Rect& holes, float step);

}  // namespace infill::pipeline
