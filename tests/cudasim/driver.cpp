#include "cudasim/driver.h"

#include <cstdlib>
#include <vector>

#include "cudasim/stream.h"

namespace infill::cudasim {
namespace {

thread_local int the_current_device = 0;

std::vector<Device>& devices() {
  static std::vector<Device> the_devices(64);
  return the_devices;
}

template <class T>
void read_variable(const char* name, T& value) {
  if (const char* text = std::getenv(name)) value = static_cast<T>(std::strtoll(text, nullptr, 10));
}

Driver from_environment() {
  Driver result;
  read_variable("CUDASIM_DEVICES", result.devices);
  read_variable("CUDASIM_DRIVER_VERSION", result.version);
  read_variable("CUDASIM_CAPABILITY", result.capability);
  read_variable("CUDASIM_MEMORY", result.memory);
  read_variable("CUDASIM_FAIL_ALLOCATION", result.fail_allocation);
  read_variable("CUDASIM_FAIL_LAUNCH", result.fail_launch);
  read_variable("CUDASIM_LOSE_DEVICE", result.lose_device);
  return result;
}

}  // namespace

Driver& driver() {
  static Driver the_driver = from_environment();
  return the_driver;
}

void reset_driver() {
  driver() = Driver();
  drop_all_work();
  for (Device& each : devices()) each.lost = cudaSuccess;
  set_current_device(0);
}

Device& device(int index) {
  return devices()[static_cast<size_t>(index)];
}
int current_device() {
  return the_current_device;
}
void set_current_device(int index) {
  the_current_device = index;
}

size_t most_shared_bytes() {
  constexpr size_t kKibi = 1024;
  switch (driver().capability) {
    case 75:
      return 64 * kKibi;
    case 86:
    case 89:
    case 120:
      return 99 * kKibi;
    case 90:
    case 100:
      return 227 * kKibi;
    default:
      return 163 * kKibi;
  }
}

bool strikes(int64_t& fault) {
  return fault > 0 && --fault == 0;
}

}  // namespace infill::cudasim
