// Times kernels on a device: one request per line of the standard input, one line of JSON per answer.
//
//   gated IN OUT SIDE KERNEL STRIDE DILATION UPSAMPLE PRECISION    SIDE: of x, before upsampling
//   backward IN OUT SIDE KERNEL STRIDE DILATION UPSAMPLE PRECISION    of the same layer, x upsampled before
//   it gate IN OUT SIDE KERNEL STRIDE DILATION UPSAMPLE PRECISION    the gate of the layer alone
//   gate_backward ...                                             its gradient
//   attention SIDE CHANNELS PRECISION                              SIDE: of f
//   copy BYTES
//
// PRECISION is that of cuda/precision.h as a number. Milliseconds are the median of CUDA events around a
// call, after warm-up.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda/contextual_attention.h"
#include "cuda/gate.h"
#include "cuda/gated_conv2d_backward.h"

namespace infill::cuda {
namespace {

void check(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}

class Memory {
 public:
  explicit Memory(size_t bytes) { check(cudaMalloc(&data_, std::max<size_t>(bytes, 1))); }
  ~Memory() { cudaFree(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  [[nodiscard]] void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

// Uniform in -scale..scale: a device multiplies zeros faster.
void fill(const Memory& memory, size_t count, float scale, Precision precision) {
  const size_t size = element_bytes(precision);
  std::vector<unsigned char> bytes(count * size);
  uint32_t state = 1;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    const float value = scale * (static_cast<float>(state >> 8U) / 8388608.0F - 1.0F);
    if (precision == Precision::kFloat16) {
      const __half v = __float2half_rn(value);
      std::memcpy(&bytes[i * size], &v, size);
    } else if (precision == Precision::kBfloat16) {
      const __nv_bfloat16 v = __float2bfloat16_rn(value);
      std::memcpy(&bytes[i * size], &v, size);
    } else {
      std::memcpy(&bytes[i * size], &value, size);
    }
  }
  check(cudaMemcpy(memory.data(), bytes.data(), bytes.size(), cudaMemcpyHostToDevice));
}

// Of one call. Several calls lie between two events, so that the events' own time does not count.
double milliseconds_of(const std::function<cudaError_t(cudaStream_t)>& call) {
  cudaStream_t stream = nullptr;
  cudaEvent_t first = nullptr;
  cudaEvent_t last = nullptr;
  check(cudaStreamCreate(&stream));
  check(cudaEventCreate(&first));
  check(cudaEventCreate(&last));
  const auto timed = [&](int calls) {
    check(cudaEventRecord(first, stream));
    for (int i = 0; i < calls; ++i) check(call(stream));
    check(cudaEventRecord(last, stream));
    check(cudaEventSynchronize(last));
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, first, last));
    return static_cast<double>(milliseconds) / calls;
  };
  timed(3);
  // A simulated device has no clock.
  const double estimate = timed(3);
  const bool has_clock = estimate > 0;
  const int calls = has_clock ? static_cast<int>(std::clamp(2.0 / std::max(estimate, 1e-3), 1.0, 200.0)) : 1;
  const int samples =
      has_clock ? static_cast<int>(std::clamp(300.0 / std::max(estimate * calls, 1e-3), 5.0, 25.0)) : 1;
  std::vector<double> all(static_cast<size_t>(samples));
  for (double& each : all) each = timed(calls);
  std::nth_element(all.begin(), all.begin() + samples / 2, all.end());
  check(cudaEventDestroy(first));
  check(cudaEventDestroy(last));
  check(cudaStreamDestroy(stream));
  return all[static_cast<size_t>(samples / 2)];
}

// Sizes of a gated layer: a call without memory.
GatedConv2dCall layer_call(std::istream& request) {
  GatedConv2dCall call;
  GatedConv2dLayer& layer = call.layer;
  int precision = 0;
  request >> layer.in_channels >> layer.out_channels >> call.in_height >> layer.kernel_height >>
      layer.stride_y >> layer.dilation_y >> layer.upsample >> precision;
  if (!request) throw std::runtime_error("not understood");
  layer.kernel_width = layer.kernel_height;
  layer.stride_x = layer.stride_y;
  layer.dilation_x = layer.dilation_y;
  layer.precision = static_cast<Precision>(precision);
  call.in_width = call.in_height;
  call.pad_top = call.pad_left = layer.dilation_y * (layer.kernel_height - 1) / 2;
  call.out_height = call.out_width = (call.in_height * layer.upsample - 1) / layer.stride_y + 1;
  return call;
}

std::string gated(std::istream& request) {
  GatedConv2dCall call = layer_call(request);
  const GatedConv2dLayer& layer = call.layer;
  const size_t size = element_bytes(layer.precision);
  const auto in = static_cast<size_t>(layer.in_channels);
  const auto rows = 2 * static_cast<size_t>(layer.out_channels);
  const auto taps = static_cast<size_t>(layer.kernel_height) * static_cast<size_t>(layer.kernel_width);
  // Pixels begin at 16 bytes, as those of the network do.
  const size_t pitch = (in + 7) / 8 * 8;
  const size_t pixels = static_cast<size_t>(call.in_height) * static_cast<size_t>(call.in_width);
  const auto results = static_cast<size_t>(call.out_height) * static_cast<size_t>(call.out_width);
  const Memory x(pixels * pitch * size);
  const Memory weight(rows * in * taps * size);
  const Memory packed(gated_conv2d_packed_bytes(layer));
  const Memory y(results * rows / 2 * size);
  fill(x, pixels * pitch, 1, layer.precision);
  fill(weight, rows * in * taps, 0.05F, layer.precision);
  GatedConv2dWeights weights;
  weights.weight = weight.data();
  weights.row_stride = static_cast<int64_t>(in * taps);
  weights.channel_stride = static_cast<int64_t>(taps);
  weights.y_stride = layer.kernel_width;
  weights.x_stride = 1;
  check(gated_conv2d_pack(layer, weights, packed.data(), nullptr));
  check(cudaDeviceSynchronize());
  call.x = x.data();
  call.x_strides = channels_last(call.in_height, call.in_width, static_cast<int64_t>(pitch));
  call.packed = packed.data();
  call.y = y.data();
  call.y_strides = channels_last(call.out_height, call.out_width, layer.out_channels);
  const Memory workspace(gated_conv2d_workspace(call));
  call.workspace = workspace.data();
  const double milliseconds =
      milliseconds_of([&](cudaStream_t stream) { return gated_conv2d(call, stream); });
  const GatedConv2dCost cost = gated_conv2d_cost(call);
  std::ostringstream out;
  out << "\"ms\": " << milliseconds << ", \"needed\": " << cost.needed_multiply_adds
      << ", \"executed\": " << cost.executed_multiply_adds << ", \"bytes\": " << cost.minimum_bytes;
  return out.str();
}

std::string backward(std::istream& request) {
  const GatedConv2dCall forward = layer_call(request);
  GatedConv2dBackwardCall call;
  GatedConv2dLayer& layer = call.layer;
  layer = forward.layer;
  layer.upsample = 1;
  call.in_height = call.in_width = forward.in_height * forward.layer.upsample;
  call.out_height = forward.out_height;
  call.out_width = forward.out_width;
  call.pad_top = call.pad_left = forward.pad_top;
  const size_t size = element_bytes(layer.precision);
  const auto in = static_cast<size_t>(layer.in_channels);
  const auto out = static_cast<size_t>(layer.out_channels);
  const auto taps = static_cast<size_t>(layer.kernel_height) * static_cast<size_t>(layer.kernel_width);
  const size_t pitch = (in + 7) / 8 * 8;
  const size_t pixels = static_cast<size_t>(call.in_height) * static_cast<size_t>(call.in_width);
  const size_t results = static_cast<size_t>(call.out_height) * static_cast<size_t>(call.out_width);
  const Memory x(pixels * pitch * size);
  const Memory grad_x(pixels * pitch * size);
  const Memory grad(results * out * size);
  const Memory weight(2 * out * in * taps * size);
  const Memory grad_weight(2 * out * in * taps * size);
  const Memory grad_bias(2 * out * size);
  fill(x, pixels * pitch, 1, layer.precision);
  fill(grad, results * out, 1, layer.precision);
  fill(weight, 2 * out * in * taps, 0.05F, layer.precision);
  call.x = x.data();
  call.grad_x = grad_x.data();
  call.x_strides = call.grad_x_strides =
      channels_last(call.in_height, call.in_width, static_cast<int64_t>(pitch));
  call.grad = grad.data();
  call.grad_strides = channels_last(call.out_height, call.out_width, layer.out_channels);
  call.weights = {
      weight.data(), static_cast<int64_t>(in * taps), static_cast<int64_t>(taps), layer.kernel_width, 1,
      nullptr};
  call.grad_weights = {
      grad_weight.data(), static_cast<int64_t>(in * taps), static_cast<int64_t>(taps), layer.kernel_width, 1,
      grad_bias.data()};
  const Memory workspace(gated_conv2d_backward_workspace(call));
  call.workspace = workspace.data();
  const double milliseconds =
      milliseconds_of([&](cudaStream_t stream) { return gated_conv2d_backward(call, stream); });
  const GatedConv2dBackwardCost cost = gated_conv2d_backward_cost(call);
  double needed = 0;
  double executed = 0;
  double bytes = 0;
  for (const GatedConv2dCost* part : {&cost.z, &cost.x, &cost.weight}) {
    needed += part->needed_multiply_adds;
    executed += part->executed_multiply_adds;
    bytes += part->minimum_bytes;
  }
  std::ostringstream answer;
  answer << "\"ms\": " << milliseconds << ", \"needed\": " << needed << ", \"executed\": " << executed
         << ", \"bytes\": " << bytes;
  return answer.str();
}

std::string gate_alone(std::istream& request, bool backward) {
  const GatedConv2dCall layer = layer_call(request);
  const int32_t channels = layer.layer.out_channels;
  const Precision precision = layer.layer.precision;
  const size_t values = static_cast<size_t>(layer.out_height) * static_cast<size_t>(layer.out_width) *
                        static_cast<size_t>(channels);
  const size_t size = element_bytes(precision);
  const Memory z(2 * values * size);
  const Memory y(values * size);
  fill(z, 2 * values, 1, precision);
  fill(y, values, 1, precision);
  const FeatureStrides z_strides = channels_last(layer.out_height, layer.out_width, 2 * channels);
  const FeatureStrides y_strides = channels_last(layer.out_height, layer.out_width, channels);
  const GateCall call{Activation::kElu, precision, 1,         channels, layer.out_height,
                      layer.out_width,  z.data(),  z_strides, y.data(), y_strides};
  const Memory grad_z(backward ? 2 * values * size : 0);
  const GateBackwardCall back{Activation::kElu, precision, 1,         channels, layer.out_height,
                              layer.out_width,  z.data(),  z_strides, y.data(), y_strides,
                              grad_z.data(),    z_strides};
  const double milliseconds = milliseconds_of(
      [&](cudaStream_t stream) { return backward ? gate_backward(back, stream) : gate(call, stream); });
  std::ostringstream out;
  out << "\"ms\": " << milliseconds << ", \"bytes\": " << (backward ? 5 : 3) * values * size;
  return out.str();
}

std::string attention(std::istream& request) {
  ContextualAttentionCall call;
  int precision = 0;
  request >> call.height >> call.channels >> precision;
  if (!request) throw std::runtime_error("not understood");
  call.width = call.height;
  call.precision = static_cast<Precision>(precision);
  const auto side = static_cast<size_t>(call.height) << static_cast<size_t>(call.n_down);
  const size_t values =
      static_cast<size_t>(call.height) * static_cast<size_t>(call.width) * static_cast<size_t>(call.channels);
  const size_t size = element_bytes(call.precision);
  const Memory f(values * size);
  const Memory y(values * size);
  const Memory mask(side * side);
  fill(f, values, 0.3F, call.precision);
  check(cudaMemset(mask.data(), 0, side * side));
  check(cudaMemset2D(static_cast<unsigned char*>(mask.data()) + side / 3 * side + side / 4, side, 1, side / 4,
                     side / 6));
  call.f = call.b = f.data();
  call.y = y.data();
  call.f_strides = call.b_strides = call.y_strides = channels_last(call.height, call.width, call.channels);
  call.mask_bytes = static_cast<const uint8_t*>(mask.data());
  call.workspace_bytes = contextual_attention_workspace(call);
  const Memory workspace(call.workspace_bytes);
  call.workspace = workspace.data();
  const double milliseconds =
      milliseconds_of([&](cudaStream_t stream) { return contextual_attention(call, stream); });
  const ContextualAttentionCost cost = contextual_attention_cost(call);
  std::ostringstream out;
  out << "\"ms\": " << milliseconds << ", \"needed\": " << cost.needed
      << ", \"executed\": " << cost.statistics + cost.scores + cost.paste
      << ", \"bytes\": " << cost.least_bytes;
  return out.str();
}

std::string copy(std::istream& request) {
  size_t bytes = 0;
  request >> bytes;
  if (!request) throw std::runtime_error("not understood");
  const Memory from(bytes);
  const Memory to(bytes);
  check(cudaMemset(from.data(), 1, bytes));
  std::ostringstream out;
  out << "\"ms\": " << milliseconds_of([&](cudaStream_t stream) {
    return cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, stream);
  })
      << ", \"bytes\": " << 2 * bytes;
  return out.str();
}

std::string answer(const std::string& line) {
  std::istringstream request(line);
  std::string what;
  request >> what;
  if (what == "gated") return gated(request);
  if (what == "backward") return backward(request);
  if (what == "gate") return gate_alone(request, /*backward=*/false);
  if (what == "gate_backward") return gate_alone(request, /*backward=*/true);
  if (what == "attention") return attention(request);
  if (what == "copy") return copy(request);
  throw std::runtime_error("not understood");
}

}  // namespace
}  // namespace infill::cuda

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::string found;
    try {
      found = infill::cuda::answer(line);
    } catch (const std::exception& error) {
      found = std::string(R"("failure": ")") + error.what() + '"';
    }
    std::printf("{\"request\": \"%s\", %s}\n", line.c_str(), found.c_str());
    std::fflush(stdout);
  }
  return 0;
}
