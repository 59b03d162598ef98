// DLPack views, byte sizes, and which memory counts as shared.
#include <functional>

#include "support.h"

// As <dlpack/dlpack.h> of DLPack 1.x lays it out.
struct DLManagedTensorVersioned {
  uint32_t major, minor;
  void* manager_context;
  void (*deleter)(DLManagedTensorVersioned*);
  uint64_t flags;
  void* data;
  int32_t device_type, device_id;
  int32_t ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};

namespace capi_test {
namespace {

struct Tensor {
  unsigned char memory[4096] = {};
  int64_t shape[5] = {20, 30, 3, 1, 1};
  int64_t strides[5] = {90, 3, 1, 1, 1};
  DLManagedTensorVersioned managed = {1, 0, nullptr, nullptr, 0, memory, 1, 0, 3, 1, 8, 1, shape, nullptr, 0};
};

struct Case {
  const char* what;
  std::function<void(Tensor&)> edit;
  infill_axes axes;
  infill_status status;
  infill_format format;
  int64_t row, pixel, channel;
};

TEST(DLPack, Table) {
  const auto bad = INFILL_ERROR_INVALID_ARGUMENT;
  const auto unsupported = INFILL_ERROR_UNSUPPORTED;
  const Case cases[] = {
      {"HWC", [](Tensor&) {}, INFILL_AXES_HWC, INFILL_OK, INFILL_FORMAT_RGB8, 90, 3, 1},
      {"strides",
       [](Tensor& t) {
         t.strides[0] = 100;
         t.managed.strides = t.strides;
       },
       0, INFILL_OK, INFILL_FORMAT_RGB8, 100, 3, 1},
      {"float16 RGBA",
       [](Tensor& t) {
         t.shape[2] = 4;
         t.managed.code = 2;
         t.managed.bits = 16;
       },
       0, INFILL_OK, INFILL_FORMAT_RGBA16F, 240, 8, 2},
      {"CHW float32",
       [](Tensor& t) {
         t.shape[0] = 3;
         t.shape[1] = 10;
         t.shape[2] = 5;
         t.managed.code = 2;
         t.managed.bits = 32;
       },
       INFILL_AXES_CHW, INFILL_OK, INFILL_FORMAT_RGB32F, 20, 4, 200},
      {"batch",
       [](Tensor& t) {
         t.managed.ndim = 4;
         int64_t s[] = {1, 20, 30, 3};
         std::memcpy(t.shape, s, sizeof(s));
       },
       0, INFILL_OK, INFILL_FORMAT_RGB8, 90, 3, 1},
      {"batch of 2",
       [](Tensor& t) {
         t.managed.ndim = 4;
         t.shape[0] = 2;
       },
       0, bad, 0, 0, 0, 0},
      {"HW bool",
       [](Tensor& t) {
         t.managed.ndim = 2;
         t.managed.code = 6;
       },
       INFILL_AXES_HW, INFILL_OK, INFILL_FORMAT_MASK8, 30, 1, 1},
      {"bool RGB", [](Tensor& t) { t.managed.code = 6; }, 0, unsupported, 0, 0, 0, 0},
      {"uint16 two",
       [](Tensor& t) {
         t.shape[2] = 2;
         t.managed.bits = 16;
       },
       0, INFILL_OK, INFILL_FORMAT_RG16, 120, 4, 2},
      {"broadcast",
       [](Tensor& t) {
         t.strides[0] = 0;
         t.managed.strides = t.strides;
       },
       0, unsupported, 0, 0, 0, 0},
      {"stride 0, length 1",
       [](Tensor& t) {
         t.shape[0] = 1;
         t.strides[0] = 0;
         t.managed.strides = t.strides;
       },
       0, INFILL_OK, INFILL_FORMAT_RGB8, 90, 3, 1},
      {"int32",
       [](Tensor& t) {
         t.managed.code = 0;
         t.managed.bits = 32;
       },
       0, unsupported, 0, 0, 0, 0},
      {"lanes", [](Tensor& t) { t.managed.lanes = 4; }, 0, unsupported, 0, 0, 0, 0},
      {"5 channels", [](Tensor& t) { t.shape[2] = 5; }, 0, unsupported, 0, 0, 0, 0},
      {"empty", [](Tensor& t) { t.shape[0] = 0; }, 0, bad, 0, 0, 0, 0},
      {"2 axes as 3", [](Tensor& t) { t.managed.ndim = 2; }, 0, bad, 0, 0, 0, 0},
      {"overflow",
       [](Tensor& t) {
         t.strides[0] = INT64_MAX;
         t.managed.bits = 16;
         t.managed.strides = t.strides;
       },
       0, bad, 0, 0, 0, 0},
      {"no shape", [](Tensor& t) { t.managed.shape = nullptr; }, 0, bad, 0, 0, 0, 0},
      {"version 2", [](Tensor& t) { t.managed.major = 2; }, 0, INFILL_ERROR_TOO_NEW, 0, 0, 0, 0},
      {"device", [](Tensor& t) { t.managed.device_type = 8; }, 0, unsupported, 0, 0, 0, 0},
      {"axes", [](Tensor&) {}, 9, unsupported, 0, 0, 0, 0},
  };
  for (const Case& each : cases) {
    Tensor tensor;
    each.edit(tensor);
    infill_image image = INFILL_IMAGE_INIT;
    infill_error error = INFILL_ERROR_INIT;
    ASSERT_EQ(infill_image_from_dlpack(&tensor.managed, each.axes, &image, &error), each.status)
        << each.what << error.message;
    if (each.status != INFILL_OK) continue;
    EXPECT_EQ(image.format, each.format) << each.what;
    EXPECT_EQ(image.row_stride, each.row) << each.what;
    EXPECT_EQ(image.pixel_stride, each.pixel) << each.what;
    EXPECT_EQ(image.channel_stride, each.channel) << each.what;
    EXPECT_EQ(image.data, tensor.memory) << each.what;
    EXPECT_EQ(infill_image_check(&image, nullptr, nullptr), INFILL_OK) << each.what;
  }
}

TEST(DLPack, FlagsOffsetAndDevice) {
  Tensor tensor;
  tensor.managed.flags = 1;
  tensor.managed.byte_offset = 7;
  infill_image image = INFILL_IMAGE_INIT;
  ASSERT_EQ(infill_image_from_dlpack(&tensor.managed, 0, &image, nullptr), INFILL_OK);
  EXPECT_EQ(image.flags, static_cast<uint32_t>(INFILL_IMAGE_READ_ONLY));
  EXPECT_EQ(image.data, tensor.memory + 7);
  tensor.managed.device_type = 13;
  tensor.managed.device_id = 2;
  ASSERT_EQ(infill_image_from_dlpack(&tensor.managed, 0, &image, nullptr), INFILL_OK);
  EXPECT_EQ(image.device_type, INFILL_DEVICE_CUDA);
  EXPECT_EQ(image.device_index, 2);
  EXPECT_EQ(infill_image_from_dlpack(nullptr, 0, &image, nullptr), INFILL_ERROR_INVALID_ARGUMENT);
}

TEST(Overlap, CellsOfAnAtlasAndTheAlphaOfAPictureAreApart) {
  std::vector<unsigned char> atlas(64 * 32 * 4, 50);
  infill_image left = INFILL_IMAGE_INIT;
  left.format = INFILL_FORMAT_RGB8;
  left.width = 16;
  left.height = 16;
  left.pixel_stride = 4;
  left.row_stride = 64 * 4;
  left.data = atlas.data();
  infill_image right = left;
  right.data = atlas.data() + 16 * 4;
  infill_image alpha = left;  // of the left cell's own pixels
  alpha.format = INFILL_FORMAT_MASK8;
  alpha.data = atlas.data() + 3;
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 16; ++x) {
      atlas[static_cast<size_t>(y * 256 + x * 4 + 3)] =
          static_cast<unsigned char>(x > 4 && x < 8 && y > 5 && y < 9);
    }
  }
  infill_error error = INFILL_ERROR_INIT;
  const infill_method method = INFILL_METHOD_HARMONIC;
  EXPECT_EQ(infill_fill_classic(&left, &alpha, &right, method, &error), INFILL_OK) << error.message;
  EXPECT_EQ(infill_fill_classic(&left, &alpha, &left, method, &error), INFILL_OK) << error.message;
  right.data = atlas.data() + 15 * 4;  // one column too early
  EXPECT_EQ(infill_fill_classic(&left, &alpha, &right, method, &error), INFILL_ERROR_INVALID_ARGUMENT);
  alpha.data = atlas.data() + 2;
  EXPECT_EQ(infill_fill_classic(&left, &alpha, &left, method, &error), INFILL_ERROR_INVALID_ARGUMENT);
}

