#include "cudasim/memory.h"

#include <map>
#include <memory>

#include "cudasim/options.h"

namespace infill::cudasim {
namespace {

using Regions = std::map<uintptr_t, std::unique_ptr<Region>>;
Regions& regions() {
  static Regions the_regions;
  return the_regions;
}

// Makes the shadow so fine that a range of bytes begins and ends with a cell.
void refine_to(Region& region, size_t offset, size_t bytes) {
  const bool to_the_end = offset + bytes == region.bytes();
  for (const size_t edge : {offset, to_the_end ? size_t{0} : offset + bytes}) {
    if (edge % 2 != 0) region.shadow.refine(1);
    if (edge % 4 != 0) region.shadow.refine(2);
  }
}

}  // namespace

uint32_t region_changes = 1;

Region& add_region(void* begin, size_t bytes, Space space, std::string name) {
  const auto address = reinterpret_cast<uintptr_t>(begin);
  auto region =
      std::make_unique<Region>(Region{address, address + bytes, space, 0, false, std::move(name), Shadow()});
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

void mark_written(const void* begin, size_t bytes) {
  const auto address = reinterpret_cast<uintptr_t>(begin);
  Region* region = find_region(address);
  if (region == nullptr || region->shadow.empty() || bytes == 0) return;
  const size_t offset = address - region->begin;
  refine_to(*region, offset, bytes);
  const Stamp by_host{Ordering::kBeforeAll, 0, Access::kWrite, false};
  const size_t step = size_t{1} << region->shadow.grain();
  for (size_t i = 0; i < bytes; i += step) region->shadow.cell(offset + i).write = by_host;
}

void copy_written(void* to, const void* from, size_t bytes) {
  Region* source = find_region(reinterpret_cast<uintptr_t>(from));
  Region* target = find_region(reinterpret_cast<uintptr_t>(to));
  if (source == nullptr || target == nullptr || target->shadow.empty() || bytes == 0) return;
  const size_t from_offset = reinterpret_cast<uintptr_t>(from) - source->begin;
  const size_t to_offset = reinterpret_cast<uintptr_t>(to) - target->begin;
  refine_to(*source, from_offset, bytes);
  refine_to(*target, to_offset, bytes);
  source->shadow.refine(1u << target->shadow.grain());
  target->shadow.refine(1u << source->shadow.grain());
  const size_t step = size_t{1} << target->shadow.grain();
  for (size_t i = 0; i < bytes; i += step) {
    target->shadow.cell(to_offset + i).write = source->shadow.cell(from_offset + i).write;
  }
}

}  // namespace infill::cudasim
