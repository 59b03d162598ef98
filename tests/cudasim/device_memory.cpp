#include "cudasim/device_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <sstream>
#include <vector>

#include "cudasim/asan.h"
#include "cudasim/driver.h"
#include "cudasim/fault_handler.h"
#include "cudasim/report.h"

namespace infill::cudasim {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kArenaBytes = size_t{256} << 30;  // of addresses, not of memory: none is used twice

struct Arena {
  char* begin = nullptr;
  size_t used = 0;
  size_t allocations = 0;  // ever
  std::vector<Region*> live;
  int open = 0;
};
Arena arena;

size_t whole_pages(size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

void protect(const Region& region, int access) {
  mprotect(reinterpret_cast<void*>(region.begin), whole_pages(region.bytes()), access);
}

bool reserve_addresses() {
  if (arena.begin != nullptr) return true;
  void* memory = mmap(nullptr, kArenaBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  arena.begin = static_cast<char*>(memory);
  install_fault_handler();
  return true;
}

}  // namespace

void* allocate_device(size_t bytes) {
  const size_t pages = whole_pages(bytes);
  if (bytes > driver().memory - std::min(driver().memory, device_bytes_in_use(current_device())))
    return nullptr;
  if (!reserve_addresses() || pages + kPage > kArenaBytes - arena.used) return nullptr;
  char* pointer = arena.begin + arena.used;
  if (mprotect(pointer, pages, PROT_READ | PROT_WRITE) != 0) return nullptr;
  std::memset(pointer, kUnwrittenGlobal, pages);
  forbid_access(pointer + bytes, pages - bytes);
  arena.used += pages + kPage;
  std::ostringstream name;
  name << "allocation #" << ++arena.allocations << " of " << bytes << " bytes";
  Region& region = add_region(pointer, bytes, Space::kGlobal, name.str());
  region.device = current_device();
  arena.live.push_back(&region);
  if (arena.open == 0) protect(region, PROT_NONE);
  return pointer;
}

bool free_device(void* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  Region* region = find_region(address);
  if (region == nullptr || !is_device_memory(pointer) || region->begin != address || region->freed) {
    report(Rule::kInvalidFree, Site(),
           region != nullptr && region->freed ? region->name + " was freed before"
                                              : "not the begin of an allocation");
    return false;
  }
  region->freed = true;
  region->shadow = Shadow();
  ++region_changes;
  arena.live.erase(std::find(arena.live.begin(), arena.live.end(), region));
  // The memory goes, the addresses stay taken.
  madvise(pointer, whole_pages(region->bytes()), MADV_DONTNEED);
  protect(*region, PROT_NONE);
  forbid_access(pointer, whole_pages(region->bytes()));
  return true;
}

bool is_device_memory(const void* pointer) {
  return arena.begin != nullptr &&
         static_cast<size_t>(static_cast<const char*>(pointer) - arena.begin) < kArenaBytes;
}

Region* find_allocation(const void* pointer, size_t bytes) {
  Region* region = is_device_memory(pointer) ? find_region(reinterpret_cast<uintptr_t>(pointer)) : nullptr;
  if (region == nullptr || region->freed) return nullptr;
  return bytes <= region->end - reinterpret_cast<uintptr_t>(pointer) ? region : nullptr;
}

bool check_allocation(const void* pointer, size_t bytes, const char* user) {
  if (bytes == 0 || find_allocation(pointer, bytes) != nullptr) return true;
  const Region* region = find_region(reinterpret_cast<uintptr_t>(pointer));
  const bool freed = region != nullptr && region->freed;
  std::ostringstream out;
  out << user << " of " << bytes << " bytes";
  if (region != nullptr)
    out << " at byte " << reinterpret_cast<uintptr_t>(pointer) - region->begin << " of " << region->name;
  report(freed ? Rule::kUseAfterFree : Rule::kOutOfBounds, Site(), out.str());
  return false;
}

size_t device_bytes_in_use(int device) {
  size_t sum = 0;
  for (const Region* region : arena.live) sum += region->device == device ? region->bytes() : 0;
  return sum;
}

size_t live_allocations() {
  return arena.live.size();
}

DeviceMemoryOpen::DeviceMemoryOpen() {
  if (arena.open++ > 0) return;
  for (const Region* region : arena.live) protect(*region, PROT_READ | PROT_WRITE);
}

DeviceMemoryOpen::~DeviceMemoryOpen() {
  if (--arena.open > 0) return;
  for (const Region* region : arena.live) protect(*region, PROT_NONE);
}

}  // namespace infill::cudasim
