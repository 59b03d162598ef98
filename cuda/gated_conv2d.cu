#include "cuda/gated_conv2d.h"
#include "cuda/gated_conv2d_args.h"
#include "cuda/gated_conv2d_pack.cuh"
#include "cuda/gated_conv2d_run.h"
#include "cuda/storage.cuh"

namespace infill::cuda {
namespace {

template <class T>
cudaError_t pack_weights(const PackWeightsArgs& args, cudaStream_t stream) {
  const int64_t count = int64_t(args.layout.weight_bytes() / sizeof(T));
  const int64_t blocks = (count + kPackThreads - 1) / kPackThreads;
  INFILL_LAUNCH((pack_weights_kernel<T>), dim3(unsigned(blocks < 1024 ? blocks : 1024)), dim3(kPackThreads),
                0, stream, args);
  return cudaGetLastError();
}

template <class T>
cudaError_t copy_pixels(const CopyArgs& args, cudaStream_t stream) {
  const dim3 grid((args.pixels + kCopyPixels - 1) / kCopyPixels,
                  unsigned(args.pitch + kCopyChannels - 1) / kCopyChannels);
  INFILL_LAUNCH((copy_input_kernel<T>), grid, dim3(kPackThreads), 0, stream, args);
  return cudaGetLastError();
}

// Bytes are moved, not numbers: halves of both kinds are the same, and so are floats of both precisions.
bool is_half(Precision precision) {
  return element_bytes(precision) == 2;
}

}  // namespace

cudaError_t has_tensor_cores(bool& result) {
  int device = 0;
  int major = 0;
  cudaError_t error = cudaGetDevice(&device);
  if (error == cudaSuccess) error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  result = major >= 8;
  return error;
}

size_t gated_conv2d_packed_bytes(const GatedConv2dLayer& layer) {
  const PackedLayout layout = packed_layout(layer);
  return layout.supported ? layout.weight_bytes() + size_t(layout.rows) * sizeof(float) : 0;
}

cudaError_t gated_conv2d_pack(const GatedConv2dLayer& layer, const GatedConv2dWeights& weights, void* packed,
                              cudaStream_t stream) {
  PackWeightsArgs args;
  args.layout = packed_layout(layer);
  if (!args.layout.supported || weights.weight == nullptr || packed == nullptr) return cudaErrorInvalidValue;
  args.weights = weights;
  args.in_channels = layer.in_channels;
  args.out_channels = layer.out_channels;
  args.kernel_height = layer.kernel_height;
  args.gated = layer.gated;
  args.packed = packed;
  args.packed_bias =
      reinterpret_cast<float*>(static_cast<unsigned char*>(packed) + args.layout.weight_bytes());
  if (layer.precision == Precision::kBfloat16) return pack_weights<__nv_bfloat16>(args, stream);
  if (layer.precision == Precision::kFloat16) return pack_weights<__half>(args, stream);
  return pack_weights<float>(args, stream);
}

size_t copy_bytes(const GatedConv2dCall& call, const GatedConv2dPlan& plan) {
  if (plan.error != cudaSuccess || !plan.copy || plan.pixels == 0) return 0;
  return size_t(call.batch) * size_t(call.in_height) * size_t(plan.copy_width) * size_t(plan.copy_pitch) *
         element_bytes(call.layer.precision);
}

cudaError_t copy_input(const GatedConv2dCall& call, const GatedConv2dPlan& plan, void* copy,
                       cudaStream_t stream) {
  const double pixels = double(call.batch) * double(call.in_height) * double(plan.copy_width);
  if (pixels >= 2147483520.0) return cudaErrorInvalidValue;
  if (pixels == 0) return cudaSuccess;
  CopyArgs args;
  const GatedConv2dLayer& layer = call.layer;
  args.x = call.x;
  args.strides = call.x_strides;
  args.in_channels = layer.in_channels;
  args.fold = plan.layout.fold;
  args.in_width = args.fold ? call.in_width * layer.upsample : call.in_width;
  args.height = call.in_height;
  args.width = plan.copy_width;
  args.pitch = plan.copy_pitch;
  args.channels = plan.layout.channels;
  args.pixels = uint32_t(pixels);
  args.stride_x = layer.stride_x;
  args.dilation_x = layer.dilation_x;
  args.pad_left = call.pad_left;
  args.shift_x = args.fold ? layer.upsample - 1 : 0;
  args.copy = copy;
  return is_half(layer.precision) ? copy_pixels<__half>(args, stream) : copy_pixels<float>(args, stream);
}

bool packed_access(const void* pointer, const FeatureStrides& strides, int channels, size_t element) {
  const size_t bytes = element * size_t(element == 2 ? pack_of<__half>(channels) : pack_of<float>(channels));
  const auto aligned = [bytes, element](int64_t stride) {
    return stride * int64_t(element) % int64_t(bytes) == 0;
  };
  return strides.channel == 1 && reinterpret_cast<uintptr_t>(pointer) % bytes == 0 &&
         aligned(strides.picture) && aligned(strides.row) && aligned(strides.pixel);
}

ConvolutionArgs convolution_args(const GatedConv2dCall& call, const GatedConv2dPlan& plan, const void* copy) {
  const GatedConv2dLayer& layer = call.layer;
  const PackedLayout& layout = plan.layout;
  ConvolutionArgs args{};
  if (plan.copy) {
    args.x = copy;
    args.x_pixel = plan.copy_pitch;
    args.x_row = plan.copy_width * plan.copy_pitch;
    args.x_picture = int64_t{args.x_row} * call.in_height;
  } else {
    args.x = call.x;
    args.x_pixel = int32_t(call.x_strides.pixel);
    args.x_row = int32_t(call.x_strides.row);
    args.x_picture = call.x_strides.picture;
  }
  args.in_height = call.in_height * layer.upsample;
  args.shift_y = layer.upsample - 1;
  args.kernel_height = layer.kernel_height;
  args.stride_y = layer.stride_y;
  args.dilation_y = layer.dilation_y;
  args.pad_top = call.pad_top;
  args.kernel_width = layout.kernel_width;
  if (layout.fold) {
    // The copy has the pixels of a row that one filter row reaches.
    args.in_width = plan.copy_width;
    args.stride_x = 1;
    args.dilation_x = 1;
  } else {
    args.in_width = call.in_width * layer.upsample;
    args.shift_x = layer.upsample - 1;
    args.stride_x = layer.stride_x;
    args.dilation_x = layer.dilation_x;
    args.pad_left = call.pad_left;
  }
  args.in_channels = layout.channels;
  args.pieces = layout.pieces;
  args.weights = call.packed;
  args.bias =
      reinterpret_cast<const float*>(static_cast<const unsigned char*>(call.packed) + layout.weight_bytes());
  args.steps = layout.steps;
  args.rows = layout.rows;
  args.n_tiles = layout.n_tiles;
  args.pixels = uint32_t(plan.pixels);
  args.height = plan.height;
  args.width = plan.width;
  args.y0 = plan.y0;
  args.x0 = plan.x0;
  args.out_channels = layer.out_channels;
  args.mode = layer.gated ? ConvolutionMode::kGate : ConvolutionMode::kPlain;
  args.activation = layer.activation;
  args.y = call.y;
  args.y_strides = call.y_strides;
  if (plan.tile != GatedConv2dTile::kSimt) {
    const int columns = shape_of(plan.tile).columns();
    args.channel_tiles = (layout.rows + columns - 1) / columns;
    const int neighbours = layer.gated ? layout.n_tiles : 2 * layout.n_tiles;
    args.y_packed = packed_access(call.y, call.y_strides, neighbours, element_bytes(layer.precision));
  }
  return args;
}

cudaError_t run_convolution(Precision precision, const GatedConv2dPlan& plan, const ConvolutionArgs& args,
                            cudaStream_t stream) {
  if (args.pixels == 0) return cudaSuccess;
  switch (precision) {
    case Precision::kFloat32:
      return launch_convolution<Precision::kFloat32>(plan.tile, args, stream);
    case Precision::kTf32:
      return launch_convolution<Precision::kTf32>(plan.tile, args, stream);
    case Precision::kFloat16:
      return launch_convolution<Precision::kFloat16>(plan.tile, args, stream);
    default:
      return launch_convolution<Precision::kBfloat16>(plan.tile, args, stream);
  }
}

size_t gated_conv2d_workspace(const GatedConv2dCall& call) {
  return copy_bytes(call, gated_conv2d_plan(call, /*tensor_cores=*/true));
}

cudaError_t gated_conv2d(const GatedConv2dCall& call, cudaStream_t stream) {
  bool tensor_cores = false;
  cudaError_t error = has_tensor_cores(tensor_cores);
  if (error != cudaSuccess) return error;
  const GatedConv2dPlan plan = gated_conv2d_plan(call, tensor_cores);
  if (plan.error != cudaSuccess || plan.pixels == 0) return plan.error;
  const bool x_missing = call.x == nullptr && call.in_height > 0 && call.in_width > 0;
  if (x_missing || call.y == nullptr || call.packed == nullptr) return cudaErrorInvalidValue;
  if (plan.copy) {
    if (copy_bytes(call, plan) > 0 && call.workspace == nullptr) return cudaErrorInvalidValue;
    error = copy_input(call, plan, call.workspace, stream);
    if (error != cudaSuccess) return error;
  }
  return run_convolution(call.layer.precision, plan, convolution_args(call, plan, call.workspace), stream);
}

}  // namespace infill::cuda
