// gated_conv2d and its backward for CUDA tensors: checks, and the choice of the way (gated_conv2d_path.h).
#include "cuda/torch/gated_conv2d.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "cuda/torch/gated_conv2d_path.h"
#include "cuda/torch/operators.h"

namespace infill::ops {
namespace {

using at::Tensor;

GatedConv2dProblem problem_of(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                              const GatedConv2dOptions& options) {
  GatedConv2dProblem problem;
  problem.x = x;
  problem.weight = weight;
  if (bias.has_value()) problem.bias = *bias;
  problem.options = options;
  const auto symbolic = gated_conv2d_shape(x, weight, options);
  const auto shape = C10_AS_INTARRAYREF_SLOW(c10::SymIntArrayRef(symbolic));
  std::copy(shape.begin(), shape.end(), problem.shape.begin());
  problem.precision = precision_of("gated_conv2d: x", x, at::Float32Op::CONV);
  return problem;
}

GatedConv2dPath path_of(const GatedConv2dProblem& problem, bool backward) {
  const char* word = std::getenv(kGatedConv2dPathVariable);
  const auto path = gated_conv2d_path(word, problem.x.size(1), problem.shape[1], problem.precision, backward);
  TORCH_CHECK_VALUE(path.has_value(), "gated_conv2d: ", kGatedConv2dPathVariable, " is '", word,
                    "', must be auto, fused or cudnn");
  return *path;
}

bool empty(const GatedConv2dProblem& problem) {
  return std::find(problem.shape.begin(), problem.shape.end(), 0) != problem.shape.end();
}

}  // namespace

cuda::Activation activation_of(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return cuda::Activation::kNone;
    case Activation::kElu:
      return cuda::Activation::kElu;
    case Activation::kRelu:
      return cuda::Activation::kRelu;
    case Activation::kLeakyRelu:
      return cuda::Activation::kLeakyRelu;
  }
  TORCH_INTERNAL_ASSERT(false, "activation out of range");
}

Tensor empty_gradient(const Tensor& of) {
  return at::empty_like(of, of.options(), of.suggest_memory_format());
}

INFILL_GATED_CONV2D(gated_conv2d_cuda) {
  const auto options = check_gated_conv2d(x, weight, bias, stride, padding, dilation, activation);
  const auto problem = problem_of(x, weight, bias, options);
  const c10::DeviceGuard guard(x.device());
  if (empty(problem)) return at::empty(problem.shape, x.options(), x.suggest_memory_format());
  return path_of(problem, /*backward=*/false) == GatedConv2dPath::kFused ? gated_conv2d_fused(problem)
                                                                         : gated_conv2d_cudnn(problem);
}

INFILL_GATED_CONV2D_BACKWARD(gated_conv2d_backward_cuda) {
  const auto options = check_gated_conv2d(x, weight, bias, stride, padding, dilation, activation);
  check_gated_conv2d_gradient(grad, x, gated_conv2d_shape(x, weight, options));
  const auto problem = problem_of(x, weight, bias, options);
  const std::array<bool, 3> wanted = {output_mask[0], output_mask[1],
                                      output_mask[2] && problem.bias.defined()};
  const c10::DeviceGuard guard(x.device());
  if (empty(problem) || (!wanted[0] && !wanted[1] && !wanted[2])) {
    const auto zeros = [](bool needed, const Tensor& of) {
      return needed ? at::zeros_like(of, of.options(), of.suggest_memory_format()) : Tensor();
    };
    return {zeros(wanted[0], x), zeros(wanted[1], weight), zeros(wanted[2], problem.bias)};
  }
  return path_of(problem, /*backward=*/true) == GatedConv2dPath::kFused
             ? gated_conv2d_fused_backward(problem, grad, wanted)
             : gated_conv2d_cudnn_backward(problem, grad, wanted);
}

}  // namespace infill::ops
