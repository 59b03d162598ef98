// Sums of gated_conv2d_backward over pixels and over the parts of a sum, in an order that depends on the
// call's sizes only.
#pragma once

#include "cuda/gated_conv2d_backward.h"
#include "cuda/language.h"
#include "cuda/storage.cuh"

namespace infill::cuda {

// A block: 32 neighbours in memory x 8 lanes that share a sum.
inline constexpr int kSumChannels = 32;
inline constexpr int kSumLanes = 8;
inline constexpr int kSumThreads = kSumChannels * kSumLanes;

// The sum of the lanes' values, in the lanes' order; lane 0 has it.
__device__ __forceinline__ float sum_of_lanes(float (&lanes)[kSumLanes][kSumChannels], float value) {
  const int channel = int(threadIdx.x) % kSumChannels;
  const int lane = int(threadIdx.x) / kSumChannels;
  lanes[lane][channel] = value;
  __syncthreads();
  float sum = 0;
  if (lane == 0) {
#pragma unroll
    for (int i = 0; i < kSumLanes; ++i) sum += lanes[i][channel];
  }
  return sum;
}

struct BiasPartsArgs {
  const void* dz;
  int32_t dz_pitch, dz_channels;
  uint32_t pixels;
  int32_t part_pixels;
  float* sums;  // [parts][dz_channels]
};

// blockIdx.x: the part; blockIdx.y: 32 channels.
template <class T>
__global__ void __launch_bounds__(kSumThreads) bias_parts_kernel(const BiasPartsArgs args) {
  INFILL_SHARED(float, lanes, [kSumLanes][kSumChannels]);
  const int32_t channel = int32_t(blockIdx.y) * kSumChannels + int32_t(threadIdx.x) % kSumChannels;
  const uint32_t first = blockIdx.x * uint32_t(args.part_pixels);
  const uint32_t left = args.pixels - first;
  const uint32_t pixels = left < uint32_t(args.part_pixels) ? left : uint32_t(args.part_pixels);
  float sum = 0;
  if (channel < args.dz_channels) {
    for (uint32_t i = threadIdx.x / kSumChannels; i < pixels; i += kSumLanes) {
      sum += to_float(static_cast<const T*>(args.dz)[int64_t{first + i} * args.dz_pitch + channel]);
    }
  }
  sum = sum_of_lanes(lanes, sum);
  if (threadIdx.x < kSumChannels && channel < args.dz_channels) {
    args.sums[int64_t{blockIdx.x} * args.dz_channels + channel] = sum;
  }
}

struct SumPartsArgs {
  const float* sums;  // [parts][columns][row_pitch]
  int32_t parts;
  int64_t part_stride;  // columns * row_pitch
  int32_t rows, row_pitch;
  int64_t count;  // rows * columns that are wanted
  // Column to channel and tap: `channels` of every `column_pitch` columns are there; folded columns are taps
  // of a filter row times in_channels.
  int32_t channels, column_pitch, kernel_width, in_channels;
  bool fold;
  void* to;
  int64_t row_stride, channel_stride, y_stride, x_stride;
};

// blockIdx.x strides over 32 results.
template <class T>
__global__ void __launch_bounds__(kSumThreads) sum_parts_kernel(const SumPartsArgs args) {
  INFILL_SHARED(float, lanes, [kSumLanes][kSumChannels]);
  const int64_t blocks = (args.count + kSumChannels - 1) / kSumChannels;
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    const int64_t at = block * kSumChannels + threadIdx.x % kSumChannels;
    const auto row = int32_t(at % args.rows);
    const auto column = int32_t(at / args.rows);
    const int32_t tap = column / args.channels;
    int32_t channel = column % args.channels;
    float sum = 0;
    if (at < args.count) {
      const float* from = args.sums + (int64_t{tap} * args.column_pitch + channel) * args.row_pitch + row;
      for (auto part = int32_t(threadIdx.x) / kSumChannels; part < args.parts; part += kSumLanes) {
        sum += from[part * args.part_stride];
      }
    }
    sum = sum_of_lanes(lanes, sum);
    if (threadIdx.x < kSumChannels && at < args.count) {
      const int32_t tap_y = tap / args.kernel_width;
      int32_t tap_x = tap % args.kernel_width;
      if (args.fold) {
        tap_x = channel / args.in_channels;
        channel %= args.in_channels;
      }
      static_cast<T*>(args.to)[row * args.row_stride + channel * args.channel_stride + tap_y * args.y_stride +
                               tap_x * args.x_stride] = from_float<T>(sum);
    }
    __syncthreads();  // before the next results' lanes are written
  }
}

struct ClearArgs {
  void* to;
  FeatureStrides strides;
  int32_t batch, channels, height, width;

  int64_t count() const { return int64_t{batch} * channels * height * width; }
};

// Zeros, of all bits.
template <class T>
__global__ void __launch_bounds__(kSumThreads) clear_kernel(const ClearArgs args) {
  const int64_t threads = int64_t{gridDim.x} * kSumThreads;
  const bool last = args.strides.channel < args.strides.pixel;
  const int64_t pixels = int64_t{args.height} * args.width;
  const int64_t picture = pixels * args.channels;
  for (int64_t i = int64_t{blockIdx.x} * kSumThreads + threadIdx.x; i < args.batch * picture; i += threads) {
    const int64_t within = i % picture;
    const int64_t channel = last ? within % args.channels : within / pixels;
    const int64_t pixel = last ? within / args.channels : within % pixels;
    static_cast<T*>(
        args.to)[i / picture * args.strides.picture + channel * args.strides.channel +
                 pixel / args.width * args.strides.row + pixel % args.width * args.strides.pixel] =
        from_float<T>(0.0F);
  }
}

}  // namespace infill::cuda
