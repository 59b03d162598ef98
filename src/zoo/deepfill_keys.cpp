#include "zoo/deepfill_keys.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/status.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

constexpr int kInput = -5;
constexpr int kRgb = -3;

// A convolution with NAME.weight [out, in, kernel, kernel] and NAME.bias [out]. Channels are in quarters of
// the width, or fixed when negative. `out` has features and gates. The variants differ in names alone.
struct Layer {
  std::string_view equal_name;
  std::string_view tf_name;
  int out;
  int in;
  int kernel;
};

constexpr std::array<Layer, 42> kLayers = {{
    {"stage1.conv1.conv", "conv1.conv", 4, kInput, 5},
    {"stage1.down_block1.conv1_downsample.conv", "conv2_downsample.conv", 8, 2, 3},
    {"stage1.down_block1.conv2.conv", "conv3.conv", 8, 4, 3},
    {"stage1.down_block2.conv1_downsample.conv", "conv4_downsample.conv", 16, 4, 3},
    {"stage1.down_block2.conv2.conv", "conv5.conv", 16, 8, 3},
    {"stage1.conv_bn1.conv", "conv6.conv", 16, 8, 3},
    {"stage1.conv_bn2.conv", "conv7_atrous.conv", 16, 8, 3},
    {"stage1.conv_bn3.conv", "conv8_atrous.conv", 16, 8, 3},
    {"stage1.conv_bn4.conv", "conv9_atrous.conv", 16, 8, 3},
    {"stage1.conv_bn5.conv", "conv10_atrous.conv", 16, 8, 3},
    {"stage1.conv_bn6.conv", "conv11.conv", 16, 8, 3},
    {"stage1.conv_bn7.conv", "conv12.conv", 16, 8, 3},
    {"stage1.up_block1.conv1_upsample.conv.conv", "conv13_upsample.conv.conv", 8, 8, 3},
    {"stage1.up_block1.conv2.conv", "conv14.conv", 8, 4, 3},
    {"stage1.up_block2.conv1_upsample.conv.conv", "conv15_upsample.conv.conv", 4, 4, 3},
    {"stage1.up_block2.conv2.conv", "conv16.conv", 2, 2, 3},
    {"stage1.conv_to_rgb.conv", "conv17.conv", kRgb, 1, 3},
    {"stage2.conv_conv1.conv", "xconv1.conv", 4, kRgb, 5},
    {"stage2.conv_down_block1.conv1_downsample.conv", "xconv2_downsample.conv", 4, 2, 3},
    {"stage2.conv_down_block1.conv2.conv", "xconv3.conv", 8, 2, 3},
    {"stage2.conv_down_block2.conv1_downsample.conv", "xconv4_downsample.conv", 8, 4, 3},
    {"stage2.conv_down_block2.conv2.conv", "xconv5.conv", 16, 4, 3},
    {"stage2.conv_conv_bn1.conv", "xconv6.conv", 16, 8, 3},
    {"stage2.conv_conv_bn2.conv", "xconv7_atrous.conv", 16, 8, 3},
    {"stage2.conv_conv_bn3.conv", "xconv8_atrous.conv", 16, 8, 3},
    {"stage2.conv_conv_bn4.conv", "xconv9_atrous.conv", 16, 8, 3},
    {"stage2.conv_conv_bn5.conv", "xconv10_atrous.conv", 16, 8, 3},
    {"stage2.ca_conv1.conv", "pmconv1.conv", 4, kRgb, 5},
    {"stage2.ca_down_block1.conv1_downsample.conv", "pmconv2_downsample.conv", 4, 2, 3},
    {"stage2.ca_down_block1.conv2.conv", "pmconv3.conv", 8, 2, 3},
    {"stage2.ca_down_block2.conv1_downsample.conv", "pmconv4_downsample.conv", 16, 4, 3},
    {"stage2.ca_down_block2.conv2.conv", "pmconv5.conv", 16, 8, 3},
    {"stage2.ca_conv_bn1.conv", "pmconv6.conv", 16, 8, 3},
    {"stage2.ca_conv_bn4.conv", "pmconv9.conv", 16, 8, 3},
    {"stage2.ca_conv_bn5.conv", "pmconv10.conv", 16, 8, 3},
    {"stage2.conv_bn6.conv", "allconv11.conv", 16, 16, 3},
    {"stage2.conv_bn7.conv", "allconv12.conv", 16, 8, 3},
    {"stage2.up_block1.conv1_upsample.conv.conv", "allconv13_upsample.conv.conv", 8, 8, 3},
    {"stage2.up_block1.conv2.conv", "allconv14.conv", 8, 4, 3},
    {"stage2.up_block2.conv1_upsample.conv.conv", "allconv15_upsample.conv.conv", 4, 4, 3},
    {"stage2.up_block2.conv2.conv", "allconv16.conv", 2, 2, 3},
    {"stage2.conv_to_rgb.conv", "allconv17.conv", kRgb, 1, 3},
}};

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

