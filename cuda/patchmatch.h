// PatchMatch completion on the device: src/classic/patchmatch.h and docs/classic.md say what it does and
// whose ideas it is made of.
//
// The scheme is the CPU's: scales, patches, distances, weights of votes, random numbers by counter, and the
// restored detail. What differs: matches spread by jump flooding, from neighbours 8, 4, 2 and 1 pixels away,
// of the field as it was before (Rong, Tan: Jump Flooding in GPU, I3D 2006; Barnes et al. use it in
// PatchMatch, SIGGRAPH 2009, section 3.2), where the CPU goes through rows; depth in the hole is Euclidean;
// there are no turned and scaled copies of pictures. So results are as good as the CPU's and not the same
// bytes. The same call gives the same bytes on a device.
//
// A fill takes three calls: prepare, on the device; plan, on the host, from the few numbers that prepare
// counted; fill, on the device, with the same workspace. Errors and workspace are those of cuda/mask.h.
#pragma once

#include <cstddef>

#include "cuda/picture.h"

namespace infill::cuda {

constexpr int32_t kMostPatchLevels = 24;
constexpr int32_t kMostPatchRadius = 7;

// What one scale has, by the patch's radius.
struct PatchMatchCounts {
  unsigned long long wanted;                         // pixels to be filled
  unsigned long long sources[kMostPatchRadius + 1];  // patches that may be copied
  unsigned long long targets[kMostPatchRadius + 1];  // patches over wanted pixels
};

struct PatchMatchCall {
  Canvas canvas;  // with labels; under holes and excluded pixels anything
  Rect box;       // in the canvas; holds all of its holes, at least one
  // Only known pixels that are not 0 here may be copied, in a plane with the canvas's stride; null: every
  // one.
  const uint8_t* allowed = nullptr;
  // More pixels to copy from, with as many channels; width 0: none. A null label: all are known.
  Canvas reference;
  // What the fill would put on the known pixels around a hole (8 neighbours), in planes with the canvas's
  // stride; null: not asked for.
  float* rim[4] = {};
  int32_t patch_size = 7;  // 3 to 15; an even one counts as the next odd one
  int32_t iterations = 3;  // search and vote per scale, 1 to 64; the coarsest has at least 10
  int32_t passes = 2;      // of propagation and random search per iteration, 1 to 64
  float detail = 1;        // share of the fine detail that is put back
  uint64_t seed = 0;
};

// Which scales are searched, with which patches. radius -1: there is nothing that patches could be copied
// from; fill otherwise.
struct PatchMatchPlan {
  int32_t radius = -1;
  int32_t coarsest = 0;     // level
  bool exhaustive = false;  // the coarsest level's search
  uint32_t sources[kMostPatchLevels] = {};
};

// Scales of a canvas; 0 if the call is not valid.
int32_t patchmatch_levels(const PatchMatchCall& call);
size_t patchmatch_workspace(const PatchMatchCall& call);
// counts: on the device, one for each level.
cudaError_t patchmatch_prepare(const PatchMatchCall& call, PatchMatchCounts* counts, void* workspace,
                               cudaStream_t stream);
// counts: on the host.
PatchMatchPlan patchmatch_plan(const PatchMatchCall& call, const PatchMatchCounts* counts);
// Writes the holes of the canvas, and rim. The plan is one with a radius.
cudaError_t patchmatch_fill(const PatchMatchCall& call, const PatchMatchPlan& plan, void* workspace,
                            cudaStream_t stream);

}  // namespace infill::cuda
