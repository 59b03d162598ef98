// Contexts of a CUDA device, as a caller sees them: on tests/cudasim with the driver of
// tests/device/fake_driver.cpp, and on a real device (scripts/gpu-check).
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <utility>

#include "capi/device/device_support.h"

namespace capi_test {
namespace {

TEST_F(Device, IsListed) {
  ASSERT_GE(infill_device_count(), 2U);
  infill_device_info info = INFILL_DEVICE_INFO_INIT;
  ASSERT_EQ(infill_device_get_info(1, &info, &error), INFILL_OK);
  EXPECT_EQ(info.type, INFILL_DEVICE_CUDA);
  EXPECT_EQ(info.index, 0);
  EXPECT_GE(info.compute_capability, 75);
  EXPECT_GT(info.total_memory, 0U);
  EXPECT_STRNE(info.name, "");
}

TEST_F(Device, PicturesMayLieAnywhere) {
  const Session session(INFILL_METHOD_TELEA, on_device_desc());
  const std::vector<unsigned char> expected = filled_on_cpu(INFILL_METHOD_TELEA, src, mask);
  for (const Where src_place : {Where::kHost, Where::kDevice}) {
    for (const Where mask_place : {Where::kHost, Where::kDevice}) {
      for (const Where dst_place : {Where::kHost, Where::kDevice}) {
        Picture dst(INFILL_FORMAT_RGB8, 61, 47);
        const Placed placed_src(src, src_place);
        const Placed placed_mask(mask, mask_place);
        const Placed placed_dst(dst, dst_place);
        const infill_fill_desc desc = desc_of(placed_src.image(), placed_mask.image(), placed_dst.image());
        ASSERT_EQ(infill_fill(session.session, &desc, &error), INFILL_OK) << error.message;
        EXPECT_EQ(placed_dst.bytes(), expected);
      }
    }
  }
  infill_result result = INFILL_RESULT_INIT;
  ASSERT_EQ(infill_session_get_result(session.session, &result, &error), INFILL_OK);
  EXPECT_EQ(result.device_type, INFILL_DEVICE_CUDA);
  EXPECT_EQ(result.hole_pixels, 17U * 9U);
}

TEST_F(Device, InPlaceOnlyHolesAreWritten) {
  const Session session(INFILL_METHOD_TELEA, on_device_desc());
  const std::vector<unsigned char> expected = filled_on_cpu(INFILL_METHOD_TELEA, src, mask);
  for (const Where place : {Where::kHost, Where::kDevice}) {
    Picture picture = src;
    const Placed placed(picture, place);
    const infill_fill_desc desc = desc_of(placed.image(), mask.image, placed.image());
    ASSERT_EQ(infill_fill(session.session, &desc, &error), INFILL_OK) << error.message;
    EXPECT_EQ(placed.bytes(), expected);
  }
}

TEST_F(Device, IsPartOfTheCallersStream) {
  const Session session(INFILL_METHOD_TELEA, on_device_desc());
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  {
    const Picture nothing(INFILL_FORMAT_RGB8, 61, 47);
    const OnDevice picture(nothing);
    const OnDevice holes(mask);
    // Not there yet when the fill is called.
    ASSERT_EQ(cudaMemcpyAsync(picture.image.data, src.bytes.data(), src.bytes.size(), cudaMemcpyHostToDevice,
                              stream),
              cudaSuccess);
    infill_fill_desc desc = desc_of(picture.image, holes.image, picture.image);
    desc.stream = stream;
    ASSERT_EQ(infill_fill(session.session, &desc, &error), INFILL_OK) << error.message;
    std::vector<unsigned char> result(src.bytes.size());
    ASSERT_EQ(
        cudaMemcpyAsync(result.data(), picture.image.data, result.size(), cudaMemcpyDeviceToHost, stream),
        cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(result, filled_on_cpu(INFILL_METHOD_TELEA, src, mask));
  }
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(Device, AStreamThatIsCapturedIsRefused) {
  const Session session(INFILL_METHOD_HARMONIC, on_device_desc());
  const OnDevice picture(src);
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), cudaSuccess);
  infill_fill_desc desc = desc_of(picture.image, mask.image, picture.image);
  desc.stream = stream;
  EXPECT_EQ(infill_fill(session.session, &desc, &error), INFILL_ERROR_INVALID_STATE);
  EXPECT_NE(std::string(error.message).find("desc.stream"), std::string::npos) << error.message;
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess) << "the capture must not suffer";
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}

TEST_F(Device, PicturesElsewhereAreRefused) {
  const Session session(INFILL_METHOD_HARMONIC, on_device_desc());
  const auto expect = [&](const Picture& picture, infill_image image, infill_status status,
                          const char* part) {
    const infill_fill_desc desc = desc_of(image, mask.image, picture.image);
    EXPECT_EQ(infill_fill(session.session, &desc, &error), status);
    EXPECT_NE(std::string(error.message).find(part), std::string::npos) << error.message;
  };
  const Picture dst = src;
  infill_image image = src.image;
  image.device_type = INFILL_DEVICE_CUDA;
  expect(dst, image, INFILL_ERROR_INVALID_ARGUMENT, "src.data: lies in host memory");
  image.device_index = 3;
  expect(dst, image, INFILL_ERROR_UNSUPPORTED, "src.device_index: is 3, the context's device is 0");
  image.device_index = -1;
  expect(dst, image, INFILL_ERROR_INVALID_ARGUMENT, "src.device_index: is -1");
}

// The same numbers up to a step or two of eight bits.
void expect_near(const std::vector<unsigned char>& values, const std::vector<unsigned char>& expected,
                 int tolerance) {
  ASSERT_EQ(values.size(), expected.size());
  int worst = 0;
  for (size_t i = 0; i < values.size(); ++i)
    worst = std::max(worst, std::abs(int{values[i]} - int{expected[i]}));
  EXPECT_LE(worst, tolerance);
}

TEST_F(Device, HarmonicFillsAreTheCpus) {
  const Session session(INFILL_METHOD_HARMONIC, on_device_desc());
  const OnDevice picture(src);
  const infill_fill_desc desc = desc_of(picture.image, mask.image, picture.image);
  ASSERT_EQ(infill_fill(session.session, &desc, &error), INFILL_OK) << error.message;
  expect_near(picture.bytes(), filled_on_cpu(INFILL_METHOD_HARMONIC, src, mask), 1);
}

// Grain alone: a fill with it less one without it.
TEST_F(Device, GrainIsTheCpus) {
  constexpr int32_t kWidth = 150;
  constexpr int32_t kHeight = 131;
  constexpr size_t kCount = size_t{kWidth} * kHeight * 3;
  Picture noisy(INFILL_FORMAT_RGB32F, kWidth, kHeight);
  std::minstd_rand random(3);
  std::normal_distribution<float> normal(0.0F, 0.02F);
  std::vector<float> values(kCount);
  for (size_t i = 0; i < kCount; ++i)
    values[i] = 0.5F + 0.0003F * static_cast<float>(i % kWidth) + normal(random);
  std::memcpy(noisy.bytes.data(), values.data(), noisy.bytes.size());
  const Picture holes = mask_with(kWidth, kHeight, {80, 71, 21, 18});

  const auto grain = [&](const infill_context_desc& context, Where where) {
    const Session session(INFILL_METHOD_HARMONIC, context);
    std::vector<float> difference(kCount);
    for (const double strength : {0.0, 1.0}) {
      EXPECT_EQ(infill_session_set_param(session.session, "blend.grain", strength, &error), INFILL_OK);
      Picture dst(INFILL_FORMAT_RGB32F, kWidth, kHeight);
      const Placed placed(dst, where);
      infill_fill_desc desc = desc_of(noisy.image, holes.image, placed.image());
      desc.seed = 11;
      EXPECT_EQ(infill_fill(session.session, &desc, &error), INFILL_OK) << error.message;
      std::memcpy(values.data(), placed.bytes().data(), dst.bytes.size());
      for (size_t i = 0; i < kCount; ++i) difference[i] = values[i] - difference[i];
    }
    return difference;
  };
  const std::vector<float> expected = grain(INFILL_CONTEXT_DESC_INIT, Where::kHost);
  const std::vector<float> got = grain(on_device_desc(), Where::kDevice);
  float worst = 0;
  float largest = 0;
  for (size_t i = 0; i < kCount; ++i) {
    worst = std::max(worst, std::abs(got[i] - expected[i]));
    largest = std::max(largest, std::abs(got[i]));
  }
  EXPECT_LE(worst, 2e-6F);
  EXPECT_GT(largest, 0.02F);
}

// A picture that repeats itself: what is copied is what was there.
TEST_F(Device, PatchMatchContinuesAPattern) {
  constexpr int32_t kWidth = 72;
  constexpr int32_t kHeight = 60;
  Picture picture(INFILL_FORMAT_RGB8, kWidth, kHeight);
  for (int32_t y = 0; y < kHeight; ++y) {
    for (int32_t x = 0; x < kWidth; ++x) {
      for (int32_t c = 0; c < 3; ++c) {
        picture.bytes[static_cast<size_t>((y * kWidth + x) * 3 + c)] =
            static_cast<unsigned char>((x % 6 < 3) != (y % 8 < 4) ? 200 - 30 * c : 40 + 20 * c);
      }
    }
  }
  const std::vector<unsigned char> original = picture.bytes;
  const infill_rect hole{30, 24, 11, 9};
  for (int32_t y = hole.y; y < hole.y + hole.height; ++y) {
    std::memset(&picture.bytes[static_cast<size_t>((y * kWidth + hole.x) * 3)], 0,
                3 * static_cast<size_t>(hole.width));
  }
  const Picture holes = mask_with(kWidth, kHeight, hole);
  const Session session(INFILL_METHOD_PATCHMATCH, on_device_desc());
  const auto fill = [&] {
    const OnDevice on_device(picture);
    const infill_fill_desc desc = desc_of(on_device.image, holes.image, on_device.image);
    EXPECT_EQ(infill_fill(session.session, &desc, &error), INFILL_OK) << error.message;
    return on_device.bytes();
  };
  const std::vector<unsigned char> filled = fill();
  expect_near(filled, original, 8);
  EXPECT_EQ(filled, fill()) << "the same call, the same bytes";
}

TEST_F(Device, PatchMatchWithNothingToCopyIsSmooth) {
  const Picture picture = textured(9, 9);
  // Everything but a frame of one pixel.
  const Picture holes = mask_with(9, 9, {1, 1, 7, 7});
  const Session session(INFILL_METHOD_PATCHMATCH, on_device_desc());
  const OnDevice on_device(picture);
  const infill_fill_desc desc = desc_of(on_device.image, holes.image, on_device.image);
  ASSERT_EQ(infill_fill(session.session, &desc, &error), INFILL_OK) << error.message;
  expect_near(on_device.bytes(), filled_on_cpu(INFILL_METHOD_HARMONIC, picture, holes), 1);
}

// A session of the golden network.
class Neural {
 public:
  explicit Neural(const infill_context_desc& desc, infill_precision precision = INFILL_PRECISION_AUTO) {
    infill_error error = INFILL_ERROR_INIT;
    EXPECT_EQ(infill_context_create(&desc, &context_, &error), INFILL_OK) << error.message;
    infill_model_desc model_desc = INFILL_MODEL_DESC_INIT;
    model_desc.precision = precision;
    EXPECT_EQ(infill_model_open_file(context_, INFILL_TEST_DATA "/golden/deepfill_c8.weights.safetensors",
                                     &model_desc, &model, &error),
              INFILL_OK)
        << error.message;
    infill_session_desc session_desc = INFILL_SESSION_DESC_INIT;
    session_desc.method = INFILL_METHOD_NEURAL;
    session_desc.fill_model = model;
    EXPECT_EQ(infill_session_create(context_, &session_desc, &session, &error), INFILL_OK) << error.message;
  }
  ~Neural() {
    infill_session_destroy(session);
    infill_model_destroy(model);
    infill_context_destroy(context_);
  }
  Neural(const Neural&) = delete;
  Neural& operator=(const Neural&) = delete;
  infill_session* session = nullptr;
  infill_model* model = nullptr;

