// Device memory: pages of their own for every allocation, which only kernels and copies can touch.
//
// While neither runs, the host has no access, as with a device: it crashes, with a message. The page behind
// an allocation, and everything that was freed, stays forbidden for ever.
#pragma once

#include <cstddef>

#include "cudasim/memory.h"

namespace infill::cudasim {

// 256-byte aligned, of the current device, filled with kUnwrittenGlobal; null when the device has no room.
void* allocate_device(size_t bytes);
// False, with a finding, for what is no live allocation.
bool free_device(void* pointer);

bool is_device_memory(const void* pointer);
// The live allocation that holds all of these bytes, null if none.
Region* find_allocation(const void* pointer, size_t bytes);
// Likewise, with a finding where memory was freed.
bool check_allocation(const void* pointer, size_t bytes, const char* user);

size_t device_bytes_in_use(int device);
size_t live_allocations();

// While one of these lives, device memory can be touched.
class DeviceMemoryOpen {
 public:
  DeviceMemoryOpen();
  ~DeviceMemoryOpen();
  DeviceMemoryOpen(const DeviceMemoryOpen&) = delete;
  DeviceMemoryOpen& operator=(const DeviceMemoryOpen&) = delete;
};

}  // namespace infill::cudasim
