// DeepFill v2's generator as a LibTorch module, to train it or to run it on tensors.
//
// Yu, Lin, Yang, Shen, Lu, Huang, "Free-Form Image Inpainting with Gated Convolution", 2019 (arXiv
// 1806.03589). A coarse network fills the hole; a refinement network of two branches, one with contextual
// attention, works on the picture with that filling.
//
// docs/modules.md has an example.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "infill/export.h"

namespace infill::nn {

struct DeepFillOptions {
  int64_t width = 48;  // channels of the first convolution, gates included: 4, 8 .. 1024
  // false: zeros equally on both sides, parameters named "stage1.conv1.conv.weight" and so on. true: the
  // variant converted from TensorFlow, SAME padding, "conv1.conv.weight" and so on.
  bool tensorflow = false;
  bool fuse = true;  // in contextual attention; as published only without `tensorflow`
  // Attention only near the hole: `refined` is right inside the hole only, and sooner there.
  bool hole_only = false;
};

struct DeepFillResult {
  at::Tensor coarse, refined;  // [N, 3, H, W], -1 to 1
};

// Parameters have the names and shapes of the published checkpoints, in the order of the layers; with equal
// padding and fuse there is a buffer "stage2.contextual_attention.fuse_weight", too (the identity). They
// start as torch.nn.Conv2d's do.
class INFILL_TORCH_API DeepFillImpl : public torch::nn::Module {
 public:
  explicit DeepFillImpl(const DeepFillOptions& options = {});
  ~DeepFillImpl() override;
  DeepFillImpl(const DeepFillImpl&) = delete;
  DeepFillImpl& operator=(const DeepFillImpl&) = delete;

  // image  [N, 3, H, W], red, green, blue in -1 to 1; H and W multiples of 8. What is in the hole is not read
  // mask   [N, 1, H, W], 1 = hole, 0 = known
  // Both of the parameters' type. The result is not composed with the image. Throws c10::ValueError or
  // c10::TypeError naming the argument.
  DeepFillResult forward(const at::Tensor& image, const at::Tensor& mask);

  [[nodiscard]] const DeepFillOptions& options() const { return options_; }

 private:
  struct Layers;

  DeepFillOptions options_;
  std::unique_ptr<Layers> layers_;
};
TORCH_MODULE(DeepFill);

// The network in a checkpoint: safetensors, or what torch.save writes (.pth, .pt, .ckpt). Nothing in the file
// is executed. Parameters are float32, the module is in evaluation mode. Throws c10::ValueError naming the
// file and what is wrong with it.
INFILL_TORCH_API DeepFill open_deepfill(const std::string& path);

}  // namespace infill::nn
