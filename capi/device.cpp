#include "device.h"

#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "boundary.h"
#include "device/driver.h"

namespace infill::capi {

namespace {

// "AMD EPYC 7B13"; "CPU" where the processor does not say.
std::string cpu_name() {
#if defined(__x86_64__)
  constexpr unsigned kBrand = 0x80000002;  // three leaves of 16 characters
  std::array<unsigned, 12> registers{};
  if (static_cast<unsigned>(__get_cpuid_max(0x80000000, nullptr)) >= kBrand + 2) {
    for (unsigned i = 0; i < 3; ++i) {
      unsigned* at = &registers.at(size_t{4} * i);
      __get_cpuid(kBrand + i, at, at + 1, at + 2, at + 3);
    }
    std::array<char, sizeof(registers) + 1> text{};
    std::memcpy(text.data(), registers.data(), sizeof(registers));
    const std::string name = text.data();
    const size_t first = name.find_first_not_of(' ');
    if (first != std::string::npos) return name.substr(first, name.find_last_not_of(' ') + 1 - first);
  }
#endif
  return "CPU";
}

uint64_t pages(int which) {
  const long count = sysconf(which);
  const long size = sysconf(_SC_PAGESIZE);
  return count < 0 || size < 0 ? 0 : static_cast<uint64_t>(count) * static_cast<uint64_t>(size);
}

infill_device_info cpu_info() {
  infill_device_info info = INFILL_DEVICE_INFO_INIT;
  info.type = INFILL_DEVICE_CPU;
  info.total_memory = pages(_SC_PHYS_PAGES);
  info.free_memory = pages(_SC_AVPHYS_PAGES);
  copy_utf8(info.name, sizeof(info.name), cpu_name());
  return info;
}

infill_device_info info_of(const device::CudaDevice& device) {
  infill_device_info info = INFILL_DEVICE_INFO_INIT;
  info.type = INFILL_DEVICE_CUDA;
  info.index = device.index;
  info.compute_capability = device.compute_capability;
  info.total_memory = device.total_memory;
  std::ranges::copy(device.uuid, info.uuid);
  copy_utf8(info.name, sizeof(info.name), device.name);
  return info;
}

}  // namespace

uint32_t device_count() {
  return static_cast<uint32_t>(1 + device::driver().devices().size());
}

infill_device_info device_info(uint32_t which) {
  if (which >= device_count()) fail(Status::kInvalidArgument, "which: is ", which, " of ", device_count());
  return which == 0 ? cpu_info() : info_of(device::driver().devices()[which - 1]);
}

}  // namespace infill::capi
