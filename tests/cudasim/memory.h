// Memory that kernels may touch, each piece with a shadow when the checker is on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "cudasim/shadow.h"

namespace infill::cudasim {

enum class Space : uint8_t { kAny, kGlobal, kShared };

struct Region {
  uintptr_t begin;
  uintptr_t end;
  Space space;
  bool freed;
  std::string name;
  Shadow shadow;
};

// Bytes of no value that float, half and bfloat16 read as NaN or as something huge.
constexpr int kUnwrittenGlobal = 0xCB;
constexpr int kUnwrittenShared = 0xFF;
constexpr int kFreed = 0xDD;

// Adds a region; without a shadow unless the checker is on.
Region& add_region(void* begin, size_t bytes, Space space, std::string name);
void remove_region(Region& region);

// The region that holds the address, freed ones too; null if none.
Region* find_region(uintptr_t address);
// The one that begins at or before it, for reports; null if none.
const Region* region_before(uintptr_t address);
// Grows whenever a region goes away: cached pointers of an older count are stale.
extern uint32_t region_changes;

// Device memory, 256-byte aligned, filled with kUnwrittenGlobal; null when there is no room.
void* allocate_device(size_t bytes);
// False, with a finding, for what is no live allocation. Freed memory stays reserved and poisoned: use is
// found.
bool free_device(void* pointer);
size_t device_bytes_in_use();
size_t device_allocations();

// Host writes: from now on initialised.
void mark_written(const void* begin, size_t bytes);
// `to` is as initialised as `from` is.
void copy_written(void* to, const void* from, size_t bytes);

}  // namespace infill::cudasim
