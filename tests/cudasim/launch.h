// The seam between the host API and the execution of kernels: whoever can call a kernel's body fills in a
// Launch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cudasim/thread.h"

namespace infill::cudasim {

// A static shared array at a fixed place of the shared memory window, where a translator put it.
struct StaticShared {
  const char* name;
  unsigned offset;
  unsigned bytes;
};

struct Launch {
  const char* name = "?";
  // What cudaFuncSetAttribute knows the kernel by.
  const void* function = nullptr;
  Index3 grid{1, 1, 1};
  Index3 block{1, 1, 1};
  size_t dynamic_shared = 0;
  // Called by every thread with a copy of the arguments on its own stack, aligned to 64 bytes.
  void (*body)(const void* arguments) = nullptr;
  std::vector<std::byte> arguments;
  // Of kernels that address shared memory by offsets from shared_window(): the window's first
  // static_shared_bytes are theirs.
  std::vector<StaticShared> static_shared;
  size_t static_shared_bytes = 0;
  void (*on_block_end)() = nullptr;
  // What the function may have; the host API fills them in.
  size_t dynamic_shared_limit = ~size_t{0};
  size_t shared_limit = ~size_t{0};
};

enum class LaunchResult : uint8_t { kDone, kTrapped };

// Runs it to its end.
LaunchResult run(const Launch& launch);

struct Statistics {
  int64_t launches, blocks, threads;
};
const Statistics& statistics();

}  // namespace infill::cudasim
