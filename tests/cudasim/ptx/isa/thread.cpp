#include "cudasim/ptx/isa/thread.h"

#include <cstdio>
#include <cstdlib>

#include "cudasim/collectives.h"

namespace infill::cudasim::ptx {

b64 clock64() {
  static b64 ticks = 0;
  return ++ticks;
}

void barrier(b32 id, u32 threads, const Site& site) {
  constexpr b32 kBarriers = 16;
  if (id >= kBarriers) cudasim::trap(site, "barriers are 0 to 15");
  sync_barrier(static_cast<int>(id), threads, site);
}

void trap() {
  cudasim::trap(Site{}, "the kernel executed trap");
}

void unsupported(const char* instruction) {
  std::fprintf(stderr, "cudasim: kernel %s executes what is not translated: %s\n", launch_context.kernel,
               instruction);
  std::abort();
}

}  // namespace infill::cudasim::ptx
