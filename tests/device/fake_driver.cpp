// A CUDA driver for tests: libcuda.so.1 with as many devices, and as broken, as INFILL_FAKE_DRIVER says. That
// is a list of words:
//   devices=N   so many of them (none without it)
//   init=CODE   cuInit gives that error
//   count=CODE  cuDeviceGetCount does
//   mute=I      device I does not answer
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

int setting(const char* word, int otherwise) {
  const char* given = std::getenv("INFILL_FAKE_DRIVER");
  const std::string text = std::string(" ") + (given == nullptr ? "" : given);
  const std::string key = std::string(" ") + word + "=";
  const size_t at = text.find(key);
  return at == std::string::npos ? otherwise : std::atoi(text.c_str() + at + key.size());
}

constexpr int kInvalidDevice = 101;
constexpr int kInvalidValue = 1;

}  // namespace

#define FAKE extern "C" __attribute__((visibility("default"))) int

FAKE cuInit(unsigned /*flags*/) {
  return setting("init", 0);
}

FAKE cuGetErrorName(int code, const char** name) {
  *name = code == 999 ? "CUDA_ERROR_UNKNOWN" : code == 3 ? "CUDA_ERROR_NOT_INITIALIZED" : nullptr;
  return *name == nullptr ? kInvalidValue : 0;
}

FAKE cuDeviceGetCount(int* count) {
  *count = setting("devices", 0);
  return setting("count", 0);
}

FAKE cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return ordinal == setting("mute", -1) ? kInvalidDevice : 0;
}

FAKE cuDeviceGetName(char* name, int size, int device) {
  const std::string text = "Fake GPU " + std::to_string(device);
  std::strncpy(name, text.c_str(), static_cast<size_t>(size));
  return 0;
}

FAKE cuDeviceTotalMem_v2(size_t* bytes, int device) {
  *bytes = (size_t{8} + static_cast<size_t>(device)) << 30U;
  return 0;
}

FAKE cuDeviceGetAttribute(int* value, int attribute, int device) {
  *value = attribute == 75 ? 8 : attribute == 76 ? device : 0;
  return 0;
}

FAKE cuDeviceGetUuid_v2(unsigned char* uuid, int device) {
  std::memset(uuid, 16 + device, 16);
  return 0;
}
