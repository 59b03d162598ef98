#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>

#include "cuda/gated_conv2d_backward_plan.h"

namespace infill::cuda {
namespace {

constexpr int64_t divided_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Two blocks on each of 132 multiprocessors.
constexpr int64_t kBlocks = 264;
// Less of a sum is not worth a block: the pipeline's start and the partial result cost more.
constexpr int64_t kLeastSteps = 8;
constexpr int64_t kLeastBiasPixels = 64;
constexpr int64_t kBiasChannels = 32;

// The largest tile whose padding is within a sixth of the least: a large tile reads x and dz less often.
int weight_tile(int64_t columns, int64_t rows) {
  const auto padded = [columns, rows](const WeightTileShape& shape) {
    return divided_up(columns, shape.columns()) * shape.columns() * divided_up(rows, shape.rows()) *
           shape.rows();
  };
  int64_t least = std::numeric_limits<int64_t>::max();
  for (const WeightTileShape& shape : kWeightTileShapes) least = std::min(least, padded(shape));
  int tile = 0;
  while (6 * padded(kWeightTileShapes[tile]) > 7 * least) ++tile;
  return tile;
}

}  // namespace

int32_t TapAxis::classes() const {
  return std::min(stride / std::gcd(stride, dilation), kernel);
}

// Tap k reaches row i from row o of z where i = o * stride - pad + k * dilation. So the taps of row i leave
// the same rest as i + pad when k * dilation is divided by stride: every tap_step-th.
TapClass TapAxis::at(int32_t index) const {
  TapClass c;
  const int32_t common = std::gcd(stride, dilation);
  const int64_t offset = int64_t{index} * dilation - pad;
  const int64_t first = (offset % stride + stride) % stride;
  c.first = int32_t(first);
  c.rows = first < in ? int32_t(divided_up(in - first, stride)) : 0;
  c.tap_step = stride / common;
  c.taps = (kernel - 1 - index) / c.tap_step + 1;
  c.last_tap = index + (c.taps - 1) * c.tap_step;
  c.dilation = dilation / common;
  c.pad = int64_t{c.taps - 1} * c.dilation - (first - offset) / stride;
  return c;
}

TapAxis vertical(const GatedConv2dBackwardCall& call) {
  const GatedConv2dLayer& l = call.layer;
  return {l.stride_y, l.dilation_y, l.kernel_height, call.pad_top, call.in_height};
}
TapAxis horizontal(const GatedConv2dBackwardCall& call) {
  const GatedConv2dLayer& l = call.layer;
  return {l.stride_x, l.dilation_x, l.kernel_width, call.pad_left, call.in_width};
}

GatedConv2dCall forward_call(const GatedConv2dBackwardCall& call) {
  GatedConv2dCall forward;
  forward.layer = call.layer;
  forward.batch = call.batch;
  forward.in_height = call.in_height;
  forward.in_width = call.in_width;
  forward.out_height = call.out_height;
  forward.out_width = call.out_width;
  forward.pad_top = call.pad_top;
  forward.pad_left = call.pad_left;
  forward.x = call.x;
  forward.x_strides = call.x_strides;
  return forward;
}

GatedConv2dCall grad_x_call(const GatedConv2dBackwardCall& call, const GatedConv2dBackwardPlan& plan,
                            const TapClass& rows, const TapClass& columns) {
  GatedConv2dCall back;
  GatedConv2dLayer& layer = back.layer;
  layer.in_channels = 2 * call.layer.out_channels;
  layer.out_channels = call.layer.in_channels;
  layer.kernel_height = rows.taps;
  layer.kernel_width = columns.taps;
  layer.dilation_y = rows.dilation;
  layer.dilation_x = columns.dilation;
  layer.gated = false;
  layer.activation = Activation::kNone;
  layer.precision = call.layer.precision;
  layer.tile = call.layer.tile == GatedConv2dTile::kSimt ? GatedConv2dTile::kSimt : GatedConv2dTile::kAuto;
  back.batch = call.batch;
  back.in_height = call.out_height;
  back.in_width = call.out_width;
  back.out_height = rows.rows;
  back.out_width = columns.rows;
  back.pad_top = int32_t(rows.pad);
  back.pad_left = int32_t(columns.pad);
  back.x_strides = channels_last(call.out_height, call.out_width, plan.dz_pitch);
  const FeatureStrides& to = call.grad_x_strides;
  back.y_strides = {to.picture, to.channel, to.row * call.layer.stride_y, to.pixel * call.layer.stride_x};
  const int64_t first = rows.first * to.row + columns.first * to.pixel;
  if (call.grad_x != nullptr) {
    back.y = static_cast<unsigned char*>(call.grad_x) + first * int64_t(element_bytes(call.layer.precision));
  }
  return back;
}

GatedConv2dBackwardPlan gated_conv2d_backward_plan(const GatedConv2dBackwardCall& call, bool tensor_cores) {
  GatedConv2dBackwardPlan plan;
  plan.forward = gated_conv2d_plan(forward_call(call), tensor_cores);
  plan.error = plan.forward.error;
  if (plan.error != cudaSuccess) return plan;
  plan.error = cudaErrorInvalidValue;
  const GatedConv2dLayer& layer = call.layer;
  if (!layer.gated || layer.upsample != 1 || layer.out_channels >= 1 << 23) return plan;
  const PackedLayout& layout = plan.forward.layout;
  const auto elements = int32_t(kPieceBytes / element_bytes(layer.precision));
  plan.dz_pitch = int32_t(divided_up(2 * layer.out_channels, elements) * elements);

  if (call.grad_x != nullptr) {
    const TapAxis down = vertical(call);
    const TapAxis right = horizontal(call);
    for (int32_t i = 0; i < down.classes() * right.classes(); ++i) {
      const TapClass rows = down.at(i / right.classes());
      const TapClass columns = right.at(i % right.classes());
      const auto fits = [](int64_t pad) { return pad == int32_t(pad); };
      if (!fits(rows.pad) || !fits(columns.pad)) return plan;
      if (gated_conv2d_plan(grad_x_call(call, plan, rows, columns), tensor_cores).error != cudaSuccess) {
        return plan;
      }
    }
  }

  const int64_t columns = int64_t{layout.kernel_width} * layer.kernel_height * layout.pieces * elements;
  plan.weight_tile = weight_tile(columns, 2 * layer.out_channels);
  const WeightTileShape& shape = kWeightTileShapes[plan.weight_tile];
  plan.column_tiles = int32_t(divided_up(columns, shape.columns()));
  plan.row_tiles = int32_t(divided_up(2 * layer.out_channels, shape.rows()));
  const int64_t tiles = int64_t{plan.column_tiles} * plan.row_tiles;
  if (tiles * shape.columns() * shape.rows() >= int64_t{1} << 31) return plan;
  const int64_t steps = divided_up(plan.forward.pixels, step_pixels(layer.precision));
  const int64_t parts = std::max<int64_t>(1, std::min(kBlocks / tiles, divided_up(steps, kLeastSteps)));
  const int64_t part_steps = std::max<int64_t>(1, divided_up(steps, parts));
  plan.part_pixels = int32_t(part_steps * step_pixels(layer.precision));
  plan.parts = int32_t(divided_up(steps, part_steps));

  const int64_t groups = divided_up(2 * layer.out_channels, kBiasChannels);
  const int64_t ranges =
      std::max<int64_t>(1, std::min(kBlocks / groups, divided_up(plan.forward.pixels, kLeastBiasPixels)));
  plan.bias_part_pixels = int32_t(std::max<int64_t>(1, divided_up(plan.forward.pixels, ranges)));
  plan.bias_parts = int32_t(divided_up(plan.forward.pixels, plan.bias_part_pixels));
  plan.error = cudaSuccess;
  return plan;
}

}  // namespace infill::cuda
