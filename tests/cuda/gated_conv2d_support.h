// Cases of gated convolutions, their operands on the host and on the device, and the formula as a literal
// loop.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/gated_conv2d.h"

namespace infill::cuda::test {

// Memory on the device with values of one precision.
class DeviceArray {
 public:
  explicit DeviceArray(size_t bytes) : bytes_(bytes) {
    if (bytes > 0 && cudaMalloc(&data_, bytes) != cudaSuccess) ADD_FAILURE() << "no memory";
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] size_t bytes() const { return bytes_; }
  void write(const std::vector<unsigned char>& bytes) { copy(data_, bytes.data(), cudaMemcpyHostToDevice); }
  [[nodiscard]] std::vector<unsigned char> read() const {
    std::vector<unsigned char> bytes(bytes_);
    copy(bytes.data(), data_, cudaMemcpyDeviceToHost);
    return bytes;
  }

 private:
  void copy(void* to, const void* from, cudaMemcpyKind kind) const {
    if (bytes_ > 0 && cudaMemcpy(to, from, bytes_, kind) != cudaSuccess) ADD_FAILURE() << "copy failed";
  }

  size_t bytes_;
  void* data_ = nullptr;
};

inline std::vector<unsigned char> encode(const std::vector<float>& values, Precision precision) {
  const size_t size = element_bytes(precision);
  std::vector<unsigned char> bytes(values.size() * size);
  for (size_t i = 0; i < values.size(); ++i) {
    if (precision == Precision::kFloat16) {
      const __half v = __float2half_rn(values[i]);
      std::memcpy(&bytes[i * size], &v, size);
    } else if (precision == Precision::kBfloat16) {
      const __nv_bfloat16 v = __float2bfloat16_rn(values[i]);
      std::memcpy(&bytes[i * size], &v, size);
    } else {
      std::memcpy(&bytes[i * size], &values[i], size);
    }
  }
  return bytes;
}

inline std::vector<float> decode(const std::vector<unsigned char>& bytes, Precision precision) {
  const size_t size = element_bytes(precision);
  std::vector<float> values(bytes.size() / size);
  for (size_t i = 0; i < values.size(); ++i) {
    if (precision == Precision::kFloat16) {
      __half v;
      std::memcpy(static_cast<void*>(&v), &bytes[i * size], size);
      values[i] = __half2float(v);
    } else if (precision == Precision::kBfloat16) {
      __nv_bfloat16 v;
      std::memcpy(static_cast<void*>(&v), &bytes[i * size], size);
      values[i] = __bfloat162float(v);
    } else {
      std::memcpy(&values[i], &bytes[i * size], size);
    }
  }
  return values;
}

// Uniform in -scale..scale, as the precision stores it.
inline std::vector<float> random_values(size_t count, uint32_t seed, float scale, Precision precision) {
  std::vector<float> values(count);
  uint32_t state = seed * 2654435761U + 12345U;
  for (float& v : values) {
    state = state * 1664525U + 1013904223U;
    v = scale * (static_cast<float>(state >> 8) / 8388608.0F - 1.0F);
  }
  return decode(encode(values, precision), precision);
}

inline const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return "float32";
    case Precision::kTf32:
      return "tf32";
    case Precision::kFloat16:
      return "float16";
    default:
      return "bfloat16";
  }
}

// Of the largest value of a result.
inline double tolerance(Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return 3e-6;
    case Precision::kTf32:
      return 2e-3;
    case Precision::kFloat16:
      return 7e-4;
    default:
      return 6e-3;
  }
}

inline constexpr Precision kPrecisions[] = {Precision::kFloat32, Precision::kTf32, Precision::kFloat16,
                                            Precision::kBfloat16};

enum class Layout { kChannelsLast, kChannelsFirst, kPitched, kGaps };

// Strides of a map in a layout, and the elements it takes.
struct MapLayout {
  FeatureStrides strides;
  size_t elements = 0;

  [[nodiscard]] size_t at(int64_t n, int64_t c, int64_t y, int64_t x) const {
    return static_cast<size_t>(n * strides.picture + c * strides.channel + y * strides.row +
                               x * strides.pixel);
  }
};

// kPitched: pixels of a multiple of 16 channels, the map's at its beginning. kGaps: channels first, none of
// the strides a multiple of another.
inline MapLayout map_layout(Layout layout, int64_t n, int64_t c, int64_t h, int64_t w) {
  MapLayout map;
  switch (layout) {
    case Layout::kChannelsLast:
      map.strides = channels_last(h, w, c);
      break;
    case Layout::kChannelsFirst:
      map.strides = channels_first(c, h, w);
      break;
    case Layout::kPitched:
      map.strides = channels_last(h, w, (c + 31) / 16 * 16);
      break;
    case Layout::kGaps:
      map.strides = {((w * 2 + 3) * h + 5) * c + 7, (w * 2 + 3) * h + 5, w * 2 + 3, 2};
      break;
  }
  map.elements = static_cast<size_t>(std::max<int64_t>(0, n * map.strides.picture)) + 16;
  return map;
}

