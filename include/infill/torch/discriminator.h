// SN-PatchGAN: tells patches of pictures from patches of fillings, to train a generator against.
//
// Yu, Lin, Yang, Shen, Lu, Huang, "Free-Form Image Inpainting with Gated Convolution", 2019 (arXiv
// 1806.03589), with the spectral normalisation of Miyato, Kataoka, Koyama, Yoshida, 2018 (arXiv 1802.05957).
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

#include "infill/export.h"

namespace infill::nn {

struct PatchDiscriminatorOptions {
  int64_t in_channels = 4;  // red, green, blue, mask
  int64_t width = 64;       // channels of the first convolution
};

// Six convolutions of 5 x 5 at stride 2, of width, 2 width and four times 4 width channels, each with its
// weight divided by its largest singular value and followed by a leaky ReLU of slope 0.2.
//
// The singular value comes from one step of power iteration for each forward pass while training; in
// evaluation mode the vectors stay as they are. Names are those of PyTorch's spectral_norm:
// "conv1.weight_orig", "conv1.bias", and as buffers "conv1.weight_u", "conv1.weight_v".
class INFILL_TORCH_API PatchDiscriminatorImpl : public torch::nn::Module {
 public:
  explicit PatchDiscriminatorImpl(const PatchDiscriminatorOptions& options = {});
  ~PatchDiscriminatorImpl() override;
  PatchDiscriminatorImpl(const PatchDiscriminatorImpl&) = delete;
  PatchDiscriminatorImpl& operator=(const PatchDiscriminatorImpl&) = delete;

  // x: [N, in_channels, H, W]. Returns [N, 4 width, ceil(H / 64), ceil(W / 64)]: a verdict for each channel
  // and place, high for real. Throws c10::ValueError naming x.
  at::Tensor forward(const at::Tensor& x);

 private:
  struct Convolution;

  PatchDiscriminatorOptions options_;
  std::vector<Convolution> convolutions_;
};
TORCH_MODULE(PatchDiscriminator);

}  // namespace infill::nn
