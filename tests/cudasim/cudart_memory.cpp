// Host API: memory.
#include <cuda_runtime_api.h>

#include "cudasim/api.h"
#include "cudasim/capture.h"
#include "cudasim/device_memory.h"
#include "cudasim/driver.h"
#include "cudasim/host_memory.h"
#include "cudasim/stream.h"

namespace infill::cudasim {
namespace {

cudaError_t allocate(void** pointer, size_t bytes) {
  if (pointer == nullptr) return cudaErrorInvalidValue;
  *pointer = nullptr;
  if (strikes(driver().fail_allocation)) return cudaErrorMemoryAllocation;
  if (bytes == 0) return cudaSuccess;
  *pointer = allocate_device(bytes);
  return *pointer != nullptr ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t allocate_host(void** pointer, size_t bytes) {
  if (pointer == nullptr) return cudaErrorInvalidValue;
  *pointer = nullptr;
  if (strikes(driver().fail_allocation)) return cudaErrorMemoryAllocation;
  *pointer = allocate_pinned(bytes);
  return *pointer != nullptr ? cudaSuccess : cudaErrorMemoryAllocation;
}

// Waits for the device, as cudaFree does.
cudaError_t release(void* pointer) {
  if (pointer == nullptr) return cudaSuccess;
  const cudaError_t error = wait_for_device(current_device());
  return free_device(pointer) ? error : cudaErrorInvalidValue;
}

cudaError_t release_in_order(void* pointer, cudaStream_t stream) {
  if (pointer == nullptr) return cudaSuccess;
  if (is_unsafe_now()) return cudaErrorStreamCaptureUnsupported;
  Operation operation;
  operation.kind = OperationKind::kFree;
  operation.execute = [pointer] { return free_device(pointer) ? cudaSuccess : cudaErrorInvalidValue; };
  return submit(stream, std::move(operation));
}

}  // namespace
}  // namespace infill::cudasim

using namespace infill::cudasim;  // NOLINT(google-build-using-namespace): the C names below are of no
                                  // namespace

extern "C" {

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return call([&] { return is_unsafe_now() ? cudaErrorStreamCaptureUnsupported : allocate(pointer, bytes); });
}
cudaError_t cudaFree(void* pointer) {
  return call([&] { return is_unsafe_now() ? cudaErrorStreamCaptureUnsupported : release(pointer); });
}
cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t) {
  return call([&] { return is_unsafe_now() ? cudaErrorStreamCaptureUnsupported : allocate(pointer, bytes); });
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  return call([&] { return release_in_order(pointer, stream); });
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return call([&] { return allocate_host(pointer, bytes); });
}
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned int) {
  return call([&] { return allocate_host(pointer, bytes); });
}
cudaError_t cudaFreeHost(void* pointer) {
  return call([&] {
    if (pointer == nullptr) return cudaSuccess;
    const cudaError_t error = wait_for_device(current_device());
    return free_pinned(pointer) ? error : cudaErrorInvalidValue;
  });
}
cudaError_t cudaHostRegister(void* pointer, size_t bytes, unsigned int) {
  return call([&] {
    if (pointer == nullptr || bytes == 0) return cudaErrorInvalidValue;
    if (is_pinned(pointer)) return cudaErrorHostMemoryAlreadyRegistered;
    register_pinned(pointer, bytes);
    return cudaSuccess;
  });
}
cudaError_t cudaHostUnregister(void* pointer) {
  return call([&] { return unregister_pinned(pointer) ? cudaSuccess : cudaErrorHostMemoryNotRegistered; });
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return call([&] { return copy_now(Copy::linear(to, from, bytes, kind)); });
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call([&] { return enqueue_copy(Copy::linear(to, from, bytes, kind), stream); });
}
cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                         size_t height, cudaMemcpyKind kind) {
  return call([&] { return copy_now(Copy{to, to_pitch, from, from_pitch, width, height, kind}); });
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  return call([&] {
    return enqueue_copy(Copy{to, to_pitch, from, from_pitch, width, height, kind}, stream);
  });
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  return call([&] { return enqueue_fill(to, bytes, value, bytes, 1, nullptr); });
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return call([&] { return enqueue_fill(to, bytes, value, bytes, 1, stream); });
}
cudaError_t cudaMemset2D(void* to, size_t pitch, int value, size_t width, size_t height) {
  return call([&] { return enqueue_fill(to, pitch, value, width, height, nullptr); });
}
cudaError_t cudaMemset2DAsync(void* to, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
  return call([&] { return enqueue_fill(to, pitch, value, width, height, stream); });
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total) {
  return call([&] {
    *total = driver().memory;
    *free_bytes = driver().memory - device_bytes_in_use(current_device());
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return call([&] {
    *attributes = cudaPointerAttributes{};
    const Region* region = find_allocation(pointer, 1);
    if (region != nullptr) {
      attributes->type = cudaMemoryTypeDevice;
      attributes->device = region->device;
      attributes->devicePointer = const_cast<void*>(pointer);
    } else if (is_pinned(pointer)) {
      attributes->type = cudaMemoryTypeHost;
      attributes->device = current_device();
      attributes->devicePointer = attributes->hostPointer = const_cast<void*>(pointer);
    } else {
      attributes->type = cudaMemoryTypeUnregistered;
      attributes->device = -2;
      attributes->hostPointer = const_cast<void*>(pointer);
    }
    return cudaSuccess;
  });
}

}  // extern "C"
