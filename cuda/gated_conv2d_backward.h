// Gradients of a gated convolution (gated_conv2d.h) in x, weight and bias.
//
//   dz[features] = dy act'(f) sigmoid(g),   dz[gates] = dy act(f) sigmoid'(g)     z is computed again
//   dx = dz convolved with the turned weights,  dweight = x (taps x channels) times dz,  dbias = sum of dz
//
// Three products on the tensor cores, in the layer's precision. dz is kept in the layer's type. With a stride
// every class of rows and columns of x that sees the same taps is a convolution of its own, so no product is
// by a zero between the pixels. The sum of dweight over pixels is cut into parts; parts are added in a fixed
// order. docs/kernels/gated_conv2d.md draws it and counts operations and bytes.
//
// No allocation, no synchronisation, no state; several threads may call at once. Same arguments, same bytes
// on the same device. Errors as in gated_conv2d.h.
#pragma once

#include "cuda/gated_conv2d.h"

namespace infill::cuda {

// Where the gradients of weight and bias go: arranged as GatedConv2dWeights, in the layer's type. Null: not
// wanted. Not strided: elements of `weight` must not overlap.
struct GatedConv2dWeightsGradient {
  void* weight = nullptr;
  int64_t row_stride = 0, channel_stride = 0, y_stride = 0, x_stride = 0;
  void* bias = nullptr;
};

struct GatedConv2dBackwardCall {
  // Of the forward call: gated, upsample 1. A tile is that of the product that computes z again; kSimt
  // computes everything without tensor cores.
  GatedConv2dLayer layer;
  int32_t batch = 1;
  int32_t in_height = 0, in_width = 0;
  int32_t out_height = 0, out_width = 0;
  int32_t pad_top = 0, pad_left = 0;
  const void* x = nullptr;  // any strides, as in the forward call
  FeatureStrides x_strides;
  GatedConv2dWeights weights;  // with the bias that z has
  // Gradient of y, any strides. Fastest where channel = 1 and everything is aligned to 16 bytes.
  const void* grad = nullptr;
  FeatureStrides grad_strides;

  // Results: null where not wanted. They must not overlap each other or an argument.
  void* grad_x = nullptr;  // [batch, in_channels, in_height, in_width], any strides
  FeatureStrides grad_x_strides;
  GatedConv2dWeightsGradient grad_weights;

  void* workspace = nullptr;  // gated_conv2d_backward_workspace(call) bytes, aligned to 256
};

// Bytes of workspace, which depend on what is wanted: dz (2 * out_channels, to a multiple of 16 bytes, for
// every pixel of y), the copy of x that the forward call makes, weights packed twice, and parts of sums: at
// most 13 MiB, or a float for each weight (padded to whole tiles) if that is more. 0 for a call that is
// refused.
size_t gated_conv2d_backward_workspace(const GatedConv2dBackwardCall& call);

// batch, height and width may be 0: an empty sum is 0. Limits: those of gated_conv2d, for y and for x in
// place of y.
cudaError_t gated_conv2d_backward(const GatedConv2dBackwardCall& call, cudaStream_t stream);

// What each product executes; see gated_conv2d.h. What is not wanted is 0.
struct GatedConv2dBackwardCost {
  GatedConv2dCost z, x, weight;
};
GatedConv2dBackwardCost gated_conv2d_backward_cost(const GatedConv2dBackwardCall& call);

}  // namespace infill::cuda
