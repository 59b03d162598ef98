#include <cstdint>
#include <limits>

#include "cuda/gated_conv2d_plan.h"

namespace infill::cuda {
namespace {

constexpr int64_t kMostPixels = (int64_t{1} << 31) - 128;

constexpr int64_t divided_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Columns come in pairs: a feature and its gate, or two channels of a layer that is not gated.
int32_t column_pairs(const GatedConv2dLayer& layer) {
  return layer.gated ? layer.out_channels : (layer.out_channels + 1) / 2;
}

// The widest tile whose padding is within an eighth of the least: a wide tile reads x less often.
//   pairs      1-4     12    16    24    32    48    64    96      128     192     256
//   tile     128x4 128x12 128x16 128x24 128x32 128x48 128x64 2 128x48 2 128x64 3 128x64 4 128x64
// Weights are packed for the width, so it may not depend on the picture.
GatedConv2dTile widest_tile(int32_t pairs) {
  if (pairs <= shape_of(GatedConv2dTile::k128x4).pairs()) return GatedConv2dTile::k128x4;
  int64_t least = std::numeric_limits<int64_t>::max();
  const auto padded = [pairs](const TileShape& shape) {
    return divided_up(pairs, shape.pairs()) * shape.pairs();
  };
  const auto candidate = [](const TileShape& shape) {
    return shape.tile != GatedConv2dTile::k64x48 && shape.tile != GatedConv2dTile::k128x4;
  };
  for (const TileShape& shape : kTileShapes) {
    if (candidate(shape) && padded(shape) < least) least = padded(shape);
  }
  for (const TileShape& shape : kTileShapes) {
    if (candidate(shape) && 8 * padded(shape) <= 9 * least) return shape.tile;
  }
  return GatedConv2dTile::k128x12;
}

// Fewer blocks than this leave multiprocessors idle (two blocks on each of 132): halves of a tile fill them.
constexpr int64_t kFewBlocks = 264;

GatedConv2dTile tile_for(const GatedConv2dLayer& layer, int64_t pixels) {
  if (layer.tile != GatedConv2dTile::kAuto) return layer.tile;
  const int32_t pairs = column_pairs(layer);
  const TileShape widest = shape_of(widest_tile(pairs));
  const int64_t blocks = divided_up(pixels, widest.pixels()) * divided_up(pairs, widest.pairs());
  if (widest.tile == GatedConv2dTile::k128x48 && blocks < kFewBlocks) return GatedConv2dTile::k64x48;
  return widest.tile;
}

bool valid(const GatedConv2dLayer& layer) {
  const auto kernel = [](int32_t n) { return n >= 1 && n <= 7; };
  const auto positive = [](int32_t n) { return n >= 1 && n < (1 << 24); };
  return positive(layer.in_channels) && positive(layer.out_channels) && kernel(layer.kernel_height) &&
         kernel(layer.kernel_width) && positive(layer.stride_y) && positive(layer.stride_x) &&
         positive(layer.dilation_y) && positive(layer.dilation_x) &&
         (layer.upsample == 1 || layer.upsample == 2) && layer.activation >= Activation::kNone &&
         layer.activation <= Activation::kTanh && layer.precision >= Precision::kFloat32 &&
         layer.precision <= Precision::kBfloat16 && layer.tile >= GatedConv2dTile::kAuto &&
         layer.tile <= GatedConv2dTile::k128x4;
}

bool below_limit(int64_t value) {
  return value > -kMostPixels && value < kMostPixels;
}

// Every coordinate that a filter reaches along an axis is an int32.
bool coordinates_fit(int64_t out, int64_t stride, int64_t kernel, int64_t dilation, int64_t pad, int64_t in,
                     int64_t upsample) {
  return out >= 0 && in >= 0 && below_limit(out) && below_limit(pad) && below_limit(in * upsample) &&
         below_limit(out * stride) && below_limit(out * stride - pad) &&
         below_limit(out * stride + kernel * dilation) && below_limit(out * stride - pad + kernel * dilation);
}

bool readable_in_place(const GatedConv2dCall& call) {
  const int64_t elements = kPieceBytes / int64_t(element_bytes(call.layer.precision));
  const FeatureStrides& s = call.x_strides;
  return s.channel == 1 && reinterpret_cast<uintptr_t>(call.x) % kPieceBytes == 0 &&
         s.picture % elements == 0 && s.row % elements == 0 && s.pixel % elements == 0;
}

}  // namespace

PackedLayout packed_layout(const GatedConv2dLayer& layer) {
  PackedLayout layout;
  if (!valid(layer)) return layout;
  const auto elements = int32_t(kPieceBytes / element_bytes(layer.precision));
  const int32_t folded = layer.in_channels * layer.kernel_width;
  const int64_t pieces = divided_up(layer.in_channels, elements);
  const int64_t folded_pieces = divided_up(folded, elements);
  // The copy must save a fifth of the products.
  layout.fold = layer.in_channels < 8 && 4 * pieces * layer.kernel_width >= 5 * folded_pieces;
  layout.channels = layout.fold ? folded : layer.in_channels;
  layout.pieces = int32_t(layout.fold ? folded_pieces : pieces);
  layout.kernel_width = layout.fold ? 1 : layer.kernel_width;
  const int64_t row = int64_t{layer.kernel_height} * layout.kernel_width * layout.pieces;
  const bool simt = layer.tile == GatedConv2dTile::kAuto || layer.tile == GatedConv2dTile::kSimt;
  const int32_t pairs = column_pairs(layer);
  layout.n_tiles = shape_of(simt ? widest_tile(pairs) : layer.tile).n_tiles;
  const int64_t steps = divided_up(row, kPiecesPerStep);
  const int64_t rows = divided_up(pairs, int64_t{4} * layout.n_tiles) * 8 * layout.n_tiles;
  if (steps * rows > kMostPixels) return layout;
  layout.steps = int32_t(steps);
  layout.rows = int32_t(rows);
  layout.supported = true;
  return layout;
}

GatedConv2dPlan gated_conv2d_plan(const GatedConv2dCall& call, bool tensor_cores) {
  GatedConv2dPlan plan;
  const GatedConv2dLayer& layer = call.layer;
  plan.error = cudaErrorInvalidValue;
  plan.layout = packed_layout(layer);
  if (!plan.layout.supported || call.batch < 0) return plan;
  if (!coordinates_fit(call.out_height, layer.stride_y, layer.kernel_height, layer.dilation_y, call.pad_top,
                       call.in_height, layer.upsample) ||
      !coordinates_fit(call.out_width, layer.stride_x, layer.kernel_width, layer.dilation_x, call.pad_left,
                       call.in_width, layer.upsample)) {
    return plan;
  }
  const int32_t y1 = call.y1 == -1 ? call.out_height : call.y1;
  const int32_t x1 = call.x1 == -1 ? call.out_width : call.x1;
  if (call.y0 < 0 || call.x0 < 0 || y1 > call.out_height || x1 > call.out_width || y1 < call.y0 ||
      x1 < call.x0) {
    return plan;
  }
  plan.y0 = call.y0;
  plan.x0 = call.x0;
  plan.height = y1 - call.y0;
  plan.width = x1 - call.x0;
  const double all = double(call.batch) * double(call.out_height) * double(call.out_width);
  if (all >= double(kMostPixels)) return plan;
  plan.pixels = int64_t{call.batch} * plan.height * plan.width;

  plan.copy = plan.layout.fold || !readable_in_place(call);
  if (plan.copy) {
    const auto elements = int32_t(kPieceBytes / element_bytes(layer.precision));
    plan.copy_pitch = plan.layout.pieces * elements;
    plan.copy_width = plan.layout.fold ? call.out_width : call.in_width;
    if (int64_t{plan.copy_width} * plan.copy_pitch >= kMostPixels) return plan;
  } else if (!below_limit(call.x_strides.row) || !below_limit(call.x_strides.pixel)) {
    return plan;
  }
  plan.tile = tensor_cores ? tile_for(layer, plan.pixels) : GatedConv2dTile::kSimt;
  if (plan.tile == GatedConv2dTile::kSimt && layer.precision == Precision::kBfloat16) {
    plan.error = cudaErrorNotSupported;
    return plan;
  }
  plan.error = cudaSuccess;
  return plan;
}

}  // namespace infill::cuda
