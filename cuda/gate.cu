#include <algorithm>
#include <limits>

#include "cuda/gate.cuh"
#include "cuda/gate.h"

namespace infill::cuda {
namespace {

// Blocks beside each other; a block goes on with the pictures behind.
constexpr int32_t kMostRows = 1024;

// Channels, rows or columns of all maps.
struct Axis {
  int64_t size = 1;
  int64_t z = 0, grad = 0, to = 0;
};

// The axes from the outermost of z's memory to the innermost; neighbours that every map walks without a gap
// are one axis.
struct Axes {
  Axis axes[3];

  Axes(int64_t channels, int64_t height, int64_t width, const FeatureStrides& z, const FeatureStrides& grad,
       const FeatureStrides& to) {
    Axis all[] = {{channels, z.channel, grad.channel, to.channel},
                  {height, z.row, grad.row, to.row},
                  {width, z.pixel, grad.pixel, to.pixel}};
    std::sort(all, all + 3,
              [](const Axis& a, const Axis& b) { return a.size > 1 && (b.size == 1 || a.z > b.z); });
    // Axes of size 1 are last now; the innermost of the others becomes axes[2].
    int at = 2;
    bool first = true;
    for (int i = 2; i >= 0; --i) {
      const Axis& axis = all[i];
      if (axis.size == 1) continue;
      const Axis inner = axes[at];
      const bool together = !first && axis.z == inner.z * inner.size &&
                            axis.grad == inner.grad * inner.size && axis.to == inner.to * inner.size;
      if (together) {
        axes[at].size *= axis.size;
      } else {
        if (!first) --at;
        axes[at] = axis;
      }
      first = false;
    }
  }
};

bool aligned(const void* pointer, int64_t pack_bytes) {
  return reinterpret_cast<uintptr_t>(pointer) % uintptr_t(pack_bytes) == 0;
}

// Whether packs of `pack` elements of `element` bytes can be loaded and stored.
bool packed(const GateArgs& args, const Axes& axes, int64_t pack, int64_t element, bool backward) {
  const Axis& last = axes.axes[2];
  const auto unit = [backward](const Axis& a) { return a.z == 1 && a.to == 1 && (!backward || a.grad == 1); };
  if (last.size % pack != 0 || !unit(last)) return false;
  for (const Axis& axis : {axes.axes[0], axes.axes[1]}) {
    if (axis.z % pack != 0 || axis.to % pack != 0 || axis.grad % pack != 0) return false;
  }
  for (const int64_t step :
       {args.z_walk.picture, args.grad_walk.picture, args.to_walk.picture, args.z_gates, args.to_gates}) {
    if (step % pack != 0) return false;
  }
  return aligned(args.z, pack * element) && aligned(args.grad, pack * element) &&
         aligned(args.to, pack * element);
}

template <class T, int kPack, bool kBackward>
cudaError_t launch(GateArgs args, const Axes& axes, cudaStream_t stream) {
  for (int i = 0; i < 3; ++i) {
    const Axis& axis = axes.axes[i];
    const int64_t by = i == 2 ? kPack : 1;
    args.sizes[i] = uint32_t(axis.size / by);
    args.z_walk.axes[i] = axis.z * by;
    args.grad_walk.axes[i] = axis.grad * by;
    args.to_walk.axes[i] = axis.to * by;
  }
  args.count = args.sizes[0] * args.sizes[1] * args.sizes[2];
  const dim3 grid((args.count + kGateThreads - 1) / kGateThreads, unsigned(std::min(args.batch, kMostRows)));
  INFILL_LAUNCH((gate_kernel<T, kPack, kBackward>), grid, dim3(kGateThreads), 0, stream, args);
  return cudaGetLastError();
}

template <class T, bool kBackward>
cudaError_t run_type(const GateArgs& args, const Axes& axes, cudaStream_t stream) {
  constexpr int kPack = 16 / int(sizeof(T));
  return packed(args, axes, kPack, sizeof(T), kBackward) ? launch<T, kPack, kBackward>(args, axes, stream)
                                                         : launch<T, 1, kBackward>(args, axes, stream);
}

template <bool kBackward>
cudaError_t run(Precision precision, const GateArgs& args, const Axes& axes, cudaStream_t stream) {
  if (precision == Precision::kBfloat16) return run_type<__nv_bfloat16, kBackward>(args, axes, stream);
  if (precision == Precision::kFloat16) return run_type<__half, kBackward>(args, axes, stream);
  return run_type<float, kBackward>(args, axes, stream);
}

template <class Call>
bool valid(const Call& call) {
  const auto limit = double(std::numeric_limits<int32_t>::max());
  return call.batch >= 0 && call.channels >= 0 && call.height >= 0 && call.width >= 0 &&
         double(call.channels) * double(call.height) * double(call.width) <= limit &&
         call.activation >= Activation::kNone && call.activation <= Activation::kTanh &&
         call.precision >= Precision::kFloat32 && call.precision <= Precision::kBfloat16;
}

template <class Call>
bool empty(const Call& call) {
  return call.batch == 0 || call.channels == 0 || call.height == 0 || call.width == 0;
}

}  // namespace

cudaError_t gate(const GateCall& call, cudaStream_t stream) {
  if (!valid(call)) return cudaErrorInvalidValue;
  if (empty(call)) return cudaSuccess;
  if (call.z == nullptr || call.y == nullptr) return cudaErrorInvalidValue;
  GateArgs args{};
  args.activation = call.activation;
  args.batch = call.batch;
  args.z = call.z;
  args.z_walk.picture = call.z_strides.picture;
  args.z_gates = call.channels * call.z_strides.channel;
  args.to = call.y;
  args.to_walk.picture = call.y_strides.picture;
  const Axes axes(call.channels, call.height, call.width, call.z_strides, {}, call.y_strides);
  return run<false>(call.precision, args, axes, stream);
}

cudaError_t gate_backward(const GateBackwardCall& call, cudaStream_t stream) {
  if (!valid(call)) return cudaErrorInvalidValue;
  if (empty(call)) return cudaSuccess;
  if (call.z == nullptr || call.grad == nullptr || call.grad_z == nullptr) return cudaErrorInvalidValue;
  GateArgs args{};
  args.activation = call.activation;
  args.batch = call.batch;
  args.z = call.z;
  args.z_walk.picture = call.z_strides.picture;
  args.z_gates = call.channels * call.z_strides.channel;
  args.grad = call.grad;
  args.grad_walk.picture = call.grad_strides.picture;
  args.to = call.grad_z;
  args.to_walk.picture = call.grad_z_strides.picture;
  args.to_gates = call.channels * call.grad_z_strides.channel;
  const Axes axes(call.channels, call.height, call.width, call.z_strides, call.grad_strides,
                  call.grad_z_strides);
  return run<true>(call.precision, args, axes, stream);
}

}  // namespace infill::cuda
