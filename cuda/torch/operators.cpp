#include "cuda/torch/operators.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

namespace infill::ops {

cuda::Precision precision_of(const char* argument, const at::Tensor& tensor, at::Float32Op kind) {
  switch (tensor.scalar_type()) {
    case at::kHalf:
      return cuda::Precision::kFloat16;
    case at::kBFloat16:
      return cuda::Precision::kBfloat16;
    case at::kFloat: {
      const bool rounded =
          !at::NoTF32Guard::should_disable_tf32() &&
          at::globalContext().float32Precision(at::Float32Backend::CUDA, kind) == at::Float32Precision::TF32;
      return rounded ? cuda::Precision::kTf32 : cuda::Precision::kFloat32;
    }
    default:
      TORCH_CHECK_TYPE(false, argument, ": is ", tensor.scalar_type(),
                       ", must be Float, BFloat16 or Half on a CUDA device");
  }
}

cuda::FeatureStrides strides_of(const at::Tensor& tensor) {
  return {tensor.stride(0), tensor.stride(1), tensor.stride(2), tensor.stride(3)};
}

at::Tensor device_bytes(size_t bytes, const at::Tensor& on_the_device_of) {
  return at::empty({static_cast<int64_t>(bytes)},
                   at::TensorOptions().dtype(at::kByte).device(on_the_device_of.device()));
}

}  // namespace infill::ops