using Name = std::string_view Layer::*;

std::vector<KeyShape> keys_of(Name name, const Parameters& parameters) {
  const int64_t width = value_or(parameters, kWidth, kPublishedWidth);
  const auto channels = [&](int count) { return count < 0 ? -count : count * width / 4; };
  std::vector<KeyShape> keys;
  for (const Layer& layer : kLayers) {
    const int64_t out = channels(layer.out);
    const std::string key(layer.*name);
    keys.push_back({key + ".weight", {out, channels(layer.in), layer.kernel, layer.kernel}});
    keys.push_back({key + ".bias", {out}});
  }
  return keys;
}

int64_t read_width(const StateDict& weights, Name name) {
  constexpr int64_t kMostWidth = 1024;
  const Layer& first = kLayers.front();
  const std::string key = std::string(first.*name) + ".weight";
  const Tensor* tensor = weights.find(key);
  if (tensor == nullptr)
    fail(Status::kInvalidArgument, "key ", in_quotes(weights.prefix() + key), ": is missing");
  const Dims& shape = tensor->shape;
  if (shape.size() != 4 || shape[0] <= 0 || shape[0] % 4 != 0 || shape[0] > kMostWidth ||
      shape != Dims{shape[0], -kInput, first.kernel, first.kernel}) {
    fail(Status::kInvalidArgument, "key ", in_quotes(tensor->name), ": has shape ", to_string(shape),
         ", expected is [width, 5, 5, 5] with a width of 4, 8, ... ", kMostWidth);
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
  parameters.emplace(kWidth, read_width(weights, &Layer::equal_name));
  parameters.emplace("padding", std::string("equal"));
  const Tensor* fuse = weights.find(kFuseWeight);
  parameters.emplace(kFuse, fuse != nullptr);
  if (fuse != nullptr) parameters.emplace(kFuseKernel, read_fuse_kernel(*fuse));
  return parameters;
}

Parameters read_deepfill_tf_parameters(const StateDict& weights) {
  Parameters parameters;
  parameters.emplace(kWidth, read_width(weights, &Layer::tf_name));
  parameters.emplace("padding", std::string("same"));
  parameters.emplace(kFuse, false);
  return parameters;
}

std::vector<KeyShape> deepfill_keys(const Parameters& parameters) {
  std::vector<KeyShape> keys = keys_of(&Layer::equal_name, parameters);
  if (value_or(parameters, kFuse, true)) {
    const int64_t kernel = value_or(parameters, kFuseKernel, int64_t{3});
    keys.push_back({std::string(kFuseWeight), {1, 1, kernel, kernel}});
  }
  return keys;
}

std::vector<KeyShape> deepfill_tf_keys(const Parameters& parameters) {
  return keys_of(&Layer::tf_name, parameters);
}

}  // namespace infill::zoo
