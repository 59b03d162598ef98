// The kernels of the operators for CUDA tensors, and what they share. include/infill/ops/*.h says what the
// arguments are; library.cpp registers them.
//
// All: work is given to the current stream of the tensors' device, nothing waits for it. Memory is LibTorch's
// (its caching allocator), so a call can be captured in a graph. Same arguments, same bytes; gated_conv2d on
// its way through cuDNN (gated_conv2d_path.h) as LibTorch's convolution.
//
// float64 is refused with a TypeError: the kernels have no double precision.
#pragma once

#include <ATen/Context.h>

#include "cuda/feature_map.h"
#include "cuda/precision.h"
#include "ops/contextual_attention.h"
#include "ops/gated_conv2d.h"

namespace infill::ops {

INFILL_GATED_CONV2D(gated_conv2d_cuda);
INFILL_GATED_CONV2D_BACKWARD(gated_conv2d_backward_cuda);
INFILL_CONTEXTUAL_ATTENTION(contextual_attention_cuda);
INFILL_CONTEXTUAL_ATTENTION_HOLE(contextual_attention_hole_cuda);
INFILL_CONTEXTUAL_ATTENTION_BACKWARD(contextual_attention_backward_cuda);

// Of products of tensors like `tensor`, the operator's argument `argument`. float32: TF32 where LibTorch
// allows it for `kind` (torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision).
cuda::Precision precision_of(const char* argument, const at::Tensor& tensor, at::Float32Op kind);

// Of [N, C, H, W].
cuda::FeatureStrides strides_of(const at::Tensor& tensor);

// Uninitialised bytes on a device, aligned to 256.
at::Tensor device_bytes(size_t bytes, const at::Tensor& on_the_device_of);

}  // namespace infill::ops
