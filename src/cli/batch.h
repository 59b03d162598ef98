// infill fill for many pictures: two folders, or a manifest.
#pragma once

#include <infill.h>

#include "arguments.h"
#include "failure.h"

namespace cli {

[[nodiscard]] bool is_batch(const FillArguments& arguments);

// Fills all of this shard that are not up to date. A picture that fails is reported on stderr and the others
// go on: kSomeFailed then. What is wrong with the list itself is thrown before the first fill.
[[nodiscard]] ExitCode fill_batch(infill_context* context, const infill_model* model,
                                  const FillArguments& arguments);

}  // namespace cli
