// Methods by their number in <infill.h>.
#pragma once

#include "classic/method.h"
#include "infill.h"

namespace infill::capi {

// AUTO is PATCHMATCH, for sessions without a model. Null: this build has no such method.
[[nodiscard]] const classic::Method* find_method(infill_method method);
// Throws kUnsupported.
[[nodiscard]] const classic::Method& checked_method(infill_method method, const char* name);

}  // namespace infill::capi
