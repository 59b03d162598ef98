// A stack of its own that can be switched to and from on one host thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cudasim/asan.h"

namespace infill::cudasim {

class Fiber {
 public:
  // Kernels that are translated without optimisation (ptx/translator/module.py) have each register on it.
  // AddressSanitizer, which does not see those, clears its shadow at every start.
#ifdef INFILL_CUDASIM_ASAN
  static constexpr size_t kStackBytes = size_t{64} << 10;
#else
  static constexpr size_t kStackBytes = size_t{256} << 10;
#endif

  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  // Next switch to it calls entry on an empty stack. entry never returns; it switches away for the last time.
  void start(void (*entry)());

  // Stands for the host thread's stack; filled in when that thread switches away.
  void adopt_host_stack();

  // Call first in entry: tells AddressSanitizer.
  static void arrived();

  // Goes on in `to`; returns when someone switches back. A fiber that `ends` is not switched to again before
  // start.
  static void switch_to(Fiber& from, Fiber& to, bool ends);

  // Whether an address lies on this stack.
  [[nodiscard]] bool owns(uintptr_t address) const {
    return address - reinterpret_cast<uintptr_t>(stack_) < stack_bytes_;
  }
  [[nodiscard]] bool owns(const void* address) const {
    return owns(reinterpret_cast<uintptr_t>(address));
  }

 private:
  void* saved_ = nullptr;  // stack pointer while it does not run
  char* stack_ = nullptr;
  size_t stack_bytes_ = 0;
  bool owns_stack_ = false;
  void* fake_stack_ = nullptr;  // AddressSanitizer's
};

}  // namespace infill::cudasim
