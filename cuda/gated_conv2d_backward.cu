#include <algorithm>

#include "cuda/gated_conv2d_backward.h"
#include "cuda/gated_conv2d_backward_plan.h"
#include "cuda/gated_conv2d_run.h"
#include "cuda/gated_conv2d_sums.cuh"
#include "cuda/gated_conv2d_weight_gradient.h"
#include "cuda/workspace.h"

namespace infill::cuda {
namespace {

using Call = GatedConv2dBackwardCall;
using Plan = GatedConv2dBackwardPlan;

bool wants_anything(const Call& call) {
  return call.grad_x != nullptr || call.grad_weights.weight != nullptr || call.grad_weights.bias != nullptr;
}

// Calls run(call) for every class of rows and columns of x that taps reach.
template <class Run>
cudaError_t for_each_class(const Call& call, const Plan& plan, const Run& run) {
  const TapAxis down = vertical(call);
  const TapAxis right = horizontal(call);
  for (int32_t i = 0; i < down.classes(); ++i) {
    for (int32_t j = 0; j < right.classes(); ++j) {
      const TapClass rows = down.at(i);
      const TapClass columns = right.at(j);
      if (rows.rows == 0 || columns.rows == 0) continue;
      const cudaError_t error = run(grad_x_call(call, plan, rows, columns), rows, columns);
      if (error != cudaSuccess) return error;
    }
  }
  return cudaSuccess;
}

struct Memory {
  unsigned char* copy = nullptr;    // of x
  unsigned char* packed = nullptr;  // weights
  unsigned char* dz = nullptr;
  unsigned char* turned = nullptr;   // weights for dx, of one class at a time
  unsigned char* dz_copy = nullptr;  // folded, where y has few channels
  float* sums = nullptr;             // parts of the weights' gradient
  float* bias_sums = nullptr;
  size_t bytes = 0;
};

Memory lay_out(const Call& call, const Plan& plan, void* workspace) {
  Memory memory;
  Workspace space(workspace);
  const auto take = [&space](size_t bytes) { return space.take<unsigned char>(int64_t(bytes)); };
  memory.copy = take(copy_bytes(forward_call(call), plan.forward));
  memory.packed = take(gated_conv2d_packed_bytes(call.layer));
  memory.dz = take(plan.dz_bytes(call.layer.precision));
  if (call.grad_x != nullptr) {
    size_t turned = 0;
    size_t copy = 0;
    (void)for_each_class(call, plan, [&](const GatedConv2dCall& back, const TapClass&, const TapClass&) {
      turned = std::max(turned, gated_conv2d_packed_bytes(back.layer));
      copy = std::max(copy, gated_conv2d_workspace(back));
      return cudaSuccess;
    });
    memory.turned = take(turned);
    memory.dz_copy = take(copy);
  }
  if (call.grad_weights.weight != nullptr) {
    memory.sums = space.take<float>(plan.parts * plan.columns() * plan.rows());
  }
  if (call.grad_weights.bias != nullptr) {
    memory.bias_sums = space.take<float>(int64_t{plan.bias_parts} * 2 * call.layer.out_channels);
  }
  memory.bytes = space.used();
  return memory;
}

cudaError_t compute_dz(const Call& call, const Plan& plan, ConvolutionArgs args, const Memory& memory,
                       cudaStream_t stream) {
  const size_t element = element_bytes(call.layer.precision);
  args.mode = ConvolutionMode::kGradient;
  args.y = memory.dz;
  args.y_strides = channels_last(call.out_height, call.out_width, plan.dz_pitch);
  args.grad = call.grad;
  args.grad_strides = call.grad_strides;
  if (plan.forward.tile != GatedConv2dTile::kSimt) {
    const int neighbours = plan.forward.layout.n_tiles;
    const auto* gates = memory.dz + size_t(call.layer.out_channels) * element;
    args.y_packed = packed_access(memory.dz, args.y_strides, neighbours, element) &&
                    packed_access(gates, args.y_strides, neighbours, element);
    args.grad_packed = packed_access(call.grad, call.grad_strides, neighbours, element);
  }
  return run_convolution(call.layer.precision, plan.forward, args, stream);
}

template <class T>
cudaError_t clear(const ClearArgs& args, cudaStream_t stream) {
  const int64_t blocks = (args.count() + kSumThreads - 1) / kSumThreads;
  if (blocks == 0) return cudaSuccess;
  INFILL_LAUNCH((clear_kernel<T>), dim3(unsigned(std::min<int64_t>(blocks, 1 << 20))), dim3(kSumThreads), 0,
                stream, args);
  return cudaGetLastError();
}

// Rows and columns of x that no tap reaches are not in any class.
cudaError_t clear_grad_x(const Call& call, cudaStream_t stream) {
  ClearArgs args;
  args.to = call.grad_x;
  args.strides = call.grad_x_strides;
  args.batch = call.batch;
  args.channels = call.layer.in_channels;
  args.height = call.in_height;
  args.width = call.in_width;
  return element_bytes(call.layer.precision) == 2 ? clear<__half>(args, stream) : clear<float>(args, stream);
}

cudaError_t compute_grad_x(const Call& call, const Plan& plan, const Memory& memory, cudaStream_t stream) {
  if (!vertical(call).covers() || !horizontal(call).covers()) {
    const cudaError_t error = clear_grad_x(call, stream);
    if (error != cudaSuccess) return error;
  }
  const auto element = int64_t(element_bytes(call.layer.precision));
  const auto run = [&](GatedConv2dCall back, const TapClass& rows, const TapClass& columns) {
    // Rows and channels change places, and taps are walked from the last one back.
    const GatedConv2dWeights& from = call.weights;
    GatedConv2dWeights turned;
    turned.weight = static_cast<const unsigned char*>(from.weight) +
                    (rows.last_tap * from.y_stride + columns.last_tap * from.x_stride) * element;
    turned.row_stride = from.channel_stride;
    turned.channel_stride = from.row_stride;
    turned.y_stride = -rows.tap_step * from.y_stride;
    turned.x_stride = -columns.tap_step * from.x_stride;
    const cudaError_t error = gated_conv2d_pack(back.layer, turned, memory.turned, stream);
    if (error != cudaSuccess) return error;
    back.x = memory.dz;
    back.packed = memory.turned;
    back.workspace = memory.dz_copy;
    return gated_conv2d(back, stream);
  };
  return for_each_class(call, plan, run);
}

template <class T>
cudaError_t sum_parts(const SumPartsArgs& args, cudaStream_t stream) {
  const int64_t blocks = (args.count + kSumChannels - 1) / kSumChannels;
  INFILL_LAUNCH((sum_parts_kernel<T>), dim3(unsigned(std::min<int64_t>(blocks, 1 << 16))), dim3(kSumThreads),
                0, stream, args);
  return cudaGetLastError();
}

cudaError_t sum_parts(Precision precision, const SumPartsArgs& args, cudaStream_t stream) {
  if (precision == Precision::kBfloat16) return sum_parts<__nv_bfloat16>(args, stream);
  if (precision == Precision::kFloat16) return sum_parts<__half>(args, stream);
  return sum_parts<float>(args, stream);
}

cudaError_t run_weight_gradient(Precision precision, int tile, bool tensor_cores,
                                const WeightGradientArgs& args, cudaStream_t stream) {
  if (args.parts == 0) return cudaSuccess;
  switch (precision) {
    case Precision::kFloat32:
      return launch_weight_gradient<Precision::kFloat32>(tile, tensor_cores, args, stream);
    case Precision::kTf32:
      return launch_weight_gradient<Precision::kTf32>(tile, tensor_cores, args, stream);
    case Precision::kFloat16:
      return launch_weight_gradient<Precision::kFloat16>(tile, tensor_cores, args, stream);
    default:
      return launch_weight_gradient<Precision::kBfloat16>(tile, tensor_cores, args, stream);
  }
}

cudaError_t compute_grad_weight(const Call& call, const Plan& plan, const ConvolutionArgs& forward,
                                const Memory& memory, cudaStream_t stream) {
  const PackedLayout& layout = plan.forward.layout;
  WeightGradientArgs args;
  args.forward = forward;
  args.dz = memory.dz;
  args.dz_pitch = plan.dz_pitch;
  args.dz_channels = 2 * call.layer.out_channels;
  args.parts = plan.parts;
  args.part_pixels = plan.part_pixels;
  args.column_tiles = plan.column_tiles;
  args.row_tiles = plan.row_tiles;
  args.sums = memory.sums;
  const cudaError_t error = run_weight_gradient(call.layer.precision, plan.weight_tile,
                                                plan.forward.tile != GatedConv2dTile::kSimt, args, stream);
  if (error != cudaSuccess) return error;
  SumPartsArgs sum;
  sum.sums = memory.sums;
  sum.parts = plan.parts;
  sum.part_stride = plan.columns() * plan.rows();
  sum.rows = args.dz_channels;
  sum.row_pitch = int32_t(plan.rows());
  sum.channels = layout.channels;
  sum.column_pitch = layout.pieces * int32_t(kPieceBytes / element_bytes(call.layer.precision));
  sum.count = int64_t{sum.rows} * call.layer.kernel_height * layout.kernel_width * layout.channels;
  sum.kernel_width = layout.kernel_width;
  sum.in_channels = call.layer.in_channels;
  sum.fold = layout.fold;
  const GatedConv2dWeightsGradient& to = call.grad_weights;
  sum.to = to.weight;
  sum.row_stride = to.row_stride;
  sum.channel_stride = to.channel_stride;
  sum.y_stride = to.y_stride;
  sum.x_stride = to.x_stride;
  return sum_parts(call.layer.precision, sum, stream);
}

template <class T>
cudaError_t sum_bias_parts(const BiasPartsArgs& args, int32_t parts, cudaStream_t stream) {
  if (parts == 0) return cudaSuccess;
  const dim3 grid(unsigned(parts), unsigned((args.dz_channels + kSumChannels - 1) / kSumChannels));
  INFILL_LAUNCH((bias_parts_kernel<T>), grid, dim3(kSumThreads), 0, stream, args);
  return cudaGetLastError();
}

cudaError_t compute_grad_bias(const Call& call, const Plan& plan, const Memory& memory, cudaStream_t stream) {
  BiasPartsArgs args;
  args.dz = memory.dz;
  args.dz_pitch = plan.dz_pitch;
  args.dz_channels = 2 * call.layer.out_channels;
  args.pixels = uint32_t(plan.forward.pixels);
  args.part_pixels = plan.bias_part_pixels;
  args.sums = memory.bias_sums;
  const Precision precision = call.layer.precision;
  const cudaError_t error =
      precision == Precision::kBfloat16  ? sum_bias_parts<__nv_bfloat16>(args, plan.bias_parts, stream)
      : precision == Precision::kFloat16 ? sum_bias_parts<__half>(args, plan.bias_parts, stream)
                                         : sum_bias_parts<float>(args, plan.bias_parts, stream);
  if (error != cudaSuccess) return error;
  SumPartsArgs sum{};
  sum.sums = memory.bias_sums;
  sum.parts = plan.bias_parts;
  sum.part_stride = sum.rows = sum.row_pitch = args.dz_channels;
  sum.count = sum.rows;
  sum.channels = sum.column_pitch = sum.kernel_width = sum.in_channels = 1;
  sum.to = call.grad_weights.bias;
  sum.row_stride = 1;
  return sum_parts(precision, sum, stream);
}

}  // namespace

size_t gated_conv2d_backward_workspace(const GatedConv2dBackwardCall& call) {
  const Plan plan = gated_conv2d_backward_plan(call, /*tensor_cores=*/true);
  return plan.error == cudaSuccess && wants_anything(call) ? lay_out(call, plan, nullptr).bytes : 0;
}

cudaError_t gated_conv2d_backward(const GatedConv2dBackwardCall& call, cudaStream_t stream) {
  bool tensor_cores = false;
  cudaError_t error = has_tensor_cores(tensor_cores);
  if (error != cudaSuccess) return error;
  const Plan plan = gated_conv2d_backward_plan(call, tensor_cores);
  if (plan.error != cudaSuccess || !wants_anything(call)) return plan.error;
  const bool x_there = call.batch > 0 && call.in_height > 0 && call.in_width > 0;
  if ((x_there && call.x == nullptr) || (plan.forward.pixels > 0 && call.grad == nullptr) ||
      call.weights.weight == nullptr || call.workspace == nullptr) {
    return cudaErrorInvalidValue;
  }
  const Memory memory = lay_out(call, plan, call.workspace);
  GatedConv2dCall forward = forward_call(call);
  forward.packed = memory.packed;
  const ConvolutionArgs args = convolution_args(forward, plan.forward, memory.copy);
  if (plan.forward.pixels > 0) {
    if (plan.forward.copy) error = copy_input(forward, plan.forward, memory.copy, stream);
    if (error == cudaSuccess) error = gated_conv2d_pack(call.layer, call.weights, memory.packed, stream);
    if (error == cudaSuccess) error = compute_dz(call, plan, args, memory, stream);
  }
  if (error == cudaSuccess && call.grad_x != nullptr) error = compute_grad_x(call, plan, memory, stream);
  if (error == cudaSuccess && call.grad_weights.weight != nullptr) {
    error = compute_grad_weight(call, plan, args, memory, stream);
  }
  if (error == cudaSuccess && call.grad_weights.bias != nullptr) {
    error = compute_grad_bias(call, plan, memory, stream);
  }
  return error;
}

}  // namespace infill::cuda
