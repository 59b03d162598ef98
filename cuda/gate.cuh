// The gate alone, kPack neighbours at a time.
#pragma once

#include "cuda/gate_function.cuh"
#include "cuda/language.h"
#include "cuda/storage.cuh"

namespace infill::cuda {

// How one of the maps is walked: in elements, from a picture to the next, and along three axes; the last
// advances by packs.
struct GateWalk {
  int64_t picture = 0;
  int64_t axes[3] = {};
};

struct GateArgs {
  Activation activation;
  int32_t batch;
  uint32_t sizes[3];  // of the axes; of the last in packs
  uint32_t count;     // their product
  const void* z;
  GateWalk z_walk;
  int64_t z_gates;  // from a feature to its gate
  const void* grad;
  GateWalk grad_walk;
  void* to;  // y, or the gradient of z
  GateWalk to_walk;
  int64_t to_gates;
};

inline constexpr int kGateThreads = 256;

// blockIdx.x: packs of a picture; blockIdx.y strides over pictures.
template <class T, int kPack, bool kBackward>
__global__ void __launch_bounds__(kGateThreads) gate_kernel(const GateArgs args) {
  const uint32_t pack = blockIdx.x * kGateThreads + threadIdx.x;
  if (pack >= args.count) return;
  const uint32_t last = pack % args.sizes[2];
  const uint32_t line = pack / args.sizes[2];
  const uint32_t middle = line % args.sizes[1];
  const uint32_t first = line / args.sizes[1];
  const auto offset = [&](const GateWalk& walk) {
    return first * walk.axes[0] + middle * walk.axes[1] + last * walk.axes[2];
  };
  const int64_t at_z = offset(args.z_walk);
  const int64_t at_to = offset(args.to_walk);
  [[maybe_unused]] const int64_t at_grad = kBackward ? offset(args.grad_walk) : 0;
  for (auto picture = int32_t(blockIdx.y); picture < args.batch; picture += int32_t(gridDim.y)) {
    const T* z = static_cast<const T*>(args.z) + picture * args.z_walk.picture + at_z;
    T* to = static_cast<T*>(args.to) + picture * args.to_walk.picture + at_to;
    float f[kPack];
    float g[kPack];
    load_packed(z, f);
    load_packed(z + args.z_gates, g);
    if constexpr (kBackward) {
      float dy[kPack];
      load_packed(static_cast<const T*>(args.grad) + picture * args.grad_walk.picture + at_grad, dy);
#pragma unroll
      for (int i = 0; i < kPack; ++i) gate_gradient(args.activation, f[i], g[i], dy[i], f[i], g[i]);
      store_packed(to, f);
      store_packed(to + args.to_gates, g);
    } else {
#pragma unroll
      for (int i = 0; i < kPack; ++i) f[i] = gate(args.activation, f[i], g[i]);
      store_packed(to, f);
    }
  }
}

}  // namespace infill::cuda
