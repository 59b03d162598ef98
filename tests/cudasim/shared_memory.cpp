#include "cudasim/shared_memory.h"

#include <sys/mman.h>

#include <cstring>
#include <new>
#include <vector>

#include "cudasim/asan.h"
#include "cudasim/memory.h"

namespace infill::cudasim {
namespace {

constexpr size_t kRedZone = 1024;
// Dynamic shared memory begins 16 bytes after a multiple of 1024: more alignment than 16 is not promised.
constexpr size_t kDynamicOffset = 16;

int64_t launch_number = 0;
size_t window_used = 0;
size_t static_bytes = 0;
std::vector<Region*> arrays;

size_t round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

void* place(size_t offset, size_t bytes, const char* name) {
  unsigned char* address = shared_window() + offset;
  if (offset + bytes + kRedZone > kSharedWindowBytes) throw std::bad_alloc();
  window_used = offset + bytes;
  allow_access(address, bytes);
  std::memset(address, kUnwrittenShared, bytes);
  arrays.push_back(&add_region(address, bytes, Space::kShared, name));
  return address;
}

}  // namespace

unsigned char* shared_window() {
  static auto* const window = static_cast<unsigned char*>(mmap(
      nullptr, kSharedWindowBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
  if (window == MAP_FAILED) throw std::bad_alloc();
  return window;
}

void begin_shared_memory(const Launch& launch) {
  ++launch_number;
  window_used = static_bytes = 0;
  forbid_access(shared_window(), kSharedWindowBytes);
  for (const StaticShared& array : launch.static_shared) {
    place(array.offset, array.bytes, array.name);
    static_bytes += array.bytes;
  }
  window_used = launch.static_shared_bytes;
  launch_context.dynamic_shared =
      shared_window() + round_up(window_used + kRedZone, kRedZone) + kDynamicOffset;
  if (launch.dynamic_shared != 0) {
    place(round_up(window_used + kRedZone, kRedZone) + kDynamicOffset, launch.dynamic_shared,
          "dynamic memory");
  }
}

void begin_block_shared_memory() {
  for (const Region* array : arrays) {
    std::memset(reinterpret_cast<void*>(array->begin), kUnwrittenShared, array->end - array->begin);
  }
}

void* shared_array(SharedArray& array) {
  if (array.launch == launch_number) return array.address;
  array.launch = launch_number;
  array.address = place(round_up(window_used + kRedZone, kRedZone), array.bytes, array.name);
  static_bytes += array.bytes;
  return array.address;
}

size_t end_shared_memory() {
  for (Region* array : arrays) remove_region(*array);
  arrays.clear();
  allow_access(shared_window(), kSharedWindowBytes);
  return static_bytes;
}

}  // namespace infill::cudasim
