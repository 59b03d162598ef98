// An allow-list pickle machine: builds values and calls nothing.
//
// Opcodes: those that Python's own pickler writes in protocols 2 to 5 for plain data and for torch.save;
// every other one is an error with its name and offset. Classes and functions: find_global() in
// pickle_value.h; an unknown one is a name, what it would make is an object of kind kObject, and its
// arguments are dropped. Format: Python's Lib/pickletools.py.
//
// Every opcode takes a bounded time and the heap's memory is limited, so a pickle is read in time linear in
// its size. Values may contain themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "zoo/pickle_value.h"

namespace infill::zoo {

struct PickleResult {
  Value value;
  uint64_t end;  // offset of the first byte after the pickle
};

// Reads the pickle at bytes[offset...]. Throws kInvalidArgument (damaged), kUnsupported (an opcode outside of
// the list, more than the heap holds); messages give the offset in `bytes`.
[[nodiscard]] PickleResult read_pickle(std::span<const std::byte> bytes, uint64_t offset, PickleHeap& heap,
                                       Memory& memory);

}  // namespace infill::zoo
