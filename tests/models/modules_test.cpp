// The LibTorch modules against the numbers of the published networks (tests/data/golden/README.md).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "infill/torch/deepfill.h"
#include "infill/torch/discriminator.h"
#include "support/tensor_file.h"

namespace {

using at::Tensor;
using infill::nn::DeepFill;
using infill::nn::DeepFillOptions;
using infill::nn::DeepFillResult;
using infill::nn::PatchDiscriminator;
using infill::nn::PatchDiscriminatorOptions;

std::string golden(const std::string& name) {
  return std::string(INFILL_TEST_DATA) + "/golden/" + name;
}

Tensor tensor_of(const infill::test::TensorFile& file, const std::string& name) {
  const auto tensor = file.get(name);
  return at::tensor(tensor.values).view(tensor.shape);
}

// max |difference| / max |reference|
double difference(const Tensor& result, const Tensor& reference) {
  const auto apart = (result.to(at::kDouble) - reference.to(at::kDouble)).abs().max().item<double>();
  return apart / reference.abs().max().item<double>();
}

// Key and shape per line: "stage1.conv1.conv.weight [8, 5, 5, 5]".
std::vector<std::string> published_keys(const std::string& name) {
  std::ifstream file(golden(name));
  std::vector<std::string> keys;
  for (std::string key, type, shape;
       std::getline(file, key, '\t') && std::getline(file, type, '\t') && std::getline(file, shape);) {
    keys.push_back(c10::str(key, " ", shape));
  }
  return keys;
}

std::string line(const std::string& key, const Tensor& tensor) {
  return c10::str(key, " ", tensor.sizes());
}

struct Variant {
  const char* name;
  DeepFillOptions options;  // at width 8
};
const Variant kVariants[] = {{"deepfill_c8", {.width = 8}},
                             {"deepfill_tf_c8", {.width = 8, .tensorflow = true, .fuse = false}}};

struct Pictures {
  Tensor image, mask, coarse, refined;
};

Pictures pictures_of(const Variant& variant) {
  const infill::test::TensorFile file(golden(std::string(variant.name) + ".64x64.safetensors"));
  return {tensor_of(file, "image01") * 2 - 1, tensor_of(file, "mask"), tensor_of(file, "stage1_f64ref"),
          tensor_of(file, "stage2_f64ref")};
}

TEST(DeepFill, EqualsThePublishedNetworks) {
  const at::NoGradGuard no_gradients;
  for (const Variant& variant : kVariants) {
    const Pictures published = pictures_of(variant);
    for (const std::string kind : {".weights.safetensors", ".weights.pth"}) {
      SCOPED_TRACE(variant.name + kind);
      DeepFill network = infill::nn::open_deepfill(golden(variant.name + kind));
      EXPECT_EQ(network->options().width, 8);
      EXPECT_EQ(network->options().tensorflow, variant.options.tensorflow);
      EXPECT_EQ(network->options().fuse, variant.options.fuse);
      EXPECT_FALSE(network->is_training());
      const DeepFillResult result = network->forward(published.image, published.mask);
      EXPECT_LE(difference(result.coarse, published.coarse), 1e-5);
      EXPECT_LE(difference(result.refined, published.refined), 1e-5);

      network->to(at::kDouble);
      const DeepFillResult exact =
          network->forward(published.image.to(at::kDouble), published.mask.to(at::kDouble));
      EXPECT_LE(difference(exact.coarse, published.coarse), 1e-6);
      EXPECT_LE(difference(exact.refined, published.refined), 1e-6);
    }
  }
}

TEST(DeepFill, KeysAreThePublishedOnes) {
  const std::pair<const char*, DeepFillOptions> networks[] = {
      {"deepfill.keys.txt", {}},
      {"deepfill_c8.keys.txt", kVariants[0].options},
      {"deepfill_tf.keys.txt", {.tensorflow = true, .fuse = false}},
      {"deepfill_tf_c8.keys.txt", kVariants[1].options},
  };
  for (const auto& [file, options] : networks) {
    SCOPED_TRACE(file);
    DeepFill network(options);
    const auto buffers = network->named_buffers();
    std::vector<std::string> found;
    for (const auto& item : network->named_parameters()) found.push_back(line(item.key(), item.value()));
    std::vector<std::string> expected;
    size_t of_buffers = 0;
    for (const std::string& key : published_keys(file)) {
      const Tensor* buffer = buffers.find(key.substr(0, key.find(' ')));
      if (buffer == nullptr) {
        expected.push_back(key);
      } else {
        EXPECT_EQ(line("stage2.contextual_attention.fuse_weight", *buffer), key);
        ++of_buffers;
      }
    }
    EXPECT_EQ(found, expected);
    EXPECT_EQ(buffers.size(), of_buffers);
    EXPECT_EQ(of_buffers, options.fuse ? 1U : 0U);
  }
}

TEST(DeepFill, EveryParameterIsTrained) {
  at::manual_seed(1);
  for (const Variant& variant : kVariants) {
    DeepFill network(variant.options);
    const Pictures published = pictures_of(variant);
    const DeepFillResult result = network->forward(published.image, published.mask);
    (result.coarse.square().mean() + result.refined.square().mean()).backward();
    for (const auto& item : network->named_parameters()) {
      ASSERT_TRUE(item.value().grad().defined()) << item.key();
      EXPECT_GT(item.value().grad().abs().max().item<double>(), 0) << item.key();
    }
  }
}

TEST(DeepFill, HoleOnlyIsTheSameInsideTheHole) {
  const at::NoGradGuard no_gradients;
  at::manual_seed(2);
  const int64_t height = 128;
  const int64_t width = 192;
  const Tensor image = at::rand({2, 3, height, width}) * 2 - 1;
  Tensor mask = at::zeros({2, 1, height, width});
  mask[0].narrow(1, 37, 21).narrow(2, 90, 31).fill_(1);
  mask[1].narrow(1, 126, 2).narrow(2, 0, 3).fill_(1);
  for (const Variant& variant : kVariants) {
    DeepFillOptions options = variant.options;
    DeepFill all(options);
    options.hole_only = true;
    DeepFill part(options);
    auto from = all->named_parameters();
    for (auto& item : part->named_parameters()) item.value().copy_(from[item.key()]);
    const Tensor expected = all->forward(image, mask).refined;
    const Tensor result = part->forward(image, mask).refined;
    EXPECT_LE(difference(result * mask, expected * mask), 1e-6);
    EXPECT_FALSE(at::equal(result, expected));
  }
}

TEST(DeepFill, WhatIsInTheHoleIsNotRead) {
  const at::NoGradGuard no_gradients;
  const Pictures published = pictures_of(kVariants[0]);
  DeepFill network = infill::nn::open_deepfill(golden("deepfill_c8.weights.safetensors"));
  const Tensor unknown = published.image.masked_fill(published.mask.ne(0), std::nan(""));
  const Tensor expected = network->forward(published.image, published.mask).refined;
  EXPECT_TRUE(at::equal(network->forward(unknown, published.mask).refined, expected));
}

template <class Call>
void expect_message(const std::string& message, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "accepted although " << message;
  } catch (const c10::Error& error) {
    EXPECT_NE(std::string(error.what_without_backtrace()).find(message), std::string::npos)
        << error.what_without_backtrace() << "\nexpected: " << message;
  }
}

