// Rearranges weights and x into the layouts that the convolution reads (gated_conv2d_plan.h).
#pragma once

#include "cuda/gated_conv2d_args.h"
#include "cuda/language.h"
#include "cuda/storage.cuh"

namespace infill::cuda {

struct PackWeightsArgs {
  GatedConv2dWeights weights;
  PackedLayout layout;
  int32_t in_channels, out_channels, kernel_height;
  bool gated;
  void* packed;
  float* packed_bias;
};

inline constexpr int kPackThreads = 256;

// Copies elements as they are, and the bias as float.
template <class T>
__global__ void __launch_bounds__(kPackThreads) pack_weights_kernel(const PackWeightsArgs args) {
  constexpr int kElements = kPieceBytes / int(sizeof(T));
  const PackedLayout& layout = args.layout;
  const int64_t count = int64_t{layout.steps} * layout.rows * kPiecesPerStep * kElements;
  const int64_t threads = int64_t{gridDim.x} * kPackThreads;
  for (int64_t i = int64_t{blockIdx.x} * kPackThreads + threadIdx.x; i < count; i += threads) {
    const int64_t step_row = i / (kPiecesPerStep * kElements);
    const auto row = int32_t(step_row % layout.rows);
    const int32_t position =
        int32_t(step_row / layout.rows) * kPiecesPerStep + int32_t(i / kElements % kPiecesPerStep);
    const int32_t tap = position / layout.pieces;
    const int32_t tap_y = tap / layout.kernel_width;
    int32_t tap_x = tap % layout.kernel_width;
    int32_t channel = position % layout.pieces * kElements + int32_t(i % kElements);
    const int32_t pair =
        (row / (8 * layout.n_tiles) * 4 + row % 8 / 2) * layout.n_tiles + row % (8 * layout.n_tiles) / 8;
    const int32_t out = args.gated ? pair : 2 * pair + row % 2;
    T value = from_float<T>(0.0F);
    if (channel < layout.channels && tap_y < args.kernel_height && out < args.out_channels) {
      if (layout.fold) {
        tap_x = channel / args.in_channels;
        channel %= args.in_channels;
      }
      const int64_t weight_row = args.gated ? out + int64_t{row % 2} * args.out_channels : out;
      value = static_cast<const T*>(
          args.weights.weight)[weight_row * args.weights.row_stride + channel * args.weights.channel_stride +
                               tap_y * args.weights.y_stride + tap_x * args.weights.x_stride];
    }
    static_cast<T*>(args.packed)[i] = value;
    if (step_row < layout.rows && i % (kPiecesPerStep * kElements) == 0) {
      const bool biased = args.weights.bias != nullptr && out < args.out_channels;
      const int64_t weight_row = args.gated ? out + int64_t{row % 2} * args.out_channels : out;
      args.packed_bias[row] = biased ? to_float(static_cast<const T*>(args.weights.bias)[weight_row]) : 0.0F;
    }
  }
}

struct CopyArgs {
  const void* x;
  FeatureStrides strides;
  int32_t in_channels, in_width;  // in_width after upsampling where folded
  int32_t height, width;          // of the copy
  int32_t pitch;                  // elements of its pixels
  int32_t channels;               // of which are not zero
  uint32_t pixels;                // of all pictures
  bool fold;
  int32_t stride_x, dilation_x, pad_left, shift_x;
  void* copy;
};

inline constexpr int kCopyPixels = 64;
inline constexpr int kCopyChannels = 32;

// A block moves 64 pixels x 32 channels through shared memory: it reads along the pixels if those are the
// neighbours in memory, along the channels otherwise, and writes along the channels.
template <class T>
__global__ void __launch_bounds__(kPackThreads) copy_input_kernel(const CopyArgs args) {
  // Rows of an odd number of words: no bank conflicts along the channels.
  INFILL_SHARED(T, tile, [kCopyChannels][kCopyPixels + int(4 / sizeof(T))]);
  INFILL_SHARED(int64_t, row_offset, [kCopyPixels]);
  INFILL_SHARED(int32_t, first_x, [kCopyPixels]);
  const int thread = int(threadIdx.x);
  const unsigned first_pixel = blockIdx.x * kCopyPixels;
  const unsigned left = args.pixels - first_pixel;
  const int pixels = left < unsigned(kCopyPixels) ? int(left) : kCopyPixels;
  const int first_channel = int(blockIdx.y) * kCopyChannels;
  const int channels =
      args.pitch - first_channel < kCopyChannels ? args.pitch - first_channel : kCopyChannels;
  if (thread < pixels) {
    const unsigned pixel = first_pixel + unsigned(thread);
    const unsigned row = pixel / unsigned(args.width);
    const auto x = int32_t(pixel % unsigned(args.width));
    row_offset[thread] = int64_t{row / unsigned(args.height)} * args.strides.picture +
                         int64_t{row % unsigned(args.height)} * args.strides.row;
    first_x[thread] = args.fold ? x * args.stride_x - args.pad_left : x;
  }
  __syncthreads();
  const bool along_pixels = args.strides.pixel < args.strides.channel;
  for (int i = thread; i < pixels * channels; i += kPackThreads) {
    const int pixel = along_pixels ? i % pixels : i / channels;
    const int slot = along_pixels ? i / pixels : i % channels;
    int32_t channel = first_channel + slot;
    int32_t x = first_x[pixel];
    T value = from_float<T>(0.0F);
    if (channel < args.channels) {
      if (args.fold) {
        x += channel / args.in_channels * args.dilation_x;
        channel %= args.in_channels;
      }
      if (unsigned(x) < unsigned(args.in_width)) {
        value = static_cast<const T*>(
            args.x)[row_offset[pixel] + int64_t{x >> args.shift_x} * args.strides.pixel +
                    channel * args.strides.channel];
      }
    }
    tile[slot][pixel] = value;
  }
  __syncthreads();
  T* to = static_cast<T*>(args.copy) + int64_t{first_pixel} * args.pitch + first_channel;
  for (int i = thread; i < pixels * channels; i += kPackThreads) {
    const int pixel = i / channels;
    const int slot = i % channels;
    to[int64_t{pixel} * args.pitch + slot] = tile[slot][pixel];
  }
}

}  // namespace infill::cuda
