#include "pipeline/device_patchmatch.h"

#include <algorithm>
#include <array>

#include "classic/patchmatch.h"
#include "pipeline/device_blend.h"

namespace infill::pipeline {

namespace {

cuda::PatchMatchCall call_of(const Settings& settings, const cuda::Canvas& canvas,
                             const cuda::Canvas& reference, const Rect& holes) {
  cuda::PatchMatchCall call;
  call.canvas = canvas;
  call.box = box_of(holes);
  call.reference = reference;
  call.patch_size = settings.integer(classic::kPatchSize);
  call.iterations = settings.integer(classic::kIterations);
  call.passes = settings.integer(classic::kPasses);
  call.detail = static_cast<float>(settings[classic::kDetail]);
  return call;
}

}  // namespace

bool device_patchmatch_can(const Settings& settings) {
  return settings[classic::kRotation] == 0 && settings[classic::kScale] == 0;
}

size_t device_patchmatch_scratch(const device::Device& device, const Settings& settings,
                                 const cuda::Canvas& canvas, const cuda::Canvas& reference, double seam) {
  Arena arena = Arena::measuring();
  cuda::PatchMatchCall call =
      call_of(settings, as_if_it_had_memory(canvas), reference, {0, 0, canvas.width, canvas.height});
  static_cast<void>(arena.take<cuda::PatchMatchCounts>(cuda::kMostPatchLevels));
  const DeviceSeam rim(arena, canvas, seam);
  if (seam > 0) std::ranges::copy(call.canvas.planes, call.rim);
  const size_t before = arena.mark();
  static_cast<void>(device::take_workspace(arena, device.kernels().patchmatch_workspace(call)));
  return std::max({arena.peak(), before + device_harmonic_scratch(device, canvas),
                   before + DeviceSeam::scratch(device, canvas, seam)});
}

bool device_patchmatch_fill(const DevicePatchMatch& patchmatch, const cuda::Canvas& canvas, const Rect& holes,
                            double strength, float step, Task& task) {
  const ArenaScope scope(patchmatch.arena);
  const device::Place& place = patchmatch.place;
  const cuda::Kernels& kernels = place.device.kernels();
  cuda::PatchMatchCall call = call_of(patchmatch.settings, canvas, patchmatch.reference, holes);
  call.allowed = patchmatch.allowed;
  call.seed = patchmatch.seed;
  const DeviceSeam seam(patchmatch.arena, canvas, strength);
  std::ranges::copy(seam.rim(), call.rim);
  auto* counts = patchmatch.arena.take<cuda::PatchMatchCounts>(cuda::kMostPatchLevels).data();
  {
    const ArenaScope workspace_scope(patchmatch.arena);
    void* workspace = device::take_workspace(patchmatch.arena, kernels.patchmatch_workspace(call));
    place.device.check(kernels.patchmatch_prepare(call, counts, workspace, place.stream.get()),
                       "looking for patches");
    std::array<cuda::PatchMatchCounts, cuda::kMostPatchLevels> counted{};
    const auto levels = static_cast<size_t>(kernels.patchmatch_levels(call));
    device::download(place, counted.data(), counts, levels * sizeof(cuda::PatchMatchCounts),
                     "counting patches");
    task.advance(1);
    const cuda::PatchMatchPlan plan = kernels.patchmatch_plan(call, counted.data());
    if (plan.radius < 0) return false;
    place.device.check(kernels.patchmatch_fill(call, plan, workspace, place.stream.get()), "PatchMatch");
  }
  seam.close(place, patchmatch.arena, holes, step);
  return true;
}

size_t device_harmonic_scratch(const device::Device& device, const cuda::Canvas& canvas) {
  Arena arena = Arena::measuring();
  static_cast<void>(device::take_workspace(
      arena, device.kernels().membrane_workspace({0, 0, canvas.width, canvas.height})));
  return arena.peak();
}

void device_harmonic_fill(const device::Place& place, Arena& arena, const cuda::Canvas& canvas,
                          const Rect& holes, float step) {
  const ArenaScope scope(arena);
  const cuda::Kernels& kernels = place.device.kernels();
  cuda::MembraneCall call;
  call.canvas = canvas;
  call.box = box_of(holes);
  call.step = step;
  void* workspace = device::take_workspace(arena, kernels.membrane_workspace(call.box));
  place.device.check(kernels.membrane(call, workspace, place.stream.get()), "the harmonic fill");
}

}  // namespace infill::pipeline
