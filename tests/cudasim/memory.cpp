#include "cudasim/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <sstream>

#include "cudasim/options.h"
#include "cudasim/report.h"

#if defined(__SANITIZE_ADDRESS__)
#define INFILL_CUDASIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INFILL_CUDASIM_ASAN 1
#endif
#endif
#ifdef INFILL_CUDASIM_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, bytes) (static_cast<void>(begin), static_cast<void>(bytes))
#endif

namespace infill::cudasim {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kArenaBytes = size_t{256} << 30;  // of addresses, not of memory: none is used twice

using Regions = std::map<uintptr_t, std::unique_ptr<Region>>;
Regions& regions() {
  static Regions the_regions;
  return the_regions;
}

struct Arena {
  char* begin = nullptr;
  size_t used = 0;
  size_t bytes_in_use = 0;
  size_t allocations = 0;
};
Arena arena;

size_t pages_for(size_t bytes) {
  return (std::max<size_t>(bytes, 1) + kPage - 1) / kPage * kPage;
}

}  // namespace

uint32_t region_changes = 1;

Region& add_region(void* begin, size_t bytes, Space space, std::string name) {
  const auto address = reinterpret_cast<uintptr_t>(begin);
  auto region =
      std::make_unique<Region>(Region{address, address + bytes, space, false, std::move(name), Shadow()});
  if (options().checking) region->shadow = Shadow(bytes);
  return *(regions()[address] = std::move(region));
}

void remove_region(Region& region) {
  ++region_changes;
  regions().erase(region.begin);
}

const Region* region_before(uintptr_t address) {
  auto found = regions().upper_bound(address);
  return found == regions().begin() ? nullptr : std::prev(found)->second.get();
}

Region* find_region(uintptr_t address) {
  auto found = regions().upper_bound(address);
  if (found == regions().begin()) return nullptr;
  Region* region = std::prev(found)->second.get();
  return address < region->end ? region : nullptr;
}

void* allocate_device(size_t bytes) {
  if (arena.begin == nullptr) {
    void* memory = mmap(nullptr, kArenaBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    arena.begin = static_cast<char*>(memory);
  }
  const size_t pages = pages_for(bytes);
  if (pages + kPage > kArenaBytes - arena.used) return nullptr;
  char* pointer = arena.begin + arena.used;
  if (mprotect(pointer, pages, PROT_READ | PROT_WRITE) != 0) return nullptr;
  arena.used += pages + kPage;  // a page that nobody may touch between two allocations
  arena.bytes_in_use += bytes;
  ++arena.allocations;
  std::memset(pointer, kUnwrittenGlobal, pages);
  ASAN_POISON_MEMORY_REGION(pointer + bytes, pages - bytes);
  std::ostringstream name;
  name << "allocation " << arena.allocations << " of " << bytes << " bytes";
  add_region(pointer, bytes, Space::kGlobal, name.str());
  return pointer;
}

bool free_device(void* pointer) {
  Region* region = find_region(reinterpret_cast<uintptr_t>(pointer));
  if (region == nullptr || region->space != Space::kGlobal ||
      region->begin != reinterpret_cast<uintptr_t>(pointer) || region->freed) {
    report(
        Rule::kInvalidFree, Site(),
        region != nullptr && region->freed ? region->name + " was freed before" : "is no device allocation");
    return false;
  }
  const size_t bytes = region->end - region->begin;
  arena.bytes_in_use -= bytes;
  region->freed = true;
  region->shadow = Shadow();
  ++region_changes;
  // Gives the memory back, keeps the addresses.
  madvise(pointer, pages_for(bytes), MADV_DONTNEED);
  mprotect(pointer, pages_for(bytes), PROT_NONE);
  ASAN_POISON_MEMORY_REGION(pointer, pages_for(bytes));
  return true;
}

size_t device_bytes_in_use() {
  return arena.bytes_in_use;
}
size_t device_allocations() {
  return arena.allocations;
}

void mark_written(const void* begin, size_t bytes) {
  const auto address = reinterpret_cast<uintptr_t>(begin);
  Region* region = find_region(address);
  if (region == nullptr || region->shadow.empty() || bytes == 0) return;
  const Stamp stamp{1, 0, Access::kWrite, false};
  const size_t first = address - region->begin;
  if ((first & 3) != 0) region->shadow.refine(1u << (first & 1 ? 0 : 1));
  if ((bytes & 3) != 0 && first + bytes != region->end - region->begin) {
    region->shadow.refine(1u << (bytes & 1 ? 0 : 1));
  }
  const size_t step = size_t{1} << region->shadow.grain();
  for (size_t i = 0; i < bytes; i += step) region->shadow.cell(first + i).write = stamp;
}

void copy_written(void* to, const void* from, size_t bytes) {
  Region* source = find_region(reinterpret_cast<uintptr_t>(from));
  Region* target = find_region(reinterpret_cast<uintptr_t>(to));
  if (source == nullptr || target == nullptr || target->shadow.empty() || bytes == 0) return;
  source->shadow.refine(1);
  target->shadow.refine(1);
  const size_t from_offset = reinterpret_cast<uintptr_t>(from) - source->begin;
  const size_t to_offset = reinterpret_cast<uintptr_t>(to) - target->begin;
  for (size_t i = 0; i < bytes; ++i) {
    target->shadow.cell(to_offset + i).write = source->shadow.cell(from_offset + i).write;
  }
}

}  // namespace infill::cudasim
