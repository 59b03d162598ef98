// The promise: what is not a hole comes out bit for bit, and nothing else is written. Random formats,
// layouts, masks, regions and methods; set INFILL_CONTRACT_SEED to try others.
#include <cstdlib>
#include <random>

#include "support.h"

namespace capi_test {
namespace {

constexpr int kCases = 12000;

struct Format {
  infill_format format;
  int channels, bytes;
};
constexpr Format kPictures[] = {
    {INFILL_FORMAT_GRAY8, 1, 1},   {INFILL_FORMAT_RGB8, 3, 1},    {INFILL_FORMAT_RGBA8, 4, 1},
    {INFILL_FORMAT_BGR8, 3, 1},    {INFILL_FORMAT_BGRA8, 4, 1},   {INFILL_FORMAT_RG8, 2, 1},
    {INFILL_FORMAT_ARGB8, 4, 1},   {INFILL_FORMAT_GRAY16, 1, 2},  {INFILL_FORMAT_RGB16, 3, 2},
    {INFILL_FORMAT_RGBA16, 4, 2},  {INFILL_FORMAT_RG16, 2, 2},    {INFILL_FORMAT_GRAY16F, 1, 2},
    {INFILL_FORMAT_RGB16F, 3, 2},  {INFILL_FORMAT_RGBA16F, 4, 2}, {INFILL_FORMAT_RG16F, 2, 2},
    {INFILL_FORMAT_GRAY32F, 1, 4}, {INFILL_FORMAT_RGB32F, 3, 4},  {INFILL_FORMAT_RGBA32F, 4, 4},
    {INFILL_FORMAT_RG32F, 2, 4}};
constexpr Format kMasks[] = {{INFILL_FORMAT_GRAY8, 1, 1},
                             {INFILL_FORMAT_MASK8, 1, 1},
                             {INFILL_FORMAT_GRAY16, 1, 2},
                             {INFILL_FORMAT_GRAY16F, 1, 2},
                             {INFILL_FORMAT_GRAY32F, 1, 4}};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int below(int n) { return static_cast<int>(engine_() % static_cast<unsigned>(n)); }
  bool chance(int percent) { return below(100) < percent; }

 private:
  std::mt19937 engine_;
};

// A view in a random layout inside a buffer with guard bytes all around and between.
struct View {
  std::vector<unsigned char> bytes;
  infill_image image = INFILL_IMAGE_INIT;
  Format format;

  View(Random& random, Format of, int32_t width, int32_t height) : format(of) {
    const int64_t cell = of.bytes;
    image.format = of.format;
    image.width = width;
    image.height = height;
    const int64_t gap = random.chance(50) ? random.below(4) : 0;
    const int64_t pad = random.chance(50) ? random.below(9) : 0;
    if (random.chance(25)) {  // planar
      image.pixel_stride = cell + gap;
      image.row_stride = width * image.pixel_stride + pad;
      image.channel_stride = height * image.row_stride + random.below(5);
    } else {
      image.channel_stride = cell;
      image.pixel_stride = of.channels * cell + gap;
      image.row_stride = width * image.pixel_stride + pad;
    }
    int64_t start = 0;
    for (auto [stride, count] : {std::pair{&image.row_stride, height}, {&image.pixel_stride, width}}) {
      if (!random.chance(20)) continue;
      start += *stride * (count - 1);
      *stride = -*stride;
    }
    uint64_t size = 0;
    EXPECT_EQ(infill_image_check(&image, &size, nullptr), INFILL_OK);
    const int64_t guard = random.below(17);
    bytes.resize(size + static_cast<uint64_t>(guard) + 16);
    for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random.below(256));
    image.data = bytes.data() + guard + start;
  }
  View(const View& other) : bytes(other.bytes), image(other.image), format(other.format) {
    image.data = bytes.data() + (static_cast<const unsigned char*>(other.image.data) - other.bytes.data());
  }
  View& operator=(const View&) = delete;

  [[nodiscard]] unsigned char* at(int32_t x, int32_t y, int32_t c) const {
    return static_cast<unsigned char*>(image.data) + y * image.row_stride + x * image.pixel_stride +
           c * image.channel_stride;
  }
  // value 0..1; floats get exactly representable values.
  void set(int32_t x, int32_t y, int32_t c, int value256) const {
    switch (image.format < 33 ? 0 : image.format < 65 ? 1 : image.format < 97 ? 2 : 3) {
      case 0:
        *at(x, y, c) = static_cast<unsigned char>(value256);
        break;
      case 1: {
        const auto value = static_cast<uint16_t>(value256 * 257);
        std::memcpy(at(x, y, c), &value, 2);
        break;
      }
      case 2: {  // halves from 1.0 down to 0.5, or 0
        const auto value = static_cast<uint16_t>(value256 == 0     ? 0
                                                 : value256 == 255 ? 0x3C00
                                                                   : 0x3800 + value256 * 4);
        std::memcpy(at(x, y, c), &value, 2);
        break;
      }
      default: {
        const float value = static_cast<float>(value256) / 255.0F;
        std::memcpy(at(x, y, c), &value, 4);
      }
    }
  }
};

// Random values, a third of them 0.
View scattered(Random& random, Format format, int32_t width, int32_t height) {
  View view(random, format, width, height);
  for (int32_t y = 0; y < height; ++y) {
    for (int32_t x = 0; x < width; ++x) {
      for (int32_t c = 0; c < format.channels; ++c)
        view.set(x, y, c, random.chance(33) ? 0 : random.below(256));
    }
  }
  return view;
}

