// The one thing that is global: the calls of all contexts, so that exit() can end them, and whether the
// process was forked.
#pragma once

#include <memory>

#include "calls.h"

namespace infill::capi {

// From here on fork() is noticed and exit() closes the calls. Throws kInvalidState once exit() has begun.
void register_calls(const std::shared_ptr<Calls>& calls);

// In a child of a process that had registered calls: the threads of its contexts exist only in the parent.
[[nodiscard]] bool is_forked_child() noexcept;
// Throws kInvalidState there.
void refuse_after_fork();

}  // namespace infill::capi
