#include <cmath>
#include <functional>
#include <limits>

#include "support.h"

namespace {

using capi_test::Picture;
using Hole = std::function<bool(int, int)>;

constexpr int kWidth = 47;
constexpr int kHeight = 38;

Picture mask_of(const Hole& hole, infill_format format = INFILL_FORMAT_GRAY8) {
  Picture mask(format, kWidth, kHeight);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) mask.bytes[static_cast<size_t>(y * kWidth + x)] = hole(x, y) ? 7 : 0;
  }
  return mask;
}

double distance_to(const Hole& wanted, int x, int y) {
  double nearest = std::numeric_limits<double>::infinity();
  for (int j = 0; j < kHeight; ++j) {
    for (int i = 0; i < kWidth; ++i) {
      if (wanted(i, j)) nearest = std::min(nearest, std::hypot(i - x, j - y));
    }
  }
  return nearest;
}

// The grown or shrunk hole by the definition: what lies outside it, a byte a pixel.
std::vector<char> outside_of(const Hole& hole, double grow) {
  const Hole kept = [&](int x, int y) { return !hole(x, y); };
  std::vector<char> outside;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const bool grown =
          grow >= 0 ? distance_to(hole, x, y) <= grow : hole(x, y) && distance_to(kept, x, y) > -grow;
      outside.push_back(grown ? 0 : 1);
    }
  }
  return outside;
}

const std::vector<Hole>& holes() {
  static const std::vector<Hole> all = {
      [](int, int) { return false; },
      [](int x, int y) { return x == 20 && y == 17; },
      [](int x, int y) { return x > 12 && x < 31 && y > 9 && y < 28; },
      [](int x, int y) { return (x < 3 && y < 4) || (x > 41 && y > 33); },
      [](int x, int y) { return y == 5 || x == 40; },
      [](int, int) { return true; },
  };
  return all;
}

TEST(MaskShape, IsTheDefinition) {
  for (size_t h = 0; h < holes().size(); ++h) {
    for (const double grow : {0.0, 1.0, 2.5, 6.0, -1.0, -3.0}) {
      for (const double feather : {0.0, 3.0}) {
        Picture mask = mask_of(holes()[h]);
        Picture out(INFILL_FORMAT_GRAY32F, kWidth, kHeight);
        infill_error error = INFILL_ERROR_INIT;
        ASSERT_EQ(infill_mask_shape(&mask.image, grow, feather, &out.image, &error), INFILL_OK)
            << error.message;
        const std::vector<char> beyond = outside_of(holes()[h], grow);
        const Hole outside = [&](int x, int y) { return beyond[static_cast<size_t>(y * kWidth + x)] != 0; };
        for (int y = 0; y < kHeight; y += 3) {
          for (int x = 0; x < kWidth; x += 2) {
            float value = 0;
            std::memcpy(&value, &out.bytes[static_cast<size_t>(y * kWidth + x) * 4], 4);
            const double wanted =
                outside(x, y) ? 0 : std::min(1.0, distance_to(outside, x, y) / (feather + 1));
            ASSERT_NEAR(value, wanted, 1e-6)
                << "hole " << h << " grow " << grow << " feather " << feather << " at " << x << ' ' << y;
          }
        }
      }
    }
  }
}

