#include "cuda/gated_conv2d_weight_gradient_launch.cuh"

namespace infill::cuda {

template cudaError_t launch_weight_gradient<Precision::kFloat16>(int, bool, const WeightGradientArgs&,
                                                                 cudaStream_t);

}  // namespace infill::cuda
