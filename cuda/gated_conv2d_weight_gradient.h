// What the kernels of the gradient of the weights are told.
#pragma once

#include "cuda/gated_conv2d_args.h"
#include "cuda/gated_conv2d_backward_plan.h"

namespace infill::cuda {

struct WeightGradientArgs {
  ConvolutionArgs forward;  // how x is read, and the pixels of y
  const void* dz;           // [pixels][dz_pitch]: features, then gates
  int32_t dz_pitch, dz_channels;
  int32_t parts, part_pixels;       // of the sum over pixels; part_pixels is a multiple of step_pixels
  int32_t column_tiles, row_tiles;  // of blocks
  float* sums;                      // [parts][column_tiles * columns][row_tiles * rows]
};

// One definition for each precision, each in a file of its own. tile: in kWeightTileShapes.
template <Precision kPrecision>
cudaError_t launch_weight_gradient(int tile, bool tensor_cores, const WeightGradientArgs& args,
                                   cudaStream_t stream);

extern template cudaError_t launch_weight_gradient<Precision::kFloat32>(int, bool, const WeightGradientArgs&,
                                                                        cudaStream_t);
extern template cudaError_t launch_weight_gradient<Precision::kTf32>(int, bool, const WeightGradientArgs&,
                                                                     cudaStream_t);
extern template cudaError_t launch_weight_gradient<Precision::kFloat16>(int, bool, const WeightGradientArgs&,
                                                                        cudaStream_t);
extern template cudaError_t launch_weight_gradient<Precision::kBfloat16>(int, bool, const WeightGradientArgs&,
                                                                         cudaStream_t);

}  // namespace infill::cuda
