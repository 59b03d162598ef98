#include "cudasim/fault_handler.h"

#include "cudasim/asan.h"

#ifdef INFILL_CUDASIM_ASAN

void infill::cudasim::install_fault_handler() {}

#else

#include <csignal>
#include <cstdint>
#include <vector>

#include "cudasim/device_memory.h"
#include "cudasim/execution.h"
#include "cudasim/memory.h"
#include "cudasim/report.h"

namespace infill::cudasim {
namespace {

constexpr size_t kHandlerStackBytes = size_t{256} << 10;

// The program ends anyhow, so what signal handlers must not do is done here.
void on_fault(int signal, siginfo_t* info, void*) {
  const void* address = info->si_addr;
  if (is_device_memory(address)) {
    const Region* region = find_region(reinterpret_cast<uintptr_t>(address));
    if (region != nullptr && region->freed) {
      report(Rule::kUseAfterFree, Site(), region->name);
    } else if (current == nullptr) {
      report(Rule::kHostUse, Site(), "host code touches device memory");
    } else {
      report(Rule::kOutOfBounds, Site(), "behind an allocation");
    }
  } else if (current != nullptr) {
    report(
        Rule::kOutOfBounds, Site(),
        running_thread()->fiber.owns(address) ? "the thread's stack is full" : "no memory at this address");
  }
  std::signal(signal, SIG_DFL);  // and fault again
}

}  // namespace

void install_fault_handler() {
  static std::vector<char> stack(kHandlerStackBytes);
  stack_t alternative{};
  alternative.ss_sp = stack.data();
  alternative.ss_size = stack.size();
  sigaltstack(&alternative, nullptr);
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
}

}  // namespace infill::cudasim

#endif
