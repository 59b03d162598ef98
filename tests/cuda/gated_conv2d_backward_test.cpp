// gated_conv2d_backward on the device against the formula.
#include "cuda/gated_conv2d_backward.h"

#include <limits>

#include "gated_conv2d_backward_support.h"

namespace infill::cuda::test {
namespace {

constexpr Layout kLast = Layout::kChannelsLast;
constexpr Layout kFirst = Layout::kChannelsFirst;

GatedConv2dLayer layer(int32_t in, int32_t out, int32_t kernel = 3, int32_t stride = 1, int32_t dilation = 1,
                       Activation activation = Activation::kElu) {
  GatedConv2dLayer l;
  l.in_channels = in;
  l.out_channels = out;
  l.kernel_height = l.kernel_width = kernel;
  l.stride_y = l.stride_x = stride;
  l.dilation_y = l.dilation_x = dilation;
  l.activation = activation;
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

BackwardCase padded(const char* name, GatedConv2dLayer l, int32_t height, int32_t width, int32_t pad,
                    int32_t batch = 1, Layout x = kLast, Layout grad = kLast, Layout grad_x = kLast) {
  return {{name, l, batch, height, width, pad, pad, pad, pad, x}, grad, grad_x};
}

// A tile of the weights' gradient is 128 x 96, 128 x 48, 64 x 48, 128 x 24 or 32 x 48 columns (taps x
// channels) x rows.
std::vector<BackwardCase> cases() {
  std::vector<BackwardCase> all = {
      padded("first layer, 32 x 48", layer(5, 20, 5), 5, 6, 2),
      padded("first layer of few channels, 128 x 24", layer(5, 9, 5), 6, 7, 2, 2, kFirst, kFirst, kFirst),
      padded("folded dz", layer(8, 3), 5, 6, 1, 1, kLast, kFirst, kLast),
      padded("128 x 96", layer(16, 48), 4, 5, 1),
      padded("128 x 48", layer(25, 24), 5, 4, 1),
      padded("64 x 48", layer(6, 24), 5, 4, 1),
      padded("two tiles each way", layer(16, 70), 3, 4, 1),
      padded("stride 2", layer(12, 12, 3, 2), 7, 6, 1),
      {{"stride 2, SAME of TensorFlow", layer(8, 8, 3, 2), 1, 6, 8, 0, 1, 0, 1}},
      padded("stride 3", layer(8, 8, 3, 3), 7, 8, 1, 2),
      padded("stride above the filter", layer(8, 4, 2, 3), 7, 8, 1, 2, kLast, kLast, kFirst),
      padded("stride 2, dilation 2", layer(8, 4, 3, 2, 2), 7, 8, 2, 1, kLast, kLast, Layout::kGaps),
      padded("stride 4, dilation 2", layer(4, 4, 3, 4, 2), 9, 10, 2),
      padded("stride 6, dilation 4", layer(4, 4, 4, 6, 4), 14, 9, 5),
      padded("dilation 4", layer(8, 8, 3, 1, 4), 6, 5, 4),
      padded("dilation 16", layer(8, 4, 3, 1, 16), 9, 18, 16),
      padded("relu", layer(8, 8, 3, 1, 1, Activation::kRelu), 5, 6, 1),
      padded("leaky relu", layer(8, 8, 3, 1, 1, Activation::kLeakyRelu), 5, 6, 1),
      padded("no activation", layer(8, 8, 3, 1, 1, Activation::kNone), 5, 6, 1),
      padded("tanh", layer(8, 8, 3, 1, 1, Activation::kTanh), 5, 6, 1),
      padded("1 x 1", layer(13, 11, 1), 6, 7, 0),
      padded("7 x 7", layer(3, 5, 7), 5, 6, 3, 1, kFirst, kLast, kFirst),
      padded("no padding", layer(9, 7), 6, 7, 0),
      padded("padding beyond the filter", layer(8, 4), 2, 3, 4),
      {{"everything uneven", uneven(7, 13), 2, 8, 9, 3, 1, 0, 4, kFirst}, kFirst, kLast},
      {{"everything uneven, folded", uneven(3, 5), 2, 7, 8, 2, 1, 3, 0, Layout::kGaps},
       Layout::kGaps,
       kFirst},
      {{"no bias", layer(8, 12), 1, 4, 5, 1, 1, 1, 1, kLast, kLast, 0, 0, -1, -1, false}},
      {{"first rows not there", layer(8, 8), 1, 7, 8, -2, 1, -3, 1}},
      {{"first rows not there, stride 2", layer(8, 8, 3, 2), 1, 8, 9, -3, 1, -2, 0}},
      padded("one row", layer(8, 12), 1, 33, 1, 2),
      padded("one column", layer(8, 12), 35, 1, 1),
      padded("one pixel", layer(16, 8), 1, 1, 1, 3),
      padded("many parts of the sum", layer(4, 4), 24, 33, 1, 2),
      padded("parts of wider maps", layer(12, 12), 5, 6, 1, 2, Layout::kPitched, Layout::kPitched,
             Layout::kPitched),
      padded("gaps", layer(9, 13), 4, 5, 1, 2, Layout::kGaps, Layout::kGaps, Layout::kGaps),
      padded("no pictures", layer(8, 12), 5, 6, 1, 0),
      padded("no x, but padding", layer(8, 12), 0, 6, 2),
      padded("no result", layer(8, 12), 1, 1, 0),
      padded("no result, stride 2", layer(8, 12, 3, 2), 2, 2, 0),
  };
  return all;
}

// Of the largest value. Sums of the weights' gradient are long and cancel.
double within(Precision precision) {
  return precision == Precision::kFloat32 ? 1e-5 : 2 * tolerance(precision);
}

class GatedConv2dBackward : public testing::TestWithParam<Precision> {};

TEST_P(GatedConv2dBackward, IsTheFormula) {
  for (BackwardCase c : cases()) {
    c.forward.layer.precision = GetParam();
    const BackwardOperands o = operands_of(c);
    DeviceBackwardCase device(c, o);
    ASSERT_EQ(device.run(), cudaSuccess) << c.forward.name;
    expect_gradients(c, o, device, within(GetParam()));
  }
}

TEST_P(GatedConv2dBackward, WithoutTensorCoresIsTheFormula) {
  for (BackwardCase c : cases()) {
    c.forward.layer.precision = GetParam();
    c.forward.layer.tile = GatedConv2dTile::kSimt;
    const BackwardOperands o = operands_of(c);
    DeviceBackwardCase device(c, o);
    if (GetParam() == Precision::kBfloat16) {
      EXPECT_EQ(device.run(), cudaErrorNotSupported) << c.forward.name;
    } else {
      ASSERT_EQ(device.run(), cudaSuccess) << c.forward.name;
      expect_gradients(c, o, device,
                       within(GetParam() == Precision::kTf32 ? Precision::kFloat32 : GetParam()));
    }
  }
}

// Each of the seven ways to want something gives the bytes of the call that wants everything, and leaves the
// rest alone.
TEST_P(GatedConv2dBackward, OnlyWhatIsWanted) {
  BackwardCase c = padded("wanted", layer(8, 8, 3, 2), 5, 6, 1);
  c.forward.layer.precision = GetParam();
  const BackwardOperands o = operands_of(c);
  DeviceBackwardCase everything(c, o);
  ASSERT_EQ(everything.run(), cudaSuccess);
  const size_t most = gated_conv2d_backward_workspace(everything.call());
  for (int wanted = 0; wanted < 7; ++wanted) {
    DeviceBackwardCase device(c, o);
    if ((wanted & 1) == 0) device.call().grad_x = nullptr;
    if ((wanted & 2) == 0) device.call().grad_weights.weight = nullptr;
    if ((wanted & 4) == 0) device.call().grad_weights.bias = nullptr;
    EXPECT_LT(gated_conv2d_backward_workspace(device.call()), most);
    ASSERT_EQ(device.run(), cudaSuccess);
    const auto expect = [](bool is_wanted, const std::vector<float>& mine, std::vector<float> all) {
      if (!is_wanted) all.assign(all.size(), DeviceBackwardCase::kUntouched);
      EXPECT_EQ(mine, all);
    };
    expect((wanted & 1) != 0, device.grad_x(), everything.grad_x());
    expect((wanted & 2) != 0, device.grad_weight(), everything.grad_weight());
    expect((wanted & 4) != 0, device.grad_bias(), everything.grad_bias());
  }
}

// In the workspace of the last run lies what that run left there.
TEST_P(GatedConv2dBackward, TheSameCallTwiceGivesTheSameBytes) {
  BackwardCase c = padded("twice", layer(12, 8), 7, 9, 1);
  c.forward.layer.precision = GetParam();
  const BackwardOperands o = operands_of(c);
  DeviceBackwardCase device(c, o);
  ASSERT_EQ(device.run(), cudaSuccess);
  const auto x = device.grad_x();
  const auto weight = device.grad_weight();
  const auto bias = device.grad_bias();
  ASSERT_EQ(gated_conv2d_backward(device.call(), nullptr), cudaSuccess);
  EXPECT_EQ(device.grad_x(), x);
  EXPECT_EQ(device.grad_weight(), weight);
  EXPECT_EQ(device.grad_bias(), bias);
}

// Weights and their gradient where the program keeps them: channels last, one inside the other's gaps.
TEST_P(GatedConv2dBackward, WeightsOfAnyStrides) {
  BackwardCase c = padded("strides", layer(8, 6), 5, 6, 1);
  c.forward.layer.precision = GetParam();
  BackwardOperands o = operands_of(c);
  DeviceBackwardCase dense(c, o);
  ASSERT_EQ(dense.run(), cudaSuccess);
  const std::vector<float> expected = dense.grad_weight();
  const auto moved = [](size_t i) {  // [row][channel][3][3] to [row][3][3][channel]
    return i / 72 * 72 + i % 9 * 8 + i / 9 % 8;
  };
  const std::vector<float> weight = o.forward.weight;
  for (size_t i = 0; i < weight.size(); ++i) o.forward.weight[moved(i)] = weight[i];
  DeviceBackwardCase device(c, o);
  GatedConv2dWeights& w = device.call().weights;
  w = {w.weight, 72, 1, 24, 8, w.bias};
  GatedConv2dWeightsGradient& dw = device.call().grad_weights;
  dw = {dw.weight, 72, 1, 24, 8, dw.bias};
  ASSERT_EQ(device.run(), cudaSuccess);
  EXPECT_EQ(device.grad_x(), dense.grad_x());
  const std::vector<float> result = device.grad_weight();
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(result[moved(i)], expected[i]) << i;
}

INSTANTIATE_TEST_SUITE_P(Precisions, GatedConv2dBackward, testing::ValuesIn(kPrecisions),
                         [](const auto& of) { return std::string(name_of(of.param)); });

// The reference itself: what the sum of y * grad changes by when one operand does.
TEST(GatedConv2dBackwardReference, IsTheSlopeOfTheFormula) {
  for (const Activation activation :
       {Activation::kNone, Activation::kElu, Activation::kLeakyRelu, Activation::kRelu, Activation::kTanh}) {
    BackwardCase c{{"slope", layer(2, 2, 3, 2, 1, activation), 1, 4, 5, 1, 0, 2, 1}, kFirst, kFirst};
    BackwardOperands o = operands_of(c);
    const auto loss = [&] {
      double sum = 0;
      for (int32_t k = 0; k < 2; ++k) {
        for (int32_t y = 0; y < out_height(c.forward); ++y) {
          for (int32_t x = 0; x < out_width(c.forward); ++x) {
            sum += o.grad[o.grad_map.at(0, k, y, x)] * reference_at(c.forward, o.forward, 0, k, y, x);
          }
        }
      }
      return sum;
    };
    const Gradients g = gradients_of(c, o, map_layout(kFirst, 1, 2, 4, 5));
    const auto slope_at = [&](float& value) {
      const float before = value;
      const float step = 1.0F / 4096;
      value = before + step;
      const float above = value;
      const double high = loss();
      value = before - step;
      const double run = double{above} - value;
      const double low = loss();
      value = before;
      return (high - low) / run;
    };
    for (size_t i = 0; i < o.forward.weight.size(); i += 5) {
      EXPECT_NEAR(g.weight[i], slope_at(o.forward.weight[i]), 1e-4);
    }
    for (size_t i = 0; i < o.forward.bias.size(); ++i) {
      EXPECT_NEAR(g.bias[i], slope_at(o.forward.bias[i]), 1e-4);
    }
    for (int32_t y = 0; y < 4; ++y) {
      for (int32_t x = 0; x < 5; ++x) {
        const size_t at = o.forward.x_map.at(0, 1, y, x);
        EXPECT_NEAR(g.x[map_layout(kFirst, 1, 2, 4, 5).at(0, 1, y, x)], slope_at(o.forward.x[at]), 1e-4);
      }
    }
  }
}

struct WrongArgument {
  const char* what;
  void (*change)(GatedConv2dBackwardCall&);
};

TEST(GatedConv2dBackwardArguments, WrongOnesAreRefusedBeforeAnythingRuns) {
  using Call = GatedConv2dBackwardCall;
  const WrongArgument wrong[] = {
      {"not gated", [](Call& c) { c.layer.gated = false; }},
      {"upsampled", [](Call& c) { c.layer.upsample = 2; }},
      {"channels", [](Call& c) { c.layer.out_channels = 0; }},
      {"channels of dz", [](Call& c) { c.layer.out_channels = 1 << 23; }},
      {"kernel 8", [](Call& c) { c.layer.kernel_width = 8; }},
      {"stride 0", [](Call& c) { c.layer.stride_y = 0; }},
      {"dilation 0", [](Call& c) { c.layer.dilation_x = 0; }},
      {"precision", [](Call& c) { c.layer.precision = static_cast<Precision>(9); }},
      {"batch", [](Call& c) { c.batch = -1; }},
      {"in_width", [](Call& c) { c.in_width = -1; }},
      {"pad", [](Call& c) { c.pad_top = std::numeric_limits<int32_t>::min(); }},
      {"pixels of x beyond 2^31", [](Call& c) { c.batch = 1 << 9, c.in_height = c.in_width = 1 << 12; }},
      {"pixels of y beyond 2^31", [](Call& c) { c.batch = 1 << 20, c.out_height = c.out_width = 1 << 10; }},
      {"no x", [](Call& c) { c.x = nullptr; }},
      {"no grad", [](Call& c) { c.grad = nullptr; }},
      {"no weights", [](Call& c) { c.weights.weight = nullptr; }},
      {"no workspace", [](Call& c) { c.workspace = nullptr; }},
  };
  BackwardCase c = padded("arguments", layer(8, 12), 5, 6, 1);
  c.forward.layer.precision = Precision::kFloat16;
  const BackwardOperands o = operands_of(c);
  DeviceBackwardCase device(c, o);
  ASSERT_EQ(device.run(), cudaSuccess);
  const std::vector<float> before = device.grad_x();
  for (const WrongArgument& w : wrong) {
    GatedConv2dBackwardCall call = device.call();
    w.change(call);
    EXPECT_EQ(gated_conv2d_backward(call, nullptr), cudaErrorInvalidValue) << w.what;
    EXPECT_EQ(device.grad_x(), before) << w.what;
  }
}

// Nothing is wanted: nothing is done, and nothing needed.
TEST(GatedConv2dBackwardArguments, NothingIsWanted) {
  GatedConv2dBackwardCall call;
  call.layer = layer(8, 12);
  call.in_height = call.in_width = call.out_height = call.out_width = 4;
  EXPECT_EQ(gated_conv2d_backward_workspace(call), 0U);
  EXPECT_EQ(gated_conv2d_backward(call, nullptr), cudaSuccess);
}

GatedConv2dBackwardCall same_size(const GatedConv2dLayer& l, int32_t size, Precision precision) {
  static float anything = 0;
  GatedConv2dBackwardCall call;
  call.layer = l;
  call.layer.precision = precision;
  call.in_height = call.in_width = size;
  call.out_height = call.out_width = (size - 1) / l.stride_y + 1;
  call.pad_top = call.pad_left = l.dilation_y * (l.kernel_height - 1) / 2;
  call.x_strides = channels_last(size, size, l.in_channels);
  call.grad_x = call.grad_weights.weight = call.grad_weights.bias = &anything;
  return call;
}

// What the comment in the header promises.
TEST(GatedConv2dBackwardWorkspace, PartsOfSumsAreBounded) {
  for (const int32_t channels : {12, 24, 48, 96, 192, 512}) {
    for (const int32_t size : {16, 64, 512, 2048}) {
      for (const Precision precision : {Precision::kTf32, Precision::kFloat16}) {
        GatedConv2dBackwardCall call = same_size(layer(channels, channels), size, precision);
        call.grad_x = nullptr;
        const size_t with = gated_conv2d_backward_workspace(call);
        call.grad_weights.weight = nullptr;
        const size_t columns = size_t(9 * channels + 127) / 128 * 128;
        const size_t rows = size_t(2 * channels + 95) / 96 * 96;
        EXPECT_LE(with - gated_conv2d_backward_workspace(call),
                  std::max<size_t>(13 << 20, columns * rows * sizeof(float)))
            << channels << " channels, " << size;
      }
    }
  }
}

// 96 to 96 channels at 128 x 128: 864 columns are 7 tiles of 128, 192 rows 2 of 96; 16384 pixels are 512
// steps of 32, in 18 parts.
TEST(GatedConv2dBackwardCost, CountedByHand) {
  const auto cost = gated_conv2d_backward_cost(same_size(layer(96, 96), 128, Precision::kFloat16));
  const double needed = 16384.0 * 192 * 864;
  const double x = 2.0 * 16384 * 96;
  const double weights = 2.0 * 192 * 864;
  EXPECT_EQ(cost.z.needed_multiply_adds, needed);
  EXPECT_EQ(cost.z.minimum_bytes, x + weights + x + 2 * x);
  EXPECT_EQ(cost.x.needed_multiply_adds, needed);
  EXPECT_EQ(cost.x.executed_multiply_adds, needed);
  EXPECT_EQ(cost.x.minimum_bytes, 2 * x + weights + x);
  EXPECT_EQ(cost.weight.needed_multiply_adds, needed);
  EXPECT_EQ(cost.weight.executed_multiply_adds, 16384.0 * 192 * 896);
  EXPECT_EQ(cost.weight.blocks, 7 * 2 * 18);
  EXPECT_EQ(cost.weight.minimum_bytes, x + 2 * x + weights);
  EXPECT_EQ(cost.weight.written_bytes, 18.0 * 192 * 896 * 4 + weights);
  EXPECT_EQ(gated_conv2d_backward_cost(same_size(layer(0, 96), 128, Precision::kFloat16)).weight.blocks, 0);
}

// But for dx of the layers with 3 and 5 channels, which are padded to 8.
TEST(GatedConv2dBackwardCost, LayersOfDeepFillExecuteAtMostThreeTenthsMoreThanNeeded) {
  const GatedConv2dLayer layers[] = {
      layer(5, 24, 5), layer(3, 24, 5),     layer(24, 48, 3, 2), layer(24, 24, 3, 2), layer(24, 48),
      layer(48, 48),   layer(48, 96, 3, 2), layer(48, 96),       layer(48, 48, 3, 2), layer(96, 96),
      layer(192, 96),  layer(96, 48),       layer(48, 24),       layer(24, 12)};
  for (const Precision precision : kPrecisions) {
    for (const GatedConv2dLayer& l : layers) {
      const auto cost = gated_conv2d_backward_cost(same_size(l, 512, precision));
      for (const GatedConv2dCost* part : {&cost.z, &cost.x, &cost.weight}) {
        if (part == &cost.x && l.in_channels < 8) continue;
        EXPECT_GT(part->needed_multiply_adds, 0);
        EXPECT_LE(part->executed_multiply_adds / part->products, 1.3 * part->needed_multiply_adds)
            << l.in_channels << " to " << l.out_channels << ", " << name_of(precision);
      }
      // Two blocks for each of 132 multiprocessors, nearly.
      EXPECT_LE(cost.weight.blocks, 264);
      EXPECT_GE(cost.weight.blocks, 240);
    }
  }
}

}  // namespace
}  // namespace infill::cuda::test
