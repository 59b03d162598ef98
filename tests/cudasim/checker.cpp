#include "cudasim/checker.h"

#include <link.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <vector>

#include "cudasim/execution.h"
#include "cudasim/options.h"
#include "cudasim/report.h"

namespace infill::cudasim {
namespace {

const char* verb(Access access) {
  switch (access) {
    case Access::kRead:
      return "read";
    case Access::kWrite:
      return "write";
    case Access::kAtomic:
      return "atomic";
  }
  return "?";
}

const char* name_of(Space space) {
  return space == Space::kShared ? "shared" : "global";
}

// Constants of the program and variables of its modules: the kernel may read what the host could.
struct Segment {
  uintptr_t begin, end;
  bool writable;
};

const std::vector<Segment>& program_segments() {
  static const std::vector<Segment> segments = [] {
    std::vector<Segment> result;
    dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* out) {
          for (int i = 0; i < info->dlpi_phnum; ++i) {
            const auto& header = info->dlpi_phdr[i];
            if (header.p_type != PT_LOAD) continue;
            const uintptr_t begin = info->dlpi_addr + header.p_vaddr;
            static_cast<std::vector<Segment>*>(out)->push_back(
                Segment{begin, begin + header.p_memsz, (header.p_flags & PF_W) != 0});
          }
          return 0;
        },
        &result);
    return result;
  }();
  return segments;
}

bool is_program_data(uintptr_t address, Access access) {
  const auto& segments = program_segments();
  return std::any_of(segments.begin(), segments.end(), [=](const Segment& segment) {
    return address >= segment.begin && address < segment.end && (access == Access::kRead || segment.writable);
  });
}

struct Check {
  uintptr_t address;
  unsigned bytes;
  Access access;
  Site site;
};

void report_outside(const Check& check) {
  std::ostringstream out;
  out << verb(check.access) << " of " << check.bytes << " bytes";
  Rule rule = Rule::kOutOfBounds;
  if (const Region* near = region_before(check.address)) {
    if (near->freed && check.address < near->end) rule = Rule::kUseAfterFree;
    out << " at byte " << check.address - near->begin << " of " << name_of(near->space) << " " << near->name;
  } else {
    out << ", no allocation near";
  }
  report(rule, check.site, out.str());
}

void report_race(const Check& check, const Region& region, const Stamp& other) {
  std::ostringstream out;
  out << verb(check.access) << " of " << name_of(region.space) << " " << region.name << " at byte "
      << check.address - region.begin << ", " << verb(other.access) << " by ";
  if (other.time >= ordering.block_start()) {
    out << "thread " << other.thread << " of this block";
  } else {
    out << "thread " << other.thread << " of another block";
  }
  out << ", nothing orders them";
  report(Rule::kRace, check.site, out.str());
}

// Where a new reader is remembered: in place of one that it stands for, else of one of its own warp.
Stamp& slot_for(Cell& cell, const Thread& me, bool shared) {
  const Ordering::Time start = ordering.block_start();
  for (Stamp& stamp : cell.reads) {
    if ((shared && stamp.time < start) || ordering.is_before(stamp.time, stamp.thread, me)) return stamp;
  }
  for (Stamp& stamp : cell.reads) {
    if (stamp.time >= start && stamp.thread / 32 == me.warp) return stamp;
  }
  return cell.reads.back();
}

class CellCheck {
 public:
  CellCheck(const Check& check, const Region& region, const Thread& me)
      : check_(check), region_(region), me_(me), shared_(region.space == Space::kShared) {}

  void operator()(Cell& cell, bool pending) {
    const Stamp stamp{ordering.now(), static_cast<uint16_t>(me_.linear), check_.access, pending};
    const bool written =
        shared_ ? cell.write.time >= ordering.block_start() : cell.write.time != Ordering::kNever;
    if (check_.access == Access::kRead) {
      check_value(cell, written);
      if (races_with(cell.write)) found_race(cell.write);
      slot_for(cell, me_, shared_) = stamp;
      return;
    }
    if (check_.access == Access::kAtomic) check_value(cell, written);
    if (races_with(cell.write)) found_race(cell.write);
    for (const Stamp& read : cell.reads) {
      if (races_with(read)) found_race(read);
    }
    cell.write = stamp;
  }

