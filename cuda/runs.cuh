// Kernels of cuda/runs.h.
#pragma once

#include "cuda/grid.cuh"
#include "cuda/runs.h"

namespace infill::cuda {

// The holes among 32 pixels, a bit for each, and where runs begin and end there.
struct Edges {
  unsigned begins, ends;  // ends: the last pixel of a run
};

// carry: whether the pixel before the 32 is a hole. next: whether the one after them is.
__device__ inline Edges edges_of(unsigned holes, bool carry, bool next) {
  return {holes & ~(holes << 1U | (carry ? 1U : 0U)), holes & ~(holes >> 1U | (next ? 0x80000000U : 0U))};
}

__device__ inline unsigned holes_at(const uint8_t* row, int32_t width, int32_t group) {
  const int32_t x = 32 * group + static_cast<int32_t>(threadIdx.x);
  return __ballot_sync(0xFFFFFFFFU, x < width && row[x] != 0);
}

// A warp for each row.
__global__ __launch_bounds__(kBlockThreads) void count_runs_kernel(MaskPlane mask, uint32_t* counts) {
  for (int32_t y = pixel_y(); y < mask.height; y += rows_of_grid()) {
    const uint8_t* row = mask.data + y * mask.stride;
    uint32_t count = 0;
    bool carry = false;
    for (int32_t group = 0; 32 * group < mask.width; ++group) {
      const unsigned holes = holes_at(row, mask.width, group);
      count += static_cast<uint32_t>(__popc(edges_of(holes, carry, false).begins));
      carry = holes >> 31U != 0;
    }
    if (threadIdx.x == 0) counts[y] = count;
  }
}

// first[y]: runs in the rows above.
__global__ __launch_bounds__(kBlockThreads) void write_runs_kernel(ReadRunsCall call, const uint32_t* first) {
  const MaskPlane& mask = call.mask;
  const unsigned lane = threadIdx.x;
  const unsigned up_to_here = 0xFFFFFFFFU >> (31 - lane);
  for (int32_t y = pixel_y(); y < mask.height; y += rows_of_grid()) {
    const uint8_t* row = mask.data + y * mask.stride;
    int64_t before = first[y];
    bool carry = false;
    unsigned holes = holes_at(row, mask.width, 0);
    for (int32_t group = 0; 32 * group < mask.width; ++group) {
      const unsigned after = holes_at(row, mask.width, group + 1);
      const Edges edges = edges_of(holes, carry, (after & 1U) != 0);
      // Of the run that begins or ends here.
      const int64_t index = before + __popc(edges.begins & up_to_here) - 1;
      const int32_t x = 32 * group + static_cast<int32_t>(lane);
      if (index < call.capacity) {
        if ((edges.begins >> lane & 1U) != 0) {
          call.runs[index].y = y;
          call.runs[index].x0 = x;
        }
        if ((edges.ends >> lane & 1U) != 0) call.runs[index].x1 = x + 1;
      }
      before += __popc(edges.begins);
      carry = holes >> 31U != 0;
      holes = after;
    }
  }
}

// A root is its own parent, all others have a smaller one.
__global__ __launch_bounds__(kBlockThreads) void start_sets_kernel(uint32_t* parent, int64_t count,
                                                                   HoleGroup* groups) {
  const int64_t i = list_index();
  if (i >= count) return;
  parent[i] = static_cast<uint32_t>(i);
  groups[i] = {INT32_MAX, INT32_MAX, 0, 0, 0};
}

// Others may join sets meanwhile: parents are read as they are now. A parent never grows, so this leaves it.
__device__ inline uint32_t parent_of(uint32_t* parent, uint32_t i) {
  return atomicMin(&parent[i], i);
}

__device__ inline uint32_t root_of(uint32_t* parent, uint32_t i) {
  for (uint32_t up = parent_of(parent, i); up != i; up = parent_of(parent, i)) i = up;
  return i;
}

__device__ inline void join(uint32_t* parent, uint32_t a, uint32_t b) {
  for (;;) {
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a == b) return;
    const uint32_t low = min(a, b);
    const uint32_t high = max(a, b);
    const uint32_t was = atomicMin(&parent[high], low);
    if (was == high) return;
    // Somebody else gave it a parent before: both now lead on to the same set.
    a = low;
    b = was;
  }
}

// The first run from `begin` on that is not above row y and, in it, ends at x or to the right of it.
__device__ inline int64_t first_reached(const Run* runs, int64_t begin, int64_t end, int32_t y, int64_t x) {
  while (begin < end) {
    const int64_t middle = (begin + end) / 2;
    const Run& run = runs[middle];
    if (run.y < y || (run.y == y && run.x1 - int64_t{1} < x)) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

__global__ __launch_bounds__(kBlockThreads) void join_runs_kernel(GroupRunsCall call, uint32_t* parent) {
  const int64_t i = list_index();
  if (i >= call.count) return;
  const Run run = call.runs[i];
  int64_t begin = 0;
  for (int32_t y = max(0, run.y - call.reach); y <= run.y; ++y) {
    begin = first_reached(call.runs, begin, i, y, int64_t{run.x0} - call.reach);
    if (begin == i) break;
    if (call.runs[begin].y > y) {  // nothing in rows without runs
      y = call.runs[begin].y - 1;
      continue;
    }
    for (int64_t k = begin; k < i; ++k) {
      const Run other = call.runs[k];
      if (other.y != y || other.x0 > int64_t{run.x1} - 1 + call.reach) break;
      join(parent, static_cast<uint32_t>(k), static_cast<uint32_t>(i));
    }
  }
}

// Parents are final. number[i]: 1 for roots.
__global__ __launch_bounds__(kBlockThreads) void find_roots_kernel(const uint32_t* parent, int64_t count,
                                                                   uint32_t* root, uint32_t* number) {
  const int64_t i = list_index();
  if (i >= count) return;
  uint32_t at = static_cast<uint32_t>(i);
  while (parent[at] != at) at = parent[at];
  root[i] = at;
  number[i] = at == i ? 1 : 0;
}

__global__ __launch_bounds__(kBlockThreads) void describe_groups_kernel(GroupRunsCall call,
                                                                        const uint32_t* root,
                                                                        const uint32_t* number) {
  const int64_t i = list_index();
  if (i >= call.count) return;
  const Run run = call.runs[i];
  const uint32_t which = number[root[i]];
  call.group[i] = which;
  HoleGroup& group = call.groups[which];
  atomicMin(&group.left, run.x0);
  atomicMin(&group.top, run.y);
  atomicMax(&group.right, run.x1);
  atomicMax(&group.bottom, run.y + 1);
  atomicAdd(&group.pixels, static_cast<unsigned long long>(run.x1 - run.x0));
}

}  // namespace infill::cuda
