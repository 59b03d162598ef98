// Whether dst shares memory with another picture: the library's answer against a set of bytes.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>

#include "support.h"

namespace capi_test {
namespace {

constexpr size_t kMemory = 2048;

int64_t bytes_of(infill_format format) {
  return format < INFILL_FORMAT_GRAY16 ? 1 : format < INFILL_FORMAT_GRAY32F ? 2 : 4;
}

int64_t channels_of(infill_format format) {
  switch (format) {
    case INFILL_FORMAT_GRAY8:
    case INFILL_FORMAT_GRAY16:
    case INFILL_FORMAT_GRAY32F:
      return 1;
    case INFILL_FORMAT_RG16:
      return 2;
    case INFILL_FORMAT_RGB8:
      return 3;
    default:
      return 4;
  }
}

// Every cell of the view, one byte after the other.
void for_each_byte(const infill_image& image, const auto& body) {
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      for (int64_t c = 0; c < channels_of(image.format); ++c) {
        const int64_t at = y * image.row_stride + x * image.pixel_stride + c * image.channel_stride;
        for (int64_t i = 0; i < bytes_of(image.format); ++i) body(at + i);
      }
    }
  }
}

struct Range {
  int64_t begin = INT64_MAX, end = INT64_MIN;
};

Range range_of(const infill_image& image) {
  Range range;
  for_each_byte(image, [&](int64_t at) {
    range.begin = std::min(range.begin, at);
    range.end = std::max(range.end, at + 1);
  });
  return range;
}

// Small pictures as they lie in larger ones: rows, cells and channels apart, planes, mirrored, one channel of
// many.
class Views {
 public:
  explicit Views(uint32_t seed) : random_(seed) {}

  // row_stride: 0 for any.
  infill_image view(int64_t row_stride) {
    for (;;) {
      const std::optional<infill_image> made = attempt(row_stride);
      if (made) return *made;
    }
  }
  int64_t number(int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(random_);
  }

 private:
  std::optional<infill_image> attempt(int64_t row_stride) {
    constexpr infill_format kFormats[] = {INFILL_FORMAT_GRAY8,  INFILL_FORMAT_RGB8, INFILL_FORMAT_RGBA8,
                                          INFILL_FORMAT_GRAY16, INFILL_FORMAT_RG16, INFILL_FORMAT_GRAY32F};
    infill_image image = INFILL_IMAGE_INIT;
    image.format = kFormats[number(0, 5)];
    image.width = static_cast<int32_t>(number(1, 6));
    image.height = static_cast<int32_t>(number(1, 6));
    const int64_t cell = bytes_of(image.format);
    const int64_t channels = channels_of(image.format);
    switch (number(0, 3)) {
      case 0:  // interleaved, perhaps with room between pixels
        image.channel_stride = cell;
        image.pixel_stride = cell * channels + number(0, 3);
        break;
      case 1:  // planes, or rows of one channel after the other
        image.pixel_stride = cell;
        image.channel_stride = number(0, 1) == 0 ? 200 : cell * image.width;
        break;
      case 2:  // among the channels of a picture of four
        image.channel_stride = cell;
        image.pixel_stride = 4 * cell;
        break;
      default:
        image.channel_stride = number(1, 9);
        image.pixel_stride = number(1, 9);
    }
    image.row_stride = row_stride != 0 ? row_stride : number(1, 64);
    for (int64_t* stride : {&image.row_stride, &image.pixel_stride, &image.channel_stride}) {
      if (number(0, 3) == 0) *stride = -*stride;
    }
    if (infill_image_check(&image, nullptr, nullptr) != INFILL_OK) return {};  // shares bytes with itself
    const Range range = range_of(image);
    if (range.end - range.begin > static_cast<int64_t>(kMemory) / 2) return {};
    // Often close to each other.
    const int64_t begin = number(0, number(0, 1) == 0 ? 24 : static_cast<int64_t>(kMemory) / 2);
    image.data = memory_.data() + begin - range.begin;
    return image;
  }

  std::mt19937 random_;
  std::vector<unsigned char> memory_ = std::vector<unsigned char>(kMemory);
};

