// AddressSanitizer's manual poisoning, nothing in other builds.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define INFILL_CUDASIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INFILL_CUDASIM_ASAN 1
#endif
#endif

#ifdef INFILL_CUDASIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace infill::cudasim {

inline void forbid_access([[maybe_unused]] const void* begin, [[maybe_unused]] unsigned long bytes) {
#ifdef INFILL_CUDASIM_ASAN
  __asan_poison_memory_region(begin, bytes);
#endif
}

inline void allow_access([[maybe_unused]] const void* begin, [[maybe_unused]] unsigned long bytes) {
#ifdef INFILL_CUDASIM_ASAN
  __asan_unpoison_memory_region(begin, bytes);
#endif
}

}  // namespace infill::cudasim
