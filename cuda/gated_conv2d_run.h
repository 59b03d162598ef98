// Steps that the launchers of gated_conv2d and of its backward share.
#pragma once

#include "cuda/gated_conv2d_args.h"

namespace infill::cuda {

// Whether the current device has the tensor core instructions and cp.async: sm_80 and newer.
cudaError_t has_tensor_cores(bool& result);

// Bytes of the copy of x, 0 if there is none.
size_t copy_bytes(const GatedConv2dCall& call, const GatedConv2dPlan& plan);
cudaError_t copy_input(const GatedConv2dCall& call, const GatedConv2dPlan& plan, void* copy,
                       cudaStream_t stream);

// The arguments of a call of a checked plan, y and mode as in the call. copy: where copy_input put x.
ConvolutionArgs convolution_args(const GatedConv2dCall& call, const GatedConv2dPlan& plan, const void* copy);
cudaError_t run_convolution(Precision precision, const GatedConv2dPlan& plan, const ConvolutionArgs& args,
                            cudaStream_t stream);

// Whether `channels` neighbours at multiples of that can be loaded and stored as Pack (storage.cuh) does.
bool packed_access(const void* pointer, const FeatureStrides& strides, int channels, size_t element);

}  // namespace infill::cuda
