// DeepFill v2's generator on a CUDA device (inference/deepfill_steps.h), without LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/memory.h"
#include "core/task.h"
#include "cuda/neural.h"
#include "device/pictures.h"
#include "inference/deepfill_steps.h"

namespace infill::inference {

struct DeviceDeepFillCall {
  // On the device: colours and unknown are read; colours of `wanted` become the result, as it came out of the
  // network.
  cuda::NetworkPicture picture;
  cuda::NetworkPicture coarse;  // gets what the coarse network made, there too; colours null: not asked for
  kernels::Region wanted;
  kernels::Region hole;         // holds every unknown pixel of the picture
  int32_t* overflow = nullptr;  // on the device: becomes whether a wanted pixel is no finite number
};

// Const functions may be called from several threads at once, each with a stream and an arena of its own.
class DeviceDeepFill {
 public:
  // precision: what maps are stored and multiplied in. Weights are packed on the device, in memory outside of
  // any limit; waits for it. Throws what DeepFill's constructor throws, and what the device says.
  DeviceDeepFill(const device::Device& device, const DeepFillVariant& variant, const WeightLookup& weights,
                 cuda::Precision precision);
  DeviceDeepFill(const DeviceDeepFill&) = delete;
  DeviceDeepFill& operator=(const DeviceDeepFill&) = delete;

  // Bytes of an arena of device memory that run() takes, whatever is wanted.
  [[nodiscard]] size_t scratch(int32_t height, int32_t width) const;
  // Gives the work to the place's stream and returns. Computes no more than the wanted pixels need.
  // progress(share of the work that was given) comes after each layer.
  void run(const DeviceDeepFillCall& call, const device::Place& place, Arena& arena,
           const std::function<void(double)>& progress) const;

  // Of the packed weights.
  [[nodiscard]] size_t weight_bytes() const { return weight_memory_.used(); }

 private:
  class Builder;
  class Run;
  enum class Kind : uint8_t { kConvolution, kMix, kAttention };
  struct Step {
    Kind kind;
    Block packed;  // of a convolution
    AttentionStep attention;
  };
  [[nodiscard]] kernels::NetworkShape::Plan plan(int32_t height, int32_t width, const kernels::Region& wanted,
                                                 const kernels::Region& hole) const;

  const device::Device& device_;
  const cuda::Precision precision_;
  Memory weight_memory_;
  kernels::NetworkShape shape_;
  std::vector<Step> steps_;  // as the shape's
  DeepFillMaps maps_;
};

}  // namespace infill::inference
