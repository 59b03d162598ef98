#include "kernels/convolution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "support/noise.h"

namespace infill::kernels {
namespace {

std::vector<float> noise(size_t count, uint32_t seed) {
  return test::random_floats(count, seed, 1);
}

double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kElu:
      return x > 0 ? x : std::expm1(x);
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kLeakyRelu:
      return x > 0 ? x : 0.2 * x;
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kNone:
      break;
  }
  return x;
}

struct Case {
  ConvolutionSpec spec;
  int32_t height, width;
};

int32_t result_size(const Case& each, int32_t size, int32_t pad) {  // with as much padding after as before
  const int32_t reach = each.spec.dilation * (each.spec.kernel - 1) + 1;
  return (size * each.spec.upsample + 2 * pad - reach) / each.spec.stride + 1;
}

// The definition, in double.
std::vector<double> reference(const Case& each, const std::vector<float>& in,
                              const std::vector<float>& weight, const std::vector<float>& bias,
                              int32_t height, int32_t width) {
  const ConvolutionSpec& s = each.spec;
  const auto sum = [&](int32_t row, int32_t y, int32_t x) {
    double total = bias[static_cast<size_t>(row)];
    for (int32_t ky = 0; ky < s.kernel; ++ky) {
      for (int32_t kx = 0; kx < s.kernel; ++kx) {
        const int32_t iy = y * s.stride + ky * s.dilation - s.pad_top;
        const int32_t ix = x * s.stride + kx * s.dilation - s.pad_left;
        if (iy < 0 || ix < 0 || iy >= each.height * s.upsample || ix >= each.width * s.upsample) continue;
        for (int32_t c = 0; c < s.in_channels; ++c) {
          const auto from =
              static_cast<size_t>((iy / s.upsample * each.width + ix / s.upsample) * s.in_channels + c);
          const auto tap = static_cast<size_t>(((row * s.in_channels + c) * s.kernel + ky) * s.kernel + kx);
          total += static_cast<double>(in[from]) * static_cast<double>(weight[tap]);
        }
      }
    }
    return total;
  };
  std::vector<double> out;
  for (int32_t y = 0; y < height; ++y) {
    for (int32_t x = 0; x < width; ++x) {
      for (int32_t c = 0; c < s.out_channels; ++c) {
        double value = activate(s.activation, sum(c, y, x));
        if (s.gated) value /= 1 + std::exp(-sum(s.out_channels + c, y, x));
        out.push_back(value);
      }
    }
  }
  return out;
}

class Trial {
 public:
  explicit Trial(const Case& each, uint32_t seed = 1)
      : each_(each),
        height(result_size(each, each.height, each.spec.pad_top)),
        width(result_size(each, each.width, each.spec.pad_left)) {
    const ConvolutionSpec& s = each.spec;
    const auto rows = static_cast<size_t>(s.gated ? 2 * s.out_channels : s.out_channels);
    in_ = noise(static_cast<size_t>(each.height * each.width * s.in_channels), seed);
    weight_ = noise(rows * static_cast<size_t>(s.in_channels * s.kernel * s.kernel), seed + 1);
    bias_ = noise(rows, seed + 2);
  }

  // What a bfloat16 network multiplies.
  void round_operands() {
    for (std::vector<float>* values : {&in_, &weight_}) {
      for (float& value : *values) {
        const auto bits = static_cast<uint32_t>(to_bfloat16(value)) << 16;
        std::memcpy(&value, &bits, sizeof(value));
      }
    }
  }
  // At the first pixel and channel.
  void spoil_input() { in_[0] = std::nanf(""); }