TEST(DeepFill, MistakesAreNamed) {
  for (const int64_t width : {0, 6, -4, 1028}) {
    expect_message("DeepFill: width: is " + std::to_string(width),
                   [&] { DeepFill(DeepFillOptions{.width = width}); });
  }
  DeepFill network(kVariants[0].options);
  const auto forward = [&](const Tensor& image, const Tensor& mask) { network->forward(image, mask); };
  const Tensor image = at::zeros({1, 3, 16, 24});
  const Tensor mask = at::zeros({1, 1, 16, 24});
  expect_message("DeepFill: image: has shape [3, 16, 24]", [&] { forward(image[0], mask); });
  expect_message("DeepFill: image: has shape [1, 3, 15, 24]", [&] { forward(image.narrow(2, 0, 15), mask); });
  expect_message("DeepFill: image: is Double, the parameters are Float",
                 [&] { forward(image.to(at::kDouble), mask); });
  expect_message("DeepFill: mask: has shape [1, 1, 8, 24], must be [1, 1, 16, 24]",
                 [&] { forward(image, mask.narrow(2, 0, 8)); });
  expect_message("DeepFill: mask: is Bool", [&] { forward(image, mask.to(at::kBool)); });
  expect_message("open_deepfill: \"/does/not/exist\": ",
                 [] { infill::nn::open_deepfill("/does/not/exist"); });
  const std::string text = golden("README.md");
  expect_message("open_deepfill: \"" + text + "\": ", [&] { infill::nn::open_deepfill(text); });

  const std::string path = testing::TempDir() + "infill_not_finite.safetensors";
  std::filesystem::copy_file(golden("deepfill_c8.weights.safetensors"), path,
                             std::filesystem::copy_options::overwrite_existing);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
      .seekp(size - 4)
      .write("\xff\xff\xff\xff", 4);
  expect_message("open_deepfill: \"" + path + "\": key \"stage2.", [&] { infill::nn::open_deepfill(path); });
  std::filesystem::remove(path);
}

