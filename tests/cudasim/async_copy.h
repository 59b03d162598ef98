// cp.async of one thread: performed as late as the waits allow.
#pragma once

#include <cstddef>
#include <vector>

#include "cudasim/site.h"

namespace infill::cudasim {

class AsyncCopies {
 public:
  void clear();
  // Copies valid_bytes of `bytes` and fills the rest with zeros, when waited for.
  void issue(void* shared, const void* global, unsigned bytes, unsigned valid_bytes, const Site& site);
  void commit() { ++group_; }
  // Performs all but the newest `groups` groups.
  void wait(unsigned groups);
  [[nodiscard]] bool empty() const { return first_ == copies_.size(); }
  [[nodiscard]] Site oldest() const { return copies_[first_].site; }

 private:
  struct Copy {
    void* shared;
    const void* global;
    unsigned bytes, valid_bytes;
    size_t group;
    Site site;
  };
  static void perform(const Copy& copy);

  std::vector<Copy> copies_;
  size_t first_ = 0;  // oldest that is not performed
  size_t group_ = 0;  // the one that is open
};

// Those of the running thread.
void issue_async_copy(void* shared, const void* global, unsigned bytes, unsigned valid_bytes,
                      const Site& site);
void commit_async_copies();
void wait_async_copies(unsigned groups);

}  // namespace infill::cudasim
