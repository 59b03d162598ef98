// A launch of a translated kernel.
#pragma once

#include "cudasim/launch.h"
#include "cudasim/ptx/kernel.h"

namespace infill::cudasim::ptx {

// `arguments` points to one value per parameter, as cudaLaunchKernel has them; they are copied.
Launch make_launch(const Kernel& kernel, Index3 grid, Index3 block, size_t dynamic_shared,
                   void* const* arguments);

}  // namespace infill::cudasim::ptx
