// Special registers, barriers and fences, and what ends a kernel.
#pragma once

#include "cudasim/ptx/isa/types.h"
#include "cudasim/site.h"
#include "cudasim/thread.h"

namespace infill::cudasim::ptx {

inline const Index3& tid() {
  return current->index;
}
inline const Index3& ntid() {
  return launch_context.block_size;
}
inline const Index3& ctaid() {
  return launch_context.block_index;
}
inline const Index3& nctaid() {
  return launch_context.grid_size;
}
inline b32 laneid() {
  return current->lane;
}
inline b32 warpid() {
  return current->warp;
}
inline b32 lanemask_eq() {
  return 1u << laneid();
}
inline b32 lanemask_lt() {
  return lanemask_eq() - 1;
}
inline b32 lanemask_le() {
  return lanemask_lt() | lanemask_eq();
}
inline b32 lanemask_gt() {
  return ~lanemask_le();
}
inline b32 lanemask_ge() {
  return ~lanemask_lt();
}
inline b32 smid() {
  return 0;
}
inline b32 nsmid() {
  return 1;
}
inline b32 nwarpid() {
  return 32;
}
inline b64 gridid() {
  return 0;
}
// Clocks tick at every look.
b64 clock64();
inline b32 clock() {
  return static_cast<b32>(clock64());
}
inline b64 globaltimer() {
  return clock64();
}

// bar.sync of `threads` of the block, 0 for all.
void barrier(b32 id, u32 threads, const Site& site);

[[noreturn]] void trap();
// Aborts the program: an instruction that the translator does not know was reached.
[[noreturn]] void unsupported(const char* instruction);

}  // namespace infill::cudasim::ptx
