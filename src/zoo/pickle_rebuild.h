// What the pickle machine does in place of calling the functions and classes that it knows.
#pragma once

#include <cstdint>

#include "zoo/pickle_value.h"

namespace infill::zoo {

// callable(*arguments). `arguments` is a tuple. Throws kInvalidArgument when a known function is called with
// what it does not take.
[[nodiscard]] Value rebuild(PickleHeap& heap, const Value& callable, const Value& arguments);

// What torch's persistent id stands for: ('storage', type, key, location, elements[, view]).
[[nodiscard]] Value load_persistent(PickleHeap& heap, const Value& id);

}  // namespace infill::zoo
