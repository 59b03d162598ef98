// Shared by the tests of contextual attention and of its gradients.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/feature_map.h"
#include "cuda/precision.h"
#include "kernels/contextual_attention.h"
#include "support/noise.h"

namespace infill::cuda::test_attention {

enum class Mask { kNone, kAll, kOneValid, kRectangle, kEdges };

struct Case {
  int32_t height, width, channels;
  Mask mask = Mask::kNone;
  float amplitude = 0.3F;
  bool fuse = true;
  bool tf_compat = false;
  int32_t n_down = 2;
};

inline kernels::ContextualAttention operation(const Case& c) {
  return {.height = c.height,
          .width = c.width,
          .channels = c.channels,
          .n_down = c.n_down,
          .fuse = c.fuse,
          .tf_compat = c.tf_compat};
}

inline std::vector<uint8_t> make_mask(const kernels::ContextualAttention& op, Mask kind) {
  const int32_t height = op.height << op.n_down;
  const int32_t width = op.width << op.n_down;
  std::vector<uint8_t> mask;
  if (kind == Mask::kNone) return mask;
  for (int32_t r = 0; r < height; ++r) {
    for (int32_t x = 0; x < width; ++x) {
      bool hole = true;
      if (kind == Mask::kRectangle) {
        hole = r >= height / 4 && r < height / 2 && x >= width / 3 && x < 2 * width / 3;
      } else if (kind == Mask::kEdges) {
        hole = r < height / 5 || x >= width - width / 6;
      } else if (kind == Mask::kOneValid) {
        // One patch of 3 x 3 positions, at the top right.
        const int32_t step = 2 << op.n_down;
        hole = r / step > 1 || x / step < op.grid_width() - 2;
      }
      mask.push_back(hole ? 255 : 0);
    }
  }
  return mask;
}

inline size_t value_count(const kernels::ContextualAttention& op) {
  return static_cast<size_t>(op.height) * static_cast<size_t>(op.width) * static_cast<size_t>(op.channels);
}
inline size_t position_count(const kernels::ContextualAttention& op) {
  return static_cast<size_t>(op.grid_height()) * static_cast<size_t>(op.grid_width());
}

// Numbers that the precision can store.
inline float rounded(float value, Precision precision) {
  if (precision == Precision::kFloat16) return __half2float(__float2half(value));
  if (precision == Precision::kBfloat16) return __bfloat162float(__float2bfloat16(value));
  return value;
}

inline std::vector<float> make_features(const kernels::ContextualAttention& op, float amplitude, int seed,
                                        Precision precision) {
  std::vector<float> values(value_count(op));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = rounded(amplitude * static_cast<float>(2 * test::uniform(seed, static_cast<int>(i), 0) - 1),
                        precision);
  }
  return values;
}

class Device {
 public:
  explicit Device(size_t bytes) {
    EXPECT_EQ(cudaMalloc(&data_, std::max<size_t>(bytes, 1)), cudaSuccess);
    EXPECT_EQ(cudaMemset(data_, 0xFF, std::max<size_t>(bytes, 1)), cudaSuccess);
  }
  template <class T>
  explicit Device(const std::vector<T>& values) : Device(values.size() * sizeof(T)) {
    if (!values.empty()) {
      EXPECT_EQ(cudaMemcpy(data_, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice),
                cudaSuccess);
    }
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { EXPECT_EQ(cudaFree(data_), cudaSuccess); }

  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(data_);
  }
  template <class T>
  [[nodiscard]] std::vector<T> read(size_t count) const {
    std::vector<T> values(count);
    EXPECT_EQ(cudaMemcpy(values.data(), data_, count * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
    return values;
  }

 private:
  void* data_ = nullptr;
};

// Where a test's f, b and y lie: [N, H, W, C] or [N, C, H, W], with gaps behind each row.
struct Arrangement {
  bool channels_last = true;
  int32_t gap = 0;

  [[nodiscard]] FeatureStrides strides(const kernels::ContextualAttention& op) const {
    FeatureStrides strides;
    if (channels_last) {
      strides.channel = 1;
      strides.pixel = op.channels;
      strides.row = int64_t{op.width} * op.channels + gap;
      strides.picture = op.height * strides.row;
    } else {
      strides.pixel = 1;
      strides.row = op.width + gap;
      strides.channel = op.height * strides.row;
      strides.picture = op.channels * strides.channel;
    }
    return strides;
  }

  // Calls body(index where it lies, index in [N, H, W, C]).
  template <class Body>
  void for_values(const kernels::ContextualAttention& op, int32_t items, const Body& body) const {
    const FeatureStrides at = strides(op);
    size_t i = 0;
    for (int32_t n = 0; n < items; ++n) {
      for (int32_t r = 0; r < op.height; ++r) {
        for (int32_t x = 0; x < op.width; ++x) {
          for (int32_t c = 0; c < op.channels; ++c)
            body(static_cast<size_t>(n * at.picture + r * at.row + x * at.pixel + c * at.channel), i++);
        }
      }
    }
  }
};

inline std::vector<uint8_t> stored(const std::vector<float>& values, Precision precision) {
  const size_t size = element_bytes(precision);
  std::vector<uint8_t> bytes(values.size() * size);
  for (size_t i = 0; i < values.size(); ++i) {
    if (precision == Precision::kFloat16) {
      const __half value = __float2half(values[i]);
      std::memcpy(&bytes[i * size], &value, size);
    } else if (precision == Precision::kBfloat16) {
      const __nv_bfloat16 value = __float2bfloat16(values[i]);
      std::memcpy(&bytes[i * size], &value, size);
    } else {
      std::memcpy(&bytes[i * size], &values[i], size);
    }
  }
  return bytes;
}

inline std::vector<float> loaded(const Device& device, size_t count, Precision precision) {
  std::vector<float> values;
  if (precision == Precision::kFloat16) {
    for (const __half value : device.read<__half>(count)) values.push_back(__half2float(value));
  } else if (precision == Precision::kBfloat16) {
    for (const __nv_bfloat16 value : device.read<__nv_bfloat16>(count))
      values.push_back(__bfloat162float(value));
  } else {
    values = device.read<float>(count);
  }
  return values;
}

// max |difference| / max |reference|
template <class Values>
double difference(const std::vector<float>& values, const Values& reference) {
  double most = 0;
  double largest = 1e-30;
  for (size_t i = 0; i < values.size(); ++i) {
    const double error = std::abs(static_cast<double>(values[i]) - static_cast<double>(reference[i]));
    if (!(error <= most)) most = error;  // NaN, too
    largest = std::max(largest, std::abs(static_cast<double>(reference[i])));
  }
  return most / largest;
}

inline std::string name(const Case& c) {
  return std::to_string(c.height) + "x" + std::to_string(c.width) + "x" + std::to_string(c.channels) +
         " mask " + std::to_string(static_cast<int>(c.mask)) + (c.fuse ? " fuse" : "") +
         (c.tf_compat ? " tf" : "");
}

}  // namespace infill::cuda::test_attention
