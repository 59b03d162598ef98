// Which way gated_conv2d takes for CUDA tensors. The environment variable INFILL_GATED_CONV2D_CUDA, read at
// every call, says so:
//
//   auto    (or not set) the table below
//   fused   the kernels of cuda/gated_conv2d.h
//   cudnn   LibTorch's convolution, then the gate
#pragma once

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string_view>

#include "cuda/precision.h"

namespace infill::ops {

enum class GatedConv2dPath : uint8_t { kFused, kCudnn };

inline constexpr char kGatedConv2dPathVariable[] = "INFILL_GATED_CONV2D_CUDA";

// The product of the channels of x and of the result from which cuDNN's convolution and the gate are faster
// than the fused kernel.
struct CudnnFrom {
  int64_t forward, backward;
};
inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// NOT YET MEASURED: fused everywhere until scripts/gpu-check has compared both on a device (the tables of
// gated convolutions in docs/benchmarks-gpu.md). By cuda::Precision.
inline constexpr CudnnFrom kCudnnFrom[] = {
    {kNever, kNever},  // kFloat32
    {kNever, kNever},  // kTf32
    {kNever, kNever},  // kFloat16
    {kNever, kNever},  // kBfloat16
};

// Null for a word that is none of the three. word: null if there is none.
inline std::optional<GatedConv2dPath> gated_conv2d_path(const char* word, int64_t in_channels,
                                                        int64_t out_channels, cuda::Precision precision,
                                                        bool backward) {
  const std::string_view name = word == nullptr ? "auto" : word;
  if (name == "fused") return GatedConv2dPath::kFused;
  if (name == "cudnn") return GatedConv2dPath::kCudnn;
  if (name != "auto") return std::nullopt;
  const CudnnFrom& from = kCudnnFrom[static_cast<int>(precision)];
  const int64_t channels = in_channels * out_channels;
  return channels >= (backward ? from.backward : from.forward) ? GatedConv2dPath::kCudnn
                                                               : GatedConv2dPath::kFused;
}

}  // namespace infill::ops
