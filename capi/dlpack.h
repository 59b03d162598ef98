// What is read of a tensor: the binary interface of DLPack 1.x,
// https://dmlc.github.io/dlpack/latest/c_api.html. Declared here so that neither the library nor its users
// need <dlpack/dlpack.h>.
#pragma once

#include <cstdint>

namespace infill::capi::dlpack {

struct Version {
  uint32_t major, minor;
};
struct Device {
  int32_t type, index;
};
enum DeviceKind : int32_t { kCpu = 1, kCuda = 2, kCudaHost = 3, kCudaManaged = 13 };
struct DataType {
  uint8_t code, bits;
  uint16_t lanes;
};
enum TypeCode : uint8_t { kUnsigned = 1, kFloat = 2, kBool = 6 };

struct Tensor {
  void* data;
  Device device;
  int32_t ndim;
  DataType dtype;
  const int64_t* shape;
  const int64_t* strides;  // in elements; null: compact, the last axis fastest
  uint64_t byte_offset;
};

struct ManagedTensorVersioned {
  Version version;
  void* manager_context;
  void (*deleter)(ManagedTensorVersioned*);
  uint64_t flags;
  Tensor tensor;
};
inline constexpr uint64_t kReadOnly = 1;

}  // namespace infill::capi::dlpack
