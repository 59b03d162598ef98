// gated_conv2d on the device against the formula.
#include "cuda/gated_conv2d.h"

#include <limits>

#include "gated_conv2d_support.h"

namespace infill::cuda::test {
namespace {

GatedConv2dLayer layer(int32_t in, int32_t out, int32_t kernel = 3, int32_t stride = 1,
                       int32_t dilation = 1) {
  GatedConv2dLayer l;
  l.in_channels = in;
  l.out_channels = out;
  l.kernel_height = l.kernel_width = kernel;
  l.stride_y = l.stride_x = stride;
  l.dilation_y = l.dilation_x = dilation;
  return l;
}
GatedConv2dLayer with(GatedConv2dLayer l, Activation activation) {
  l.activation = activation;
  return l;
}
GatedConv2dLayer plain(GatedConv2dLayer l, Activation activation = Activation::kNone) {
  l.gated = false;
  return with(l, activation);
}
GatedConv2dLayer upsampled(GatedConv2dLayer l) {
  l.upsample = 2;
  return l;
}
GatedConv2dLayer uneven(int32_t in, int32_t out) {
  GatedConv2dLayer l = layer(in, out);
  l.kernel_height = 2;
  l.kernel_width = 5;
  l.stride_y = 3;
  l.stride_x = 2;
  l.dilation_y = 3;
  l.dilation_x = 2;
  return l;
}

Case padded(const char* name, GatedConv2dLayer l, int32_t height, int32_t width, int32_t pad,
            int32_t batch = 1, Layout in = Layout::kChannelsLast, Layout out = Layout::kChannelsLast) {
  return {name, l, batch, height, width, pad, pad, pad, pad, in, out};
}

std::vector<Case> cases() {
  const auto last = Layout::kChannelsLast;
  const auto first = Layout::kChannelsFirst;
  std::vector<Case> all = {
      // The kinds of layers of DeepFill v2.
      padded("first layer", layer(5, 6, 5), 7, 9, 2),
      padded("first layer, channels first", layer(5, 12, 5), 6, 7, 2, 2, first, first),
      padded("first layer of the refinement", layer(3, 12, 5), 5, 9, 2),
      padded("stride 2", layer(12, 24, 3, 2), 11, 9, 1),
      {"stride 2, SAME of TensorFlow", layer(12, 24, 3, 2), 1, 8, 10, 0, 1, 0, 1},
      padded("3 x 3", layer(24, 24), 9, 15, 1),
      padded("dilation 2", layer(24, 24, 3, 1, 2), 7, 11, 2, 2),
      padded("dilation 4", layer(16, 24, 3, 1, 4), 9, 7, 4),
      padded("dilation 8", layer(8, 12, 3, 1, 8), 9, 11, 8),
      padded("dilation 16", layer(8, 12, 3, 1, 16), 10, 17, 16),
      padded("upsampled", upsampled(layer(24, 12)), 4, 5, 1, 2),
      padded("relu", with(layer(24, 24), Activation::kRelu), 5, 6, 1),
      padded("colours", plain(layer(12, 3), Activation::kTanh), 9, 10, 1),
      // Others.
      padded("leaky relu", with(layer(8, 16), Activation::kLeakyRelu), 5, 6, 1),
      padded("no activation", with(layer(8, 16), Activation::kNone), 5, 6, 1),
      padded("tanh, gated", with(layer(8, 12), Activation::kTanh), 5, 6, 1),
      padded("1 x 1", layer(13, 11, 1), 6, 7, 0),
      padded("7 x 7", layer(3, 5, 7), 8, 9, 3, 1, first, last),
      padded("no padding", layer(9, 7), 6, 7, 0),
      padded("padding beyond the filter", layer(8, 4), 2, 3, 4),
      {"everything uneven", uneven(7, 19), 2, 9, 11, 3, 1, 0, 4, first, last},
      {"everything uneven, upsampled and folded", upsampled(uneven(3, 5)), 2, 5, 6, 2, 1, 3, 0, last, first},
      {"upsampled, folded, no bias", upsampled(layer(3, 8, 5)), 1, 3, 4, 2, 2, 2, 2, first, last, 0, 0, -1,
       -1, false},
      {"no bias", layer(8, 12), 1, 4, 5, 1, 1, 1, 1, last, last, 0, 0, -1, -1, false},
      padded("one row", layer(24, 12), 1, 33, 1, 2),
      padded("one column", layer(24, 12), 35, 1, 1),
      padded("one pixel", layer(16, 24), 1, 1, 1, 3),
      padded("more pixels than a block", layer(8, 12), 12, 23, 1, 1),
      padded("two blocks of channels", layer(8, 100), 3, 5, 1),
      padded("plain, ragged blocks of channels", plain(layer(16, 107)), 3, 5, 1),
      padded("plain, odd channels", plain(layer(8, 25), Activation::kElu), 4, 5, 1),
      padded("many channels", layer(70, 36), 3, 4, 1),
      // Memory.
      padded("channels first", layer(24, 12), 5, 9, 1, 2, first, first),
      padded("channels first in", layer(40, 16), 5, 9, 1, 2, first, last),
      padded("channels first out", layer(8, 32), 5, 9, 1, 2, last, first),
      padded("part of a wider map", layer(12, 12), 5, 7, 1, 2, Layout::kPitched, Layout::kPitched),
      padded("part of a wider map, plain", plain(layer(20, 24)), 5, 7, 1, 1, Layout::kPitched,
             Layout::kPitched),
      padded("gaps", layer(9, 13), 4, 5, 1, 2, Layout::kGaps, Layout::kGaps),
      {"rectangle", layer(8, 12), 2, 9, 11, 1, 1, 1, 1, last, last, 2, 3, 7, 10},
      {"rectangle, folded", layer(5, 6, 5), 2, 9, 11, 2, 2, 2, 2, first, Layout::kPitched, 2, 3, 7, 10},
      {"rectangle, upsampled", upsampled(layer(8, 12)), 1, 5, 6, 1, 1, 1, 1, last, first, 3, 0, 8, 5},
      {"no rectangle", layer(8, 12), 1, 5, 6, 1, 1, 1, 1, last, last, 3, 2, 3, 5},
      {"first rows not there", layer(8, 12), 1, 9, 11, -2, 1, -3, 1, last, last},
      // Empty.
      padded("no pictures", layer(8, 12), 5, 6, 1, 0),
      padded("no x, but padding", layer(8, 12), 0, 6, 2),
      padded("no x, but padding, folded", layer(5, 12, 5), 3, 0, 4),
      padded("no result", layer(8, 12), 1, 1, 0),
  };
  return all;
}

class GatedConv2d : public testing::TestWithParam<Precision> {};

TEST_P(GatedConv2d, IsTheFormula) {
  for (Case c : cases()) {
    c.layer.precision = GetParam();
    const Operands o = operands_of(c);
    DeviceCase device(c, o);
    ASSERT_EQ(device.run(), cudaSuccess) << c.name;
    expect_formula(c, o, device, tolerance(GetParam()));
  }
}

// Whatever the tile, sums are added in one order.
TEST_P(GatedConv2d, EveryTileGivesTheSameBytes) {
  for (const bool gated : {true, false}) {
    Case c = padded("tiles", layer(20, 70), 11, 13, 1);
    c.layer.gated = gated;
    c.layer.precision = GetParam();
    const Operands o = operands_of(c);
    std::vector<unsigned char> bytes;
    for (const auto tile : {GatedConv2dTile::kAuto, GatedConv2dTile::k128x64, GatedConv2dTile::k128x48,
                            GatedConv2dTile::k64x48, GatedConv2dTile::k128x32, GatedConv2dTile::k128x24,
                            GatedConv2dTile::k128x16, GatedConv2dTile::k128x12, GatedConv2dTile::k128x4}) {
      c.layer.tile = tile;
      DeviceCase device(c, o);
      ASSERT_EQ(device.run(), cudaSuccess);
      if (bytes.empty()) {
        expect_formula(c, o, device, tolerance(GetParam()));
        bytes = device.y_bytes();
      }
      EXPECT_EQ(device.y_bytes(), bytes) << "tile " << static_cast<int>(tile) << (gated ? "" : ", plain");
    }
  }
}

TEST_P(GatedConv2d, WithoutTensorCoresIsTheFormula) {
  for (Case c : cases()) {
    c.layer.precision = GetParam();
    c.layer.tile = GatedConv2dTile::kSimt;
    const Operands o = operands_of(c);
    DeviceCase device(c, o);
    if (GetParam() == Precision::kBfloat16) {
      EXPECT_EQ(device.run(), cudaErrorNotSupported) << c.name;
    } else {
      ASSERT_EQ(device.run(), cudaSuccess) << c.name;
      expect_formula(c, o, device,
                     tolerance(GetParam() == Precision::kTf32 ? Precision::kFloat32 : GetParam()));
    }
  }
}

// NaN reaches the pixels whose filters see it and no others; nothing else is disturbed by it.
TEST_P(GatedConv2d, NotANumberStaysWhereItIs) {
  Case c = padded("NaN", layer(12, 12), 6, 9, 1);
  c.layer.precision = GetParam();
  Operands o = operands_of(c);
  o.x[o.x_map.at(0, 3, 2, 4)] = std::numeric_limits<float>::quiet_NaN();
  DeviceCase device(c, o);
  ASSERT_EQ(device.run(), cudaSuccess);
  expect_formula(c, o, device, tolerance(GetParam()));
}

// Gates that are shut or wide open, features in the flat part of ELU, values at the end of half's range.
TEST_P(GatedConv2d, LargeValues) {
  Case c = padded("large", layer(8, 12), 5, 7, 1);
  c.layer.precision = GetParam();
  Operands o = operands_of(c);
  for (float& v : o.x) v *= 4096;
  o.x = decode(encode(o.x, GetParam()), GetParam());
  DeviceCase device(c, o);
  ASSERT_EQ(device.run(), cudaSuccess);
  expect_formula(c, o, device, tolerance(GetParam()));
}

TEST_P(GatedConv2d, TheSameCallTwiceGivesTheSameBytes) {
  Case c = padded("twice", layer(24, 24), 7, 9, 1);
  c.layer.precision = GetParam();
  const Operands o = operands_of(c);
  DeviceCase device(c, o);
  ASSERT_EQ(device.run(), cudaSuccess);
  const std::vector<unsigned char> bytes = device.y_bytes();
  ASSERT_EQ(device.run(), cudaSuccess);
  EXPECT_EQ(device.y_bytes(), bytes);
}

INSTANTIATE_TEST_SUITE_P(Precisions, GatedConv2d, testing::ValuesIn(kPrecisions),
                         [](const auto& of) { return std::string(name_of(of.param)); });

struct WrongArgument {
  const char* what;
  void (*change)(GatedConv2dCall&);
};

TEST(GatedConv2dArguments, WrongOnesAreRefusedBeforeAnythingRuns) {
  const WrongArgument wrong[] = {
      {"in_channels 0", [](GatedConv2dCall& c) { c.layer.in_channels = 0; }},
      {"out_channels 0", [](GatedConv2dCall& c) { c.layer.out_channels = 0; }},
      {"kernel 0", [](GatedConv2dCall& c) { c.layer.kernel_height = 0; }},
      {"kernel 8", [](GatedConv2dCall& c) { c.layer.kernel_width = 8; }},
      {"stride 0", [](GatedConv2dCall& c) { c.layer.stride_y = 0; }},
      {"stride -1", [](GatedConv2dCall& c) { c.layer.stride_x = -1; }},
      {"dilation 0", [](GatedConv2dCall& c) { c.layer.dilation_x = 0; }},
      {"upsample 3", [](GatedConv2dCall& c) { c.layer.upsample = 3; }},
      {"activation", [](GatedConv2dCall& c) { c.layer.activation = static_cast<Activation>(9); }},
      {"precision", [](GatedConv2dCall& c) { c.layer.precision = static_cast<Precision>(9); }},
      {"tile", [](GatedConv2dCall& c) { c.layer.tile = static_cast<GatedConv2dTile>(99); }},
      {"batch", [](GatedConv2dCall& c) { c.batch = -1; }},
      {"in_height", [](GatedConv2dCall& c) { c.in_height = -1; }},
      {"out_width", [](GatedConv2dCall& c) { c.out_width = -1; }},
      {"rectangle before 0", [](GatedConv2dCall& c) { c.y0 = -1; }},
      {"rectangle too wide", [](GatedConv2dCall& c) { c.x1 = c.out_width + 1; }},
      {"rectangle reversed", [](GatedConv2dCall& c) { c.y0 = 3, c.y1 = 2; }},
      {"coordinates beyond 2^31",
       [](GatedConv2dCall& c) { c.pad_left = std::numeric_limits<int32_t>::max(); }},
      {"pixels beyond 2^31",
       [](GatedConv2dCall& c) { c.batch = 1 << 20, c.out_height = 1 << 10, c.out_width = 1 << 10; }},
      {"row stride beyond 2^31", [](GatedConv2dCall& c) { c.x_strides.row = int64_t{1} << 40; }},
      {"no x", [](GatedConv2dCall& c) { c.x = nullptr; }},
      {"no weights", [](GatedConv2dCall& c) { c.packed = nullptr; }},
      {"no y", [](GatedConv2dCall& c) { c.y = nullptr; }},
      {"no workspace",
       [](GatedConv2dCall& c) {
         c.x_strides = channels_first(8, 5, 6);
         c.workspace = nullptr;
       }},
  };
  Case c = padded("arguments", layer(8, 12), 5, 6, 1);
  c.layer.precision = Precision::kFloat16;
  const Operands o = operands_of(c);
  DeviceCase device(c, o);
  ASSERT_EQ(device.run(), cudaSuccess);
  const std::vector<unsigned char> before = device.y_bytes();
  for (const WrongArgument& w : wrong) {
    GatedConv2dCall call = device.call();
    w.change(call);
    EXPECT_EQ(gated_conv2d(call, nullptr), cudaErrorInvalidValue) << w.what;
    EXPECT_EQ(device.y_bytes(), before) << w.what;
  }
}

TEST(GatedConv2dArguments, PackingRefusesWhatIsNotSupported) {
  GatedConv2dLayer l = layer(8, 12);
  float anything = 0;
  GatedConv2dWeights weights;
  weights.weight = &anything;
  EXPECT_EQ(gated_conv2d_pack(l, weights, nullptr, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(gated_conv2d_pack(l, {}, &anything, nullptr), cudaErrorInvalidValue);
  l.kernel_height = 9;
  EXPECT_EQ(gated_conv2d_pack(l, weights, &anything, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(gated_conv2d_packed_bytes(l), 0U);
}

// Read in place where the comment in the header says so, copied otherwise.
TEST(GatedConv2dWorkspace, OnlyACopyOfXNeedsIt) {
  const auto workspace = [](Layout in, int32_t channels, Precision precision) {
    Case c = padded("workspace", layer(channels, 12), 5, 6, 1, 1, in);
    c.layer.precision = precision;
    GatedConv2dCall call;
    call.layer = c.layer;
    call.in_height = call.out_height = 5;
    call.in_width = call.out_width = 6;
    call.x_strides = map_layout(in, 1, channels, 5, 6).strides;
    return gated_conv2d_workspace(call);
  };
  EXPECT_EQ(workspace(Layout::kChannelsLast, 24, Precision::kFloat16), 0U);
  EXPECT_EQ(workspace(Layout::kChannelsLast, 12, Precision::kFloat32), 0U);
  EXPECT_EQ(workspace(Layout::kPitched, 12, Precision::kFloat16), 0U);
  EXPECT_EQ(workspace(Layout::kChannelsLast, 12, Precision::kFloat16), 5U * 6 * 16 * 2);
  EXPECT_EQ(workspace(Layout::kChannelsFirst, 24, Precision::kBfloat16), 5U * 6 * 24 * 2);
  EXPECT_EQ(workspace(Layout::kChannelsFirst, 3, Precision::kFloat16), 5U * 6 * 16 * 2);
}

GatedConv2dCall same_size(const GatedConv2dLayer& l, int32_t size, Precision precision) {
  GatedConv2dCall call;
  call.layer = l;
  call.layer.precision = precision;
  call.in_height = call.in_width = size;
  call.out_height = call.out_width = size * l.upsample / l.stride_y;
  call.pad_top = call.pad_left = l.kernel_height / 2;
  call.x_strides = channels_last(size, size, l.in_channels);
  return call;
}

// 96 to 96 channels at 128 x 128: 864 products for each of 192 columns are 27 whole steps of 32 halves; 256
// tiles of 64 pixels, each with all weights, two of 48 channels side by side.
TEST(GatedConv2dCost, CountedByHand) {
  const GatedConv2dCost cost = gated_conv2d_cost(same_size(layer(96, 96), 128, Precision::kFloat16));
  EXPECT_EQ(cost.tile, GatedConv2dTile::k64x48);
  EXPECT_EQ(cost.blocks, 512);
  EXPECT_EQ(cost.needed_multiply_adds, 16384.0 * 192 * 864);
  EXPECT_EQ(cost.executed_multiply_adds, 16384.0 * 192 * 864);
  EXPECT_EQ(cost.minimum_bytes, 2.0 * (16384 * 96 + 192 * 864 + 16384 * 96));
  EXPECT_EQ(cost.read_bytes, 2.0 * 16384 * 864 * 2 + 256.0 * 192 * 27 * 64);
  EXPECT_EQ(cost.written_bytes, 2.0 * 16384 * 96);
  EXPECT_EQ(gated_conv2d_cost(same_size(layer(0, 96), 128, Precision::kFloat16)).blocks, 0);
}

TEST(GatedConv2dCost, LayersOfDeepFillExecuteAtMostThreeTenthsMoreThanNeeded) {
  const GatedConv2dLayer layers[] = {
      layer(5, 24, 5), layer(3, 24, 5), layer(24, 48, 3, 2),      layer(24, 24, 3, 2),
      layer(24, 48),   layer(48, 48),   layer(48, 96, 3, 2),      layer(48, 96),
      layer(96, 96),   layer(192, 96),  upsampled(layer(96, 48)), upsampled(layer(48, 24)),
      layer(24, 12)};
  for (const Precision precision : kPrecisions) {
    for (const GatedConv2dLayer& l : layers) {
      const GatedConv2dCost cost = gated_conv2d_cost(same_size(l, 512, precision));
      EXPECT_EQ(cost.products, precision == Precision::kFloat32 ? 3 : 1);
      EXPECT_LE(cost.executed_multiply_adds / cost.products, 1.3 * cost.needed_multiply_adds)
          << l.in_channels << " to " << l.out_channels << ", " << name_of(precision);
    }
  }
}

}  // namespace
}  // namespace infill::cuda::test
