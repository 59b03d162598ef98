// DeepFill v2's generator on the CPU, without LibTorch: a coarse network, then a refinement network of two
// branches, one with contextual attention.
//
// Yu, Lin, Yang, Shen, Lu, Huang: Free-Form Image Inpainting with Gated Convolution, ICCV 2019
// (arXiv 1806.03589).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/canvas.h"
#include "core/memory.h"
#include "inference/deepfill_steps.h"
#include "kernels/network.h"

namespace infill::inference {

// A picture and what becomes of it.
struct DeepFillCall {
  int32_t height = 0, width = 0;            // at least 1; padded to a multiple of 8 by reflection, inside
  std::array<Plane<const float>, 3> image;  // red, green, blue in 0..1; not read where it is unknown
  Plane<const uint8_t> unknown;             // 0: known
  kernels::Region wanted;                   // of the results; the pixels that are computed
  // Red, green and blue in 0..1, as they came out of the network, not composed with the image; outside of
  // `wanted` they are left alone. data null: not asked for.
  std::array<Plane<float>, 3> coarse, refined;
};

// Const functions may be called from several threads at once.
class DeepFill {
 public:
  // Throws what the lookup throws, and kInvalidArgument naming the tensor that has another shape or a value
  // that is not finite. With bfloat16 the operands of most
  // convolutions' products are rounded to it. Weights are kept in one form only.
  DeepFill(const DeepFillVariant& variant, const WeightLookup& weights,
           kernels::Precision precision = kernels::Precision::kFloat32);

  // Bytes of an arena that run() takes, whatever is wanted.
  [[nodiscard]] size_t scratch(int32_t height, int32_t width, int threads) const;
  // Computes no more than the wanted pixels need; they are the same (up to about 1e-6) whatever else is
  // wanted. The same bytes for any number of threads. progress(share of the work that is done) comes after
  // each layer.
  void run(const DeepFillCall& call, Arena& arena, kernels::Parallel& parallel,
           const std::function<void(double)>& progress) const;

  // Of the packed weights.
  [[nodiscard]] size_t weight_bytes() const { return network_.weight_bytes(); }

 private:
  [[nodiscard]] kernels::Network::Plan plan(int32_t height, int32_t width, const kernels::Region& wanted,
                                            const kernels::Region& hole, int threads) const;

  kernels::Network network_;
  DeepFillMaps maps_;
};

}  // namespace infill::inference
