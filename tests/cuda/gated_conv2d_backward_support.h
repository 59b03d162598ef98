// Gradients of gated convolutions: the formula as literal loops in double, and a case on the device.
#pragma once

#include <memory>

#include "cuda/gated_conv2d_backward.h"
#include "gated_conv2d_support.h"

namespace infill::cuda::test {

// d activated / dv; right of the kinks as in PyTorch.
inline double activated_slope(Activation activation, double v) {
  switch (activation) {
    case Activation::kElu:
      return v > 0 ? 1 : std::exp(v);
    case Activation::kRelu:
      return v > 0 ? 1 : 0;
    case Activation::kLeakyRelu:
      return v > 0 ? 1 : 0.2;
    case Activation::kTanh:
      return 1 - std::tanh(v) * std::tanh(v);
    default:
      return 1;
  }
}

// A case and the gradient of its result, in a layout.
struct BackwardCase {
  Case forward;
  Layout grad = Layout::kChannelsLast;
  Layout grad_x = Layout::kChannelsLast;
};

struct BackwardOperands {
  Operands forward;
  MapLayout grad_map;
  std::vector<float> grad;
};

inline BackwardOperands operands_of(const BackwardCase& c) {
  BackwardOperands o;
  o.forward = operands_of(c.forward);
  const GatedConv2dLayer& l = c.forward.layer;
  const bool kink = l.activation == Activation::kRelu || l.activation == Activation::kLeakyRelu;
  if (l.precision == Precision::kTf32 && kink) {
    // Exact products, so that no z is on the other side of the kink.
    for (std::vector<float>* values : {&o.forward.x, &o.forward.weight}) {
      *values = decode(encode(*values, Precision::kBfloat16), Precision::kBfloat16);
    }
  }
  o.grad_map =
      map_layout(c.grad, c.forward.batch, l.out_channels, out_height(c.forward), out_width(c.forward));
  o.grad = random_values(o.grad_map.elements, 7, 1.0F, l.precision);
  return o;
}

struct Gradients {
  std::vector<double> x;  // as dx lies on the device
  std::vector<bool> is_x;
  std::vector<double> weight, bias;  // [rows, in, kh, kw], [rows]
};

inline Gradients gradients_of(const BackwardCase& c, const BackwardOperands& o, const MapLayout& x_map) {
  const Case& f = c.forward;
  const GatedConv2dLayer& l = f.layer;
  Gradients g;
  g.x.assign(x_map.elements, 0);
  g.is_x.assign(x_map.elements, false);
  g.weight.assign(o.forward.weight.size(), 0);
  g.bias.assign(o.forward.bias.size(), 0);
  for (int32_t n = 0; n < f.batch; ++n) {
    for (int32_t i = 0; i < l.in_channels; ++i) {
      for (int32_t y = 0; y < f.height; ++y) {
        for (int32_t x = 0; x < f.width; ++x) g.is_x[x_map.at(n, i, y, x)] = true;
      }
    }
    for (int32_t k = 0; k < l.out_channels; ++k) {
      for (int32_t oy = 0; oy < out_height(f); ++oy) {
        for (int32_t ox = 0; ox < out_width(f); ++ox) {
          const double feature = sum_at(f, o.forward, n, k, oy, ox);
          const double s = 1 / (1 + std::exp(-sum_at(f, o.forward, n, k + l.out_channels, oy, ox)));
          const double dy = o.grad[o.grad_map.at(n, k, oy, ox)];
          const double dz[2] = {dy * activated_slope(l.activation, feature) * s,
                                dy * activated(l.activation, feature) * s * (1 - s)};
          for (int part = 0; part < 2; ++part) {
            const int32_t row = k + part * l.out_channels;
            g.bias[static_cast<size_t>(row)] += dz[part];
            size_t w = static_cast<size_t>(row) * static_cast<size_t>(l.in_channels) *
                       static_cast<size_t>(l.kernel_height) * static_cast<size_t>(l.kernel_width);
            for (int32_t i = 0; i < l.in_channels; ++i) {
              for (int32_t r = 0; r < l.kernel_height; ++r) {
                for (int32_t q = 0; q < l.kernel_width; ++q, ++w) {
                  const int32_t y = oy * l.stride_y - f.top + r * l.dilation_y;
                  const int32_t x = ox * l.stride_x - f.left + q * l.dilation_x;
                  if (y < 0 || x < 0 || y >= f.height || x >= f.width) continue;
                  g.weight[w] += dz[part] * o.forward.x[o.forward.x_map.at(n, i, y, x)];
                  g.x[x_map.at(n, i, y, x)] += dz[part] * o.forward.weight[w];
                }
              }
            }
          }
        }
      }
    }
  }
  return g;
}

// A case on the device: call() with everything in place, everything wanted.
class DeviceBackwardCase {
 public:
  static constexpr float kUntouched = 77.0F;

