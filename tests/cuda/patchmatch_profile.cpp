// A PatchMatch completion, for the profile.
#include "cuda/patchmatch.h"
#include "profile.h"

int main() {
  using namespace infill::cuda;
  PatchMatchCall call;
  call.canvas = profile::canvas(128, 96, 3);
  call.box = {48, 40, 32, 16};
  call.iterations = call.passes = 1;
  // A hole smaller than an ellipse of the whole canvas.
  std::vector<uint8_t> label(size_t(call.canvas.stride) * 96, kKnown);
  for (int32_t y = 0; y < call.box.height; ++y) {
    for (int32_t x = 0; x < call.box.width; ++x) {
      label[size_t(call.box.y + y) * size_t(call.canvas.stride) + size_t(call.box.x + x)] = kHole;
    }
  }
  call.canvas.label = profile::upload(label);
  const auto levels = size_t(patchmatch_levels(call));
  auto* counts = profile::zeros<PatchMatchCounts>(levels);
  auto* space = profile::zeros<unsigned char>(patchmatch_workspace(call));
  profile::check(patchmatch_prepare(call, counts, space, nullptr));
  std::vector<PatchMatchCounts> counted(levels);
  profile::check(
      cudaMemcpy(counted.data(), counts, levels * sizeof(PatchMatchCounts), cudaMemcpyDeviceToHost));
  PatchMatchPlan plan = patchmatch_plan(call, counted.data());
  profile::check(patchmatch_fill(call, plan, space, nullptr));
  plan.exhaustive = !plan.exhaustive;  // the other kind of search, too
  profile::check(patchmatch_prepare(call, counts, space, nullptr));
  profile::check(patchmatch_fill(call, plan, space, nullptr));
  profile::finish();
  return 0;
}
