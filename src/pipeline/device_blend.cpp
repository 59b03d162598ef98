#include "pipeline/device_blend.h"

#include <algorithm>
#include <memory>

#include "classic/membrane.h"

namespace infill::pipeline {

void* take_workspace(Arena& arena, size_t bytes) {
  constexpr size_t kAlignment = 256;
  const std::span<std::byte> taken = arena.take<std::byte>(bytes + kAlignment);
  void* at = taken.data();
  size_t room = taken.size();
  return arena.is_measuring() ? nullptr : std::align(kAlignment, bytes, at, room);
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
  void* workspace = take_workspace(arena, kernels.membrane_workspace(call.box));
  place.device.check(kernels.membrane(call, workspace, place.stream.get()), "closing the seam");
}

size_t DeviceSeam::scratch(const device::Device& device, const cuda::Canvas& canvas, double strength) {
  Arena arena = Arena::measuring();
  const DeviceSeam seam(arena, canvas, strength);
  if (strength > 0)
    static_cast<void>(
        take_workspace(arena, device.kernels().membrane_workspace({0, 0, canvas.width, canvas.height})));
  return arena.peak();
}

}  // namespace infill::pipeline