  DeviceBackwardCase(const BackwardCase& c, const BackwardOperands& o)
      : precision_(o.forward.precision),
        x_map_(map_layout(c.grad_x, c.forward.batch, c.forward.layer.in_channels, c.forward.height,
                          c.forward.width)),
        x_(bytes(o.forward.x.size())),
        weight_(bytes(o.forward.weight.size())),
        bias_(bytes(o.forward.bias.size())),
        grad_(bytes(o.grad.size())),
        grad_x_(bytes(x_map_.elements)),
        grad_weight_(bytes(o.forward.weight.size())),
        grad_bias_(bytes(o.forward.bias.size())) {
    x_.write(encode(o.forward.x, precision_));
    weight_.write(encode(o.forward.weight, precision_));
    bias_.write(encode(o.forward.bias, precision_));
    grad_.write(encode(o.grad, precision_));
    for (DeviceArray* result : {&grad_x_, &grad_weight_, &grad_bias_}) {
      result->write(
          encode(std::vector<float>(result->bytes() / element_bytes(precision_), kUntouched), precision_));
    }
    const Case& f = c.forward;
    const GatedConv2dLayer& l = f.layer;
    const int64_t taps = int64_t{l.kernel_height} * l.kernel_width;
    call_.layer = l;
    call_.batch = f.batch;
    call_.in_height = f.height;
    call_.in_width = f.width;
    call_.out_height = out_height(f);
    call_.out_width = out_width(f);
    call_.pad_top = f.top;
    call_.pad_left = f.left;
    call_.x = x_.data();
    call_.x_strides = o.forward.x_map.strides;
    call_.weights = {
        weight_.data(), l.in_channels * taps, taps, l.kernel_width, 1, f.bias ? bias_.data() : nullptr};
    call_.grad = grad_.data();
    call_.grad_strides = o.grad_map.strides;
    call_.grad_x = grad_x_.data();
    call_.grad_x_strides = x_map_.strides;
    call_.grad_weights = {grad_weight_.data(), l.in_channels * taps, taps, l.kernel_width, 1,
                          grad_bias_.data()};
  }

  GatedConv2dBackwardCall& call() { return call_; }
  [[nodiscard]] const MapLayout& x_map() const { return x_map_; }
  cudaError_t run() {
    workspace_ = std::make_unique<DeviceArray>(gated_conv2d_backward_workspace(call_));
    call_.workspace = workspace_->data();
    const cudaError_t error = gated_conv2d_backward(call_, nullptr);
    const cudaError_t ended = cudaDeviceSynchronize();
    return error == cudaSuccess ? ended : error;
  }
  [[nodiscard]] std::vector<float> grad_x() const { return decode(grad_x_.read(), precision_); }
  [[nodiscard]] std::vector<float> grad_weight() const { return decode(grad_weight_.read(), precision_); }
  [[nodiscard]] std::vector<float> grad_bias() const { return decode(grad_bias_.read(), precision_); }

 private:
  [[nodiscard]] size_t bytes(size_t elements) const { return elements * element_bytes(precision_); }

  Precision precision_;
  MapLayout x_map_;
  DeviceArray x_, weight_, bias_, grad_, grad_x_, grad_weight_, grad_bias_;
  std::unique_ptr<DeviceArray> workspace_;
  GatedConv2dBackwardCall call_;
};

inline void expect_near(const std::string& what, const std::vector<float>& values,
                        const std::vector<double>& expected, double within) {
  ASSERT_EQ(values.size(), expected.size());
  double largest = 1e-30;
  for (const double v : expected) largest = std::max(largest, std::abs(v));
  int wrong = 0;
  for (size_t i = 0; i < values.size() && wrong < 3; ++i) {
    if (std::abs(values[i] - expected[i]) <= within * largest) continue;
    ++wrong;
    ADD_FAILURE() << what << ", element " << i << ": " << values[i] << ", formula " << expected[i]
                  << ", largest " << largest;
  }
}

// All three gradients are the formula's; what is not dx in its memory is as it was.
inline void expect_gradients(const BackwardCase& c, const BackwardOperands& o,
                             const DeviceBackwardCase& device, double within) {
  Gradients expected = gradients_of(c, o, device.x_map());
  std::vector<float> x = device.grad_x();
  for (size_t i = 0; i < x.size(); ++i) {
    if (expected.is_x[i]) continue;
    EXPECT_EQ(x[i], DeviceBackwardCase::kUntouched) << c.forward.name << ": element " << i << " is not dx";
    x[i] = 0;
  }
  const std::string name = std::string(c.forward.name) + ", " + name_of(o.forward.precision);
  expect_near(name + ", dx", x, expected.x, within);
  expect_near(name + ", dweight", device.grad_weight(), expected.weight, within);
  expect_near(name + ", dbias", device.grad_bias(), expected.bias, within);
}

}  // namespace infill::cuda::test
