#include "infill/torch/discriminator.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/randn.h>

#include <array>
#include <string>

#include "models/parameters.h"

namespace infill::nn {
namespace {

using at::Tensor;

constexpr int64_t kKernel = 5;
constexpr int64_t kStride = 2;
constexpr double kSlope = 0.2;
constexpr double kSmallest = 1e-12;  // lengths below are not divided by
constexpr int kFirstSteps = 15;      // of power iteration, so that an untrained network is normalised, too
constexpr std::array<int64_t, 6> kWidths = {1, 2, 4, 4, 4, 4};

Tensor unit(const Tensor& vector) {
  return vector / vector.norm().clamp_min(kSmallest);
}

}  // namespace

struct PatchDiscriminatorImpl::Convolution {
  Tensor weight, bias;
  Tensor u, v;  // the singular vectors so far

  // One step of power iteration.
  void iterate() const {
    const at::NoGradGuard no_gradients;
    const Tensor matrix = weight.flatten(1);
    v.copy_(unit(at::mv(matrix.t(), u)));
    u.copy_(unit(at::mv(matrix, v)));
  }

  // The weight over its largest singular value, through which gradients flow as if u and v were constants.
  [[nodiscard]] Tensor normalised() const {
    // Copies: the next forward pass changes them while this one's graph may still be waiting.
    return weight / u.clone().dot(at::mv(weight.flatten(1), v.clone()));
  }
};

PatchDiscriminatorImpl::PatchDiscriminatorImpl(const PatchDiscriminatorOptions& options)
    : torch::nn::Module("PatchDiscriminator"), options_(options) {
  TORCH_CHECK_VALUE(options.in_channels >= 1, "PatchDiscriminator: in_channels: is ", options.in_channels,
                    ", must be at least 1");
  TORCH_CHECK_VALUE(options.width >= 1 && options.width <= 4096, "PatchDiscriminator: width: is ",
                    options.width, ", must be 1 to 4096");
  int64_t from = options.in_channels;
  for (size_t i = 0; i < kWidths.size(); ++i) {
    const std::string name = "conv" + std::to_string(i + 1);
    const int64_t to = kWidths.at(i) * options.width;
    const int64_t fan_in = from * kKernel * kKernel;
    convolutions_.push_back({
        models::register_parameter(*this, name + ".weight_orig",
                                   models::initial({to, from, kKernel, kKernel}, fan_in)),
        models::register_parameter(*this, name + ".bias", models::initial({to}, fan_in)),
        models::register_buffer(*this, name + ".weight_u", unit(at::randn({to}))),
        models::register_buffer(*this, name + ".weight_v", unit(at::randn({fan_in}))),
    });
    for (int step = 0; step < kFirstSteps; ++step) convolutions_.back().iterate();
    from = to;
  }
}

PatchDiscriminatorImpl::~PatchDiscriminatorImpl() = default;

Tensor PatchDiscriminatorImpl::forward(const Tensor& x) {
  TORCH_CHECK_VALUE(x.dim() == 4 && x.size(1) == options_.in_channels && x.size(2) > 0 && x.size(3) > 0,
                    "PatchDiscriminator: x: has shape ", x.sizes(), ", must be [N, ", options_.in_channels,
                    ", H, W]");
  Tensor features = x;
  for (const Convolution& convolution : convolutions_) {
    if (is_training()) convolution.iterate();
    features = at::leaky_relu(
        at::conv2d(features, convolution.normalised(), convolution.bias, kStride, kKernel / 2), kSlope);
  }
  return features;
}

}  // namespace infill::nn
