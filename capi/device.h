// The CPU as a device of <infill.h>.
#pragma once

#include "infill.h"

namespace infill::capi {

[[nodiscard]] infill_device_info cpu_info();

}  // namespace infill::capi