  // The result of a region, the rest of the map left at `before`.
  [[nodiscard]] std::vector<float> fill(const Region& region, int32_t pitch, float before = -7) const {
    const Convolution convolution(each_.spec, weight_.data(), bias_.data());
    std::vector<float> out(static_cast<size_t>(height * width * pitch), before);
    const ConstMap in{in_.data(), each_.height, each_.width, each_.spec.in_channels, each_.spec.in_channels};
    const Map to{out.data(), height, width, each_.spec.out_channels, pitch};
    std::vector<float> buffer(convolution.scratch() + 16, std::nanf(""));
    void* aligned = buffer.data();
    size_t space = buffer.size() * sizeof(float);
    auto* scratch =
        static_cast<float*>(std::align(64, convolution.scratch() * sizeof(float), aligned, space));
    for (int64_t job = convolution.jobs(region); job-- > 0;)
      convolution.run(in, {0, 0, each_.height, each_.width}, to, region, job, scratch);
    return out;
  }
  [[nodiscard]] Region all() const { return {0, 0, height, width}; }
  [[nodiscard]] std::vector<double> expected() const {
    return reference(each_, in_, weight_, bias_, height, width);
  }

 private:
  Case each_;
  std::vector<float> in_, weight_, bias_;

 public:
  int32_t height, width;
};

ConvolutionSpec spec(int32_t in, int32_t out, int32_t kernel, int32_t stride, int32_t dilation, int32_t pad,
                     bool gated = true, Activation activation = Activation::kElu, int32_t upsample = 1) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel = kernel,
          .stride = stride,
          .dilation = dilation,
          .pad_top = pad,
          .pad_left = pad,
          .upsample = upsample,
          .gated = gated,
          .activation = activation};
}

const Case kCases[] = {
    {spec(1, 1, 3, 1, 1, 1), 1, 1},
    {spec(1, 1, 3, 1, 1, 1, false, Activation::kNone), 1, 9},
    {spec(3, 2, 3, 1, 1, 1, false, Activation::kTanh), 7, 1},
    {spec(4, 4, 3, 1, 1, 1, true, Activation::kLeakyRelu), 5, 13},
    {spec(24, 24, 3, 1, 1, 1), 9, 10},
    {spec(48, 25, 3, 1, 1, 1, true, Activation::kRelu), 17, 8},
    {spec(17, 48, 3, 1, 2, 2), 13, 11},
    {spec(16, 16, 3, 1, 4, 4), 16, 16},
    {spec(8, 12, 3, 1, 16, 16), 21, 35},
    {spec(12, 3, 3, 1, 1, 1, false, Activation::kNone), 12, 20},
    {spec(24, 24, 3, 1, 1, 1, true, Activation::kElu, 2), 6, 9},
    {spec(5, 24, 5, 1, 1, 2), 11, 14},
    {spec(24, 48, 3, 2, 1, 1), 15, 16},
    {spec(6, 10, 3, 2, 1, 0), 9, 8},
    {spec(3, 7, 5, 2, 2, 4, true, Activation::kElu, 2), 7, 9},
    {spec(96, 96, 3, 1, 1, 1), 14, 15},
};

TEST(Convolution, EqualsTheDefinition) {
  for (const Case& each : kCases) {
    const Trial run(each);
    const std::vector<double> expected = run.expected();
    double largest = 0;
    for (const double value : expected) largest = std::max(largest, std::abs(value));
    for (const int32_t more : {0, 3}) {
      const int32_t pitch = each.spec.out_channels + more;
      const std::vector<float> out = run.fill(run.all(), pitch);
      double worst = 0;
      for (size_t i = 0; i < out.size(); ++i) {
        const size_t channel = i % static_cast<size_t>(pitch);
        if (channel >= static_cast<size_t>(each.spec.out_channels)) {
          ASSERT_EQ(out[i], -7) << "written beyond the channels";
          continue;
        }
        const size_t at =
            i / static_cast<size_t>(pitch) * static_cast<size_t>(each.spec.out_channels) + channel;
        worst = std::max(worst, std::abs(static_cast<double>(out[i]) - expected[at]));
      }
      EXPECT_LE(worst, 3e-5 * largest)
          << each.spec.in_channels << " to " << each.spec.out_channels << " channels, " << each.height << 'x'
          << each.width << ", dilation " << each.spec.dilation << ", stride " << each.spec.stride;
    }
  }
}

Case in_bfloat16(const Case& each) {
  Case other = each;
  other.spec.precision = Precision::kBfloat16;
  return other;
}

