#include "infill/torch/deepfill.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <c10/util/Exception.h>

#include <filesystem>
#include <map>
#include <span>
#include <variant>
#include <vector>

#include "core/status.h"
#include "inference/deepfill.h"
#include "inference/deepfill_layers.h"
#include "infill/ops/contextual_attention.h"
#include "infill/ops/gated_conv2d.h"
#include "models/parameters.h"
#include "zoo/deepfill_keys.h"
#include "zoo/deepfill_model.h"
#include "zoo/weight_file.h"

namespace infill::nn {
namespace {

using at::Tensor;
using inference::DeepFillLayer;
using inference::kMostDeepFillWidth;

constexpr int64_t kMultiple = inference::kDeepFillMultiple;
constexpr int64_t kQuarter = 2;  // how often a picture is halved before attention

struct Layer {
  DeepFillLayer description;
  Tensor weight, bias;
};

void check_options(const DeepFillOptions& options) {
  TORCH_CHECK_VALUE(options.width >= 4 && options.width <= kMostDeepFillWidth && options.width % 4 == 0,
                    "DeepFill: width: is ", options.width, ", must be 4, 8 .. ", kMostDeepFillWidth);
}

// All keys and shapes, in the order of the layers.
std::vector<zoo::KeyShape> keys_of(const DeepFillOptions& options) {
  const zoo::Parameters parameters = {{"width", options.width}, {"fuse", options.fuse}};
  return options.tensorflow ? zoo::deepfill_tf_keys(parameters) : zoo::deepfill_keys(parameters);
}

void check_input(const Tensor& image, const Tensor& mask, const Tensor& weight) {
  TORCH_CHECK_VALUE(image.dim() == 4 && image.size(1) == 3 && image.size(2) > 0 && image.size(3) > 0 &&
                        image.size(2) % kMultiple == 0 && image.size(3) % kMultiple == 0,
                    "DeepFill: image: has shape ", image.sizes(),
                    ", must be [N, 3, H, W] with H and W multiples of ", kMultiple);
  const std::vector<int64_t> shape = {image.size(0), 1, image.size(2), image.size(3)};
  TORCH_CHECK_VALUE(mask.sizes() == at::IntArrayRef(shape), "DeepFill: mask: has shape ", mask.sizes(),
                    ", must be ", at::IntArrayRef(shape));
  TORCH_CHECK_TYPE(image.scalar_type() == weight.scalar_type(), "DeepFill: image: is ", image.scalar_type(),
                   ", the parameters are ", weight.scalar_type());
  TORCH_CHECK_TYPE(mask.scalar_type() == weight.scalar_type(), "DeepFill: mask: is ", mask.scalar_type(),
                   ", the parameters are ", weight.scalar_type());
}

std::string_view activation_name(kernels::Activation activation) {
  return activation == kernels::Activation::kRelu ? "relu" : "elu";
}

Tensor run_layer(const Layer& layer, Tensor x, bool tensorflow) {
  const DeepFillLayer& description = layer.description;
  if (description.upsample > 1) {
    x = at::upsample_nearest2d(x, {x.size(2) * description.upsample, x.size(3) * description.upsample});
  }
  const int64_t pad = description.dilation * (description.kernel - 1) / 2;
  if (!description.gated) return at::tanh(at::conv2d(x, layer.weight, layer.bias, 1, pad));
  // SAME: with stride 2 the odd row of zeros lies behind.
  const int64_t before = tensorflow && description.stride == 2 ? pad - 1 : pad;
  return gated_conv2d(x, layer.weight, layer.bias, {description.stride, description.stride},
                      {before, pad, before, pad}, {description.dilation, description.dilation},
                      activation_name(description.activation));
}

Tensor run_layers(const std::vector<Layer>& layers, Tensor x, bool tensorflow) {
  for (const Layer& layer : layers) x = run_layer(layer, x, tensorflow);
  return x;
}

}  // namespace

struct DeepFillImpl::Layers {
  std::vector<Layer> coarse, convolutions, before_attention, after_attention, decoder;
};

DeepFillImpl::DeepFillImpl(const DeepFillOptions& options)
    : torch::nn::Module("DeepFill"), options_(options), layers_(std::make_unique<Layers>()) {
  check_options(options);
  std::map<std::string, Tensor> tensors;
  int64_t fan_in = 1;  // of the weight, which stands before its bias
  for (const auto& [key, shape] : keys_of(options)) {
    const std::vector<int64_t> sizes(shape.values().begin(), shape.values().end());
    if (key.ends_with("fuse_weight")) {
      models::register_buffer(*this, key, at::eye(sizes[2], at::kFloat).view(sizes));
      continue;
    }
    if (sizes.size() == 4) fan_in = sizes[1] * sizes[2] * sizes[3];
    tensors[key] = models::register_parameter(*this, key, models::initial(sizes, fan_in));
  }
  const auto collect = [&](std::span<const DeepFillLayer> descriptions, std::vector<Layer>& layers) {
    for (const DeepFillLayer& description : descriptions) {
      const std::string key = description.key(options.tensorflow) + ".conv";
      layers.push_back({description, tensors.at(key + ".weight"), tensors.at(key + ".bias")});
    }
  };
  const inference::DeepFillLayers& published = inference::deepfill_layers();
  collect(published.coarse, layers_->coarse);
  collect(published.convolutions, layers_->convolutions);
  collect(published.before_attention, layers_->before_attention);
  collect(published.after_attention, layers_->after_attention);
  collect(published.decoder, layers_->decoder);
}

DeepFillImpl::~DeepFillImpl() = default;

DeepFillResult DeepFillImpl::forward(const Tensor& image, const Tensor& mask) {
  check_input(image, mask, layers_->coarse.front().weight);
  const bool tensorflow = options_.tensorflow;
  const auto run = [&](const std::vector<Layer>& layers, const Tensor& x) {
    return run_layers(layers, x, tensorflow);
  };
  // Chosen, not multiplied: what is in the hole may be anything.
  const Tensor known = image.masked_fill(mask.ne(0), 0);
  const Tensor coarse = run(layers_->coarse, at::cat({known, at::ones_like(mask), mask}, 1));
  const Tensor mixed = known + coarse * mask;
  const Tensor convolved = run(layers_->convolutions, mixed);
  const Tensor features = run(layers_->before_attention, mixed);
  const Tensor attended =
      options_.hole_only
          ? contextual_attention_hole(features, features, mask, 2, 3, 3, 10, kQuarter, options_.fuse,
                                      tensorflow)
          : contextual_attention(features, features, mask, 2, 3, 3, 10, kQuarter, options_.fuse, tensorflow);
  const Tensor both = at::cat({convolved, run(layers_->after_attention, attended)}, 1);
  return {coarse, run(layers_->decoder, both)};
}

namespace {

DeepFillOptions options_of(const zoo::Recognised& model) {
  const inference::DeepFillVariant variant = zoo::deepfill_variant(model);
  DeepFillOptions options;
  options.tensorflow = variant.tensorflow;
  options.fuse = variant.fuse;
  options.width = std::get<int64_t>(model.parameters.at("width"));
  return options;
}

}  // namespace

DeepFill open_deepfill(const std::string& path) try {
  const zoo::WeightFile file{std::filesystem::path(path)};
  const zoo::Recognised model = zoo::recognise(file);
  const DeepFillOptions options = options_of(model);
  model.weights.require_finite();
  DeepFill network(options);
  const at::NoGradGuard no_gradients;
  for (auto& parameter : network->named_parameters()) {
    const zoo::Tensor& from = *model.weights.find(parameter.key());
    Tensor values = at::empty(parameter.value().sizes(), at::kFloat);
    from.copy_to_float({values.mutable_data_ptr<float>(), static_cast<size_t>(values.numel())});
    parameter.value().copy_(values);
  }
  network->eval();
  return network;
} catch (const Error& error) {
  C10_THROW_ERROR(ValueError, c10::str("open_deepfill: ", error.what()));
}

}  // namespace infill::nn
