// Numbers in a span of bytes, read after a check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "core/status.h"

namespace infill::zoo {

// The T at byte `offset`; `what` names what `bytes` are when they end before.
template <class T>
[[nodiscard]] T load(std::span<const std::byte> bytes, uint64_t offset, const char* what) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
    fail(Status::kInvalidArgument, what, ": ends after ", bytes.size(), " bytes, ", sizeof(T),
         " more are needed at byte ", offset);
  }
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Bytes [offset, offset + size).
[[nodiscard]] inline std::span<const std::byte> slice(std::span<const std::byte> bytes, uint64_t offset,
                                                      uint64_t size, const char* what) {
  if (offset > bytes.size() || size > bytes.size() - offset) {
    fail(Status::kInvalidArgument, what, ": ends after ", bytes.size(), " bytes, ", size,
         " more are needed at byte ", offset);
  }
  return bytes.subspan(offset, size);
}

}  // namespace infill::zoo
