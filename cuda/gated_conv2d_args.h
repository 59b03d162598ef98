// What the kernels of gated_conv2d are told. x has channels last here, weights are packed.
#pragma once

#include <cuda_runtime_api.h>

#include "cuda/gated_conv2d_plan.h"

namespace infill::cuda {

enum class ConvolutionMode : int32_t {
  kPlain,     // y = act(z)
  kGate,      // y = act(f) * sigmoid(g)
  kGradient,  // y = gradient of z: 2 * out_channels, given the gradient `grad` of kGate's y
};

struct ConvolutionArgs {
  const void* x;
  int64_t x_picture;  // elements
  int32_t x_row, x_pixel;
  int32_t in_height, in_width;  // after upsampling
  int32_t shift_y, shift_x;     // upsampling by 1 << shift
  int32_t in_channels, pieces;  // pieces of 16 bytes of a pixel
  int32_t kernel_height, kernel_width;
  int32_t stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;

  const void* weights;
  const float* bias;  // one per row
  int32_t steps, rows, n_tiles;

  uint32_t pixels;                // of the rectangle, all pictures
  int32_t height, width, y0, x0;  // the rectangle
  int32_t channel_tiles;          // blocks side by side
  int32_t out_channels;
  ConvolutionMode mode;
  Activation activation;
  void* y;
  FeatureStrides y_strides;
  const void* grad;
  FeatureStrides grad_strides;
  bool y_packed, grad_packed;  // channels are neighbours and aligned as the tile's threads access them
};

// One definition for each precision, each in a file of its own. blocks: of pixels * channel_tiles.
template <Precision kPrecision>
cudaError_t launch_convolution(GatedConv2dTile tile, const ConvolutionArgs& args, cudaStream_t stream);

extern template cudaError_t launch_convolution<Precision::kFloat32>(GatedConv2dTile, const ConvolutionArgs&,
                                                                    cudaStream_t);
extern template cudaError_t launch_convolution<Precision::kTf32>(GatedConv2dTile, const ConvolutionArgs&,
                                                                 cudaStream_t);
extern template cudaError_t launch_convolution<Precision::kFloat16>(GatedConv2dTile, const ConvolutionArgs&,
                                                                    cudaStream_t);
extern template cudaError_t launch_convolution<Precision::kBfloat16>(GatedConv2dTile, const ConvolutionArgs&,
                                                                     cudaStream_t);

}  // namespace infill::cuda
