#include "cuda/gated_conv2d_launch.cuh"

namespace infill::cuda {

template cudaError_t launch_convolution<Precision::kFloat32>(GatedConv2dTile, const ConvolutionArgs&,
                                                             cudaStream_t);

}  // namespace infill::cuda
