#include "cudasim/async_copy.h"

#include <cstring>

#include "cudasim/checker.h"
#include "cudasim/execution.h"
#include "cudasim/options.h"
#include "cudasim/report.h"

namespace infill::cudasim {

void AsyncCopies::clear() {
  copies_.clear();
  first_ = group_ = 0;
}

void AsyncCopies::issue(void* shared, const void* global, unsigned bytes, unsigned valid_bytes,
                        const Site& site) {
  if (valid_bytes > bytes) {
    report(Rule::kAsyncCopy, site,
           "cp.async of " + std::to_string(bytes) + " bytes with " + std::to_string(valid_bytes) +
               " valid ones");
    valid_bytes = bytes;
  }
  if (reinterpret_cast<uintptr_t>(global) % bytes != 0) report(Rule::kMisaligned, site, "source of cp.async");
  check_access(global, valid_bytes, Access::kRead, site, Space::kGlobal);
  check_async_issue(shared, bytes, site);
  std::memset(shared, kUnwrittenShared, bytes);
  copies_.push_back(Copy{shared, global, bytes, valid_bytes, group_, site});
}

void AsyncCopies::perform(const Copy& copy) {
  check_access(copy.global, copy.valid_bytes, Access::kRead, copy.site, Space::kGlobal);
  check_access(copy.shared, copy.bytes, Access::kWrite, copy.site, Space::kShared);
  std::memcpy(copy.shared, copy.global, copy.valid_bytes);
  std::memset(static_cast<char*>(copy.shared) + copy.valid_bytes, 0, copy.bytes - copy.valid_bytes);
}

void AsyncCopies::wait(unsigned groups) {
  while (first_ < copies_.size() && copies_[first_].group + groups < group_) perform(copies_[first_++]);
  if (first_ == copies_.size()) {
    copies_.clear();
    first_ = 0;
  }
}

void issue_async_copy(void* shared, const void* global, unsigned bytes, unsigned valid_bytes,
                      const Site& site) {
  running_thread()->copies.issue(shared, global, bytes, valid_bytes, site);
}

void commit_async_copies() {
  running_thread()->copies.commit();
}

void wait_async_copies(unsigned groups) {
  running_thread()->copies.wait(groups);
}

}  // namespace infill::cudasim
