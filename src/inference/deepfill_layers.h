// The published layers of DeepFill v2 in both variants, in order.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "kernels/convolution.h"

namespace infill::inference {

// Of the coarse network's input: red, green, blue, 1, the mask. The refinement's is red, green, blue.
inline constexpr int32_t kDeepFillInputs = 5;
inline constexpr int32_t kDeepFillColours = 3;
// Widths are multiples of 4 up to this one; the published width is 48.
inline constexpr int64_t kMostDeepFillWidth = 1024;

// One convolution: its tensors are KEY.conv.weight and KEY.conv.bias.
struct DeepFillLayer {
  const char* equal_key;
  const char* tensorflow_key;
  int32_t quarters = 0;  // channels of the result, in quarters of the width; not gated: they are the colours
  int32_t kernel = 3;
  int32_t stride = 1;
  int32_t dilation = 1;
  int32_t upsample = 1;
  kernels::Activation activation = kernels::Activation::kElu;
  bool gated = true;

  [[nodiscard]] int64_t channels(int64_t width) const {
    return gated ? quarters * width / 4 : int64_t{kDeepFillColours};
  }
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
