// Looks at every access of a kernel: bounds, alignment, initialisation, races.
#pragma once

#include <cstddef>

#include "cudasim/memory.h"
#include "cudasim/site.h"

namespace infill::cudasim {

// A load, store or atomic of `bytes` at `pointer`, from the instruction before `pc`. Does nothing while the
// host runs or the checker is off. `space` is what the instruction says, if it does.
void check_access(const void* pointer, unsigned bytes, Access access, const Site& site,
                  Space space = Space::kAny);
void check_access(const void* pointer, unsigned bytes, Access access, const void* pc);

// As above, for a cp.async that is issued: its destination is in nobody's hands until it is waited for.
void check_async_issue(const void* destination, unsigned bytes, const Site& site);

}  // namespace infill::cudasim
