// The CUDA side of torch.ops.infill; src/ops/library.cpp has the schemas.
#include <torch/library.h>

#include "cuda/torch/operators.h"

namespace infill::ops {
namespace {

TORCH_LIBRARY_IMPL(infill, CUDA, m) {
  m.impl("gated_conv2d", gated_conv2d_cuda);
  m.impl("gated_conv2d_backward", gated_conv2d_backward_cuda);
  m.impl("contextual_attention", contextual_attention_cuda);
  m.impl("contextual_attention_hole", contextual_attention_hole_cuda);
  m.impl("contextual_attention_backward", contextual_attention_backward_cuda);
}

}  // namespace
}  // namespace infill::ops