TEST(PatchDiscriminator, HasTheShapeOfThePaper) {
  PatchDiscriminator network;
  const int64_t widths[] = {64, 128, 256, 256, 256, 256};
  int64_t from = 4;
  std::vector<std::string> expected;
  for (int64_t i = 0; i < 6; ++i) {
    const std::string name = "conv" + std::to_string(i + 1);
    expected.push_back(line(name + ".weight_orig", at::empty({widths[i], from, 5, 5})));
    expected.push_back(line(name + ".bias", at::empty({widths[i]})));
    from = widths[i];
  }
  std::vector<std::string> found;
  for (const auto& item : network->named_parameters()) found.push_back(line(item.key(), item.value()));
  EXPECT_EQ(found, expected);
  const at::NoGradGuard no_gradients;
  EXPECT_EQ(network->forward(at::zeros({2, 4, 128, 65})).sizes(), at::IntArrayRef({2, 256, 2, 2}));
}

// Power iteration ends at the largest singular value: the weights that are used have 1.
TEST(PatchDiscriminator, WeightsAreNormalised) {
  at::manual_seed(3);
  PatchDiscriminator network(PatchDiscriminatorOptions{.in_channels = 3, .width = 4});
  const at::NoGradGuard no_gradients;
  const Tensor x = at::randn({1, 3, 64, 64});
  for (int i = 0; i < 100; ++i) network->forward(x);
  network->eval();
  const auto parameters = network->named_parameters();
  const auto buffers = network->named_buffers();
  Tensor expected = x;
  for (int i = 1; i <= 6; ++i) {
    const std::string name = "conv" + std::to_string(i);
    const Tensor& weight = parameters[name + ".weight_orig"];
    const Tensor largest = std::get<1>(at::linalg_svd(weight.flatten(1), /*full_matrices=*/false)).max();
    expected = at::leaky_relu(at::conv2d(expected, weight / largest, parameters[name + ".bias"], 2, 2), 0.2);
    EXPECT_NEAR(buffers[name + ".weight_u"].norm().item<double>(), 1, 1e-5);
  }
  const Tensor y = network->forward(x);
  EXPECT_LE(difference(y, expected), 1e-3);
  EXPECT_TRUE(at::equal(network->forward(x), y)) << "evaluation changes nothing";
  network->train();
  const Tensor before = buffers["conv1.weight_u"].clone();
  network->named_parameters()["conv1.weight_orig"].mul_(at::randn({4, 3, 5, 5}));
  network->forward(x);
  EXPECT_FALSE(at::equal(before, network->named_buffers()["conv1.weight_u"]));
}

// Gradients flow through the weight and its singular value, as if the vectors were constants.
TEST(PatchDiscriminator, Gradients) {
  at::manual_seed(4);
  PatchDiscriminator network(PatchDiscriminatorOptions{.in_channels = 2, .width = 2});
  network->to(at::kDouble);
  network->eval();
  const Tensor x = at::randn({1, 2, 16, 16}, at::kDouble);
  const auto loss = [&] { return network->forward(x).square().sum(); };
  loss().backward();
  for (auto& item : network->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    const Tensor slope = item.value().grad().flatten();
    const at::NoGradGuard no_gradients;
    Tensor values = item.value().view(-1);
    constexpr double kStep = 1e-6;
    for (const int64_t i : {int64_t{0}, values.numel() - 1}) {
      values[i].add_(kStep);
      const auto above = loss().item<double>();
      values[i].sub_(2 * kStep);
      const auto below = loss().item<double>();
      values[i].add_(kStep);
      const auto expected = (above - below) / (2 * kStep);
      EXPECT_NEAR(slope[i].item<double>(), expected, 1e-5 * (1 + std::abs(expected))) << item.key();
    }
  }
}

TEST(PatchDiscriminator, MistakesAreNamed) {
  expect_message("PatchDiscriminator: width: is 0",
                 [] { PatchDiscriminator(PatchDiscriminatorOptions{.width = 0}); });
  expect_message("PatchDiscriminator: in_channels: is 0",
                 [] { PatchDiscriminator(PatchDiscriminatorOptions{.in_channels = 0}); });
  PatchDiscriminator network(PatchDiscriminatorOptions{.width = 1});
  expect_message("PatchDiscriminator: x: has shape [1, 3, 8, 8], must be [N, 4, H, W]", [&] {
    network->forward(at::zeros({1, 3, 8, 8}));
  });
}

}  // namespace
