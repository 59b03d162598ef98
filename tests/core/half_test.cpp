#include "core/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace infill {
namespace {

// The definition of binary16, in double.
double by_definition(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  const double sign = (half & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31) {
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(Half, AllOfThemWidenExactlyAndComeBack) {
  for (int i = 0; i < 65536; ++i) {
    const auto half = static_cast<uint16_t>(i);
    const float value = half_to_float(half);
    const double expected = by_definition(half);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value));
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
      continue;
    }
    ASSERT_EQ(static_cast<double>(value), expected) << i;
    ASSERT_EQ(std::signbit(value), std::signbit(expected)) << i;
    ASSERT_EQ(float_to_half(value), half);
  }
}

TEST(Half, NarrowingRoundsToNearestAndTiesToEven) {
  // Around the middle between every two neighbours.
  for (int i = 0; i < 0x7BFF; ++i) {
    const float low = half_to_float(static_cast<uint16_t>(i));
    const float high = half_to_float(static_cast<uint16_t>(i + 1));
    const float middle = low + (high - low) / 2;  // exact: float has 13 bits more
    const int even = i % 2 == 0 ? i : i + 1;
    ASSERT_EQ(float_to_half(middle), even) << i;
    ASSERT_EQ(float_to_half(std::nextafter(middle, low)), i) << i;
    ASSERT_EQ(float_to_half(std::nextafter(middle, high)), i + 1) << i;
    ASSERT_EQ(float_to_half(-middle), 0x8000 | even) << i;
  }
}

TEST(Half, WhatIsTooLargeBecomesInfinite) {
  EXPECT_EQ(float_to_half(kLargestHalf), 0x7BFF);
  EXPECT_EQ(float_to_half(std::nextafter(65520.0F, 0.0F)), 0x7BFF);
  EXPECT_EQ(float_to_half(65520.0F), 0x7C00);
  EXPECT_EQ(float_to_half(-3e38F), 0xFC00);
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::infinity()), 0x7C00);
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::denorm_min()), 0);
}

}  // namespace
}  // namespace infill
