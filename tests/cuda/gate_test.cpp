// The gate alone on the device, and its gradient, against the formula.
#include "cuda/gate.h"

#include <limits>

#include "gated_conv2d_backward_support.h"

namespace infill::cuda::test {
namespace {

constexpr Activation kActivations[] = {Activation::kNone, Activation::kElu, Activation::kRelu,
                                       Activation::kLeakyRelu, Activation::kTanh};
constexpr Layout kLayouts[] = {Layout::kChannelsLast, Layout::kChannelsFirst, Layout::kPitched,
                               Layout::kGaps};
constexpr float kUntouched = 77.0F;

// One value is rounded once.
double rounding(Precision precision) {
  if (precision == Precision::kFloat16) return 5e-4;
  return precision == Precision::kBfloat16 ? 4e-3 : 2e-6;
}

struct Sizes {
  int32_t batch, channels, height, width;
};

// A map of these sizes on the device with values that were drawn for it.
struct Map {
  Map(Layout kind, const Sizes& s, int32_t channels, uint32_t seed, Precision precision)
      : layout(map_layout(kind, s.batch, channels, s.height, s.width)),
        values(random_values(layout.elements, seed, 3.0F, precision)),
        memory(values.size() * element_bytes(precision)) {
    if (seed == 0) values.assign(values.size(), kUntouched);
    memory.write(encode(values, precision));
  }

