#include "device/driver.h"

#include <dlfcn.h>

#include <optional>

namespace infill::device {

namespace {

using Result = int;        // CUresult
using DeviceHandle = int;  // CUdevice

constexpr Result kSuccess = 0;
constexpr Result kNoDevice = 100;
constexpr int kComputeCapabilityMajor = 75;  // CUdevice_attribute
constexpr int kComputeCapabilityMinor = 76;

// The functions of one opened driver.
struct Functions {
  Result (*init)(unsigned flags);
  Result (*error_name)(Result, const char** name);
  Result (*device_count)(int* count);
  Result (*device)(DeviceHandle*, int ordinal);
  Result (*name)(char* name, int size, DeviceHandle);
  Result (*total_memory)(size_t* bytes, DeviceHandle);
  Result (*attribute)(int* value, int attribute, DeviceHandle);
  Result (*uuid)(uint8_t* bytes, DeviceHandle);  // CUuuid: 16 bytes
};

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

// The name of a function that is missing, or null.
const char* find_all(void* library, Functions& functions) {
  if (!find(library, "cuInit", functions.init)) return "cuInit";
  if (!find(library, "cuGetErrorName", functions.error_name)) return "cuGetErrorName";
  if (!find(library, "cuDeviceGetCount", functions.device_count)) return "cuDeviceGetCount";
  if (!find(library, "cuDeviceGet", functions.device)) return "cuDeviceGet";
  if (!find(library, "cuDeviceGetName", functions.name)) return "cuDeviceGetName";
  if (!find(library, "cuDeviceTotalMem_v2", functions.total_memory)) return "cuDeviceTotalMem_v2";
  if (!find(library, "cuDeviceGetAttribute", functions.attribute)) return "cuDeviceGetAttribute";
  // The second one tells the parts of a divided device apart; drivers before 11.4 have the first only.
  if (!find(library, "cuDeviceGetUuid_v2", functions.uuid) &&
      !find(library, "cuDeviceGetUuid", functions.uuid)) {
    return "cuDeviceGetUuid";
  }
  return nullptr;
}

std::string refusal(const Functions& functions, const char* call, Result result) {
  const char* name = nullptr;
  if (functions.error_name(result, &name) != kSuccess || name == nullptr) name = "unknown error";
  return std::string("the CUDA driver's ") + call + " says " + name + " (" + std::to_string(result) + ")";
}

// Nothing: the device does not answer, as one that fell off its bus.
std::optional<CudaDevice> describe(const Functions& functions, int32_t index) {
  CudaDevice device;
  device.index = index;
  DeviceHandle handle = 0;
  int major = 0;
  int minor = 0;
  size_t memory = 0;
  std::array<char, 256> name{};
  if (functions.device(&handle, index) != kSuccess ||
      functions.name(name.data(), static_cast<int>(name.size()) - 1, handle) != kSuccess ||
      functions.total_memory(&memory, handle) != kSuccess ||
      functions.attribute(&major, kComputeCapabilityMajor, handle) != kSuccess ||
      functions.attribute(&minor, kComputeCapabilityMinor, handle) != kSuccess ||
      functions.uuid(device.uuid.data(), handle) != kSuccess) {
    return std::nullopt;
  }
  device.name = name.data();
  device.total_memory = memory;
  device.compute_capability = 10 * major + minor;
  return device;
}

}  // namespace

Driver::Driver(const char* file) {
  void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    missing_ = std::string("there is no CUDA driver: ") + dlerror();
    return;
  }
  Functions functions{};
  if (const char* name = find_all(library, functions)) {
    missing_ = std::string("the CUDA driver ") + file + " has no " + name;
    return;
  }
  int count = 0;
  Result result = functions.init(0);
  const char* call = "cuInit";
  if (result == kSuccess) {
    result = functions.device_count(&count);
    call = "cuDeviceGetCount";
  }
  if (result != kSuccess && result != kNoDevice) {
    missing_ = refusal(functions, call, result);
    return;
  }
  for (int32_t index = 0; index < count; ++index) {
    if (std::optional<CudaDevice> device = describe(functions, index)) devices_.push_back(*std::move(device));
  }
  if (devices_.empty()) missing_ = "the CUDA driver sees no device";
}

const Driver& driver() {
  static const Driver machine;
  return machine;
}

}  // namespace infill::device
