// Host API: devices, versions, functions.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "cudasim/api.h"
#include "cudasim/driver.h"
#include "cudasim/stream.h"

namespace infill::cudasim {
namespace {

constexpr int kMultiprocessors = 8;
constexpr int kThreadsPerMultiprocessor = 2048;
constexpr int kRegisters = 65536;

bool exists(int index) {
  return index >= 0 && index < driver().devices;
}

// Values of a device of this compute capability; false for attributes that nobody asked for so far.
bool attribute_value(cudaDeviceAttr attribute, int index, int& value) {
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor:
      value = driver().capability / 10;
      return true;
    case cudaDevAttrComputeCapabilityMinor:
      value = driver().capability % 10;
      return true;
    case cudaDevAttrMultiProcessorCount:
      value = kMultiprocessors;
      return true;
    case cudaDevAttrWarpSize:
      value = 32;
      return true;
    case cudaDevAttrMaxThreadsPerBlock:
      value = 1024;
      return true;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      value = kThreadsPerMultiprocessor;
      return true;
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      value = 1024;
      return true;
    case cudaDevAttrMaxBlockDimZ:
      value = 64;
      return true;
    case cudaDevAttrMaxGridDimX:
      value = 0x7fffffff;
      return true;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      value = 65535;
      return true;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      value = static_cast<int>(kSharedBytes);
      return true;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      value = static_cast<int>(most_shared_bytes());
      return true;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      value = static_cast<int>(most_shared_bytes() + 1024);
      return true;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      value = kRegisters;
      return true;
    case cudaDevAttrL2CacheSize:
      value = 40 << 20;
      return true;
    case cudaDevAttrMemoryPoolsSupported:
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrConcurrentKernels:
      value = 1;
      return true;
    case cudaDevAttrIntegrated:
    case cudaDevAttrManagedMemory:
    case cudaDevAttrCooperativeLaunch:
      value = 0;
      return true;
    case cudaDevAttrPciBusId:
      value = index + 1;
      return true;
    case cudaDevAttrPciDeviceId:
    case cudaDevAttrPciDomainId:
      value = 0;
      return true;
    default:
      return false;
  }
}

int attribute_of(cudaDeviceAttr attribute, int index) {
  int value = 0;
  attribute_value(attribute, index, value);
  return value;
}

void fill_properties(cudaDeviceProp& properties, int index) {
  properties = cudaDeviceProp{};
  std::snprintf(properties.name, sizeof properties.name, "cudasim %d.%d", driver().capability / 10,
                driver().capability % 10);
  std::memcpy(properties.uuid.bytes, "cudasim", 7);
  properties.uuid.bytes[15] = static_cast<char>(index);
  properties.totalGlobalMem = driver().memory;
  properties.sharedMemPerBlock = kSharedBytes;
  properties.sharedMemPerBlockOptin = most_shared_bytes();
  properties.sharedMemPerMultiprocessor = most_shared_bytes() + 1024;
  properties.reservedSharedMemPerBlock = 1024;
  properties.regsPerBlock = properties.regsPerMultiprocessor = kRegisters;
  properties.warpSize = 32;
  properties.maxThreadsPerBlock = 1024;
  properties.maxThreadsPerMultiProcessor = kThreadsPerMultiprocessor;
  properties.major = driver().capability / 10;
  properties.minor = driver().capability % 10;
  properties.multiProcessorCount = kMultiprocessors;
  properties.l2CacheSize = attribute_of(cudaDevAttrL2CacheSize, index);
  properties.pciBusID = attribute_of(cudaDevAttrPciBusId, index);
  properties.unifiedAddressing = properties.concurrentKernels = properties.memoryPoolsSupported = 1;
}

cudaError_t set_function_attribute(const void* function, cudaFuncAttribute attribute, int value) {
  if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaErrorNotSupported;
  if (value < 0 || static_cast<size_t>(value) > most_shared_bytes()) return cudaErrorInvalidValue;
  device(current_device()).dynamic_shared[function] = static_cast<size_t>(value);
  return cudaSuccess;
}

// By shared memory and threads: registers are not known here.
int blocks_per_multiprocessor(int threads, size_t shared_bytes) {
  const size_t of_block = shared_bytes + 1024;
  const size_t by_memory = (most_shared_bytes() + 1024) / of_block;
  const int by_threads = threads > 0 ? kThreadsPerMultiprocessor / ((threads + 31) / 32 * 32) : 0;
  return std::min({static_cast<int>(by_memory), by_threads, 32});
}

}  // namespace
}  // namespace infill::cudasim

using namespace infill::cudasim;  // NOLINT(google-build-using-namespace): the C names below are of no
                                  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  return call([&] {
    *count = driver().devices;
    return cudaSuccess;
  });
}
cudaError_t cudaGetDevice(int* index) {
  return call([&] {
    *index = current_device();
    return cudaSuccess;
  });
}
cudaError_t cudaSetDevice(int index) {
  return call([&] {
    if (!exists(index)) return cudaErrorInvalidDevice;
    set_current_device(index);
    return device(index).lost;
  });
}
cudaError_t cudaInitDevice(int index, unsigned int, unsigned int) {
  return call([&] { return exists(index) ? cudaSuccess : cudaErrorInvalidDevice; });
}
// The device is as new, except that memory of it stays allocated.
cudaError_t cudaDeviceReset() {
  device(current_device()).lost = cudaSuccess;
  return call([] { return cudaSuccess; });
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int index) {
  return call([&] {
    if (!exists(index)) return cudaErrorInvalidDevice;
    return attribute_value(attribute, index, *value) ? cudaSuccess : cudaErrorNotSupported;
  });
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
  return call([&] {
    if (!exists(index)) return cudaErrorInvalidDevice;
    fill_properties(*properties, index);
    return cudaSuccess;
  });
}
cudaError_t cudaDeviceCanAccessPeer(int* can, int, int) {
  return call([&] {
    *can = 0;
    return cudaSuccess;
  });
}
// Both work without a device.
cudaError_t cudaDriverGetVersion(int* version) {
  *version = driver().devices == 0 ? 0 : driver().version;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return call([&] { return set_function_attribute(function, attribute, value); });
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return call([&] {
    *attributes = cudaFuncAttributes{};
    attributes->maxThreadsPerBlock = 1024;
    attributes->ptxVersion = attributes->binaryVersion = driver().capability;
    const auto& set = device(current_device()).dynamic_shared;
    const auto found = set.find(function);
    attributes->maxDynamicSharedSizeBytes =
        static_cast<int>(found != set.end() ? found->second : kSharedBytes);
    return cudaSuccess;
  });
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int threads,
                                                          size_t shared_bytes) {
  return call([&] {
    *blocks = blocks_per_multiprocessor(threads, shared_bytes);
    return cudaSuccess;
  });
}

}  // extern "C"
