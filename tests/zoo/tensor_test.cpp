#include "zoo/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "zoo/files.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

Tensor floats(const std::vector<float>& values, const Dims& shape, const Dims& strides) {
  Tensor tensor;
  tensor.name = "t";
  tensor.shape = shape;
  tensor.strides = strides;
  tensor.bytes = std::as_bytes(std::span(values));
  return tensor;
}

TEST(Tensor, CopiesInTheWrongSizeAreRefused) {
  const std::vector<float> values = {1, 2, 3, 4};
  const Tensor tensor = floats(values, {2, 2}, {2, 1});
  std::vector<float> out(3);
  EXPECT_THROW(tensor.copy_to_float(out), Error);
  out.resize(5);
  EXPECT_THROW(tensor.copy_to(std::as_writable_bytes(std::span(out))), Error);
}

TEST(Tensor, TheFirstElementThatIsNotFiniteIsFound) {
  constexpr int64_t kCount = 3000;  // more than are looked at in one go
  std::vector<float> values(2 * kCount, 1.0F);
  EXPECT_FALSE(floats(values, {kCount, 2}, {2, 1}).first_not_finite());
  EXPECT_FALSE(floats(values, {0, 2}, {2, 1}).first_not_finite());
  values[5001] = std::numeric_limits<float>::infinity();
  values[5002] = std::nanf("");
  EXPECT_EQ(floats(values, {kCount, 2}, {2, 1}).first_not_finite()->index, 5001);
  EXPECT_EQ(floats(values, {kCount, 2}, {2, 1}).first_not_finite()->value, values[5001]);
  EXPECT_EQ(floats(values, {2, kCount}, {1, 2}).first_not_finite()->index, 2501) << "its transpose";
  EXPECT_EQ(floats(values, {kCount}, {2}).first_not_finite()->index, 2501) << "every other one";
  EXPECT_FALSE(floats(values, {5001}, {1}).first_not_finite());
  const std::vector<double> large = {1, 1e300};
  Tensor doubles;
  doubles.dtype = DType::kF64;
  doubles.shape = {2};
  doubles.strides = {1};
  doubles.bytes = std::as_bytes(std::span(large));
  EXPECT_EQ(doubles.first_not_finite()->index, 1) << "beyond float32";
}

TEST(Tensor, SizesThatOverflow) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({kMost}), kMost);
  EXPECT_EQ(element_count({kMost, 0}), 0);
  EXPECT_EQ(element_count({kMost, 2}), std::nullopt);
  EXPECT_EQ(element_count({0, kMost, 2}), std::nullopt);
  EXPECT_EQ(element_count({-1}), std::nullopt);
  EXPECT_EQ(element_span({}, {}), 1);
  EXPECT_EQ(element_span({3, 2}, {2, 1}), 6);
  EXPECT_EQ(element_span({3, 2}, {1, 10}), 13);
  EXPECT_EQ(element_span({3, 0}, {kMost, 1}), 0);
  EXPECT_EQ(element_span({2}, {kMost}),
            std::nullopt);  // the last index is the largest number, one more are needed
  EXPECT_EQ(element_span({3}, {kMost}), std::nullopt);
  EXPECT_EQ(element_span({2, 2}, {kMost, kMost}), std::nullopt);
  EXPECT_EQ(element_span({2}, {-1}), std::nullopt);
  Dims nine{1, 1, 1, 1, 1, 1, 1, 1};
  EXPECT_THROW(nine.push_back(1), Error);
}

TEST(Tensor, StridedCopiesEqualTheLoop) {
  std::vector<float> values(200);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  struct Case {
    Dims shape;
    Dims strides;
  };
  for (const Case& c : std::vector<Case>{{{}, {}},
                                         {{5}, {1}},
                                         {{5}, {3}},
                                         {{1}, {7}},
                                         {{2, 3}, {3, 1}},
                                         {{3, 2}, {1, 3}},
                                         {{2, 3, 4}, {1, 2, 6}},
                                         {{2, 3, 4}, {50, 4, 1}},
                                         {{3, 1, 4}, {4, 99, 1}},
                                         {{2, 3, 2, 2}, {0, 4, 2, 1}},
                                         {{2, 0, 3}, {1, 1, 1}}}) {
    const Tensor tensor = floats(values, c.shape, c.strides);
    std::vector<float> expected;
    std::vector<int64_t> index(c.shape.size());
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      int64_t rest = i;
      int64_t at = 0;
      for (size_t axis = c.shape.size(); axis-- > 0;) {
        at += rest % c.shape[axis] * c.strides[axis];
        rest /= c.shape[axis];
      }
      expected.push_back(values[static_cast<size_t>(at)]);
    }
    std::vector<float> as_float(expected.size());
    tensor.copy_to_float(as_float);
    EXPECT_EQ(as_float, expected) << to_string(c.shape) << to_string(c.strides);
    std::vector<float> as_bytes(expected.size());
    tensor.copy_to(std::as_writable_bytes(std::span(as_bytes)));
    EXPECT_EQ(as_bytes, expected) << to_string(c.shape) << to_string(c.strides);
  }
}

TEST(DType, EveryFloatOf8Bits) {
  for (int code = 0; code < 256; ++code) {
    const auto byte = static_cast<std::byte>(code);
    const double sign = code < 128 ? 1 : -1;
    const int magnitude = code & 127;
    float found = 0;
    to_float(DType::kF8E4M3, &byte, 1, &found, 1);
    double expected = magnitude < 8 ? magnitude * 0x1p-9 : std::ldexp(8 + magnitude % 8, magnitude / 8 - 10);
    if (magnitude == 127) {
      EXPECT_TRUE(std::isnan(found));
    } else {
      EXPECT_EQ(found, sign * expected) << code;
      EXPECT_EQ(std::signbit(found), code >= 128);
    }
    to_float(DType::kF8E5M2, &byte, 1, &found, 1);
    expected = magnitude < 4 ? magnitude * 0x1p-16 : std::ldexp(4 + magnitude % 4, magnitude / 4 - 17);
    if (magnitude > 124) {
      EXPECT_TRUE(std::isnan(found));
    } else {
      EXPECT_EQ(found, magnitude == 124 ? sign * std::numeric_limits<double>::infinity() : sign * expected)
          << code;
    }
  }
}

TEST(DType, NamesAndSizes) {
  for (int i = 0; i <= static_cast<int>(DType::kF64); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_name(name_of(dtype)), dtype);
    const std::string name(name_of(dtype));
    const size_t bits = dtype == DType::kBool ? 8 : std::stoul(name.substr(name.find_first_of("0123456789")));
    EXPECT_EQ(size_of(dtype) * 8, bits) << name;
    EXPECT_EQ(is_floating(dtype), name.find('F') != std::string::npos);
  }
  EXPECT_EQ(dtype_from_name("f32"), std::nullopt);
}

TEST(Quoted, ShowsAnything) {
  EXPECT_EQ(in_quotes("a\"b\\\x01\xff"), R"("a\x22b\x5c\x01\xff")");
  EXPECT_EQ(in_quotes(std::string(100, 'x')), "\"" + std::string(96, 'x') + "...\"");
}

TEST(Text, IsUtf8WithoutZeros) {
  for (const char* good :
       {"", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xee\x80\x80"}) {
    EXPECT_TRUE(is_text(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x82"}) {
    EXPECT_FALSE(is_text(bad)) << in_quotes(bad);
  }
  EXPECT_FALSE(is_text(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace infill::zoo
