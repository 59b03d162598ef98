// The holes of a mask as runs, and runs in groups: what the planning of a fill needs of a mask that is on the
// device. Runs are few beside pixels, so that they may go to the host where the mask stays.
//
// Errors, workspace and determinism are those of cuda/mask.h. The results are those of read_runs
// (src/core/mask.h) and group_holes (src/core/hole_groups.h).
#pragma once

#include <cstddef>

#include "cuda/mask.h"

namespace infill::cuda {

// Pixels x0 <= x < x1 of row y; the same layout as infill::Run.
struct Run {
  int32_t y, x0, x1;
};

// The maximal runs of the plane's holes, sorted by y, then x0. *count becomes their number, even when it is
// above `capacity`; no more than that are written. A plane of more than 2^31 runs at most, (width + 1) / 2 *
// height, is refused.
struct ReadRunsCall {
  MaskPlane mask;
  Run* runs = nullptr;  // null with capacity 0: to count
  int64_t capacity = 0;
  uint32_t* count = nullptr;
};
size_t read_runs_workspace(int32_t height);
cudaError_t read_runs(const ReadRunsCall& call, void* workspace, cudaStream_t stream);

// Smallest box around a group: right and bottom are beyond it.
struct HoleGroup {
  int32_t left, top, right, bottom;
  unsigned long long pixels;
};

// Two pixels are in one group when a chain of hole pixels leads from one to the other with steps of at most
// `reach` pixels in x and in y. group[i] becomes the number of run i's group; groups are numbered by their
// first run. *group_count is their number; groups, as many as there are runs, describe them. Disjoint sets
// whose roots are their smallest members, so that the result does not depend on the order of the joins
// (Playne, Hawick: A New Algorithm for Parallel Connected-Component Labelling on GPUs, IEEE TPDS 29(6),
// 2018).
struct GroupRunsCall {
  const Run* runs = nullptr;  // sorted by y, then x0; disjoint
  int64_t count = 0;          // below 2^31
  int32_t reach = 1;          // 0 to 65536; 0 leaves every run alone
  uint32_t* group = nullptr;
  HoleGroup* groups = nullptr;
  uint32_t* group_count = nullptr;
};
size_t group_runs_workspace(int64_t count);
cudaError_t group_runs(const GroupRunsCall& call, void* workspace, cudaStream_t stream);

}  // namespace infill::cuda