struct Case {
  const char* name;
  GatedConv2dLayer layer;
  int32_t batch = 1, height = 1, width = 1;  // of x
  int32_t top = 0, bottom = 0, left = 0, right = 0;
  Layout in = Layout::kChannelsLast, out = Layout::kChannelsLast;
  int32_t y0 = 0, x0 = 0, y1 = -1, x1 = -1;
  bool bias = true;
};

inline int32_t results(int32_t in, int32_t upsample, int32_t before, int32_t behind, int32_t kernel,
                       int32_t dilation, int32_t stride) {
  const int32_t room = in * upsample + before + behind - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}
inline int32_t out_height(const Case& c) {
  return results(c.height, c.layer.upsample, c.top, c.bottom, c.layer.kernel_height, c.layer.dilation_y,
                 c.layer.stride_y);
}
inline int32_t out_width(const Case& c) {
  return results(c.width, c.layer.upsample, c.left, c.right, c.layer.kernel_width, c.layer.dilation_x,
                 c.layer.stride_x);
}

inline double activated(Activation activation, double v) {
  switch (activation) {
    case Activation::kElu:
      return v > 0 ? v : std::expm1(v);
    case Activation::kRelu:
      return v < 0 ? 0 : v;
    case Activation::kLeakyRelu:
      return v < 0 ? 0.2 * v : v;
    case Activation::kTanh:
      return std::tanh(v);
    default:
      return v;
  }
}

// The operands of a case: x in its layout, weights [rows, in, kh, kw], bias [rows].
struct Operands {
  Precision precision;
  MapLayout x_map;
  std::vector<float> x, weight, bias;
  int32_t rows;
};

inline Operands operands_of(const Case& c, uint32_t seed = 1) {
  Operands o;
  const GatedConv2dLayer& layer = c.layer;
  o.precision = layer.precision;
  o.rows = layer.gated ? 2 * layer.out_channels : layer.out_channels;
  o.x_map = map_layout(c.in, c.batch, layer.in_channels, c.height, c.width);
  o.x = random_values(o.x_map.elements, seed, 2.0F, o.precision);
  if (c.in == Layout::kPitched) {
    // What stands behind the channels is not x's.
    const auto pitch = static_cast<size_t>(o.x_map.strides.pixel);
    for (size_t i = 0; i < o.x.size(); ++i) {
      if (i % pitch >= static_cast<size_t>(layer.in_channels)) o.x[i] = std::nanf("");
    }
  }
  const int32_t taps = layer.kernel_height * layer.kernel_width;
  const float scale = 2.0F / std::sqrt(static_cast<float>(layer.in_channels * taps));
  o.weight = random_values(static_cast<size_t>(o.rows) * static_cast<size_t>(layer.in_channels * taps),
                           seed + 1, scale, o.precision);
  o.bias = random_values(static_cast<size_t>(o.rows), seed + 2, 0.5F, o.precision);
  return o;
}

// z of one row at one place of the result, as a literal loop.
inline double sum_at(const Case& c, const Operands& o, int32_t n, int32_t row, int32_t oy, int32_t ox) {
  const GatedConv2dLayer& l = c.layer;
  double sum = c.bias ? o.bias[static_cast<size_t>(row)] : 0.0;
  for (int32_t i = 0; i < l.in_channels; ++i) {
    for (int32_t r = 0; r < l.kernel_height; ++r) {
      for (int32_t s = 0; s < l.kernel_width; ++s) {
        const int32_t y = oy * l.stride_y - c.top + r * l.dilation_y;
        const int32_t x = ox * l.stride_x - c.left + s * l.dilation_x;
        if (y < 0 || x < 0 || y >= c.height * l.upsample || x >= c.width * l.upsample) continue;
        const size_t w =
            ((static_cast<size_t>(row) * static_cast<size_t>(l.in_channels) + static_cast<size_t>(i)) *
                 static_cast<size_t>(l.kernel_height) +
             static_cast<size_t>(r)) *
                static_cast<size_t>(l.kernel_width) +
            static_cast<size_t>(s);
        sum += static_cast<double>(o.weight[w]) * o.x[o.x_map.at(n, i, y / l.upsample, x / l.upsample)];
      }
    }
  }
  return sum;
}

inline double reference_at(const Case& c, const Operands& o, int32_t n, int32_t channel, int32_t oy,
                           int32_t ox) {
  const double f = activated(c.layer.activation, sum_at(c, o, n, channel, oy, ox));
  if (!c.layer.gated) return f;
  return f / (1 + std::exp(-sum_at(c, o, n, channel + c.layer.out_channels, oy, ox)));
}

// A case on the device: call() with everything in place.
class DeviceCase {
 public:
  static constexpr float kUntouched = 77.0F;

