// What a CUDA thread can see of itself: threadIdx and its relatives.
#pragma once

#include <cstddef>
#include <cstdint>

namespace infill::cudasim {

struct Index3 {
  unsigned x, y, z;
};

// The launch and the block that runs.
struct LaunchContext {
  Index3 grid_size, block_size, block_index;
  void* dynamic_shared;
  const char* kernel;
};

struct ThreadContext {
  Index3 index;
  unsigned linear;  // x fastest
  unsigned lane, warp;
};

extern LaunchContext launch_context;
extern ThreadContext* current;  // null while the host runs

}  // namespace infill::cudasim
