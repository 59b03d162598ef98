// Loads, stores, and what checker and profile are told of them. Addresses are the host's; those of shared
// memory lie below 4 GiB, so they fit the 32-bit registers that kernels keep them in.
#pragma once

#include "cudasim/async_copy.h"
#include "cudasim/ptx/isa/types.h"
#include "cudasim/ptx/kernel.h"
#include "cudasim/shared_memory.h"
#include "cudasim/thread.h"

namespace infill::cudasim::ptx {

// Registers hold addresses as numbers.
inline void* pointer_to(b64 address) {
  return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

template <class T>
T load(b64 address) {
  T value;
  std::memcpy(&value, pointer_to(address), sizeof value);
  return value;
}
template <class T>
void store(b64 address, T value) {
  std::memcpy(pointer_to(address), &value, sizeof value);
}
inline b64 address_of(const void* object) {
  return reinterpret_cast<b64>(object);
}

inline b64 shared_window() {
  return address_of(cudasim::shared_window());
}
inline b64 dynamic_shared() {
  return address_of(launch_context.dynamic_shared);
}
inline bool is_shared(b64 address) {
  return cudasim::is_shared(pointer_to(address));
}
bool is_local(b64 address);
inline bool is_const(b64) {
  return false;
}
inline bool is_global(b64 address) {
  return !is_shared(address) && !is_local(address);
}

// Whether anybody wants to know of accesses: the checker or the profile, in this launch.
extern bool watching;

void touched(const AccessSite& site, b64 address, b64 iteration);
void observed(const AccessSite& site, b64 address, b64 iteration);

// Before an access by one lane. `iteration` tells one execution by a warp from the next (translator/flow.py).
inline void touch(const AccessSite& site, b64 address, b64 iteration) {
  if (__builtin_expect(watching, false)) touched(site, address, iteration);
}
// The same for what checks itself: copy_async and load_matrices.
inline void observe(const AccessSite& site, b64 address, b64 iteration) {
  if (__builtin_expect(watching, false)) observed(site, address, iteration);
}

// cp.async; commit_async_copies and wait_async_copies are cudasim's own.
void copy_async(b64 shared, b64 global, u32 bytes, u32 valid_bytes, const Site& site);

}  // namespace infill::cudasim::ptx
