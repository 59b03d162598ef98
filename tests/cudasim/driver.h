// The machine that the host API pretends to be, and what goes wrong on it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace infill::cudasim {

struct Driver {
  int devices = 1;                  // CUDASIM_DEVICES; 0: every call fails with cudaErrorNoDevice
  int version = CUDART_VERSION;     // CUDASIM_DRIVER_VERSION; older: cudaErrorInsufficientDriver
  int capability = 80;              // CUDASIM_CAPABILITY: 10 * major + minor
  size_t memory = size_t{8} << 30;  // CUDASIM_MEMORY: bytes of each device
  // Counted down; the call or kernel at which 1 becomes 0 fails. 0: none does.
  int64_t fail_allocation =
      0;                    // CUDASIM_FAIL_ALLOCATION: of device or pinned memory, cudaErrorMemoryAllocation
  int64_t fail_launch = 0;  // CUDASIM_FAIL_LAUNCH: cudaErrorLaunchOutOfResources
  int64_t lose_device =
      0;  // CUDASIM_LOSE_DEVICE: while this kernel runs; cudaErrorIllegalAddress from then on
};

// Starts as the environment says. Tests change it between calls.
Driver& driver();

// As at the start of the program without environment variables: devices are well again, work that waits is
// dropped. Handles and allocations live on.
void reset_driver();

struct Device {
  cudaError_t lost = cudaSuccess;                          // every call returns it from then on
  std::unordered_map<const void*, size_t> dynamic_shared;  // cudaFuncSetAttribute, by function
};
Device& device(int index);
int current_device();
void set_current_device(int index);

// Shared memory that a block can have: at all times, and after cudaFuncSetAttribute.
constexpr size_t kSharedBytes = size_t{48} << 10;
size_t most_shared_bytes();

// Counts down one of the faults above; true when it strikes.
bool strikes(int64_t& fault);

}  // namespace infill::cudasim
