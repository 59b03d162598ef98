// Fills by a network, on a device: pipeline/neural.h there.
#pragma once

#include "core/canvas.h"
#include "core/memory.h"
#include "core/task.h"
#include "device/pictures.h"
#include "inference/deepfill.h"
#include "inference/device_deepfill.h"
#include "pipeline/device_blend.h"

namespace infill::pipeline {

struct DeviceNeural {
  const inference::DeviceDeepFill& model;
  int32_t scale;  // neural_scale
  const device::Place& place;
  Arena& arena;  // device memory
};

// Bytes of device memory that it takes for a canvas.
[[nodiscard]] size_t device_neural_scratch(const device::Device& device,
                                           const inference::DeviceDeepFill& model, int32_t scale,
                                           const cuda::Canvas& canvas, double seam);

// Writes the canvas's holes, and closes their seam by strength (0..1). step: as in Canvas. Throws
// kUnsupported when the network's numbers overflow; waits for it.
void device_neural_fill(const DeviceNeural& neural, const cuda::Canvas& canvas, const HoleBounds& bounds,
                        double strength, float step, Task& task);

// A picture of the host through the network as it is: no crop, no smaller scale, no blending. Planes follow
// each other without gaps. Takes its memory from the place; waits.
void run_network(const inference::DeviceDeepFill& model, const inference::DeepFillCall& call,
                 const device::Place& place, Task& task);

}  // namespace infill::pipeline
