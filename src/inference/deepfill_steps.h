// DeepFill v2's generator as a list of steps, for whoever executes it: on the CPU (inference/deepfill.h) or
// on a device.
//
// Yu, Lin, Yang, Shen, Lu, Huang: Free-Form Image Inpainting with Gated Convolution, ICCV 2019
// (arXiv 1806.03589).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/network_shape.h"

namespace infill::inference {

// A tensor of a checkpoint, row by row.
struct Weight {
  std::vector<float> values;
  std::vector<int64_t> shape;
};
// Throws when there is no tensor of that name.
using WeightLookup = std::function<Weight(const std::string& key)>;

// Two families of published weights.
struct DeepFillVariant {
  // TensorFlow's SAME padding and sampling; keys "conv1.conv.weight" and so on. Otherwise zeros on both
  // sides; keys "stage1.conv1.conv.weight" and so on.
  bool tensorflow = false;
  bool fuse = true;  // the attention layer prefers neighbours of what its neighbours chose
};

// The sides of the input are multiples of this.
inline constexpr int32_t kDeepFillMultiple = 8;
[[nodiscard]] constexpr int32_t padded(int32_t side) {
  return (side + kDeepFillMultiple - 1) / kDeepFillMultiple * kDeepFillMultiple;
}

// The contextual attention of a map to itself: as published, with these differences.
struct AttentionStep {
  int32_t channels = 0;
  int n_down = 0;  // how often the map was halved
  bool fuse = true;
  bool tf_compat = false;
  kernels::Precision precision = kernels::Precision::kFloat32;
};

// Is told the steps in the order in which they run. Maps are the shape's.
class DeepFillBuilder {
 public:
  DeepFillBuilder() = default;
  DeepFillBuilder(const DeepFillBuilder&) = delete;
  DeepFillBuilder& operator=(const DeepFillBuilder&) = delete;
  virtual ~DeepFillBuilder() = default;

  virtual int add_map(int32_t channels, int shift) = 0;
  // weight: [rows, in_channels, kernel, kernel], rows = out_channels or, gated, twice that; bias: one per
  // row.
  virtual void add_convolution(const kernels::ConvolutionSpec& spec, const float* weight, const float* bias,
                               int from, int to, int32_t first) = 0;
  // to = the colours of input outside of the hole, coarse inside.
  virtual void add_mix(int input, int coarse, int to, kernels::NetworkShape::Needs needs) = 0;
  // to = the attention of from to itself; input holds the mask.
  virtual void add_attention(const AttentionStep& attention, int from, int input, int to,
                             kernels::NetworkShape::Needs needs) = 0;
};

// input has kDeepFillInputs channels: red, green and blue in -1..1 with 0 in the hole, 1, and the mask, 1 =
// hole. coarse and refined are red, green and blue in -1..1.
struct DeepFillMaps {
  int input = 0, coarse = 0, refined = 0;
};

// Throws what the lookup throws, and kInvalidArgument naming the tensor that has another shape or a value
// that is not finite. precision: of the operands of most convolutions' products.
DeepFillMaps build_deepfill_steps(DeepFillBuilder& builder, const DeepFillVariant& variant,
                                  const WeightLookup& weights, kernels::Precision precision);

}  // namespace infill::inference