TEST(Overlap, HalfACellAndUpsideDown) {
  constexpr int32_t kSide = 16;
  constexpr int64_t kRow = kSide * 2;
  std::vector<unsigned char> bytes(static_cast<size_t>(3 * kRow * kSide), 50);
  infill_image src = INFILL_IMAGE_INIT;
  src.format = INFILL_FORMAT_GRAY16;
  src.width = kSide;
  src.height = kSide;
  src.row_stride = kRow;
  src.data = bytes.data();
  const Picture mask = mask_with(kSide, kSide, {5, 5, 3, 3});
  infill_image dst = src;
  const auto fill = [&](int64_t offset, int64_t row_stride) {
    dst.data = bytes.data() + offset;
    dst.row_stride = row_stride;
    return infill_fill_classic(&src, &mask.image, &dst, INFILL_METHOD_HARMONIC, nullptr);
  };
  const infill_status refused = INFILL_ERROR_INVALID_ARGUMENT;
  EXPECT_EQ(fill(1, kRow), refused) << "one byte of each cell";
  EXPECT_EQ(fill(kRow * kSide - 1, kRow), refused) << "one byte of all";
  EXPECT_EQ(fill(kRow * kSide, kRow), INFILL_OK);
  // Upside down: data is the last row in memory.
  EXPECT_EQ(fill(kRow * (2 * kSide - 1), -kRow), INFILL_OK);
  EXPECT_EQ(fill(kRow * (2 * kSide - 2), -kRow), refused) << "one row of each";
  EXPECT_EQ(fill(kRow * (kSide - 1), -kRow), refused) << "the same bytes, another view";
}

}  // namespace
}  // namespace capi_test
