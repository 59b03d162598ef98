#include "kernels/bfloat16.h"

#include <gtest/gtest.h>
#include <hwy/aligned_allocator.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "support/noise.h"

namespace infill::kernels {
namespace {

float widened(Bfloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
}

float value_at(uint32_t seed, size_t i) {
  return static_cast<float>(2 * test::uniform(seed, static_cast<int>(i), 0) - 1);
}

TEST(Bfloat16, IsTheNearest) {
  for (size_t i = 0; i < 20'000; ++i) {
    const float value = std::ldexp(value_at(1, i), static_cast<int>(i % 200) - 100);
    const float rounded = widened(to_bfloat16(value));
    EXPECT_LE(std::abs(rounded - value), std::abs(value) / 256) << value;
    const auto bits = std::bit_cast<uint32_t>(value);
    const auto below = std::bit_cast<float>(bits & 0xFFFF0000U);
    const auto above = std::bit_cast<float>((bits & 0xFFFF0000U) + 0x10000U);
    const float to_below = std::abs(value - below);
    const float to_above = std::abs(above - value);
    if (to_below == to_above) continue;
    EXPECT_EQ(rounded, to_below < to_above ? below : above) << value;
  }
}

TEST(Bfloat16, HalvesGoToTheEvenOne) {
  EXPECT_EQ(to_bfloat16(std::bit_cast<float>(0x3F808000U)), 0x3F80);
  EXPECT_EQ(to_bfloat16(std::bit_cast<float>(0x3F818000U)), 0x3F82);
  EXPECT_EQ(to_bfloat16(std::bit_cast<float>(0xBF808001U)), 0xBF81);
}

TEST(Bfloat16, KeepsWhatIsNoNumber) {
  EXPECT_EQ(to_bfloat16(0.0F), 0);
  EXPECT_EQ(to_bfloat16(-0.0F), 0x8000);
  EXPECT_EQ(widened(to_bfloat16(std::numeric_limits<float>::infinity())),
            std::numeric_limits<float>::infinity());
  EXPECT_EQ(widened(to_bfloat16(std::numeric_limits<float>::max())), std::numeric_limits<float>::infinity());
  for (const uint32_t bits : {0x7FC00000U, 0x7F800001U, 0x7FFFFFFFU, 0xFFFFFFFFU})
    EXPECT_TRUE(std::isnan(widened(to_bfloat16(std::bit_cast<float>(bits))))) << bits;
}

// What the instructions do, where there are some.
class Bfloat16Products : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_bfloat16_products()) GTEST_SKIP() << "no AVX512_BF16";
  }
  static std::vector<Bfloat16> halves(size_t count, uint32_t seed) {
    std::vector<Bfloat16> all(count);
    for (size_t i = 0; i < count; ++i) all[i] = to_bfloat16(value_at(seed, i));
    return all;
  }
  // Sum over k of a[k] b[k / 2, column, k % 2]: b as panels have it.
  static double expected(const Bfloat16* a, const Bfloat16* b, ptrdiff_t b_step, ptrdiff_t depth,
                         ptrdiff_t column) {
    double sum = 0;
    for (ptrdiff_t k = 0; k < depth; ++k) {
      sum += static_cast<double>(widened(a[k])) *
             static_cast<double>(widened(b[k / 2 * b_step + 2 * column + k % 2]));
    }
    return sum;
  }
};

TEST_F(Bfloat16Products, RoundAsTheDefinitionDoes) {
  for (const int32_t count : {1, 2, 15, 16, 17, 40, 96}) {
    constexpr int32_t kRows = 3;
    std::vector<float> from(static_cast<size_t>(kRows * (count + 5)));
    for (size_t i = 0; i < from.size(); ++i) from[i] = value_at(2, i);
    from[0] = std::nanf("");
    const auto to_step = static_cast<ptrdiff_t>(count) + kBfloat16Slack;
    constexpr Bfloat16 kUntouched = 0x1234;
    std::vector<Bfloat16> to(static_cast<size_t>(kRows * to_step), kUntouched);
    avx512_bf16::round_rows(from.data(), count + 5, kRows, count, to.data(), to_step);
    for (ptrdiff_t r = 0; r < kRows; ++r) {
      for (ptrdiff_t i = 0; i < count; ++i) {
        const Bfloat16 value = to[static_cast<size_t>(r * to_step + i)];
        EXPECT_EQ(value, to_bfloat16(from[static_cast<size_t>(r * (count + 5) + i)])) << r << ' ' << i;
      }
      EXPECT_EQ(to[static_cast<size_t>(r * to_step + count + kBfloat16Slack - 1)], kUntouched);
    }
  }
}

TEST_F(Bfloat16Products, OfPanelsEqualTheDefinition) {
  for (const int32_t columns : {16, 32, 48}) {
    for (const int32_t depth : {2, 24, 126}) {
      constexpr int32_t kRows = 2 * avx512_bf16::kRows;
      const int32_t a_step = depth + 3;
      const std::vector<Bfloat16> a = halves(static_cast<size_t>(kRows * a_step), 3);
      const auto b_count = static_cast<size_t>(depth * columns);
      const auto b = hwy::AllocateAligned<Bfloat16>(b_count);
      for (size_t i = 0; i < b_count; ++i) b[i] = to_bfloat16(value_at(4, i));
      const auto c = hwy::AllocateAligned<float>(static_cast<size_t>(kRows * columns));
      avx512_bf16::multiply_panel(a.data(), a_step, kRows, depth, b.get(), columns, c.get(), b.get());
      for (ptrdiff_t r = 0; r < kRows; ++r) {
        for (ptrdiff_t i = 0; i < columns; ++i) {
          EXPECT_NEAR(c[static_cast<size_t>(r * columns + i)],
                      expected(a.data() + r * a_step, b.get(), 2 * ptrdiff_t{columns}, depth, i), 1e-5)
              << r << ' ' << i << " of " << columns << ", depth " << depth;
        }
      }
    }
  }
}

TEST_F(Bfloat16Products, OfTilesEqualTheDefinition) {
  constexpr ptrdiff_t kPairs = 13;
  constexpr ptrdiff_t kStep = 2 * 48 + 6;
  const std::vector<Bfloat16> a = halves(8 * 31, 5);
  const std::vector<Bfloat16> b = halves(kPairs * kStep, 6);
  for (int32_t rows = 1; rows <= 8; ++rows) {
    for (int32_t vectors = 1; vectors <= 3; ++vectors) {
      for (const bool add : {false, true}) {
        constexpr ptrdiff_t kPitch = 51;
        std::vector<float> c(8 * kPitch, 2);
        avx512_bf16::multiply_tile(rows, vectors, a.data(), 31, b.data(), kStep, kPairs, c.data(), kPitch,
                                   add);
        for (ptrdiff_t r = 0; r < 8; ++r) {
          for (ptrdiff_t i = 0; i < kPitch; ++i) {
            const bool inside = r < rows && i < 16 * ptrdiff_t{vectors};
            const double sum = inside ? expected(a.data() + r * 31, b.data(), kStep, 2 * kPairs, i) : 0;
            EXPECT_NEAR(c[static_cast<size_t>(r * kPitch + i)], sum + (inside && !add ? 0 : 2), 1e-5)
                << rows << 'x' << vectors << " at " << r << ' ' << i;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace infill::kernels
