// Device memory and pictures for tests of kernels; only the runtime's interface is used.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "core/image.h"
#include "cuda/picture.h"

namespace infill::test {

// An array on the device.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t count) : count_(count) {
    void* memory = nullptr;
    EXPECT_EQ(cudaMalloc(&memory, (count == 0 ? 1 : count) * sizeof(T)), cudaSuccess);
    data_ = static_cast<T*>(memory);
  }
  explicit DeviceArray(std::span<const T> values) : DeviceArray(values.size()) { put(values); }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(std::span<const T>(values)) {}
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(data_); }

  void put(std::span<const T> values) {
    if (values.empty()) return;
    EXPECT_EQ(cudaMemcpy(data_, values.data(), values.size_bytes(), cudaMemcpyHostToDevice), cudaSuccess);
  }
  [[nodiscard]] std::vector<T> get() const {
    std::vector<T> values(count_);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    if (count_ > 0) {
      EXPECT_EQ(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
    }
    return values;
  }
  [[nodiscard]] T* data() const { return data_; }

 private:
  T* data_ = nullptr;
  size_t count_;
};

// The same view of bytes that lie at `data` on the device instead.
inline cuda::Picture picture_of(const Image& image, unsigned char* data) {
  cuda::Picture picture;
  picture.data = data;
  picture.width = image.width;
  picture.height = image.height;
  picture.row_stride = image.row_stride;
  picture.pixel_stride = image.pixel_stride;
  picture.channel_stride = image.channel_stride;
  picture.type = static_cast<cuda::CellType>(image.format->type);
  picture.channels = image.format->channels;
  picture.alpha = image.format->alpha;
  for (int i = 0; i < 4; ++i) picture.order[i] = image.format->order[i];
  picture.meaning = static_cast<cuda::AlphaMeaning>(image.alpha);
  picture.is_mask = image.format->is_mask;
  return picture;
}

// A copy of an image's bytes on the device, exactly as many as the view spans; `shift` bytes further than the
// allocation begins, to misalign them.
class DeviceImage {
 public:
  explicit DeviceImage(const Image& image, size_t shift = 0)
      : range_(byte_range(image)), shift_(shift), bytes_(range_.size() + shift) {
    std::vector<unsigned char> all(range_.size() + shift, 0xA5);
    const auto* from = reinterpret_cast<const unsigned char*>(image.data) + range_.begin;
    std::copy(from, from + range_.size(), all.begin() + static_cast<ptrdiff_t>(shift));
    bytes_.put(all);
    picture = picture_of(image, bytes_.data() + shift - range_.begin);
  }
  // Writes the device's bytes over the image's.
  void copy_back(const Image& image) const {
    const std::vector<unsigned char> all = bytes_.get();
    std::copy(all.begin() + static_cast<ptrdiff_t>(shift_), all.end(),
              reinterpret_cast<unsigned char*>(image.data) + range_.begin);
  }

  cuda::Picture picture;

 private:
  ByteRange range_;
  size_t shift_;
  DeviceArray<unsigned char> bytes_;
};

}  // namespace infill::test
