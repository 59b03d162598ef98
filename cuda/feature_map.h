// Where the values of a batch of feature maps lie.
#pragma once

#include <cstdint>

namespace infill::cuda {

// Elements, not bytes, from one picture, channel, row, pixel to the next.
struct FeatureStrides {
  int64_t picture = 0, channel = 0, row = 0, pixel = 0;
};

// [N, H, W, C]: pixels follow each other at `pitch` elements, at least the number of channels.
constexpr FeatureStrides channels_last(int64_t height, int64_t width, int64_t pitch) {
  return {height * width * pitch, 1, width * pitch, pitch};
}

// [N, C, H, W] without gaps.
constexpr FeatureStrides channels_first(int64_t channels, int64_t height, int64_t width) {
  return {channels * height * width, height * width, width, 1};
}

}  // namespace infill::cuda
