// What follows the sums: bias, activation, gate or its gradient, and the store.
#pragma once

#include "cuda/gate_function.cuh"
#include "cuda/gated_conv2d_args.h"
#include "cuda/storage.cuh"

namespace infill::cuda {

// Of a thread's columns: kNTiles gated channels from `channel` on, or 2 * kNTiles others from 2 * `channel`
// on. Their rows of weights are pairs, eight rows apart, from `row` on.
template <class T, int kNTiles>
struct Finish {
  const ConvolutionArgs& args;
  int32_t gated, plain;  // the thread's first channel
  float bias[2 * kNTiles];

  __device__ __forceinline__ Finish(const ConvolutionArgs& arguments, int32_t channel, int32_t row)
      : args(arguments), gated(channel), plain(2 * channel) {
#pragma unroll
    for (int n = 0; n < kNTiles; ++n) {
      const bool inside = row + 8 * n < args.rows;
      bias[2 * n] = inside ? __ldg(args.bias + row + 8 * n) : 0.0F;
      bias[2 * n + 1] = inside ? __ldg(args.bias + row + 8 * n + 1) : 0.0F;
    }
  }

  // z: feature and gate, feature and gate, ... or channel after channel, without bias.
  __device__ __forceinline__ void pixel(float (&z)[2 * kNTiles], int32_t picture, int32_t y,
                                        int32_t x) const {
#pragma unroll
    for (int i = 0; i < 2 * kNTiles; ++i) z[i] += bias[i];
    T* to = static_cast<T*>(args.y) + offset(args.y_strides, picture, y, x);
    if (args.mode == ConvolutionMode::kPlain) {
#pragma unroll
      for (int i = 0; i < 2 * kNTiles; ++i) z[i] = activate(args.activation, z[i]);
      store(to, plain, z, args.out_channels - plain);
      return;
    }
    float first[kNTiles];
    if (args.mode == ConvolutionMode::kGate) {
#pragma unroll
      for (int n = 0; n < kNTiles; ++n) first[n] = gate(args.activation, z[2 * n], z[2 * n + 1]);
      store(to, gated, first, args.out_channels - gated);
      return;
    }
    float second[kNTiles];
    const T* from = static_cast<const T*>(args.grad) + offset(args.grad_strides, picture, y, x);
    load(from, first);
#pragma unroll
    for (int n = 0; n < kNTiles; ++n) {
      const float dy = first[n];
      gate_gradient(args.activation, z[2 * n], z[2 * n + 1], dy, first[n], second[n]);
    }
    store(to, gated, first, args.out_channels - gated);
    store(to + args.out_channels * args.y_strides.channel, gated, second, args.out_channels - gated);
  }

 private:
  __device__ __forceinline__ static int64_t offset(const FeatureStrides& strides, int32_t picture, int32_t y,
                                                   int32_t x) {
    return picture * strides.picture + y * strides.row + x * strides.pixel;
  }

  template <int kCount>
  __device__ __forceinline__ void store(T* to, int32_t channel, const float (&values)[kCount],
                                        int32_t left) const {
    if (args.y_packed && left >= kCount) {
      store_packed(to + channel, values);
      return;
    }
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      if (i < left) to[(channel + i) * args.y_strides.channel] = from_float<T>(values[i]);
    }
  }

  __device__ __forceinline__ void load(const T* from, float (&values)[kNTiles]) const {
    const int32_t left = args.out_channels - gated;
    if (args.grad_packed && left >= kNTiles) {
      load_packed(from + gated, values);
      return;
    }
#pragma unroll
    for (int i = 0; i < kNTiles; ++i)
      values[i] = i < left ? to_float(from[(gated + i) * args.grad_strides.channel]) : 0.0F;
  }
};

}  // namespace infill::cuda