  DeviceCase(const Case& c, const Operands& o)
      : x_(o.x.size() * element_bytes(o.precision)),
        weight_(o.weight.size() * element_bytes(o.precision)),
        bias_(o.bias.size() * element_bytes(o.precision)),
        packed_(gated_conv2d_packed_bytes(c.layer)),
        y_map_(map_layout(c.out, c.batch, c.layer.out_channels, out_height(c), out_width(c))),
        y_(y_map_.elements * element_bytes(o.precision)),
        precision_(o.precision) {
    x_.write(encode(o.x, o.precision));
    weight_.write(encode(o.weight, o.precision));
    bias_.write(encode(o.bias, o.precision));
    y_.write(encode(std::vector<float>(y_map_.elements, kUntouched), o.precision));
    const GatedConv2dLayer& l = c.layer;
    const int64_t taps = int64_t{l.kernel_height} * l.kernel_width;
    weights_.weight = weight_.data();
    weights_.row_stride = l.in_channels * taps;
    weights_.channel_stride = taps;
    weights_.y_stride = l.kernel_width;
    weights_.x_stride = 1;
    weights_.bias = c.bias ? bias_.data() : nullptr;
    call_.layer = l;
    call_.batch = c.batch;
    call_.in_height = c.height;
    call_.in_width = c.width;
    call_.out_height = out_height(c);
    call_.out_width = out_width(c);
    call_.pad_top = c.top;
    call_.pad_left = c.left;
    call_.y0 = c.y0;
    call_.x0 = c.x0;
    call_.y1 = c.y1;
    call_.x1 = c.x1;
    call_.x = x_.data();
    call_.x_strides = o.x_map.strides;
    call_.packed = packed_.data();
    call_.y = y_.data();
    call_.y_strides = y_map_.strides;
    workspace_ = new DeviceArray(gated_conv2d_workspace(call_));
    call_.workspace = workspace_->data();
  }
  ~DeviceCase() { delete workspace_; }
  DeviceCase(const DeviceCase&) = delete;
  DeviceCase& operator=(const DeviceCase&) = delete;

  GatedConv2dCall& call() { return call_; }
  [[nodiscard]] const GatedConv2dWeights& weights() const { return weights_; }
  [[nodiscard]] const MapLayout& y_map() const { return y_map_; }

  cudaError_t run() {
    cudaError_t error = gated_conv2d_pack(call_.layer, weights_, packed_.data(), nullptr);
    if (error == cudaSuccess) error = gated_conv2d(call_, nullptr);
    const cudaError_t ended = cudaDeviceSynchronize();
    return error == cudaSuccess ? ended : error;
  }
  [[nodiscard]] std::vector<unsigned char> y_bytes() const { return y_.read(); }
  [[nodiscard]] std::vector<float> y() const { return decode(y_.read(), precision_); }

 private:
  DeviceArray x_, weight_, bias_, packed_;
  MapLayout y_map_;
  DeviceArray y_;
  DeviceArray* workspace_ = nullptr;
  Precision precision_;
  GatedConv2dWeights weights_;
  GatedConv2dCall call_;
};

// Everything inside the rectangle is the formula, everything else in y's memory is as it was.
inline void expect_formula(const Case& c, const Operands& o, const DeviceCase& device, double within) {
  const std::vector<float> y = device.y();
  std::vector<double> expected(y.size(), DeviceCase::kUntouched);
  double largest = 1e-30;
  const int32_t y1 = c.y1 < 0 ? out_height(c) : c.y1;
  const int32_t x1 = c.x1 < 0 ? out_width(c) : c.x1;
  std::vector<bool> computed(y.size(), false);
  for (int32_t n = 0; n < c.batch; ++n) {
    for (int32_t k = 0; k < c.layer.out_channels; ++k) {
      for (int32_t oy = c.y0; oy < y1; ++oy) {
        for (int32_t ox = c.x0; ox < x1; ++ox) {
          const size_t at = device.y_map().at(n, k, oy, ox);
          expected[at] = reference_at(c, o, n, k, oy, ox);
          computed[at] = true;
          if (std::isfinite(expected[at])) largest = std::max(largest, std::abs(expected[at]));
        }
      }
    }
  }
  int wrong = 0;
  for (size_t i = 0; i < y.size() && wrong < 3; ++i) {
    const double error = std::abs(y[i] - expected[i]);
    const bool same =
        std::isnan(expected[i]) ? std::isnan(y[i]) : error <= (computed[i] ? within * largest : 0);
    if (!same) {
      ++wrong;
      ADD_FAILURE() << c.name << ", " << name_of(o.precision) << ", element " << i
                    << (computed[i] ? "" : ", which is not the call's") << ": " << y[i] << ", formula "
                    << expected[i] << ", largest " << largest;
    }
  }
}

}  // namespace infill::cuda::test