class Contract : public testing::Test {
 protected:
  Contract() {
    infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
    desc.num_threads = 2;
    EXPECT_EQ(infill_context_create(&desc, &context_, nullptr), INFILL_OK);
    for (uint32_t i = 0; i < infill_method_count(); ++i) {
      infill_method_info info = INFILL_METHOD_INFO_INIT;
      EXPECT_EQ(infill_method_get_info(i, &info, nullptr), INFILL_OK);
      infill_session_desc session_desc = INFILL_SESSION_DESC_INIT;
      session_desc.method = info.method;
      session_desc.quality = INFILL_QUALITY_FAST;
      infill_session* session = nullptr;
      EXPECT_EQ(infill_session_create(context_, &session_desc, &session, nullptr), INFILL_OK);
      sessions_.push_back(session);
      names_.emplace_back(info.name);
    }
  }
  ~Contract() override {
    for (infill_session* session : sessions_) infill_session_destroy(session);
    infill_context_destroy(context_);
  }

  void one(unsigned seed) {
    Random random(seed);
    const int32_t width = 1 + random.below(random.chance(20) ? 3 : 34);
    const int32_t height = 1 + random.below(random.chance(20) ? 3 : 30);
    View src(random, kPictures[random.below(std::size(kPictures))], width, height);
    src.image.color = random.below(2);
    src.image.alpha = random.below(3);
    View mask(random, kMasks[random.below(std::size(kMasks))], width, height);
    const bool soft = random.chance(50);
    const int shape = random.below(3);  // sparse pixels, a box, all but some
    const infill_rect box = {random.below(width), random.below(height), 1 + random.below(width),
                             1 + random.below(height)};
    std::vector<char> hole(static_cast<size_t>(width * height));
    for (int32_t y = 0; y < height; ++y) {
      for (int32_t x = 0; x < width; ++x) {
        for (int32_t c = 0; c < src.format.channels; ++c) src.set(x, y, c, random.below(256));
        const bool in_box = x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
        const bool is_hole = shape == 0 ? random.chance(10) : shape == 1 ? in_box : random.chance(80);
        const int value = !is_hole ? 0 : soft ? 1 + random.below(255) : 255;
        mask.set(x, y, 0, value);
        hole[static_cast<size_t>(y * width + x)] = static_cast<char>(is_hole);
      }
    }
    const bool in_place = random.chance(40);
    View other(random, src.format, width, height);
    other.image.color = src.image.color;
    other.image.alpha = src.image.alpha;
    const View src_before = src;
    const View mask_before = mask;
    const View other_before = other;
    View& dst = in_place ? src : other;

    infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
    desc.seed = seed;
    infill_rect roi = {0, 0, width, height};
    if (random.chance(30)) {
      roi.x = random.below(width);
      roi.y = random.below(height);
      roi.width = 1 + random.below(width - roi.x);
      roi.height = 1 + random.below(height - roi.y);
      desc.roi = roi;
    }
    const auto method = static_cast<size_t>(random.below(static_cast<int>(sessions_.size())));
    const bool copies = names_[method] == "patchmatch";
    View allow = scattered(random, kMasks[random.below(std::size(kMasks))], width, height);
    if (copies && random.chance(30)) desc.allow = &allow.image;
    View reference = scattered(random, src.format, 1 + random.below(40), 1 + random.below(40));
    reference.image.color = src.image.color;
    reference.image.alpha = src.image.alpha;
    if (copies && random.chance(30)) desc.reference = &reference.image;
    const View allow_before = allow;
    const View reference_before = reference;
    infill_error error = INFILL_ERROR_INIT;
    const infill_status status = infill_fill(sessions_[method], &desc, &error);
    SCOPED_TRACE(names_[method] + ", seed " + std::to_string(seed) + ", format " +
                 std::to_string(src.format.format));
    if (status != INFILL_OK) {
      ++refused_;
      ASSERT_EQ(status, INFILL_ERROR_INVALID_ARGUMENT) << error.message;
      const std::string message = error.message;  // nothing known, or nothing that may be copied
      ASSERT_TRUE(message.starts_with("mask:") || (desc.allow != nullptr && message.starts_with("allow:")))
          << message;
      ASSERT_EQ(dst.bytes, (in_place ? src_before : other_before).bytes);
      return;
    }
    // What must be there: dst as it was, src's pixels where roi is, anything in the holes of roi.
    View expected = in_place ? src_before : other_before;
    for (int32_t y = roi.y; y < roi.y + roi.height; ++y) {
      for (int32_t x = roi.x; x < roi.x + roi.width; ++x) {
        const bool filled = hole[static_cast<size_t>(y * width + x)] != 0;
        const View& from = filled ? dst : src_before;
        for (int32_t c = 0; c < src.format.channels; ++c) {
          std::memcpy(expected.at(x, y, c), from.at(x, y, c), static_cast<size_t>(src.format.bytes));
        }
      }
    }
    ASSERT_EQ(dst.bytes, expected.bytes);
    ASSERT_EQ(mask.bytes, mask_before.bytes);
    ASSERT_EQ(allow.bytes, allow_before.bytes);
    ASSERT_EQ(reference.bytes, reference_before.bytes);
    if (!in_place) {
      ASSERT_EQ(src.bytes, src_before.bytes);
    }
  }

  infill_context* context_ = nullptr;
  std::vector<infill_session*> sessions_;
  std::vector<std::string> names_;
  int refused_ = 0;
};

TEST_F(Contract, UnmaskedBytesAreIdenticalInTwelveThousandRandomCases) {
  const char* first = std::getenv("INFILL_CONTRACT_SEED");
  const unsigned start = first == nullptr ? 1 : static_cast<unsigned>(std::atoi(first));
  for (unsigned i = 0; i < kCases; ++i) {
    one(start + i);
    if (HasFatalFailure()) return;
  }
  EXPECT_LT(refused_, kCases / 10);
  RecordProperty("refused", refused_);
}

}  // namespace
}  // namespace capi_test
