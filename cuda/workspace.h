// Cuts a caller's workspace into arrays. The same code that lays it out measures it, on a null pointer.
#pragma once

#include <cstddef>
#include <cstdint>

namespace infill::cuda {

class Workspace {
 public:
  static constexpr size_t kAlignment = 256;

  explicit Workspace(void* memory) : begin_(reinterpret_cast<uintptr_t>(memory)) {}
  template <class T>
  T* take(int64_t count) {
    const uintptr_t at = begin_ + used_;
    used_ += (static_cast<size_t>(count) * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return reinterpret_cast<T*>(at);
  }
  [[nodiscard]] size_t used() const { return used_; }

 private:
  uintptr_t begin_;
  size_t used_ = 0;
};

}  // namespace infill::cuda
