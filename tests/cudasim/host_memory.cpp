#include "cudasim/host_memory.h"

#include <cstdlib>
#include <cstring>
#include <map>

#include "cudasim/device_memory.h"
#include "cudasim/stream.h"

namespace infill::cudasim {
namespace {

constexpr int kNotCopiedYet = 0xFF;  // NaN in every format

std::map<const char*, size_t>& pinned() {
  static std::map<const char*, size_t> blocks;
  return blocks;
}

size_t extent(size_t pitch, size_t width, size_t height) {
  return height == 0 ? 0 : pitch * (height - 1) + width;
}

// The kind that the addresses say; what the caller said must agree.
cudaError_t resolve_kind(Copy& copy) {
  const bool to_device = is_device_memory(copy.to);
  const bool from_device = is_device_memory(copy.from);
  const cudaMemcpyKind found = to_device ? (from_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice)
                                         : (from_device ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost);
  if (copy.kind != cudaMemcpyDefault && copy.kind != found) return cudaErrorInvalidValue;
  copy.kind = found;
  if (to_device && find_allocation(copy.to, extent(copy.to_pitch, copy.width, copy.height)) == nullptr) {
    return cudaErrorInvalidValue;
  }
  if (from_device &&
      find_allocation(copy.from, extent(copy.from_pitch, copy.width, copy.height)) == nullptr) {
    return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

template <class Row>
void each_row(const Copy& copy, Row row) {
  for (size_t y = 0; y < copy.height; ++y) {
    row(static_cast<char*>(copy.to) + y * copy.to_pitch,
        static_cast<const char*>(copy.from) + y * copy.from_pitch);
  }
}

// Memory may have been freed since the copy was enqueued.
cudaError_t perform(const Copy& copy) {
  const bool to_device = is_device_memory(copy.to);
  const bool from_device = is_device_memory(copy.from);
  if (to_device && !check_allocation(copy.to, extent(copy.to_pitch, copy.width, copy.height), "copy into")) {
    return cudaErrorIllegalAddress;
  }
  if (from_device && !check_allocation(copy.from, extent(copy.from_pitch, copy.width, copy.height), "copy")) {
    return cudaErrorIllegalAddress;
  }
  each_row(copy, [&](char* to, const char* from) {
    std::memmove(to, from, copy.width);
    if (to_device && from_device) copy_written(to, from, copy.width);
    if (to_device && !from_device) mark_written(to, copy.width);
  });
  return cudaSuccess;
}

Operation operation_for(const Copy& copy) {
  Operation operation;
  operation.kind = OperationKind::kCopy;
  operation.execute = [copy] { return perform(copy); };
  if (!is_device_memory(copy.from)) {
    operation.host_source = copy.from;
    operation.host_bytes = extent(copy.from_pitch, copy.width, copy.height);
  }
  if (!is_device_memory(copy.to)) {
    operation.on_enqueue = [copy] {
      if (any_pending_reads(copy.to, extent(copy.to_pitch, copy.width, copy.height))) return;
      each_row(copy, [&](char* to, const char*) { std::memset(to, kNotCopiedYet, copy.width); });
    };
  }
  return operation;
}

}  // namespace

void* allocate_pinned(size_t bytes) {
  void* pointer = std::malloc(bytes);  // NOLINT(cppcoreguidelines-no-malloc)
  if (pointer != nullptr) register_pinned(pointer, bytes);
  return pointer;
}

bool free_pinned(void* pointer) {
  if (!unregister_pinned(pointer)) return false;
  std::free(pointer);  // NOLINT(cppcoreguidelines-no-malloc)
  return true;
}

void register_pinned(void* pointer, size_t bytes) {
  pinned()[static_cast<const char*>(pointer)] = bytes;
}

bool unregister_pinned(void* pointer) {
  return pinned().erase(static_cast<const char*>(pointer)) != 0;
}

bool is_pinned(const void* pointer) {
  const char* address = static_cast<const char*>(pointer);
  auto found = pinned().upper_bound(address);
  if (found == pinned().begin()) return false;
  --found;
  return address < found->first + found->second;
}

cudaError_t enqueue_copy(const Copy& asked, cudaStream_t stream) {
  if (asked.empty()) return cudaSuccess;
  Copy copy = asked;
  if (copy.to_pitch < copy.width || copy.from_pitch < copy.width) return cudaErrorInvalidPitchValue;
  const cudaError_t error = resolve_kind(copy);
  return error != cudaSuccess ? error : submit(stream, operation_for(copy));
}

cudaError_t copy_now(const Copy& copy) {
  if (copy.empty()) return cudaSuccess;
  const cudaError_t error = enqueue_copy(copy, nullptr);
  if (error != cudaSuccess || (is_device_memory(copy.to) && is_device_memory(copy.from))) return error;
  return wait_for(find_stream(nullptr)->end());
}

cudaError_t enqueue_fill(void* to, size_t pitch, int value, size_t width, size_t height,
                         cudaStream_t stream) {
  if (width == 0 || height == 0) return cudaSuccess;
  if (pitch < width) return cudaErrorInvalidPitchValue;
  const size_t bytes = extent(pitch, width, height);
  if (find_allocation(to, bytes) == nullptr) return cudaErrorInvalidValue;
  Operation operation;
  operation.kind = OperationKind::kSet;
  operation.execute = [=] {
    if (!check_allocation(to, bytes, "memset")) return cudaErrorIllegalAddress;
    for (size_t y = 0; y < height; ++y) {
      std::memset(static_cast<char*>(to) + y * pitch, value, width);
      mark_written(static_cast<char*>(to) + y * pitch, width);
    }
    return cudaSuccess;
  };
  return submit(stream, std::move(operation));
}

}  // namespace infill::cudasim