  MapLayout layout;
  std::vector<float> values;
  DeviceArray memory;
};

template <class Body>
void for_each(const Sizes& s, const Body& body) {
  for (int32_t n = 0; n < s.batch; ++n) {
    for (int32_t c = 0; c < s.channels; ++c) {
      for (int32_t y = 0; y < s.height; ++y) {
        for (int32_t x = 0; x < s.width; ++x) body(n, c, y, x);
      }
    }
  }
}

double sigmoid(double v) {
  return 1 / (1 + std::exp(-v));
}

void expect_values(const std::vector<float>& values, const std::vector<double>& expected, double within,
                   const std::string& what) {
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_LE(std::abs(values[i] - expected[i]), within * std::max(0.1, std::abs(expected[i])))
        << what << ", element " << i << ": " << values[i] << ", formula " << expected[i];
  }
}

class Gate : public testing::TestWithParam<Precision> {
 protected:
  void check(const Sizes& s, Activation activation, Layout z_layout, Layout y_layout) const {
    const Precision precision = GetParam();
    const std::string what =
        std::to_string(s.channels) + " x " + std::to_string(s.height) + " x " + std::to_string(s.width) +
        ", activation " + std::to_string(static_cast<int>(activation)) + ", layouts " +
        std::to_string(static_cast<int>(z_layout)) + std::to_string(static_cast<int>(y_layout));
    const Map z(z_layout, s, 2 * s.channels, 1, precision);
    const Map y(y_layout, s, s.channels, 0, precision);
    const Map grad(y_layout, s, s.channels, 2, precision);
    const Map grad_z(y_layout, s, 2 * s.channels, 0, precision);
    std::vector<double> expected_y(y.values.begin(), y.values.end());
    std::vector<double> expected_z(grad_z.values.begin(), grad_z.values.end());
    std::vector<double> in_place(z.values.begin(), z.values.end());
    for_each(s, [&](int32_t n, int32_t c, int32_t row, int32_t x) {
      const size_t feature = z.layout.at(n, c, row, x);
      const size_t gated = z.layout.at(n, c + s.channels, row, x);
      const double f = z.values[feature];
      const double open = sigmoid(z.values[gated]);
      const double dy = grad.values[grad.layout.at(n, c, row, x)];
      expected_y[y.layout.at(n, c, row, x)] = activated(activation, f) * open;
      in_place[feature] = expected_z[grad_z.layout.at(n, c, row, x)] =
          dy * activated_slope(activation, f) * open;
      in_place[gated] = expected_z[grad_z.layout.at(n, c + s.channels, row, x)] =
          dy * activated(activation, f) * open * (1 - open);
    });
    ASSERT_EQ(gate({activation, precision, s.batch, s.channels, s.height, s.width, z.memory.data(),
                    z.layout.strides, y.memory.data(), y.layout.strides},
                   nullptr),
              cudaSuccess)
        << what;
    GateBackwardCall back{activation,
                          precision,
                          s.batch,
                          s.channels,
                          s.height,
                          s.width,
                          z.memory.data(),
                          z.layout.strides,
                          grad.memory.data(),
                          grad.layout.strides,
                          grad_z.memory.data(),
                          grad_z.layout.strides};
    ASSERT_EQ(gate_backward(back, nullptr), cudaSuccess) << what;
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    expect_values(decode(y.memory.read(), precision), expected_y, rounding(precision), what);
    expect_values(decode(grad_z.memory.read(), precision), expected_z, rounding(precision), what + ", dz");
    back.grad_z = z.memory.data();
    back.grad_z_strides = z.layout.strides;
    ASSERT_EQ(gate_backward(back, nullptr), cudaSuccess) << what;
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    expect_values(decode(z.memory.read(), precision), in_place, rounding(precision), what + ", in place");
  }
};

TEST_P(Gate, IsTheFormulaForEveryActivation) {
  for (const Activation activation : kActivations) {
    check({2, 8, 5, 8}, activation, Layout::kChannelsLast, Layout::kChannelsLast);
  }
}

TEST_P(Gate, IsTheFormulaForEveryLayout) {
  for (const Layout z : kLayouts) {
    for (const Layout y : kLayouts) {
      check({2, 16, 3, 8}, Activation::kElu, z, y);
      check({3, 5, 7, 3}, Activation::kElu, z, y);
    }
  }
}

TEST_P(Gate, SizesOfOneAndNothing) {
  for (const Layout layout : kLayouts) {
    for (const Sizes& s :
         {Sizes{1, 1, 1, 1}, Sizes{3, 1, 1, 1}, Sizes{2, 8, 1, 1}, Sizes{1, 1, 9, 1}, Sizes{1, 1, 1, 16},
          Sizes{2, 3, 1, 8}, Sizes{0, 4, 2, 2}, Sizes{1, 0, 2, 2}, Sizes{1, 4, 0, 2}, Sizes{1, 4, 2, 0}}) {
      check(s, Activation::kTanh, layout, layout);
    }
  }
}

TEST_P(Gate, MoreThanABlockAndManyPictures) {
  check({1, 8, 17, 40}, Activation::kLeakyRelu, Layout::kChannelsFirst, Layout::kChannelsFirst);
  check({1030, 1, 1, 3}, Activation::kElu, Layout::kChannelsLast, Layout::kChannelsLast);
}

INSTANTIATE_TEST_SUITE_P(Precisions, Gate, testing::ValuesIn(kPrecisions),
                         [](const auto& of) { return std::string(name_of(of.param)); });

// Packs of 16 bytes need everything at multiples of 16 bytes; what begins in between is read one by one.
TEST(GateAlignment, AnyElementIsABeginning) {
  const Sizes s{1, 8, 2, 4};
  for (size_t shift = 0; shift < 3; ++shift) {
    const Map z(Layout::kChannelsLast, {2, 8, 2, 4}, 16, 1, Precision::kFloat16);
    const Map y(Layout::kChannelsLast, {2, 8, 2, 4}, 8, 0, Precision::kFloat16);
    const auto begin = [](const Map& map, size_t by) {
      return static_cast<unsigned char*>(map.memory.data()) + 2 * by;
    };
    for (const size_t y_shift : {size_t{0}, shift}) {
      ASSERT_EQ(gate({Activation::kElu, Precision::kFloat16, s.batch, s.channels, s.height, s.width,
                      begin(z, shift), z.layout.strides, begin(y, y_shift), y.layout.strides},
                     nullptr),
                cudaSuccess);
      const std::vector<float> result = decode(y.memory.read(), Precision::kFloat16);
      for_each(s, [&](int32_t n, int32_t c, int32_t row, int32_t x) {
        const double f = z.values[z.layout.at(n, c, row, x) + shift];
        const double g = z.values[z.layout.at(n, c + 8, row, x) + shift];
        EXPECT_NEAR(result[y.layout.at(n, c, row, x) + y_shift], activated(Activation::kElu, f) * sigmoid(g),
                    2e-3);
      });
    }
  }
}

TEST(GateArguments, WrongOnesAreRefused) {
  float anything = 0;
  const GateCall right{Activation::kElu, Precision::kFloat32, 1, 1, 1, 1, &anything, {}, &anything, {}};
  const auto refused = [&right](auto change) {
    GateCall call = right;
    change(call);
    GateBackwardCall back{call.activation, call.precision,
                          call.batch,      call.channels,
                          call.height,     call.width,
                          call.z,          {},
                          call.y,          {},
                          call.y,          {}};
    return gate(call, nullptr) == cudaErrorInvalidValue &&
           gate_backward(back, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(refused([](GateCall& c) { c.batch = -1; }));
  EXPECT_TRUE(refused([](GateCall& c) { c.channels = -1; }));
  EXPECT_TRUE(refused([](GateCall& c) { c.height = -1; }));
  EXPECT_TRUE(refused([](GateCall& c) { c.width = -1; }));
  EXPECT_TRUE(refused([](GateCall& c) { c.channels = 2, c.height = c.width = 1 << 15; }));
  EXPECT_TRUE(refused([](GateCall& c) { c.activation = static_cast<Activation>(9); }));
  EXPECT_TRUE(refused([](GateCall& c) { c.precision = static_cast<Precision>(4); }));
  EXPECT_TRUE(refused([](GateCall& c) { c.z = nullptr; }));
  EXPECT_TRUE(refused([](GateCall& c) { c.y = nullptr; }));
}

}  // namespace
}  // namespace infill::cuda::test