 private:
  void check_value(const Cell& cell, bool written) {
    if (!written) {
      found(Rule::kUninitialised, "");
    } else if (cell.write.pending && cell.write.time >= ordering.block_start()) {
      found(Rule::kAsyncCopy, ", which cp.async writes and nobody waited for");
    }
  }

  [[nodiscard]] bool races_with(const Stamp& other) const {
    if (other.time == Ordering::kNever || (shared_ && other.time < ordering.block_start())) return false;
    if (check_.access == Access::kAtomic && other.access == Access::kAtomic) return false;
    return !ordering.is_before(other.time, other.thread, me_);
  }

  void found(Rule rule, const char* more) {
    if (reported_) return;
    reported_ = true;
    std::ostringstream out;
    out << verb(check_.access) << " of " << name_of(region_.space) << " " << region_.name << " at byte "
        << check_.address - region_.begin << more;
    report(rule, check_.site, out.str());
  }

  void found_race(const Stamp& other) {
    if (reported_) return;
    reported_ = true;
    report_race(check_, region_, other);
  }

  const Check& check_;
  const Region& region_;
  const Thread& me_;
  bool shared_;
  bool reported_ = false;
};

// The region of an address, remembered per place in the code: one place nearly always means one region.
Region* region_of(uintptr_t address, const Site& site) {
  struct Remembered {
    Region* region;
    uint32_t changes;
  };
  static std::array<Remembered, 1024> remembered{};
  const uintptr_t key =
      site.pc != nullptr ? reinterpret_cast<uintptr_t>(site.pc) : static_cast<uintptr_t>(site.line);
  Remembered& entry = remembered[(key ^ key >> 10) % remembered.size()];
  if (entry.changes == region_changes && address >= entry.region->begin && address < entry.region->end) {
    return entry.region;
  }
  Region* region = find_region(address);
  if (region == nullptr || region->freed) return nullptr;
  entry = Remembered{region, region_changes};
  return region;
}

void check(const Check& check, Space space, bool pending) {
  const Thread& me = *running_thread();
  if (me.fiber.owns(reinterpret_cast<const void*>(check.address))) return;  // registers and local memory
  Region* region = region_of(check.address, check.site);
  if (region == nullptr || check.address + check.bytes > region->end) {
    if (region == nullptr && is_program_data(check.address, check.access)) return;
    return report_outside(check);
  }
  if (space != Space::kAny && space != region->space) {
    report(Rule::kOutOfBounds, check.site,
           std::string("address is in ") + name_of(region->space) + " memory");
  }
  const unsigned alignment = check.bytes & (0u - check.bytes);
  if (check.address % alignment != 0) {
    report(Rule::kMisaligned, check.site,
           std::string(verb(check.access)) + " of " + std::to_string(check.bytes) + " bytes in " +
               name_of(region->space) + " " + region->name);
    region->shadow.refine(1);
  }
  if (check.access == Access::kAtomic && region->space == Space::kGlobal)
    ordering.global_atomic(check.address);
  region->shadow.refine(check.bytes);
  CellCheck each(check, *region, me);
  const size_t first = check.address - region->begin;
  const size_t step = size_t{1} << region->shadow.grain();
  for (size_t i = 0; i < check.bytes; i += step) each(region->shadow.cell(first + i), pending);
}

}  // namespace

void check_access(const void* pointer, unsigned bytes, Access access, const Site& site, Space space) {
  if (current == nullptr || !options().checking || bytes == 0) return;
  check(Check{reinterpret_cast<uintptr_t>(pointer), bytes, access, site}, space, false);
}

void check_access(const void* pointer, unsigned bytes, Access access, const void* pc) {
  check_access(pointer, bytes, access, Site::at(pc));
}

void check_async_issue(const void* destination, unsigned bytes, const Site& site) {
  if (current == nullptr || !options().checking) return;
  check(Check{reinterpret_cast<uintptr_t>(destination), bytes, Access::kWrite, site}, Space::kShared, true);
}

}  // namespace infill::cudasim
