// The published layers of DeepFill v2 in both variants, in order.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "kernels/convolution.h"

namespace infill::inference {

// One convolution: its tensors are KEY.conv.weight and KEY.conv.bias.
struct DeepFillLayer {
  const char* equal_key;
  const char* tensorflow_key;
  int32_t kernel = 3;
  int32_t stride = 1;
  int32_t dilation = 1;
  int32_t upsample = 1;
  kernels::Activation activation = kernels::Activation::kElu;
  bool gated = true;

  [[nodiscard]] std::string key(bool tensorflow) const { return tensorflow ? tensorflow_key : equal_key; }
};

struct DeepFillLayers {
  std::span<const DeepFillLayer> coarse;
  std::span<const DeepFillLayer> convolutions;  // of the refinement: the branch without attention
  std::span<const DeepFillLayer> before_attention, after_attention;
  std::span<const DeepFillLayer> decoder;
};
[[nodiscard]] const DeepFillLayers& deepfill_layers();

}  // namespace infill::inference
