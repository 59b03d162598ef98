// Memory that kernels may touch, each piece with a shadow when the checker is on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cudasim/shadow.h"

namespace infill::cudasim {

enum class Space : uint8_t { kAny, kGlobal, kShared };

struct Region {
  uintptr_t begin;
  uintptr_t end;
  Space space;
  int device;  // of device memory
  bool freed;
  std::string name;
  Shadow shadow;

  [[nodiscard]] size_t bytes() const { return end - begin; }
};

// What memory holds that nobody wrote: floats, halves and bfloat16 of no use.
constexpr int kUnwrittenGlobal = 0xCB;
constexpr int kUnwrittenShared = 0xFF;

// Adds a region; without a shadow unless the checker is on.
Region& add_region(void* begin, size_t bytes, Space space, std::string name);
void remove_region(Region& region);

// The region that holds the address, freed ones too; null if none.
Region* find_region(uintptr_t address);
// The one that begins at or before it, for reports; null if none.
const Region* region_before(uintptr_t address);
// Grows whenever a region goes away: cached pointers of an older count are stale.
extern uint32_t region_changes;

// Host writes: from now on initialised.
void mark_written(const void* begin, size_t bytes);
// `to` is as initialised as `from` is.
void copy_written(void* to, const void* from, size_t bytes);

}  // namespace infill::cudasim
