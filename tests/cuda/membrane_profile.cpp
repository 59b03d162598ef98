// A harmonic fill in a few steps of its solver, for the profile.
#include "cuda/membrane.h"
#include "profile.h"

int main() {
  using namespace infill::cuda;
  MembraneCall call;
  call.canvas = profile::canvas(128, 64, 4);
  call.box = profile::hole_box(call.canvas);
  call.iterations = 2;
  call.report = profile::zeros<MembraneReport>(1);
  profile::check(membrane(call, profile::zeros<unsigned char>(membrane_workspace(call.box)), nullptr));
  profile::finish();
  return 0;
}
