// The CUDA side of torch.ops.infill; src/ops/library.cpp has the schemas. gated_conv2d_backward and
// contextual_attention_backward have no kernel of ours yet: LibTorch says so when they are called.
#include <torch/library.h>

#include "cuda/torch/operators.h"

namespace infill::ops {
namespace {

TORCH_LIBRARY_IMPL(infill, CUDA, m) {
  m.impl("gated_conv2d", gated_conv2d_cuda);
  m.impl("contextual_attention", contextual_attention_cuda);
  m.impl("contextual_attention_hole", contextual_attention_hole_cuda);
}

}  // namespace
}  // namespace infill::ops
