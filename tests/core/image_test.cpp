#include "core/image.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/status.h"

namespace infill {
namespace {

std::byte* const kSomewhere = reinterpret_cast<std::byte*>(uintptr_t{1} << 40U);  // NOLINT

Image view(Format format, int32_t width, int32_t height, int64_t row = 0, int64_t pixel = 0,
           int64_t channel = 0) {
  Image image;
  image.format = format_info(format);
  image.width = width;
  image.height = height;
  image.row_stride = row;
  image.pixel_stride = pixel;
  image.channel_stride = channel;
  image.data = kSomewhere;
  return image;
}

// "" when the view is accepted.
std::string complaint(const Image& image, const char* argument = "src") {
  try {
    (void)resolve(image, argument);
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(Formats, TheTableIsSound) {
  int count = 0;
  for (int32_t value = -200; value < 200; ++value) {
    const FormatInfo* info = format_info(static_cast<Format>(value));
    if (info == nullptr) continue;
    ++count;
    EXPECT_EQ(static_cast<int32_t>(info->format), value);
    std::set<int> used;
    for (int c = 0; c < info->channels; ++c) used.insert(info->order[c]);
    EXPECT_EQ(used.size(), static_cast<size_t>(info->channels)) << info->name;
    EXPECT_EQ(*used.rbegin(), info->channels - 1) << info->name;
    if (info->alpha >= 0) {
      EXPECT_EQ(info->order[info->channels - 1], info->alpha) << info->name;
    }
    // The name says it all.
    const std::string name = info->name;
    EXPECT_EQ(name.find('8') != std::string::npos, info->type == PixelType::kU8) << name;
    EXPECT_EQ(name.ends_with("16"), info->type == PixelType::kU16) << name;
    EXPECT_EQ(name.ends_with("16F"), info->type == PixelType::kF16) << name;
    EXPECT_EQ(name.ends_with("32F"), info->type == PixelType::kF32) << name;
    EXPECT_EQ(name == "MASK8", info->is_mask) << name;
    const std::string letters = name.substr(0, name.find_first_of("0123456789"));
    if (letters == "GRAY" || letters == "MASK") {
      EXPECT_EQ(info->channels, 1);
      continue;
    }
    ASSERT_EQ(letters.size(), static_cast<size_t>(info->channels)) << name;
    const std::string canvas_order = letters.find('B') == std::string::npos ? "RG" : "RGBA";
    for (int c = 0; c < info->channels; ++c) {
      EXPECT_EQ(letters[static_cast<size_t>(info->order[c])], canvas_order[static_cast<size_t>(c)]) << name;
    }
  }
  EXPECT_EQ(count, 20);
  EXPECT_EQ(format_info(Format::kUndefined), nullptr);
}

TEST(Resolve, ZeroStridesArePackedAndInterleaved) {
  const Image rgb16 = resolve(view(Format::kRgb16, 7, 5), "src");
  EXPECT_EQ(rgb16.channel_stride, 2);
  EXPECT_EQ(rgb16.pixel_stride, 6);
  EXPECT_EQ(rgb16.row_stride, 42);
  EXPECT_EQ(byte_range(rgb16).begin, 0);
  EXPECT_EQ(byte_range(rgb16).size(), 7U * 5 * 6);

  const Image mirrored = resolve(view(Format::kRgba8, 10, 3, 0, -4), "src");
  EXPECT_EQ(mirrored.row_stride, 40);
  EXPECT_EQ(byte_range(mirrored).begin, -36);
  EXPECT_EQ(byte_range(mirrored).end, 84);

  const Image planar = resolve(view(Format::kRgb32F, 10, 3, 0, 4, 120), "src");
  EXPECT_EQ(planar.row_stride, 40);
  EXPECT_EQ(byte_range(planar).size(), 360U);

  const Image bottom_up = resolve(view(Format::kGray8, 10, 3, -16), "src");
  EXPECT_EQ(byte_range(bottom_up).begin, -32);
  EXPECT_EQ(byte_range(bottom_up).end, 10);
}

struct BadView {
  const char* what;
  Image image;
  const char* message;  // part of it
};

TEST(Resolve, NamesWhatIsWrong) {
  const auto at = [](Image image, uintptr_t address) {
    image.data = reinterpret_cast<std::byte*>(address);  // NOLINT
    return image;
  };
  const std::vector<BadView> cases = {
      {"no width", view(Format::kRgb8, 0, 5), "src.width: is 0"},
      {"no height", view(Format::kRgb8, 5, 0), "src.height: is 0"},
      {"0 x 0", view(Format::kRgb8, 0, 0), "src.width: is 0"},
      {"negative", view(Format::kRgb8, 5, -1), "src.height: is -1"},
      {"too wide", view(Format::kRgb8, INT32_MAX, 1), "src.width: is 2147483647"},
      {"too high", view(Format::kRgb8, 1, kMaximumSide + 1), "src.height: is 1000001"},
      {"row stride x height", view(Format::kGray8, 1, 4, INT64_MAX / 2),
       "src.row_stride: is 4611686018427387903"},
      {"most negative", view(Format::kGray8, 1, 1, INT64_MIN), "src.row_stride: is -9223372036854775808"},
      {"pixel stride x width", view(Format::kGray8, 1 << 19, 1, 0, INT64_MAX >> 10U), "src.pixel_stride"},
      {"channel stride", view(Format::kRgb8, 2, 1, 0, 0, INT64_MIN), "src.channel_stride"},
      {"rows overlap", view(Format::kRgb8, 5, 2, 14), "src: pixels share bytes"},
      {"pixels overlap", view(Format::kRgb8, 5, 2, 100, 2), "src: pixels share bytes"},
      {"channels overlap", view(Format::kRgb16, 5, 2, 100, 6, 1), "src: pixels share bytes"},
      {"planes overlap", view(Format::kRgb8, 5, 2, 5, 1, 9), "src: pixels share bytes"},
      {"wraps below 0", at(view(Format::kGray8, 4, 10, -100), 899), "src.data: the view needs 904 bytes"},
      {"wraps above", at(view(Format::kGray8, 4, 10, 100), UINTPTR_MAX - 902), "src.data: the view needs"},
  };
  for (const BadView& c : cases) {
    EXPECT_NE(complaint(c.image).find(c.message), std::string::npos) << c.what << ": " << complaint(c.image);
  }
  EXPECT_EQ(complaint(view(Format::kGray8, 0, 1), "reference").rfind("reference.width", 0), 0U);
  // One step from the mistakes above.
  EXPECT_EQ(complaint(at(view(Format::kGray8, 4, 10, -100), 900)), "");
  EXPECT_EQ(complaint(at(view(Format::kGray8, 4, 10, 100), UINTPTR_MAX - 904)), "");
  EXPECT_EQ(complaint(view(Format::kRgb8, 5, 2, 15)), "");
  EXPECT_EQ(complaint(view(Format::kRgb8, 5, 2, 5, 1, 10)), "");
  EXPECT_EQ(complaint(view(Format::kRgb8, 1, kMaximumSide)), "");
  EXPECT_EQ(complaint(at(view(Format::kRgb8, 5, 2), 0)), "");  // null is the caller's business
}

// Small views with any strides: accepted exactly when no byte is used twice.
TEST(Resolve, SharedBytesAreFoundExactly) {
  std::mt19937 random(1);
  const std::vector<Format> formats = {Format::kGray8, Format::kRg8, Format::kRgb8, Format::kRgb16,
                                       Format::kRgba32F};
  int accepted = 0;
  for (int i = 0; i < 60000; ++i) {
    const auto pick = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    Image image = view(formats[static_cast<size_t>(pick(0, 4))], pick(1, 5), pick(1, 5));
    const int64_t cell = bytes_per_channel(image.format->type);
    const int64_t unit = pick(0, 3) == 0 ? 1 : cell;
    const auto stride = [&] { return unit * pick(-40, 40); };
    image.row_stride = stride();
    image.pixel_stride = stride();
    image.channel_stride = stride();
    const std::string message = complaint(image);

    // The strides that 0 stands for.
    if (image.channel_stride == 0) image.channel_stride = cell;
    if (image.pixel_stride == 0) image.pixel_stride = cell * image.format->channels;
    if (image.row_stride == 0) image.row_stride = image.width * std::abs(image.pixel_stride);
    std::set<const std::byte*> used;
    bool twice = false;
    for (int y = 0; y < image.height; ++y) {
      for (int x = 0; x < image.width; ++x) {
        for (int c = 0; c < image.format->channels; ++c) {
          for (int b = 0; b < cell; ++b) {
            twice |= !used.insert(image.at(x, y) + c * image.channel_stride + b).second;
          }
        }
      }
    }
    ASSERT_EQ(message.empty(), !twice)
        << message << image.format->name << ' ' << image.width << 'x' << image.height << ' '
        << image.row_stride << ' ' << image.pixel_stride << ' ' << image.channel_stride;
    accepted += twice ? 0 : 1;
    ASSERT_EQ(*used.begin(), image.data + byte_range(image).begin);
    ASSERT_EQ(*used.rbegin() + 1, image.data + byte_range(image).end);
  }
  EXPECT_GT(accepted, 3000);
}

}  // namespace
}  // namespace infill
