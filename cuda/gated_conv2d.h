// Gated convolution on the device: a convolution whose gates open and close its features, in one kernel.
//
//   z = conv2d(zero padded x, weight) + bias,    y = act(z[features]) * sigmoid(z[gates])
//
// (Yu, Lin, Yang, Shen, Lu, Huang, "Free-Form Image Inpainting with Gated Convolution", 2019, arXiv
// 1806.03589.) An implicit matrix product on the tensor cores (sm_80 and newer). A feature and its gate are
// neighbouring columns of the product, so one thread holds both and finishes them; z never reaches memory.
// docs/kernels/gated_conv2d.md draws the tiles and counts operations and bytes.
//
// All functions: no allocation, no synchronisation, no state; several threads may call at once. Same
// arguments, same bytes on the same device; all tiles but kSimt give the same bytes. Errors:
// cudaErrorInvalidValue for what a comment below excludes, cudaErrorNotSupported for bfloat16 where there is
// no tensor core for it (sm_75, tile kSimt), otherwise what the launch returns.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/feature_map.h"
#include "cuda/precision.h"
#include "cuda/runtime_types.h"

namespace infill::cuda {

enum class Activation : int32_t { kNone, kElu, kRelu, kLeakyRelu, kTanh };  // alpha 1; slope 0.2

// Pixels x channels of the result that a block computes; not gated, twice as many channels. kAuto picks from
// the table in gated_conv2d_plan.cu. kSimt is the kernel without tensor cores, the only one on sm_75: for
// correctness.
enum class GatedConv2dTile : int32_t {
  kAuto,
  kSimt,
  k128x64,
  k128x48,
  k64x48,
  k128x32,
  k128x24,
  k128x16,
  k128x12,
  k128x4
};

// What the weights decide, and how x is walked.
struct GatedConv2dLayer {
  int32_t in_channels = 0;
  int32_t out_channels = 0;                     // of the result
  int32_t kernel_height = 3, kernel_width = 3;  // 1 to 7
  int32_t stride_y = 1, stride_x = 1;           // at least 1
  int32_t dilation_y = 1, dilation_x = 1;       // at least 1
  int32_t upsample = 1;                         // 2: every pixel of x counts twice in both directions
  bool gated = true;                            // false: y = act(z), out_channels rows of weights
  Activation activation = Activation::kElu;     // of the features
  Precision precision = Precision::kFloat32;
  GatedConv2dTile tile = GatedConv2dTile::kAuto;
};

// Filters as PyTorch keeps them: [2*out_channels, in_channels, kernel_height, kernel_width], features first,
// gates second (out_channels rows when not gated), in the layer's type; strides in elements. bias: one per
// row, or null.
struct GatedConv2dWeights {
  const void* weight = nullptr;
  int64_t row_stride = 0, channel_stride = 0, y_stride = 0, x_stride = 0;
  const void* bias = nullptr;
};

// The layout the kernels read depends on in_channels, out_channels, the kernel's size, gated, precision and
// tile; tiles of 48 and 24 channels share it.
size_t gated_conv2d_packed_bytes(const GatedConv2dLayer& layer);  // 0 for an unsupported layer
// packed: gated_conv2d_packed_bytes(layer) bytes on the device, aligned to 16.
cudaError_t gated_conv2d_pack(const GatedConv2dLayer& layer, const GatedConv2dWeights& weights, void* packed,
                              cudaStream_t stream);

struct GatedConv2dCall {
  GatedConv2dLayer layer;
  int32_t batch = 1;
  int32_t in_height = 0, in_width = 0;    // of x, before upsampling
  int32_t out_height = 0, out_width = 0;  // of y; whatever a filter reaches outside of x is zero
  // Rows and columns of zeros before x (after upsampling). May be negative: the first filters then begin
  // inside of x. (x + k rows with pad_top + k is x whose first k rows are not there.)
  int32_t pad_top = 0, pad_left = 0;
  // The rectangle of y that is computed; the rest of y is not touched. -1: to the end.
  int32_t y0 = 0, x0 = 0, y1 = -1, x1 = -1;

  // Any strides. Read where it lies if channel = 1 and x and the other strides are multiples of 16 bytes
  // (channels may end inside of 16 bytes), unless the layer has fewer than 8 channels and gains by folding
  // (see the documentation); copied to the workspace otherwise.
  const void* x = nullptr;
  FeatureStrides x_strides;
  const void* packed = nullptr;  // from gated_conv2d_pack for this layer
  // Any strides: channels may be part of a wider map. Fastest where channel = 1 and everything is aligned to
  // 16 bytes. Must not overlap x.
  void* y = nullptr;
  FeatureStrides y_strides;

  void* workspace = nullptr;  // gated_conv2d_workspace(call) bytes, aligned to 256
};

size_t gated_conv2d_workspace(const GatedConv2dCall& call);
// batch, height and width may be 0. Limits: batch * out_height * out_width and every coordinate below 2^31 -
// 128, strides of rows and pixels below 2^31.
cudaError_t gated_conv2d(const GatedConv2dCall& call, cudaStream_t stream);

// What a call executes against what the formula needs.
struct GatedConv2dCost {
  double needed_multiply_adds = 0;  // of the formula; taps on padding count
  double executed_multiply_adds =
      0;                     // of the tensor core instructions; kFloat32 executes three products for one
  double products = 1;       // 3 for kFloat32: executed / products / needed is the padding of the tiles
  double minimum_bytes = 0;  // x, weights and y once
  double read_bytes = 0;     // what the blocks ask of L2: x through the taps, weights per block, folding
  double written_bytes = 0;  // y, and the folded or rearranged copy of x
  int64_t blocks = 0;
  int32_t threads = 0;       // of a block
  int32_t shared_bytes = 0;  // of a block
  GatedConv2dTile tile = GatedConv2dTile::kAuto;
};
GatedConv2dCost gated_conv2d_cost(const GatedConv2dCall& call);

}  // namespace infill::cuda
