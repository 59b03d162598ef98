// Pictures on a CUDA device, and contexts of it, for tests that are callers of <infill.h>.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "capi/support.h"

namespace capi_test {

enum class Where { kHost, kDevice };

// A picture's bytes on the device, the picture's image pointing there.
class OnDevice {
 public:
  explicit OnDevice(const Picture& picture) : image(picture.image), size_(picture.bytes.size()) {
    EXPECT_EQ(cudaMalloc(&memory_, size_), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(memory_, picture.bytes.data(), size_, cudaMemcpyHostToDevice), cudaSuccess);
    image.data = memory_;
    image.device_type = INFILL_DEVICE_CUDA;
  }
  ~OnDevice() { cudaFree(memory_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  [[nodiscard]] std::vector<unsigned char> bytes() const {
    std::vector<unsigned char> result(size_);
    EXPECT_EQ(cudaMemcpy(result.data(), memory_, size_, cudaMemcpyDeviceToHost), cudaSuccess);
    return result;
  }
  infill_image image;

 private:
  void* memory_ = nullptr;
  size_t size_;
};

// A picture that lies where a case wants it.
class Placed {
 public:
  Placed(Picture& picture, Where where) : picture_(picture) {
    if (where == Where::kDevice) on_device_.emplace(picture);
  }
  [[nodiscard]] const infill_image& image() const { return on_device_ ? on_device_->image : picture_.image; }
  [[nodiscard]] std::vector<unsigned char> bytes() const {
    return on_device_ ? on_device_->bytes() : picture_.bytes;
  }

 private:
  Picture& picture_;
  std::optional<OnDevice> on_device_;
};

inline infill_context_desc on_device_desc() {
  infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
  desc.device_type = INFILL_DEVICE_CUDA;
  desc.module_dir = INFILL_CUDA_MODULE_DIR;
  return desc;
}

class Device : public testing::Test {
 protected:
  static std::string message_of(infill_status expected, const infill_context_desc& desc) {
    infill_context* context = nullptr;
    infill_error error = INFILL_ERROR_INIT;
    EXPECT_EQ(infill_context_create(&desc, &context, &error), expected) << error.message;
    EXPECT_EQ(context, nullptr);
    infill_context_destroy(context);
    return error.message;
  }
  infill_error error = INFILL_ERROR_INIT;
  Picture src = textured(61, 47);
  Picture mask = mask_with(61, 47, {20, 15, 17, 9});
};

inline std::vector<unsigned char> filled_on_cpu(infill_method method, const Picture& src,
                                                const Picture& mask) {
  const Session cpu(method);
  Picture dst = src;
  std::fill(dst.bytes.begin(), dst.bytes.end(), static_cast<unsigned char>(7));
  const infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
  EXPECT_EQ(infill_fill(cpu.session, &desc, nullptr), INFILL_OK);
  return dst.bytes;
}

}  // namespace capi_test
