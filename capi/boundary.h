// Between C and C++: exceptions become statuses here, and structs of callers of any age become ours.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "core/status.h"
#include "infill.h"
#include "registry.h"

namespace infill::capi {

// Copies what is valid UTF-8, puts '?' for every other byte, ends with NUL; cut between characters.
void copy_utf8(char* out, size_t size, std::string_view text) noexcept;
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

// Describes the exception being handled in *err, which may be null.
infill_status report_exception(infill_error* err) noexcept;

// Runs the body of a C function. The body returns infill_status or nothing, which is INFILL_OK.
template <class Body>
infill_status guarded(infill_error* err, const Body& body) noexcept {
  try {
    refuse_after_fork();
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      return INFILL_OK;
    } else {
      return body();
    }
  } catch (...) {
    return report_exception(err);
  }
}

template <class T>
T& not_null(T* argument, const char* name) {
  if (argument == nullptr) fail(Status::kInvalidArgument, name, ": is NULL");
  return *argument;
}

// No struct of this interface will ever be larger: a larger struct_size is memory that was never set.
inline constexpr uint32_t kLargestStruct = 4096;

// sizeof in the release that brought the struct. Specialise it when a struct grows.
template <class T>
inline constexpr uint32_t kFirstSize = sizeof(T);
template <>
inline constexpr uint32_t kFirstSize<infill_session_desc> = offsetof(infill_session_desc, fill_model);
template <>
inline constexpr uint32_t kFirstSize<infill_result> = offsetof(infill_result, model_name);
template <>
inline constexpr uint32_t kFirstSize<infill_memory_info> = offsetof(infill_memory_info, device_used);
template <>
inline constexpr uint32_t kFirstSize<infill_estimate> = offsetof(infill_estimate, device_bytes);

template <class T>
uint32_t checked_size(const T& given, const char* name) {
  uint32_t size = 0;
  std::memcpy(&size, &given, sizeof(size));
  if (size < kFirstSize<T> || size > kLargestStruct) {
    fail(Status::kInvalidArgument, name, ".struct_size: is ", size, ", must be ", sizeof(T),
         " here; start from the struct's INIT macro");
  }
  return size;
}

// A struct that the library reads, as this library knows it.
template <class T>
T read_struct(const T* given, const char* name) {
  const uint32_t size = checked_size(not_null(given, name), name);
  T known{};
  std::memcpy(&known, given, std::min<size_t>(size, sizeof(T)));
  if (size > sizeof(T)) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(given);
    if (std::any_of(bytes + sizeof(T), bytes + size, [](unsigned char byte) { return byte != 0; })) {
      fail(Status::kTooNew, name, ": a field beyond its first ", sizeof(T),
           " bytes is set, which this library does not know");
    }
  }
  return known;
}

// A struct that the library writes: value's struct_size is ignored. Check first, then work, then write: on
// failure the caller's struct stays as it was.
template <class T>
void write_struct(T* out, const T& value, const char* name) {
  const uint32_t size = checked_size(not_null(out, name), name);
  auto* bytes = reinterpret_cast<unsigned char*>(out);
  const size_t known = std::min<size_t>(size, sizeof(T));
  std::memcpy(bytes + sizeof(size), reinterpret_cast<const unsigned char*>(&value) + sizeof(size),
              known - sizeof(size));
  std::fill(bytes + known, bytes + size, static_cast<unsigned char>(0));
}

template <class... Reserved>
void check_reserved(const char* name, const Reserved&... fields) {
  if (((fields != Reserved{}) || ...)) {
    fail(Status::kTooNew, name, ": a reserved field is set, which this library does not know");
  }
}

inline void check_flags(uint32_t flags, uint32_t known, const char* name) {
  if ((flags & ~known) != 0) {
    fail(Status::kTooNew, name, ".flags: ", flags, " has bits that this library does not know");
  }
}

}  // namespace infill::capi
