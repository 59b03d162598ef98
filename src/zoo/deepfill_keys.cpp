#include "zoo/deepfill_keys.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/status.h"
#include "inference/deepfill_layers.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

using inference::DeepFillLayer;

constexpr std::string_view kFuseWeight = "stage2.contextual_attention.fuse_weight";
constexpr std::string_view kWidth = "width";
constexpr std::string_view kFuse = "fuse";
constexpr std::string_view kFuseKernel = "fuse_kernel";
constexpr int64_t kPublishedWidth = 48;

template <class T>
T value_or(const Parameters& parameters, std::string_view name, T otherwise) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? otherwise : std::get<T>(found->second);
}

// In the order of the published files.
std::vector<KeyShape> keys_of(bool tensorflow, const Parameters& parameters) {
  const int64_t width = value_or(parameters, kWidth, kPublishedWidth);
  std::vector<KeyShape> keys;
  // Layers one after the other, from so many channels; returns those of the last.
  const auto append = [&](std::span<const DeepFillLayer> layers, int64_t channels) {
    for (const DeepFillLayer& layer : layers) {
      const std::string key = layer.key(tensorflow) + ".conv";
      const int64_t rows = (layer.gated ? 2 : 1) * layer.channels(width);
      keys.push_back({key + ".weight", {rows, channels, layer.kernel, layer.kernel}});
      keys.push_back({key + ".bias", {rows}});
      channels = layer.channels(width);
    }
    return channels;
  };
  const inference::DeepFillLayers& layers = inference::deepfill_layers();
  append(layers.coarse, inference::kDeepFillInputs);
  const int64_t convolved = append(layers.convolutions, inference::kDeepFillColours);
  const int64_t features = append(layers.before_attention, inference::kDeepFillColours);
  append(layers.decoder, convolved + append(layers.after_attention, features));
  return keys;
}

int64_t read_width(const StateDict& weights, bool tensorflow) {
  const DeepFillLayer& first = inference::deepfill_layers().coarse.front();
  const std::string key = first.key(tensorflow) + ".conv.weight";
  const Tensor* tensor = weights.find(key);
  if (tensor == nullptr)
    fail(Status::kInvalidArgument, "key ", in_quotes(weights.prefix() + key), ": is missing");
  const Dims& shape = tensor->shape;
  if (shape.size() != 4 || shape[0] <= 0 || shape[0] % 4 != 0 || shape[0] > inference::kMostDeepFillWidth ||
      shape != Dims{shape[0], inference::kDeepFillInputs, first.kernel, first.kernel}) {
    fail(Status::kInvalidArgument, "key ", in_quotes(tensor->name), ": has shape ", to_string(shape),
         ", expected is [width, 5, 5, 5] with a width of 4, 8, ... ", inference::kMostDeepFillWidth);
  }
  return shape[0];
}

// The published fusion adds up scores along diagonals: a convolution with the identity.
int64_t read_fuse_kernel(const Tensor& tensor) {
  const Dims& shape = tensor.shape;
  constexpr int64_t kMostKernel = 15;
  if (shape.size() != 4 || shape[2] % 2 != 1 || shape[2] > kMostKernel ||
      shape != Dims{1, 1, shape[2], shape[2]}) {
    fail(Status::kInvalidArgument, "key ", in_quotes(tensor.name), ": has shape ", to_string(shape),
         ", expected is [1, 1, k, k] with an odd k up to ", kMostKernel);
  }
  std::vector<float> values(static_cast<size_t>(tensor.elements()));
  tensor.copy_to_float(values);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const float expected = i / shape[2] == i % shape[2] ? 1.0F : 0.0F;
    const float value = values[static_cast<size_t>(i)];
    if (value != expected) {
      fail(Status::kUnsupported, "key ", in_quotes(tensor.name), ": element ", i, " is ", value,
           ", only the identity is known");
    }
  }
  return shape[2];
}

}  // namespace

Parameters read_deepfill_parameters(const StateDict& weights) {
  Parameters parameters;
  parameters.emplace(kWidth, read_width(weights, false));
  parameters.emplace("padding", std::string("equal"));
  const Tensor* fuse = weights.find(kFuseWeight);
  parameters.emplace(kFuse, fuse != nullptr);
  if (fuse != nullptr) parameters.emplace(kFuseKernel, read_fuse_kernel(*fuse));
  return parameters;
}

Parameters read_deepfill_tf_parameters(const StateDict& weights) {
  Parameters parameters;
  parameters.emplace(kWidth, read_width(weights, true));
  parameters.emplace("padding", std::string("same"));
  parameters.emplace(kFuse, false);
  return parameters;
}

std::vector<KeyShape> deepfill_keys(const Parameters& parameters) {
  std::vector<KeyShape> keys = keys_of(false, parameters);
  if (value_or(parameters, kFuse, true)) {
    const int64_t kernel = value_or(parameters, kFuseKernel, int64_t{3});
    keys.push_back({std::string(kFuseWeight), {1, 1, kernel, kernel}});
  }
  return keys;
}

std::vector<KeyShape> deepfill_tf_keys(const Parameters& parameters) {
  return keys_of(true, parameters);
}

}  // namespace infill::zoo
