#include "core/srgb.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace infill {
namespace {

double encode_reference(double x) {
  return x <= 0.0031308 ? x * 12.92 : 1.055 * std::pow(x, 1 / 2.4) - 0.055;
}
double decode_reference(double x) {
  return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
}

TEST(Srgb, AgreesWithTheDefinition) {
  double encode_error = 0;
  double decode_error = 0;
  // Every 97th float of 0..1, then steps to the largest.
  for (uint32_t bits = 0; bits < 0x7F800000U; bits += bits < 0x3F800000U ? 97U : 9973U) {
    const auto x = std::bit_cast<float>(bits);
    const double encoded = encode_reference(x);
    const double decoded = decode_reference(x);
    encode_error = std::max(encode_error, std::abs(encode_srgb(x) - encoded) / std::max(1.0, encoded));
    if (decoded < 3e38) {
      decode_error = std::max(decode_error, std::abs(decode_srgb(x) - decoded) / std::max(1.0, decoded));
    }
  }
  EXPECT_LT(encode_error, 1e-6);
  EXPECT_LT(decode_error, 1e-6);
}

TEST(Srgb, OddAndFaithfulToWhatIsNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float x : {0.0F, 0.001F, 0.0031308F, 0.04F, 0.3F, 1.0F, 7.5F, 1e20F}) {
    EXPECT_EQ(encode_srgb(-x), -encode_srgb(x));
    EXPECT_EQ(decode_srgb(-x), -decode_srgb(x));
  }
  EXPECT_EQ(encode_srgb(kInfinity), kInfinity);
  EXPECT_EQ(decode_srgb(-kInfinity), -kInfinity);
  EXPECT_TRUE(std::isnan(encode_srgb(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_EQ(decode_srgb(3e38F), kInfinity);  // overflow
}

TEST(Srgb, EightAndSixteenBitsComeBack) {
  for (const int maximum : {255, 65535}) {
    float before = -1;
    for (int i = 0; i <= maximum; ++i) {
      const float linear = decode_srgb(static_cast<float>(i) / static_cast<float>(maximum));
      EXPECT_GT(linear, before);
      before = linear;
      EXPECT_EQ(std::lround(encode_srgb(linear) * static_cast<float>(maximum)), i);
    }
  }
}

}  // namespace
}  // namespace infill
