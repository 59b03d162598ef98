// A CUDA device as a context uses it: its module, its errors as exceptions, its memory under the context's
// limit.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/memory.h"
#include "cuda/module.h"

namespace infill::device {

// The oldest devices that kernels run on: Turing.
constexpr int32_t kLowestCapability = 75;

// Thread-safe.
class Device {
 public:
  // index: as the CUDA runtime counts. Makes the device's primary context, which may take a second. folder:
  // see open_cuda_module. Throws kNoDevice, which says why.
  Device(int32_t index, const std::string& folder);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] const cuda::Runtime& runtime() const { return module_.runtime; }
  [[nodiscard]] const cuda::Kernels& kernels() const { return module_.kernels; }
  [[nodiscard]] int32_t index() const { return index_; }
  [[nodiscard]] int32_t compute_capability() const { return capability_; }

  // Throws unless error is 0; `what` says what failed: "copying src". Some errors end the device for this
  // process (kDeviceLost): from then on every check throws.
  void check(int error, const char* what) const;

  // Makes the device the thread's, until the scope's end.
  class Use {
   public:
    explicit Use(const Device& device);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    const Device& device_;
    int before_ = 0;
  };

  // For Memory: blocks lie on the device. The device must outlive it.
  [[nodiscard]] Allocator allocator() const;

 private:
  const cuda::Module& module_;
  int32_t index_;
  int32_t capability_ = 0;
  mutable std::atomic<int> lost_{0};  // the error that ended it
};

// Work in order.
class Stream {
 public:
  explicit Stream(const Device& device);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  [[nodiscard]] CUstream_st* get() const { return stream_; }
  // Until all of it is done. finish() says nothing of what failed; the next check does.
  void wait() const;
  void finish() const noexcept;
  // What is given to it from now on begins when the caller's stream has come so far as now; null: the legacy
  // default stream. Throws kInvalidState when that one is being captured.
  void begin_after(CUstream_st* callers) const;
  // What is given to the caller's stream from now on begins when this one has come so far as now.
  void end_before(CUstream_st* callers) const;

 private:
  const Device& device_;
  CUstream_st* stream_ = nullptr;
};

}  // namespace infill::device
