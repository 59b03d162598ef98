#include "infill/ops/gated_conv2d.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

using at::Tensor;

struct Case {
  std::string name;
  std::array<int64_t, 4> x;       // N, C_in, H, W
  std::array<int64_t, 3> weight;  // C_out, kh, kw
  std::array<int64_t, 2> stride = {1, 1};
  std::array<int64_t, 4> padding = {1, 1, 1, 1};
  std::array<int64_t, 2> dilation = {1, 1};
  std::string activation = "elu";
  bool bias = true;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

const Case kCases[] = {
    {"plain", {2, 5, 9, 11}, {4, 3, 3}},
    {"relu", {1, 3, 8, 8}, {3, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, "relu"},
    {"leaky_relu", {1, 3, 8, 8}, {3, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, "leaky_relu"},
    {"none", {1, 3, 8, 8}, {3, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, "none"},
    {"no_bias", {2, 4, 7, 6}, {6, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, "elu", false},
    {"same_of_tensorflow", {2, 4, 10, 12}, {8, 3, 3}, {2, 2}, {0, 1, 0, 1}},
    {"four_borders", {1, 2, 7, 9}, {5, 3, 3}, {2, 1}, {2, 0, 1, 3}},
    {"five_by_five", {1, 5, 16, 16}, {24, 5, 5}, {1, 1}, {2, 2, 2, 2}},
    {"dilated", {1, 8, 13, 13}, {8, 3, 3}, {1, 1}, {4, 4, 4, 4}, {4, 4}},
    {"uneven_dilation", {1, 3, 9, 15}, {7, 3, 2}, {2, 3}, {1, 0, 2, 2}, {2, 3}},
    {"one_by_one", {2, 16, 5, 5}, {16, 1, 1}, {1, 1}, {0, 0, 0, 0}},
    {"one_pixel", {1, 3, 1, 1}, {2, 3, 3}},
    {"one_row", {1, 3, 1, 17}, {4, 3, 3}},
    {"one_column", {1, 3, 17, 1}, {4, 3, 3}},
    {"one_channel", {3, 1, 6, 6}, {1, 3, 3}},
    {"odd_channels", {1, 7, 6, 6}, {21, 3, 3}},
    {"many_channels", {1, 24, 6, 7}, {96, 3, 3}},
    {"kernel_as_large_as_x", {1, 2, 5, 5}, {3, 5, 5}, {1, 1}, {0, 0, 0, 0}},
    {"padding_alone", {1, 2, 0, 3}, {3, 1, 1}, {1, 1}, {2, 1, 0, 0}},
    {"bands_of_padding", {1, 1, 3, 200}, {40, 1, 3}, {1, 1}, {120, 90, 1, 1}},
    {"no_pictures", {0, 3, 8, 8}, {4, 3, 3}},
    {"no_rows", {1, 3, 1, 5}, {4, 1, 1}, {3, 1}, {0, 0, 0, 0}},
    {"many_bands", {1, 2, 161, 210}, {18, 3, 3}},
    {"many_bands_stride_2", {1, 1, 330, 331}, {24, 3, 3}, {2, 2}, {0, 1, 1, 0}},
    {"many_pictures", {23, 2, 40, 41}, {16, 3, 3}},
};

Tensor random(at::IntArrayRef shape, uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(shape, generator, at::kDouble);
}

struct Inputs {
  Tensor x;
  Tensor weight;
  std::optional<Tensor> bias;
};

Inputs inputs_of(const Case& c) {
  const auto fan_in = static_cast<double>(c.x[1] * c.weight[1] * c.weight[2]);
  return {random(c.x, 1),
          random({2 * c.weight[0], c.x[1], c.weight[1], c.weight[2]}, 2) * (2 / std::sqrt(fan_in)),
          c.bias ? std::optional(random({2 * c.weight[0]}, 3)) : std::nullopt};
}

Inputs to(const Inputs& from, at::ScalarType type) {
  return {from.x.to(type), from.weight.to(type),
          from.bias ? std::optional(from.bias->to(type)) : std::nullopt};
}

double activated(const std::string& name, double f) {
  if (name == "none" || f > 0) return f;
  if (name == "elu") return std::expm1(f);
  return name == "relu" ? 0 : 0.2 * f;
}

// The definition, in double.
Tensor loop(const Case& c, const Inputs& in) {
  const auto x = in.x.accessor<double, 4>();
  const auto weight = in.weight.accessor<double, 4>();
  // Not structured bindings: clang 14 does not let a lambda use them.
  const int64_t n_out = c.x[0], c_in = c.x[1], h = c.x[2], w = c.x[3];
  const int64_t c_out = c.weight[0], kh = c.weight[1], kw = c.weight[2];
  const int64_t rows = (h + c.padding[0] + c.padding[1] - c.dilation[0] * (kh - 1) - 1) / c.stride[0] + 1;
  const int64_t columns = (w + c.padding[2] + c.padding[3] - c.dilation[1] * (kw - 1) - 1) / c.stride[1] + 1;
  Tensor result = at::zeros({n_out, c_out, rows, columns}, at::kDouble);
  auto y = result.accessor<double, 4>();
  const auto z = [&](int64_t n, int64_t channel, int64_t row, int64_t column) {
    double sum = in.bias ? in.bias->const_data_ptr<double>()[channel] : 0;
    for (int64_t i = 0; i < c_in; ++i) {
      for (int64_t ky = 0; ky < kh; ++ky) {
        for (int64_t kx = 0; kx < kw; ++kx) {
          const int64_t from_y = row * c.stride[0] - c.padding[0] + ky * c.dilation[0];
          const int64_t from_x = column * c.stride[1] - c.padding[2] + kx * c.dilation[1];
          if (from_y < 0 || from_y >= h || from_x < 0 || from_x >= w) continue;
          sum += x[n][i][from_y][from_x] * weight[channel][i][ky][kx];
        }
      }
    }
    return sum;
  };
  for (int64_t n = 0; n < n_out; ++n) {
    for (int64_t channel = 0; channel < c_out; ++channel) {
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t column = 0; column < columns; ++column) {
          const double gate = 1 / (1 + std::exp(-z(n, c_out + channel, row, column)));
          y[n][channel][row][column] = activated(c.activation, z(n, channel, row, column)) * gate;
        }
      }
    }
  }
  return result;
}

Tensor run(const Case& c, const Inputs& in) {
  return infill::gated_conv2d(in.x, in.weight, in.bias, c.stride, c.padding, c.dilation, c.activation);
}

// max |difference| / max |reference|
double difference(const Tensor& result, const Tensor& reference) {
  if (reference.numel() == 0) return 0;
  const auto largest = reference.abs().max().item<double>();
  return (result.to(at::kDouble) - reference).abs().max().item<double>() / std::max(largest, 1e-30);
}

class GatedConv2d : public testing::TestWithParam<Case> {};

TEST_P(GatedConv2d, IsTheLoop) {
  const Case& c = GetParam();
  const Inputs in = inputs_of(c);
  const Tensor reference = loop(c, in);
  const std::pair<at::ScalarType, double> types[] = {{at::kDouble, 1e-13}, {at::kFloat, 3e-6}};
  for (const auto& [type, tolerance] : types) {
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      Inputs typed = to(in, type);
      typed.x = typed.x.contiguous(format);
      const Tensor y = run(c, typed);
      ASSERT_EQ(y.sizes(), reference.sizes());
      EXPECT_EQ(y.scalar_type(), type);
      EXPECT_TRUE(y.is_contiguous(typed.x.suggest_memory_format()));
      EXPECT_LE(difference(y, reference), tolerance) << type << " " << format;
    }
  }
}

TEST_P(GatedConv2d, SixteenBits) {
  const Case& c = GetParam();
  const std::pair<at::ScalarType, double> types[] = {{at::kBFloat16, 1.5e-2}, {at::kHalf, 6e-4}};
  for (const auto& [type, tolerance] : types) {
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      Inputs typed = to(inputs_of(c), type);
      typed.x = typed.x.contiguous(format);
      const Tensor y = run(c, typed);
      EXPECT_EQ(y.scalar_type(), type);
      EXPECT_LE(difference(y, loop(c, to(typed, at::kDouble))), tolerance) << type << " " << format;
    }
  }
}

// Central differences of the loop's result, weighted with `grad`, in `argument`, which is one of `in`.
Tensor slopes(const Case& c, const Inputs& in, Tensor& argument, const Tensor& grad) {
  constexpr double kStep = 1e-5;
  Tensor result = at::zeros_like(argument);
  auto* values = argument.data_ptr<double>();
  for (int64_t i = 0; i < argument.numel(); ++i) {
    const double before = values[i];
    values[i] = before + kStep;
    const auto above = (loop(c, in) * grad).sum().item<double>();
    values[i] = before - kStep;
    const auto below = (loop(c, in) * grad).sum().item<double>();
    values[i] = before;
    result.data_ptr<double>()[i] = (above - below) / (2 * kStep);
  }
  return result;
}

TEST_P(GatedConv2d, GradientsAreTheSlopesOfTheLoop) {
  const Case& c = GetParam();
  Inputs in = inputs_of(c);
  if (in.x.numel() + in.weight.numel() > 600) GTEST_SKIP() << "too many differences";
  const Tensor grad = random(run(c, in).sizes(), 4);
  std::vector<Tensor> expected;
  for (Tensor* argument : {&in.x, &in.weight}) expected.push_back(slopes(c, in, *argument, grad));
  if (in.bias) expected.push_back(slopes(c, in, *in.bias, grad));

  const std::pair<at::ScalarType, double> types[] = {
      {at::kDouble, 1e-7}, {at::kFloat, 1e-5}, {at::kHalf, 5e-3}, {at::kBFloat16, 5e-2}};
  for (const auto& [type, tolerance] : types) {
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      Inputs typed = to(in, type);
      typed.x = typed.x.contiguous(format);
      const auto [x, weight, bias] =
          infill::gated_conv2d_backward(grad.to(type), typed.x, typed.weight, typed.bias, c.stride, c.padding,
                                        c.dilation, c.activation, {true, true, true});
      EXPECT_EQ(x.scalar_type(), type);
      EXPECT_LE(difference(x, expected[0]), tolerance) << "x " << type << " " << format;
      EXPECT_LE(difference(weight, expected[1]), tolerance) << "weight " << type << " " << format;
      ASSERT_EQ(bias.defined(), c.bias);
      if (c.bias) {
        EXPECT_LE(difference(bias, expected[2]), tolerance) << "bias " << type << " " << format;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GatedConv2d, testing::ValuesIn(kCases),
                         [](const auto& c) { return c.param.name; });

TEST(GatedConv2dArguments, AnyStrides) {
  const Case c{"strided", {2, 4, 9, 10}, {6, 3, 3}};
  const Inputs in = inputs_of(c);
  const Tensor reference = loop(c, in);
  const Tensor weight = at::stack({in.weight, in.weight}, -1).select(-1, 0);
  const Tensor bias = at::stack({*in.bias, *in.bias}, -1).select(-1, 1);
  const Tensor every_other = at::stack({in.x, in.x}, -1).select(-1, 0);
  const Tensor reordered = in.x.permute({3, 0, 2, 1}).contiguous().permute({1, 3, 2, 0});
  for (const Tensor& x : {every_other, reordered}) {
    EXPECT_FALSE(x.is_contiguous());
    EXPECT_LE(difference(run(c, {x, weight, bias}), reference), 1e-13);
  }
  const Tensor expanded = in.x.narrow(0, 0, 1).expand({2, 4, 9, 10});
  EXPECT_LE(difference(run(c, {expanded, weight, bias}), loop(c, {expanded, in.weight, in.bias})), 1e-13);
}

TEST(GatedConv2dArguments, StayAsTheyAre) {
  const Case c{"unchanged", {1, 4, 9, 10}, {6, 3, 3}, {1, 1}, {0, 1, 1, 0}};
  const Inputs in = to(inputs_of(c), at::kFloat);
  const Inputs before = {in.x.clone(), in.weight.clone(), in.bias->clone()};
  const Tensor y = run(c, in);
  const Tensor grad = at::ones_like(y);
  infill::gated_conv2d_backward(grad, in.x, in.weight, in.bias, c.stride, c.padding, c.dilation, c.activation,
                                {true, true, true});
  EXPECT_TRUE(in.x.equal(before.x) && in.weight.equal(before.weight) && in.bias->equal(*before.bias));
  EXPECT_TRUE(grad.equal(at::ones_like(y)));
}

TEST(GatedConv2dBackward, ComputesWhatIsAskedFor) {
  const Case c{"masked", {1, 4, 9, 10}, {6, 3, 3}};
  const Inputs in = to(inputs_of(c), at::kFloat);
  const Tensor grad = at::ones_like(run(c, in));
  for (int wanted = 0; wanted < 8; ++wanted) {
    const std::array<bool, 3> mask = {(wanted & 1) != 0, (wanted & 2) != 0, (wanted & 4) != 0};
    const auto [x, weight, bias] = infill::gated_conv2d_backward(grad, in.x, in.weight, in.bias, c.stride,
                                                                 c.padding, c.dilation, c.activation, mask);
    EXPECT_EQ(x.defined(), mask[0]);
    EXPECT_EQ(weight.defined(), mask[1]);
    EXPECT_EQ(bias.defined(), mask[2]);
  }
}

// A 1x1 kernel that hands feature and gate through: what the gate does to numbers at the ends of the range.
TEST(GatedConv2dValues, ExtremesAndNan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double values[] = {0,   -0.0, 1e-30, -1e-30, -1e-4, 1,    -1,   50,
                           -50, -86,  -88,   -105,   1e4,   -1e4, 3e38, -3e38};
  const std::vector<int64_t> shape = {1, 2, 1, 1};
  const Tensor weight = at::eye(2, at::kDouble).reshape({2, 2, 1, 1});
  for (const std::string activation : {"elu", "relu", "leaky_relu", "none"}) {
    const auto gated = [&](double f, double g, at::ScalarType type) {
      // 21 equal pixels: full vectors and the rest of a row.
      const Tensor x = at::tensor({f, g}, at::kDouble).reshape(shape).expand({1, 2, 3, 7}).to(type);
      const Tensor y =
          infill::gated_conv2d(x, weight.to(type), std::nullopt, {1, 1}, {0, 0, 0, 0}, {1, 1}, activation);
      EXPECT_TRUE(at::equal(y, y[0][0][0][0].expand_as(y)) || std::isnan(y[0][0][0][0].item<double>()));
      return y[0][0][0][0].item<double>();
    };
    for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16}) {
      const double tolerance = type == at::kDouble ? 1e-14 : type == at::kFloat ? 4e-7 : 1.3e-2;
      for (const double f : values) {
        for (const double g : values) {
          const double expected = activated(activation, f) / (1 + std::exp(-g));
          EXPECT_NEAR(gated(f, g, type), expected,
                      tolerance * std::abs(expected) + 1e-30 + 1e-37 * std::abs(f))
              << activation << "(" << f << ") sigmoid(" << g << ") " << type;
        }
      }
    }
    EXPECT_TRUE(std::isnan(gated(nan, 1, at::kFloat)));
    EXPECT_TRUE(std::isnan(gated(1, nan, at::kFloat)));
    EXPECT_TRUE(std::isnan(gated(nan, 1, at::kBFloat16)));
  }
}

struct Mistake {
  std::string message;
  std::function<void(Inputs&, Case&)> make;
};

TEST(GatedConv2dArguments, MistakesAreNamed) {
  const auto infinite = std::numeric_limits<int64_t>::max();
  const Mistake mistakes[] = {
      {"x: has shape [4, 9, 10], must be [N, C_in, H, W]", [](Inputs& in, Case&) { in.x = in.x[0]; }},
      {"x: is Long, must be", [](Inputs& in, Case&) { in.x = in.x.to(at::kLong); }},
      {"x: is ComplexFloat, must be", [](Inputs& in, Case&) { in.x = in.x.to(at::kComplexFloat); }},
      {"x: has shape [1, 0, 9, 10]",
       [](Inputs& in, Case&) {
         in.x = in.x.narrow(1, 0, 0);
         in.weight = in.weight.narrow(1, 0, 0);
       }},
      {"x: height is 1, 1 when padded; the kernel needs 3",
       [](Inputs& in, Case& c) {
         in.x = in.x.narrow(2, 0, 1);
         c.padding = {0, 0, 1, 1};
       }},
      {"x: width is 10, 12 when padded; the kernel needs 13",
       [](Inputs&, Case& c) {
         c.dilation = {1, 6};
       }},
      {"weight: has shape [12, 4, 9]", [](Inputs& in, Case&) { in.weight = in.weight.flatten(2); }},
      {"weight: has 11 output channels, must be even",
       [](Inputs& in, Case&) { in.weight = in.weight.narrow(0, 0, 11); }},
      {"weight: takes 3 input channels, x has 4",
       [](Inputs& in, Case&) { in.weight = in.weight.narrow(1, 0, 3); }},
      {"weight: has shape [12, 4, 0, 3]", [](Inputs& in, Case&) { in.weight = in.weight.narrow(2, 0, 0); }},
      {"weight: is Double, x is Float", [](Inputs& in, Case&) { in.weight = in.weight.to(at::kDouble); }},
      {"weight: is on meta, x is on cpu", [](Inputs& in, Case&) { in.weight = in.weight.to(at::kMeta); }},
      {"bias: has shape [6], must be [12]", [](Inputs& in, Case&) { in.bias = in.bias->narrow(0, 0, 6); }},
      {"bias: has shape [12, 1], must be [12]", [](Inputs& in, Case&) { in.bias = in.bias->unsqueeze(1); }},
      {"bias: is Half, x is Float", [](Inputs& in, Case&) { in.bias = in.bias->to(at::kHalf); }},
      {"stride: is [0, 1], every value must be 1 to",
       [](Inputs&, Case& c) {
         c.stride = {0, 1};
       }},
      {"stride: is [1, -2]",
       [](Inputs&, Case& c) {
         c.stride = {1, -2};
       }},
      {"padding: is [1, 1, -1, 1], every value must be 0 to",
       [](Inputs&, Case& c) {
         c.padding = {1, 1, -1, 1};
       }},
      {"padding: is [1, 1, 1, 9223372036854775807]", [=](Inputs&, Case& c) { c.padding[3] = infinite; }},
      {"dilation: is [1, 0]",
       [](Inputs&, Case& c) {
         c.dilation = {1, 0};
       }},
      {"activation: is 'gelu', must be elu, relu, leaky_relu or none",
       [](Inputs&, Case& c) { c.activation = "gelu"; }},
      {"activation: is ''", [](Inputs&, Case& c) { c.activation = ""; }},
  };
  for (const Mistake& mistake : mistakes) {
    Case c{"mistaken", {1, 4, 9, 10}, {6, 3, 3}};
    Inputs in = to(inputs_of(c), at::kFloat);
    mistake.make(in, c);
    for (const bool meta : {false, true}) {
      try {
        if (meta && in.weight.is_meta()) continue;
        if (meta) in.x = in.x.to(at::kMeta);
        if (meta) in.weight = in.weight.to(at::kMeta);
        if (meta && in.bias) in.bias = in.bias->to(at::kMeta);
        run(c, in);
        ADD_FAILURE() << "accepted although " << mistake.message;
      } catch (const c10::Error& error) {
        EXPECT_NE(std::string(error.what_without_backtrace()).find("gated_conv2d: " + mistake.message),
                  std::string::npos)
            << error.what_without_backtrace() << "\nexpected: " << mistake.message;
      }
    }
  }
}

TEST(GatedConv2dArguments, NumberOfValues) {
  const Case c{"plain", {1, 4, 9, 10}, {6, 3, 3}};
  const Inputs in = to(inputs_of(c), at::kFloat);
  EXPECT_THROW(infill::gated_conv2d(in.x, in.weight, in.bias, {1}, c.padding, {1, 1}, "elu"),
               c10::ValueError);
  EXPECT_THROW(infill::gated_conv2d(in.x, in.weight, in.bias, {1, 1}, {1, 1}, {1, 1}, "elu"),
               c10::ValueError);
  EXPECT_THROW(infill::gated_conv2d(in.x, in.weight, in.bias, {1, 1}, c.padding, {}, "elu"), c10::ValueError);
}

TEST(GatedConv2dBackward, MistakesAreNamed) {
  const Case c{"plain", {1, 4, 9, 10}, {6, 3, 3}};
  const Inputs in = to(inputs_of(c), at::kFloat);
  const auto backward = [&](const Tensor& grad) {
    infill::gated_conv2d_backward(grad, in.x, in.weight, in.bias, c.stride, c.padding, c.dilation,
                                  c.activation, {true, true, true});
  };
  EXPECT_THROW(backward(at::zeros({1, 6, 9, 9})), c10::ValueError);
  EXPECT_THROW(backward(at::zeros({1, 12, 9, 10})), c10::ValueError);
  EXPECT_THROW(backward(at::zeros({1, 6, 9, 10}, at::kDouble)), c10::TypeError);
}

}  // namespace