bool share_a_byte(const infill_image& a, const infill_image& b) {
  const int64_t between = static_cast<unsigned char*>(b.data) - static_cast<unsigned char*>(a.data);
  std::vector<bool> taken(4 * kMemory);
  constexpr auto kMiddle = static_cast<int64_t>(2 * kMemory);
  for_each_byte(a, [&](int64_t at) { taken[static_cast<size_t>(kMiddle + at)] = true; });
  bool shared = false;
  for_each_byte(b,
                [&](int64_t at) { shared = shared || taken[static_cast<size_t>(kMiddle + at + between)]; });
  return shared;
}

bool ranges_meet(const infill_image& a, const infill_image& b) {
  const int64_t between = static_cast<unsigned char*>(b.data) - static_cast<unsigned char*>(a.data);
  const Range of_a = range_of(a);
  const Range of_b = range_of(b);
  return of_a.begin < of_b.end + between && of_b.begin + between < of_a.end;
}

bool is_same_view(const infill_image& a, const infill_image& b) {
  return a.data == b.data && a.format == b.format && a.width == b.width && a.height == b.height &&
         a.row_stride == b.row_stride && a.pixel_stride == b.pixel_stride &&
         a.channel_stride == b.channel_stride;
}

// What the library says of dst and src, which need not fit each other otherwise.
bool library_says_shared(infill_session* session, const infill_image& dst, const infill_image& src) {
  static unsigned char nothing = 0;
  infill_image mask = INFILL_IMAGE_INIT;
  mask.format = INFILL_FORMAT_GRAY8;
  mask.width = mask.height = 1;
  mask.data = &nothing;
  const infill_fill_desc desc = desc_of(src, mask, dst);
  infill_estimate estimate = INFILL_ESTIMATE_INIT;
  infill_error error = INFILL_ERROR_INIT;
  if (infill_fill_estimate(session, &desc, &estimate, &error) == INFILL_OK) return false;
  EXPECT_EQ(error.status, INFILL_ERROR_INVALID_ARGUMENT) << error.message;
  return std::string(error.message).starts_with("dst: shares memory with src");
}

std::string describe(const infill_image& image) {
  std::string text = "format " + std::to_string(image.format);
  for (const int64_t value : {int64_t{image.width}, int64_t{image.height}, image.row_stride,
                              image.pixel_stride, image.channel_stride}) {
    text += ' ' + std::to_string(value);
  }
  return text;
}

TEST(Overlap, IsWhatASetOfBytesSays) {
  const Session s;
  Views views(7);
  int yes = 0;
  int no = 0;
  int apart_within_ranges = 0;
  for (int i = 0; i < 20000; ++i) {
    const bool equal_rows = i % 4 != 0;
    const int64_t row_stride = equal_rows ? views.number(4, 64) : 0;
    const infill_image dst = views.view(row_stride);
    const infill_image src = views.view(row_stride);
    if (is_same_view(dst, src)) continue;
    const bool shared = share_a_byte(dst, src);
    const bool said = library_says_shared(s.session, dst, src);
    const auto what = [&] {
      return describe(dst) + " and " + describe(src) + ", " +
             std::to_string(static_cast<unsigned char*>(src.data) - static_cast<unsigned char*>(dst.data)) +
             " apart";
    };
    if (shared) {
      ASSERT_TRUE(said) << what();
    }
    if (!ranges_meet(dst, src)) {
      ASSERT_FALSE(said) << what();
    }
    // Exact where both strides are equal up to their sign.
    if (std::abs(dst.row_stride) == std::abs(src.row_stride) &&
        std::abs(dst.pixel_stride) == std::abs(src.pixel_stride)) {
      ASSERT_EQ(said, shared) << what();
      apart_within_ranges += static_cast<int>(!shared && ranges_meet(dst, src));
    }
    ++(shared ? yes : no);
  }
  EXPECT_GT(yes, 2000);
  EXPECT_GT(no, 2000);
  EXPECT_GT(apart_within_ranges, 200);
}

}  // namespace
}  // namespace capi_test
