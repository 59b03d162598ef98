// The devices of <infill.h>: the CPU, then what the CUDA driver names.
#pragma once

#include "infill.h"

namespace infill::capi {

[[nodiscard]] uint32_t device_count();
// Throws kInvalidArgument.
[[nodiscard]] infill_device_info device_info(uint32_t which);

}  // namespace infill::capi
