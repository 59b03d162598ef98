#include "cudasim/ptx/isa/memory.h"

#include "cudasim/async_copy.h"
#include "cudasim/checker.h"
#include "cudasim/execution.h"
#include "cudasim/ptx/profile.h"

namespace infill::cudasim::ptx {

bool watching = false;

bool is_local(b64 address) {
  return running_thread()->fiber.owns(pointer_to(address));
}

void touched(const AccessSite& site, b64 address, b64 iteration) {
  check_access(pointer_to(address), site.bytes, site.access, site.place, site.space);
  observed(site, address, iteration);
}

void observed(const AccessSite& site, b64 address, b64 iteration) {
  if (profile().is_enabled()) profile().record(site, address, iteration);
}

void copy_async(b64 shared, b64 global, u32 bytes, u32 valid_bytes, const Site& site) {
  issue_async_copy(pointer_to(shared), pointer_to(global), bytes, valid_bytes, site);
}

}  // namespace infill::cudasim::ptx
