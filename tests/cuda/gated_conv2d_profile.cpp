// One gated 3x3 convolution, NHWC, for the profile.
// Usage: gated_conv2d_profile HEIGHT WIDTH IN_CHANNELS OUT_CHANNELS PRECISION TILE   (numbers of the
// enumerators)
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>

#include "cuda/gated_conv2d.h"

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
  infill::cuda::GatedConv2dCall call;
  call.layer.in_channels = number(3);
  call.layer.out_channels = number(4);
  call.layer.precision = static_cast<infill::cuda::Precision>(number(5));
  call.layer.tile = static_cast<infill::cuda::GatedConv2dTile>(number(6));
  call.in_height = call.out_height = number(1);
  call.in_width = call.out_width = number(2);
  call.pad_top = call.pad_left = 1;
  const size_t pixels = static_cast<size_t>(number(1)) * static_cast<size_t>(number(2));
  call.x = zeros(pixels * static_cast<size_t>(number(3)) * 4);
  call.x_strides = infill::cuda::channels_last(number(1), number(2), number(3));
  call.packed = zeros(infill::cuda::gated_conv2d_packed_bytes(call.layer));
  call.y = zeros(pixels * static_cast<size_t>(number(4)) * 4);
  call.y_strides = infill::cuda::channels_last(number(1), number(2), number(4));
  call.workspace = zeros(infill::cuda::gated_conv2d_workspace(call));
  const cudaError_t launched = infill::cuda::gated_conv2d(call, nullptr);
  const cudaError_t error = launched != cudaSuccess ? launched : cudaDeviceSynchronize();
  if (error != cudaSuccess) std::fprintf(stderr, "gated_conv2d_profile: %s\n", cudaGetErrorString(error));
  return error == cudaSuccess ? 0 : 1;
}