// Winograd's products are of rounded transforms, all others of rounded operands.
bool is_winograd(const Case& each) {
  return each.spec.kernel == 3 && each.spec.stride == 1;
}

TEST(Convolution, InBfloat16EqualsTheDefinitionOfRoundedOperands) {
  for (const Case& each : kCases) {
    Trial run(in_bfloat16(each));
    Trial exact(each);
    if (!is_winograd(each)) exact.round_operands();
    const std::vector<double> expected = exact.expected();
    const std::vector<float> out = run.fill(run.all(), each.spec.out_channels);
    double largest = 0;
    double squares = 0;
    double worst = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      const double gap = std::abs(static_cast<double>(out[i]) - expected[i]);
      largest = std::max(largest, std::abs(expected[i]));
      worst = std::max(worst, gap);
      squares += gap * gap;
    }
    SCOPED_TRACE(std::to_string(each.spec.in_channels) + " to " + std::to_string(each.spec.out_channels) +
                 " channels, " + std::to_string(each.height) + "x" + std::to_string(each.width));
    EXPECT_LE(worst, (is_winograd(each) ? 8e-2 : 3e-5) * largest);
    EXPECT_LE(std::sqrt(squares / static_cast<double>(out.size())), 1.2e-2 * largest);
    EXPECT_NE(out, Trial(each).fill(run.all(), each.spec.out_channels)) << "is float32";
  }
}

TEST(Convolution, NaNStaysNaN) {
  for (const Case& each : kCases) {
    for (const Case& trial : {each, in_bfloat16(each)}) {
      Trial run(trial);
      run.spoil_input();
      for (int32_t c = 0; c < each.spec.out_channels; ++c)
        EXPECT_TRUE(std::isnan(run.fill(run.all(), each.spec.out_channels)[static_cast<size_t>(c)])) << c;
    }
  }
}

TEST(Convolution, ARegionIsThatPartOfTheWholeAndNothingElse) {
  for (size_t n = 0; n < 2 * std::size(kCases); ++n) {
    const Case each = n % 2 == 0 ? kCases[n / 2] : in_bfloat16(kCases[n / 2]);
    // Tiles begin with the region: other sums are rounded.
    const double tolerance = n % 2 == 1 && is_winograd(each) ? 5e-2 : 3e-5;
    const Trial run(each);
    const std::vector<float> whole = run.fill(run.all(), each.spec.out_channels);
    double largest = 0;
    for (const float value : whole) largest = std::max(largest, std::abs(static_cast<double>(value)));
    const Region region{run.height / 3, run.width / 4, run.height - run.height / 4, run.width};
    const std::vector<float> part = run.fill(region, each.spec.out_channels);
    size_t i = 0;
    for (int32_t y = 0; y < run.height; ++y) {
      for (int32_t x = 0; x < run.width; ++x) {
        const bool inside = y >= region.y0 && y < region.y1 && x >= region.x0 && x < region.x1;
        for (int32_t c = 0; c < each.spec.out_channels; ++c, ++i) {
          if (inside) {
            ASSERT_NEAR(part[i], whole[i], tolerance * largest);
          } else {
            ASSERT_EQ(part[i], -7);
          }
        }
      }
    }
  }
}

TEST(Convolution, AnEmptyRegionHasNoJobs) {
  const Convolution convolution(kCases[3].spec, noise(8 * 4 * 9, 1).data(), nullptr);
  EXPECT_EQ(convolution.jobs({3, 3, 3, 9}), 0);
  EXPECT_EQ(convolution.jobs({5, 3, 3, 9}), 0);
}

TEST(Convolution, TheSameBytesAgain) {
  const Trial run(kCases[5]);
  EXPECT_EQ(run.fill(run.all(), 25), run.fill(run.all(), 25));
  const Trial rounded(in_bfloat16(kCases[5]));
  EXPECT_EQ(rounded.fill(rounded.all(), 25), rounded.fill(rounded.all(), 25));
}

}  // namespace
}  // namespace infill::kernels
