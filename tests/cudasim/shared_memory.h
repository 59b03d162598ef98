// Shared memory of the block that runs: one window at addresses below 4 GiB, so that 32-bit shared addresses
// of translated kernels are pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cudasim/launch.h"

namespace infill::cudasim {

constexpr size_t kSharedWindowBytes = size_t{1} << 20;
unsigned char* shared_window();
inline bool is_shared(const void* address) {
  return static_cast<size_t>(static_cast<const unsigned char*>(address) - shared_window()) <
         kSharedWindowBytes;
}

// What stands behind one INFILL_SHARED: finds its array in the window, after a red zone, when it is first met
// in a launch. Lives in static storage, one for each instance of a template.
struct SharedArray {
  const char* name;
  size_t bytes;
  int64_t launch = 0;  // the one that `address` is of
  void* address = nullptr;
};
void* shared_array(SharedArray& array);

// For the execution of a launch.
void begin_shared_memory(const Launch& launch);
void begin_block_shared_memory();
// Bytes of static arrays that the launch met.
size_t end_shared_memory();

}  // namespace infill::cudasim