 private:
  infill_context* context_ = nullptr;
};

// Bytes of structure in any format of whole numbers.
Picture structured(infill_format format, int32_t width, int32_t height) {
  Picture picture(format, width, height);
  const size_t row = picture.bytes.size() / static_cast<size_t>(height);
  for (size_t i = 0; i < picture.bytes.size(); ++i)
    picture.bytes[i] = static_cast<unsigned char>((i % row * 5 + i / row * 3 + i % 7 * 11) % 256);
  return picture;
}

struct NeuralCase {
  const char* name;
  infill_format format;
  int32_t width, height;
  infill_rect hole;
  infill_precision precision = INFILL_PRECISION_FLOAT32;
  int tolerance = 1;
  infill_color color = INFILL_COLOR_SRGB;
  double size = 256, seam = 1, grain = 0;
};

// Products in half precisions differ more, and attention may choose another patch.
const NeuralCase kNeuralCases[] = {
    {"colours", INFILL_FORMAT_RGB8, 40, 36, {14, 12, 9, 7}},
    {"odd sides, a hole at the corner", INFILL_FORMAT_BGR8, 37, 29, {30, 22, 7, 7}},
    {"a small hole in a larger picture", INFILL_FORMAT_RGB8, 120, 104, {50, 44, 5, 4}},
    {"grey", INFILL_FORMAT_GRAY8, 40, 36, {14, 12, 9, 7}},
    {"alpha", INFILL_FORMAT_RGBA8, 40, 36, {14, 12, 9, 7}, INFILL_PRECISION_FLOAT32, 2},
    {"linear", INFILL_FORMAT_RGB8, 40, 36, {14, 12, 9, 7}, INFILL_PRECISION_FLOAT32, 1, INFILL_COLOR_LINEAR},
    {"a smaller scale",
     INFILL_FORMAT_RGB8,
     100,
     90,
     {20, 18, 60, 50},
     INFILL_PRECISION_FLOAT32,
     1,
     INFILL_COLOR_SRGB,
     32},
    {"an open seam",
     INFILL_FORMAT_RGB8,
     40,
     36,
     {14, 12, 9, 7},
     INFILL_PRECISION_FLOAT32,
     1,
     INFILL_COLOR_SRGB,
     256,
     0},
    {"grain",
     INFILL_FORMAT_RGB8,
     40,
     36,
     {14, 12, 9, 7},
     INFILL_PRECISION_FLOAT32,
     1,
     INFILL_COLOR_SRGB,
     256,
     1,
     1},
    {"TFLOAT32", INFILL_FORMAT_RGB8, 40, 36, {14, 12, 9, 7}, INFILL_PRECISION_TFLOAT32, 2},
    {"FLOAT16", INFILL_FORMAT_RGB8, 40, 36, {14, 12, 9, 7}, INFILL_PRECISION_FLOAT16, 2},
    {"BFLOAT16", INFILL_FORMAT_RGB8, 40, 36, {14, 12, 9, 7}, INFILL_PRECISION_BFLOAT16, 6},
};

TEST_F(Device, NetworksFillAsOnTheCpu) {
  for (const NeuralCase& each : kNeuralCases) {
    SCOPED_TRACE(each.name);
    Picture picture = structured(each.format, each.width, each.height);
    picture.image.color = each.color;
    const Picture hole = mask_with(each.width, each.height, each.hole);
    const auto prepare = [&](const Neural& neural) {
      for (const auto& [name, value] :
           {std::pair{"neural.size", each.size}, {"blend.seam", each.seam}, {"blend.grain", each.grain}}) {
        ASSERT_EQ(infill_session_set_param(neural.session, name, value, &error), INFILL_OK) << error.message;
      }
    };
    Picture expected = picture;
    const Neural cpu(INFILL_CONTEXT_DESC_INIT);
    prepare(cpu);
    const infill_fill_desc on_cpu = desc_of(picture.image, hole.image, expected.image);
    ASSERT_EQ(infill_fill(cpu.session, &on_cpu, &error), INFILL_OK) << error.message;
    const Neural neural(on_device_desc(), each.precision);
    prepare(neural);
    const OnDevice on_device(picture);
    const OnDevice holes(hole);
    const infill_fill_desc desc = desc_of(on_device.image, holes.image, on_device.image);
    ASSERT_EQ(infill_fill(neural.session, &desc, &error), INFILL_OK) << error.message;
    const std::vector<unsigned char> filled = on_device.bytes();
    ASSERT_EQ(filled.size(), expected.bytes.size());
    int worst = 0;
    for (size_t i = 0; i < filled.size(); ++i)
      worst = std::max(worst, std::abs(int{filled[i]} - int{expected.bytes[i]}));
    EXPECT_LE(worst, each.tolerance);
    EXPECT_NE(filled, picture.bytes);
    RecordProperty(each.name, worst);
    std::printf("  %-34s differs by %d of 255 at most\n", each.name, worst);
  }
}

std::string length_of(uint64_t bytes) {
  std::string text(8, '\0');
  std::memcpy(text.data(), &bytes, text.size());
  return text;
}

TEST_F(Device, NetworksRunByThemselvesAsOnTheCpu) {
  constexpr size_t kSide = 19;
  constexpr size_t kArea = kSide * kSide;
  const std::string folder = testing::TempDir();
  const std::string inputs = folder + "infill_device_inputs.safetensors";
  const std::string outputs = folder + "infill_device_outputs.safetensors";
  {
    const std::string sides = std::to_string(kSide) + "," + std::to_string(kSide) + "]";
    const std::string header = R"({"image":{"dtype":"F32","shape":[1,3,)" + sides + R"(,"data_offsets":[0,)" +
                               std::to_string(12 * kArea) + R"(]},"mask":{"dtype":"U8","shape":[1,1,)" +
                               sides + R"(,"data_offsets":[)" + std::to_string(12 * kArea) + "," +
                               std::to_string(13 * kArea) + "]}}";
    std::ofstream file(inputs, std::ios::binary);
    file << length_of(header.size()) << header;
    for (size_t i = 0; i < 3 * kArea; ++i) {
      const float value = static_cast<float>(i % 23) / 22;
      file.write(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    for (size_t i = 0; i < kArea; ++i) file.put(i % kSide > 5 && i % kSide < 12 && i / kSide > 7 ? 1 : 0);
  }
  const auto run = [&](const infill_context_desc& desc) {
    const Neural neural(desc);
    infill_model_run_desc run_desc = INFILL_MODEL_RUN_DESC_INIT;
    run_desc.inputs = inputs.c_str();
    run_desc.outputs = outputs.c_str();
    EXPECT_EQ(infill_model_run_file(neural.model, &run_desc, &error), INFILL_OK) << error.message;
    std::ifstream file(outputs, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    uint64_t header = 0;
    std::memcpy(&header, bytes.data(), sizeof(header));
    std::vector<float> values((bytes.size() - sizeof(header) - header) / sizeof(float));
    std::memcpy(values.data(), bytes.data() + sizeof(header) + header, values.size() * sizeof(float));
    return values;
  };
  const std::vector<float> expected = run(INFILL_CONTEXT_DESC_INIT);
  const std::vector<float> values = run(on_device_desc());
  ASSERT_EQ(values.size(), 9 * kArea) << "coarse, refined and composite";
  ASSERT_EQ(expected.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) ASSERT_NEAR(values[i], expected[i], 1e-4) << i;
  std::remove(inputs.c_str());
  std::remove(outputs.c_str());
}

// The third fill of a size is given to the device as a graph; what changes from fill to fill must be seen all
// the same.
TEST_F(Device, RepeatedSizesAreGraphsAndSeeNewPictures) {
  const Picture hole = mask_with(40, 36, {14, 12, 9, 7});
  const Neural repeated(on_device_desc());
  for (int round = 0; round < 4; ++round) {
    Picture picture = structured(INFILL_FORMAT_RGB8, 40, 36);
    for (unsigned char& byte : picture.bytes) byte = static_cast<unsigned char>(byte + 40 * round);
    Picture dst = picture;
    const auto fill = [&](const Neural& neural) {
      const infill_fill_desc desc = desc_of(picture.image, hole.image, dst.image);
      EXPECT_EQ(infill_fill(neural.session, &desc, &error), INFILL_OK) << error.message;
      return dst.bytes;
    };
    EXPECT_EQ(fill(repeated), fill(Neural(on_device_desc()))) << round;
  }
}

TEST_F(Device, NumbersThatCannotBeComputedWithAreNamed) {
  const Session session(INFILL_METHOD_HARMONIC, on_device_desc());
  Picture picture(INFILL_FORMAT_RGB32F, 61, 47);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(&picture.bytes[((16 * 61 + 19) * 3 + 2) * sizeof(float)], &nan, sizeof(nan));
  std::string messages[2];
  for (const Where place : {Where::kHost, Where::kDevice}) {
    Picture dst = picture;
    const Placed placed(picture, place);
    const infill_fill_desc desc = desc_of(placed.image(), mask.image, dst.image);
    EXPECT_EQ(infill_fill(session.session, &desc, &error), INFILL_ERROR_INVALID_ARGUMENT);
    EXPECT_STREQ(error.message, "src: pixel (19, 16), channel 2 is nan");
  }
}

TEST_F(Device, MissingOnesSayWhy) {
  infill_context_desc desc = on_device_desc();
  desc.device_index = 5;
  EXPECT_NE(message_of(INFILL_ERROR_NO_DEVICE, desc).find("there is no CUDA device 5"), std::string::npos);
  desc = on_device_desc();
  desc.module_dir = "/nowhere";
  EXPECT_NE(message_of(INFILL_ERROR_NO_DEVICE, desc)
                .find("the CUDA module cannot be opened: /nowhere/libinfill_cuda.so."),
            std::string::npos);
}

TEST_F(Device, MemoryIsLimitedAndEstimated) {
  const OnDevice picture(src);
  infill_context_desc context_desc = on_device_desc();
  infill_estimate estimate = INFILL_ESTIMATE_INIT;
  {
    const Session session(INFILL_METHOD_HARMONIC, context_desc);
    const infill_fill_desc desc = desc_of(picture.image, mask.image, picture.image);
    ASSERT_EQ(infill_fill_estimate(session.session, &desc, &estimate, &error), INFILL_OK) << error.message;
    ASSERT_EQ(infill_fill(session.session, &desc, &error), INFILL_OK) << error.message;
    infill_memory_info info = INFILL_MEMORY_INFO_INIT;
    ASSERT_EQ(infill_context_get_memory_info(session.context, &info, &error), INFILL_OK);
    EXPECT_GT(info.device_peak, 0U);
    EXPECT_GE(estimate.device_bytes, info.device_peak);
    EXPECT_LE(estimate.device_bytes, 2 * info.device_peak);
    EXPECT_GE(estimate.host_bytes, info.host_peak);
    infill_context_trim(session.context);
    ASSERT_EQ(infill_context_get_memory_info(session.context, &info, &error), INFILL_OK);
    EXPECT_EQ(info.device_used, 0U);
  }
  for (const uint64_t limit : {estimate.device_bytes, uint64_t{64}}) {
    context_desc.memory_limit = limit;
    const Session session(INFILL_METHOD_HARMONIC, context_desc);
    const infill_fill_desc desc = desc_of(picture.image, mask.image, picture.image);
    EXPECT_EQ(infill_fill(session.session, &desc, &error), limit > 64 ? INFILL_OK : INFILL_ERROR_MEMORY_LIMIT)
        << error.message;
  }
}

}  // namespace
}  // namespace capi_test