TEST(MaskShape, WorksInPlaceAndInEveryFormat) {
  const Hole& hole = holes()[2];
  Picture wanted(INFILL_FORMAT_GRAY32F, kWidth, kHeight);
  const Picture mask = mask_of(hole);
  ASSERT_EQ(infill_mask_shape(&mask.image, 2, 4, &wanted.image, nullptr), INFILL_OK);
  const auto value_at = [&](size_t i) {
    float value = 0;
    std::memcpy(&value, &wanted.bytes[i * 4], 4);
    return value;
  };
  Picture in_place = mask_of(hole);
  ASSERT_EQ(infill_mask_shape(&in_place.image, 2, 4, &in_place.image, nullptr), INFILL_OK);
  Picture deep(INFILL_FORMAT_GRAY16, kWidth, kHeight);
  ASSERT_EQ(infill_mask_shape(&mask.image, 2, 4, &deep.image, nullptr), INFILL_OK);
  Picture half(INFILL_FORMAT_GRAY16F, kWidth, kHeight);
  ASSERT_EQ(infill_mask_shape(&mask.image, 2, 4, &half.image, nullptr), INFILL_OK);
  Picture hard(INFILL_FORMAT_MASK8, kWidth, kHeight);
  ASSERT_EQ(infill_mask_shape(&mask.image, 2, 0, &hard.image, nullptr), INFILL_OK);
  for (size_t i = 0; i < static_cast<size_t>(kWidth * kHeight); ++i) {
    EXPECT_NEAR(in_place.bytes[i], value_at(i) * 255, 0.51);
    uint16_t bits = 0;
    std::memcpy(&bits, &deep.bytes[i * 2], 2);
    EXPECT_NEAR(bits, value_at(i) * 65535, 0.51);
    EXPECT_EQ(hard.bytes[i], value_at(i) > 0 ? 1 : 0);
    std::memcpy(&bits, &half.bytes[i * 2], 2);
    EXPECT_EQ(bits != 0, value_at(i) > 0);
    EXPECT_EQ(bits == 0x3C00, value_at(i) > 0.9998F);
  }
}

TEST(MaskShape, RefusesMistakesByName) {
  Picture mask = mask_of(holes()[2]);
  Picture out(INFILL_FORMAT_GRAY8, kWidth, kHeight);
  Picture small(INFILL_FORMAT_GRAY8, kWidth, kHeight - 1);
  Picture colour(INFILL_FORMAT_RGB8, kWidth, kHeight);
  Picture hard(INFILL_FORMAT_MASK8, kWidth, kHeight);
  infill_image read_only = out.image;
  read_only.flags = INFILL_IMAGE_READ_ONLY;
  const Picture before = mask;
  infill_image overlapping = mask.image;
  overlapping.data = mask.bytes.data() + kWidth;
  overlapping.height = kHeight - 1;
  infill_image lower = mask.image;
  lower.height = kHeight - 1;
  infill_image no_data = out.image;
  no_data.data = nullptr;
  const double nan = std::nan("");
  const struct {
    const infill_image *mask, *dst;
    double grow, feather;
    infill_status status;
    const char* name;
  } cases[] = {
      {nullptr, &out.image, 1, 0, INFILL_ERROR_INVALID_ARGUMENT, "mask"},
      {&mask.image, nullptr, 1, 0, INFILL_ERROR_INVALID_ARGUMENT, "dst"},
      {&mask.image, &out.image, nan, 0, INFILL_ERROR_INVALID_ARGUMENT, "grow"},
      {&mask.image, &out.image, 10001, 0, INFILL_ERROR_INVALID_ARGUMENT, "grow"},
      {&mask.image, &out.image, 0, nan, INFILL_ERROR_INVALID_ARGUMENT, "feather"},
      {&mask.image, &out.image, 0, -1, INFILL_ERROR_INVALID_ARGUMENT, "feather"},
      {&mask.image, &small.image, 0, 0, INFILL_ERROR_INVALID_ARGUMENT, "dst"},
      {&mask.image, &colour.image, 0, 0, INFILL_ERROR_UNSUPPORTED, "dst.format"},
      {&colour.image, &out.image, 0, 0, INFILL_ERROR_UNSUPPORTED, "mask.format"},
      {&mask.image, &hard.image, 0, 2, INFILL_ERROR_INVALID_ARGUMENT, "feather"},
      {&mask.image, &read_only, 0, 0, INFILL_ERROR_INVALID_ARGUMENT, "READ_ONLY"},
      {&lower, &overlapping, 0, 0, INFILL_ERROR_INVALID_ARGUMENT, "shares memory"},
      {&mask.image, &no_data, 0, 0, INFILL_ERROR_INVALID_ARGUMENT, "dst.data"},
      {&no_data, &out.image, 0, 0, INFILL_ERROR_INVALID_ARGUMENT, "mask.data"},
  };
  for (const auto& each : cases) {
    infill_error error = INFILL_ERROR_INIT;
    EXPECT_EQ(infill_mask_shape(each.mask, each.grow, each.feather, each.dst, &error), each.status)
        << each.name;
    EXPECT_NE(std::string(error.message).find(each.name), std::string::npos) << error.message;
  }
  EXPECT_EQ(mask.bytes, before.bytes);
}

}  // namespace
