// The CUDA driver, as far as telling which devices there are. Opened at run time and never linked: without a
// driver a machine has no CUDA devices, and nothing else is missing.
//
// CUDA Driver API, NVIDIA.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace infill::device {

struct CudaDevice {
  int32_t index = 0;               // as the CUDA runtime counts: CUDA_VISIBLE_DEVICES is obeyed
  int32_t compute_capability = 0;  // 10 * major + minor
  uint64_t total_memory = 0;
  std::array<uint8_t, 16> uuid{};
  std::string name;
};

class Driver {
 public:
  static constexpr const char* kFile = "libcuda.so.1";

  // Opens the driver for the life of the process and asks it once; makes no context on any device.
  explicit Driver(const char* file = kFile);

  [[nodiscard]] const std::vector<CudaDevice>& devices() const { return devices_; }
  // Why there are none. Empty if there are.
  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  std::vector<CudaDevice> devices_;
  std::string missing_;
};

// The machine's, asked at the first call. Thread-safe.
[[nodiscard]] const Driver& driver();

}  // namespace infill::device
