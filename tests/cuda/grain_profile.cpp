// Grain measured around a hole and added inside, for the profile.
#include "cuda/grain.h"
#include "profile.h"

int main() {
  using namespace infill::cuda;
  GrainCall call;
  call.canvas = profile::canvas(128, 96, 3);
  call.box = profile::hole_box(call.canvas);
  call.hole_pixels = int64_t{call.box.width} * call.box.height;
  call.hole_runs = call.box.height;
  call.strength = 1;
  profile::check(add_grain(call, profile::zeros<unsigned char>(grain_workspace(call)), nullptr));
  profile::finish();
  return 0;
}
