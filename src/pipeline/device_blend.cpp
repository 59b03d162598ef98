#include "pipeline/device_blend.h"

#include <algorithm>

#include "classic/membrane.h"

namespace infill::pipeline {

cuda::Canvas as_if_it_had_memory(const cuda::Canvas& canvas) {
  static float value = 0;
  static uint8_t label = 0;
  cuda::Canvas result = canvas;
  std::fill_n(result.planes, canvas.channels, &value);
  result.label = &label;
  return result;
}

HoleBounds hole_bounds(const Canvas& labelled, Task& task) {
  HoleBounds bounds;
  for (int32_t y = 0; y < labelled.height; ++y) {
    const uint8_t* row = labelled.label.row(y);
    const uint8_t* end = row + labelled.width;
    const auto extend = [&](Rect& rect, const auto& wanted) {
      const uint8_t* first = std::find_if(row, end, wanted);
      if (first == end) return;
      const uint8_t* last = end;
      while (!wanted(last[-1])) --last;
      rect = unite(rect, {static_cast<int32_t>(first - row), y, static_cast<int32_t>(last - first), 1});
    };
    extend(bounds.holes, [](uint8_t label) { return label == kHole; });
    extend(bounds.unknown, [](uint8_t label) { return label != kKnown; });
    uint8_t before = kKnown;
    for (const uint8_t* at = row; at != end; before = *at++) {
      bounds.hole_pixels += *at == kHole ? 1 : 0;
      bounds.hole_runs += *at == kHole && before != kHole ? 1 : 0;
    }
    task.advance(static_cast<uint64_t>(labelled.width));
  }
  return bounds;
}

DeviceSeam::DeviceSeam(Arena& arena, const cuda::Canvas& canvas, double strength)
    : canvas_(canvas), strength_(strength) {
  if (!(strength > 0)) return;
  const auto area = static_cast<size_t>(canvas.stride) * static_cast<size_t>(canvas.height);
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c)
    rim_.at(c) = arena.take<float>(area).data();
}

void DeviceSeam::close(const device::Place& place, Arena& arena, const Rect& box, float step) const {
  if (!(strength_ > 0)) return;
  const cuda::Kernels& kernels = place.device.kernels();
  cuda::MembraneCall call;
  call.canvas = canvas_;
  call.box = box_of(box);
  std::ranges::copy(rim_, call.rim);
  call.strength = static_cast<float>(strength_);
  call.tolerance = classic::kSeamTolerance;
  call.step = step;
  void* workspace = device::take_workspace(arena, kernels.membrane_workspace(call.box));
  place.device.check(kernels.membrane(call, workspace, place.stream.get()), "closing the seam");
}

size_t DeviceSeam::scratch(const device::Device& device, const cuda::Canvas& canvas, double strength) {
  Arena arena = Arena::measuring();
  const DeviceSeam seam(arena, canvas, strength);
  if (strength > 0) {
    static_cast<void>(device::take_workspace(
        arena, device.kernels().membrane_workspace({0, 0, canvas.width, canvas.height})));
  }
  return arena.peak();
}

size_t device_grain_scratch(const device::Device& device, const cuda::Canvas& canvas) {
  Arena arena = Arena::measuring();
  cuda::GrainCall call;
  call.canvas = as_if_it_had_memory(canvas);
  call.box = {0, 0, canvas.width, canvas.height};
  static_cast<void>(device::take_workspace(arena, device.kernels().grain_workspace(call)));
  return arena.peak();
}

void device_add_grain(const device::Place& place, Arena& arena, const cuda::Canvas& canvas,
                      const HoleBounds& bounds, double strength, uint64_t seed) {
  const ArenaScope scope(arena);
  const cuda::Kernels& kernels = place.device.kernels();
  cuda::GrainCall call;
  call.canvas = canvas;
  call.box = box_of(bounds.holes);
  call.hole_pixels = bounds.hole_pixels;
  call.hole_runs = bounds.hole_runs;
  call.strength = static_cast<float>(strength);
  call.seed = seed;
  void* workspace = device::take_workspace(arena, kernels.grain_workspace(call));
  place.device.check(kernels.add_grain(call, workspace, place.stream.get()), "adding grain");
}

}  // namespace infill::pipeline
