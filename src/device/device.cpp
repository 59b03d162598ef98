#include "device/device.h"

#include <algorithm>
#include <array>

#include "core/status.h"
#include "device/driver.h"
#include "device/module.h"

namespace infill::device {

namespace {

// cudaError_t, CUDA Runtime API.
constexpr int kMemoryAllocation = 2;
constexpr int kNotSupported = 801;
// No device, none of that number, a driver that is too old or that cannot be started, no code for this
// device.
constexpr auto kNone = std::to_array<int>({3, 35, 36, 46, 100, 101, 209, 222, 802, 803, 804});
// After these every later call of the process fails.
constexpr auto kLost =
    std::to_array<int>({4, 214, 220, 226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721});

Status status_of(int error) {
  if (error == kMemoryAllocation) return Status::kOutOfMemory;
  if (error == kNotSupported) return Status::kUnsupported;
  if (std::ranges::find(kNone, error) != kNone.end()) return Status::kNoDevice;
  if (std::ranges::find(kLost, error) != kLost.end()) return Status::kDeviceLost;
  return Status::kInternal;
}

void* allocate(void* user, size_t size, size_t /*alignment: the runtime's is 256*/) {
  const auto& device = *static_cast<const Device*>(user);
  const Device::Use use(device);
  void* memory = nullptr;
  const int error = device.runtime().allocate(&memory, std::max<size_t>(size, 1));
  if (error == kMemoryAllocation) return nullptr;
  device.check(error, "allocating memory");
  return memory;
}

void release(void* user, void* memory, size_t /*size*/, size_t /*alignment*/) {
  const auto& device = *static_cast<const Device*>(user);
  int before = 0;
  device.runtime().current_device(&before);
  device.runtime().use_device(device.index());
  device.runtime().release(memory);  // fails on a lost device, whose memory is gone anyway
  device.runtime().use_device(before);
}

// Without a driver there is no use in opening a library of many megabytes.
const cuda::Module& module_for(int32_t index, const std::string& folder) {
  const std::vector<CudaDevice>& devices = driver().devices();
  if (devices.empty()) fail(Status::kNoDevice, driver().missing());
  if (std::ranges::find(devices, index, &CudaDevice::index) == devices.end()) {
    fail(Status::kNoDevice, "there is no CUDA device ", index, ", only ", devices.size(), " in all");
  }
  return open_cuda_module(folder);
}

}  // namespace

Device::Device(int32_t index, const std::string& folder) : module_(module_for(index, folder)), index_(index) {
  check(runtime().compute_capability(index, &capability_), "asking for the compute capability");
  if (capability_ < kLowestCapability) {
    fail(Status::kNoDevice, "CUDA device ", index, " has compute capability ", capability_ / 10, '.',
         capability_ % 10, ", needed is ", kLowestCapability / 10, '.', kLowestCapability % 10);
  }
  const Use use(*this);
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  check(runtime().memory_info(&free_bytes, &total_bytes), "starting the device");
}

void Device::check(int error, const char* what) const {
  const int lost = lost_.load();
  if (error == 0 && lost == 0) return;
  const int shown = lost != 0 ? lost : error;
  const Status status = status_of(shown);
  if (status == Status::kDeviceLost) lost_.store(shown);
  std::ostringstream text;
  text << "CUDA device " << index_ << ": ";
  if (lost != 0) {
    text << "was lost before; make another context";
  } else {
    text << what << " failed";
  }
  text << ": " << runtime().error_text(shown) << " (" << runtime().error_name(shown) << ')';
  throw Error(status, text.str(), {Native::Kind::kCuda, shown});
}

Device::Use::Use(const Device& device) : device_(device) {
  device.check(device.runtime().current_device(&before_), "asking for the thread's device");
  device.check(device.runtime().use_device(device.index_), "taking the device into use");
}

Device::Use::~Use() {
  device_.runtime().use_device(before_);
}

Allocator Device::allocator() const {
  return {const_cast<Device*>(this), allocate, release};
}

Stream::Stream(const Device& device) : device_(device) {
  const Device::Use use(device);
  device.check(device.runtime().stream_create(&stream_), "making a stream");
}

Stream::~Stream() {
  device_.runtime().stream_destroy(stream_);
}

void Stream::finish() const noexcept {
  device_.runtime().stream_synchronize(stream_);
}

void Stream::begin_after(CUstream_st* callers) const {
  // cudaStreamLegacy: null may mean another stream in a program that is compiled so.
  auto* const legacy = reinterpret_cast<CUstream_st*>(uintptr_t{1});  // NOLINT(performance-no-int-to-ptr)
  CUstream_st* first = callers != nullptr ? callers : legacy;
  const Device::Use use(device_);
  int capturing = 0;
  device_.check(device_.runtime().stream_is_capturing(first, &capturing), "looking at the stream");
  if (capturing != 0) fail(Status::kInvalidState, "desc.stream: is being captured");
  device_.check(device_.runtime().stream_wait(stream_, first), "waiting for the stream");
}

void Stream::end_before(CUstream_st* callers) const {
  const Device::Use use(device_);
  device_.check(device_.runtime().stream_wait(callers, stream_), "making the stream wait");
}

void Stream::wait() const {
  device_.check(device_.runtime().stream_synchronize(stream_), "a kernel or a copy");
}

}  // namespace infill::device
