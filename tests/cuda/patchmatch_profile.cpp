// A PatchMatch completion, for the profile.
#include "cuda/patchmatch.h"
#include "profile.h"

int main() {
  using namespace infill::cuda;
  PatchMatchCall call;
  call.canvas = profile::canvas(64, 48, 3);
  call.box = {16, 16, 32, 16};
  call.patch_size = 3;
  call.iterations = call.passes = 1;
  // A hole smaller than an ellipse of the whole canvas.
  std::vector<uint8_t> label(size_t(call.canvas.stride) * size_t(call.canvas.height), kKnown);
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
  // The coarsest level is searched exhaustively, the others at random.
  const PatchMatchPlan plan = patchmatch_plan(call, counted.data());
  if (!plan.exhaustive || plan.coarsest == 0) return 1;
  profile::check(patchmatch_fill(call, plan, space, nullptr));
  profile::finish();
  return 0;
}
