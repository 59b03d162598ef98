// The backward of one gated 3x3 convolution and of its gate alone, NHWC, for the profile.
// Usage: gated_conv2d_backward_profile HEIGHT WIDTH IN_CHANNELS OUT_CHANNELS PRECISION TILE   (numbers of the
// enumerators)
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>

#include "cuda/gate.h"
#include "cuda/gated_conv2d_backward.h"

namespace {

void* zeros(size_t bytes) {
  void* data = nullptr;
  if (cudaMalloc(&data, bytes + 256) != cudaSuccess || cudaMemset(data, 0, bytes) != cudaSuccess)
    std::exit(1);
  return data;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const auto number = [&](int i) { return std::atoi(argv[i]); };
  const int height = number(1);
  const int width = number(2);
  const int in = number(3);
  const int out = number(4);
  const auto maps = [&](int channels) {
    return zeros(static_cast<size_t>(height) * static_cast<size_t>(width) * static_cast<size_t>(channels) *
                 4);
  };
  infill::cuda::GatedConv2dBackwardCall call;
  call.layer.in_channels = in;
  call.layer.out_channels = out;
  call.layer.precision = static_cast<infill::cuda::Precision>(number(5));
  call.layer.tile = static_cast<infill::cuda::GatedConv2dTile>(number(6));
  call.in_height = call.out_height = height;
  call.in_width = call.out_width = width;
  call.pad_top = call.pad_left = 1;
  call.x = maps(in);
  call.x_strides = infill::cuda::channels_last(height, width, in);
  const size_t weights = static_cast<size_t>(2 * out) * static_cast<size_t>(in) * 9 * 4;
  call.weights = {zeros(weights), int64_t{9} * in, 9, 3, 1, zeros(static_cast<size_t>(out) * 8)};
  call.grad = maps(out);
  call.grad_strides = infill::cuda::channels_last(height, width, out);
  call.grad_x = maps(in);
  call.grad_x_strides = call.x_strides;
  call.grad_weights = {zeros(weights), int64_t{9} * in, 9, 3, 1, zeros(static_cast<size_t>(out) * 8)};
  call.workspace = zeros(infill::cuda::gated_conv2d_backward_workspace(call));
  cudaError_t error = infill::cuda::gated_conv2d_backward(call, nullptr);

  infill::cuda::GateBackwardCall gate;
  gate.precision = call.layer.precision;
  gate.channels = out;
  gate.height = height;
  gate.width = width;
  gate.z = gate.grad_z = maps(2 * out);
  gate.z_strides = gate.grad_z_strides = infill::cuda::channels_last(height, width, 2 * out);
  gate.grad = call.grad;
  gate.grad_strides = call.grad_strides;
  if (error == cudaSuccess) error = infill::cuda::gate_backward(gate, nullptr);
  infill::cuda::GateCall forward;
  forward.precision = gate.precision;
  forward.channels = out;
  forward.height = height;
  forward.width = width;
  forward.z = gate.z;
  forward.z_strides = gate.z_strides;
  forward.y = maps(out);
  forward.y_strides = call.grad_strides;
  if (error == cudaSuccess) error = infill::cuda::gate(forward, nullptr);
  if (error == cudaSuccess) error = cudaDeviceSynchronize();
  if (error != cudaSuccess)
    std::fprintf(stderr, "gated_conv2d_backward_profile: %s\n", cudaGetErrorString(error));
  return error == cudaSuccess ? 0 : 1;
}
