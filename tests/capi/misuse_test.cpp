// The caller's mistakes: each gives its status, a message that names the argument and its value, and leaves
// dst as it was.
#include <cmath>
#include <functional>
#include <limits>

#include "support.h"

namespace capi_test {
namespace {

struct Fill {
  Picture src = textured(24, 20), mask = mask_with(24, 20, {8, 6, 5, 4}),
          dst = Picture(INFILL_FORMAT_RGB8, 24, 20);
  infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
};

struct Mistake {
  const char* what;
  std::function<void(Fill&)> make;
  infill_status status;
  const char* message;     // a part of it
  bool in_pixels = false;  // found by reading them: a job says so at its end
};

void set_tail(infill_image& image, std::vector<unsigned char>& store, unsigned char value) {
  store.assign(sizeof(image) + 16, 0);
  image.struct_size = static_cast<uint32_t>(store.size());
  std::memcpy(store.data(), &image, sizeof(image));
  store.back() = value;
}

TEST(Misuse, EveryMistakeInAFillIsNamedAndLeavesDstAlone) {
  std::vector<unsigned char> store;
  infill_image allow = INFILL_IMAGE_INIT;
  const infill_status invalid = INFILL_ERROR_INVALID_ARGUMENT;
  const infill_status unsupported = INFILL_ERROR_UNSUPPORTED;
  const std::vector<Mistake> mistakes = {
      {"null src", [](Fill& f) { f.desc.src = nullptr; }, invalid, "src: is NULL"},
      {"null mask", [](Fill& f) { f.desc.mask = nullptr; }, invalid, "mask: is NULL"},
      {"null dst", [](Fill& f) { f.desc.dst = nullptr; }, invalid, "dst: is NULL"},
      {"null data", [](Fill& f) { f.src.image.data = nullptr; }, invalid, "src.data"},
      {"size 0", [](Fill& f) { f.src.image.struct_size = 0; }, invalid, "src.struct_size: is 0"},
      {"size small", [](Fill& f) { f.mask.image.struct_size = 8; }, invalid, "mask.struct_size: is 8"},
      {"size huge", [](Fill& f) { f.dst.image.struct_size = UINT32_MAX; }, invalid,
       "dst.struct_size: is 4294967295"},
      {"desc size 0", [](Fill& f) { f.desc.struct_size = 0; }, invalid, "desc.struct_size: is 0"},
      {"desc size huge", [](Fill& f) { f.desc.struct_size = 1 << 20; }, invalid,
       "desc.struct_size: is 1048576"},
      {"newer field",
       [&store](Fill& f) {
         set_tail(f.src.image, store, 1);
         f.desc.src = reinterpret_cast<const infill_image*>(store.data());
       },
       INFILL_ERROR_TOO_NEW, "src: a field beyond"},
      {"reserved", [](Fill& f) { f.src.image.reserved = 1; }, INFILL_ERROR_TOO_NEW, "src: a reserved field"},
      {"stream", [](Fill& f) { f.desc.stream = &f; }, invalid, "desc.stream: the context has no CUDA device"},
      {"flags", [](Fill& f) { f.desc.flags = 4; }, INFILL_ERROR_TOO_NEW, "desc.flags: 4"},
      {"image flags", [](Fill& f) { f.mask.image.flags = 6; }, INFILL_ERROR_TOO_NEW, "mask.flags: 6"},
      {"no format", [](Fill& f) { f.src.image.format = 0; }, invalid, "src.format: is UNDEFINED"},
      {"unknown format", [](Fill& f) { f.src.image.format = 77; }, unsupported, "src.format: 77"},
      {"negative format", [](Fill& f) { f.src.image.format = -1; }, unsupported, "src.format: -1"},
      {"mask format as src", [](Fill& f) { f.src.image.format = INFILL_FORMAT_MASK8; }, unsupported, "MASK8"},
      {"colours as mask", [](Fill& f) { f.mask.image.format = INFILL_FORMAT_RGB8; }, unsupported,
       "mask.format: RGB8"},
      {"unknown color", [](Fill& f) { f.src.image.color = 9; }, unsupported, "src.color: 9"},
      {"unknown alpha", [](Fill& f) { f.src.image.alpha = 3; }, unsupported, "src.alpha: 3"},
      {"CUDA", [](Fill& f) { f.src.image.device_type = INFILL_DEVICE_CUDA; }, unsupported, "src.device_type"},
      {"device", [](Fill& f) { f.src.image.device_type = 5; }, unsupported, "src.device_type: 5"},
      {"device index", [](Fill& f) { f.src.image.device_index = 2; }, invalid, "src.device_index: is 2"},
      {"0 wide", [](Fill& f) { f.src.image.width = 0; }, invalid, "src.width: is 0"},
      {"0 high", [](Fill& f) { f.src.image.height = 0; }, invalid, "src.height: is 0"},
      {"negative", [](Fill& f) { f.src.image.height = -5; }, invalid, "src.height: is -5"},
      {"2^31-1", [](Fill& f) { f.src.image.width = INT32_MAX; }, invalid, "src.width: is 2147483647"},
      {"overflow", [](Fill& f) { f.src.image.row_stride = INT64_MAX / 3; }, invalid,
       "src.row_stride: is 3074457345618258602"},
      {"overflow below", [](Fill& f) { f.src.image.row_stride = INT64_MIN; }, invalid, "src.row_stride"},
      {"rows share bytes", [](Fill& f) { f.src.image.row_stride = 10; }, invalid, "src: pixels share bytes"},
      {"mask size", [](Fill& f) { f.mask.image.width = 23; }, invalid, "mask: is 23 x 20"},
      {"dst size", [](Fill& f) { f.dst.image.height = 19; }, invalid, "dst: is 24 x 19"},
      {"dst format", [](Fill& f) { f.dst.image.format = INFILL_FORMAT_BGR8; }, invalid, "dst: format"},
      {"dst color", [](Fill& f) { f.dst.image.color = INFILL_COLOR_LINEAR; }, invalid, "dst: format, color"},
      {"dst read-only", [](Fill& f) { f.dst.image.flags = INFILL_IMAGE_READ_ONLY; }, invalid,
       "dst.flags: READ_ONLY"},
      {"partial overlap", [](Fill& f) { f.src.image.data = f.dst.bytes.data() + 3; }, invalid,
       "dst: shares memory with src"},
      {"other view",
       [](Fill& f) {
         f.src.image.data = f.dst.bytes.data() + f.dst.bytes.size() - 72;
         f.src.image.row_stride = -72;
       },
       invalid, "dst: shares memory with src"},
      {"mask in dst", [](Fill& f) { f.mask.image.data = f.dst.bytes.data() + 100; }, invalid,
       "dst: shares memory with mask"},
      {"reference in dst", [](Fill& f) { f.desc.reference = &f.dst.image; }, invalid,
       "dst: shares memory with reference"},
      {"allow in dst",
       [&allow](Fill& f) {
         allow = f.mask.image;
         allow.data = f.dst.bytes.data() + 7;
         f.desc.allow = &allow;
       },
       invalid, "dst: shares memory with allow"},
      {"roi outside",
       [](Fill& f) {
         f.desc.roi = {20, 0, 5, 5};
       },
       invalid, "roi: x 20, y 0, 5 x 5"},
      {"roi negative",
       [](Fill& f) {
         f.desc.roi = {-1, 0, 5, 5};
       },
       invalid, "roi: x -1"},
      {"roi empty",
       [](Fill& f) {
         f.desc.roi = {1, 1, 0, 5};
       },
       invalid, "roi: x 1, y 1, 0 x 5"},
      {"roi overflow",
       [](Fill& f) {
         f.desc.roi = {1, 1, INT32_MAX, INT32_MAX};
       },
       invalid, "roi"},
      {"allow for a method that does not copy", [](Fill& f) { f.desc.allow = &f.mask.image; }, unsupported,
       "allow"},
      {"reference for it", [](Fill& f) { f.desc.reference = &f.src.image; }, unsupported, "reference"},
      {"all hole", [](Fill& f) { f.mask.bytes.assign(f.mask.bytes.size(), 255); }, invalid, "mask", true},
  };
  for (const Mistake& mistake : mistakes) {
    Session s;
    Fill fill;
    fill.dst.bytes.assign(fill.dst.bytes.size(), 0x5A);
    mistake.make(fill);
    infill_error error;
    std::memset(&error, 0xEE, sizeof(error));
    EXPECT_EQ(infill_fill(s.session, &fill.desc, &error), mistake.status)
        << mistake.what << ": " << error.message;
    EXPECT_EQ(error.status, mistake.status) << mistake.what;
    EXPECT_NE(std::string(error.message).find(mistake.message), std::string::npos)
        << mistake.what << ": " << error.message;
    for (const unsigned char byte : fill.dst.bytes) ASSERT_EQ(byte, 0x5A) << mistake.what;
    EXPECT_EQ(infill_fill(s.session, &fill.desc, nullptr), mistake.status) << "err may be NULL";
    infill_job* job = nullptr;
    infill_error of_job;
    infill_status status = infill_fill_async(s.session, &fill.desc, &job, &of_job);
    EXPECT_EQ(job != nullptr, mistake.in_pixels) << mistake.what;
    if (job != nullptr) status = infill_job_wait(job, UINT64_MAX, &of_job);
    infill_job_destroy(job);
    EXPECT_EQ(status, mistake.status) << mistake.what;
    EXPECT_STREQ(of_job.message, error.message) << mistake.what;
    Fill good;
    EXPECT_EQ(infill_fill(s.session, &good.desc, &error), INFILL_OK) << mistake.what << ": " << error.message;
  }
}

TEST(Misuse, NaNAndInfinityAreRefusedWhereTheyWouldSpreadAndKeptElsewhere) {
  Session s;
  constexpr int kSide = 200;
  constexpr int kHole = kSide * 8 + 8;
  Picture src(INFILL_FORMAT_GRAY32F, kSide, kSide);
  Picture mask(INFILL_FORMAT_GRAY32F, kSide, kSide);
  auto* pixels = reinterpret_cast<float*>(src.bytes.data());
  auto* holes = reinterpret_cast<float*>(mask.bytes.data());
  for (int i = 0; i < kSide * kSide; ++i) pixels[i] = 0.5F;
  holes[kHole] = 1;
  pixels[kSide * 190 + 190] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<unsigned char> before = src.bytes;
  infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
  infill_error error;
  ASSERT_EQ(infill_fill(s.session, &desc, &error), INFILL_OK) << error.message;
  EXPECT_NEAR(pixels[kHole], 0.5F, 1e-5F);
  std::memcpy(&pixels[kHole], &before[size_t{kHole} * 4], 4);
  EXPECT_EQ(src.bytes, before);

  pixels[kHole + 1] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(infill_fill(s.session, &desc, &error), INFILL_ERROR_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "src: pixel (9, 8), channel 0 is inf");
  holes[kHole + 1] = 1;
  EXPECT_EQ(infill_fill(s.session, &desc, &error), INFILL_OK) << error.message;
  EXPECT_NEAR(pixels[kHole + 1], 0.5F, 1e-5F);

  holes[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(infill_fill(s.session, &desc, &error), INFILL_ERROR_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.message).find("mask"), std::string::npos) << error.message;
}

TEST(Misuse, TinyPictures) {
  for (const auto& [width, height] : {std::pair{1, 1}, {1, 2}, {2, 1}, {1, 300}, {300, 1}}) {
    Picture src = textured(width, height);
    Picture dst = src;
    dst.bytes.assign(dst.bytes.size(), 7);
    Picture none = mask_with(width, height, {0, 0, 0, 0});
    EXPECT_EQ(infill_fill_classic(&src.image, &none.image, &dst.image, INFILL_METHOD_AUTO, nullptr),
              INFILL_OK);
    EXPECT_EQ(src.bytes, dst.bytes);
    Picture one = mask_with(width, height, {0, 0, 1, 1});
    const infill_status expected = width * height == 1 ? INFILL_ERROR_INVALID_ARGUMENT : INFILL_OK;
    for (uint32_t i = 0; i < infill_method_count(); ++i) {
      infill_method_info info = INFILL_METHOD_INFO_INIT;
      ASSERT_EQ(infill_method_get_info(i, &info, nullptr), INFILL_OK);
      EXPECT_EQ(infill_fill_classic(&src.image, &one.image, &dst.image, info.method, nullptr), expected)
          << info.name << ' ' << width << " x " << height;
    }
  }
}

TEST(Misuse, NoHoleCopiesAndSaysSo) {
  Session s;
  Fill fill;
  fill.mask.bytes.assign(fill.mask.bytes.size(), 0);
  ASSERT_EQ(infill_fill(s.session, &fill.desc, nullptr), INFILL_OK);
  EXPECT_EQ(fill.dst.bytes, fill.src.bytes);
  infill_result result = INFILL_RESULT_INIT;
  ASSERT_EQ(infill_session_get_result(s.session, &result, nullptr), INFILL_OK);
  EXPECT_EQ(result.hole_pixels, 0U);
  EXPECT_EQ(result.bounds.width, 0);
}

TEST(Misuse, NullHandles) {
  infill_error error;
  Fill fill;
  infill_estimate estimate = INFILL_ESTIMATE_INIT;
  infill_result result = INFILL_RESULT_INIT;
  infill_progress progress = INFILL_PROGRESS_INIT;
  infill_memory_info memory = INFILL_MEMORY_INFO_INIT;
  infill_param_info param = INFILL_PARAM_INFO_INIT;
  infill_job* job = nullptr;
  infill_session* session = nullptr;
  const infill_status invalid = INFILL_ERROR_INVALID_ARGUMENT;
  EXPECT_EQ(infill_fill(nullptr, &fill.desc, &error), invalid);
  EXPECT_STREQ(error.message, "session: is NULL");
  EXPECT_EQ(infill_fill_estimate(nullptr, &fill.desc, &estimate, nullptr), invalid);
  EXPECT_EQ(infill_fill_async(nullptr, &fill.desc, &job, nullptr), invalid);
  EXPECT_EQ(infill_session_get_result(nullptr, &result, nullptr), invalid);
  EXPECT_EQ(infill_session_set_param(nullptr, "x", 0, nullptr), invalid);
  EXPECT_EQ(infill_session_get_param_info(nullptr, 0, &param, nullptr), invalid);
  EXPECT_EQ(infill_session_param_count(nullptr), 0U);
  EXPECT_EQ(infill_job_wait(nullptr, 0, nullptr), invalid);
  EXPECT_EQ(infill_job_get_progress(nullptr, &progress, nullptr), invalid);
  EXPECT_EQ(infill_context_create(nullptr, nullptr, nullptr), invalid);
  EXPECT_EQ(infill_context_shutdown(nullptr, nullptr), invalid);
  EXPECT_EQ(infill_context_get_memory_info(nullptr, &memory, nullptr), invalid);
  EXPECT_EQ(infill_session_create(nullptr, nullptr, &session, nullptr), invalid);
  EXPECT_EQ(infill_context_supports(nullptr, 0, INFILL_FORMAT_RGB8), 0);
  EXPECT_EQ(infill_image_check(nullptr, nullptr, nullptr), invalid);
  EXPECT_EQ(infill_fill_classic(nullptr, nullptr, nullptr, 0, nullptr), invalid);
  infill_context_destroy(nullptr);
  infill_session_destroy(nullptr);
  infill_job_destroy(nullptr);
  infill_job_cancel(nullptr);
  infill_context_trim(nullptr);
}

TEST(Misuse, ContextsAndSessions) {
  infill_context* context = nullptr;
  infill_error error;
  const auto create = [&](const std::function<void(infill_context_desc&)>& edit) {
    infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
    edit(desc);
    const infill_status status = infill_context_create(&desc, &context, &error);
    EXPECT_EQ(context, nullptr);
    return status;
  };
  EXPECT_EQ(create([](auto& d) { d.device_type = INFILL_DEVICE_CUDA; }), INFILL_ERROR_NO_DEVICE);
  EXPECT_EQ(create([](auto& d) { d.device_type = 7; }), INFILL_ERROR_UNSUPPORTED);
  EXPECT_EQ(create([](auto& d) { d.device_index = 1; }), INFILL_ERROR_NO_DEVICE);
  EXPECT_EQ(create([](auto& d) { d.num_threads = -1; }), INFILL_ERROR_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "desc.num_threads: -1 does not lie in 0 .. 256");
  EXPECT_EQ(create([](auto& d) { d.num_threads = 257; }), INFILL_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(create([](auto& d) { d.log_level = 9; }), INFILL_ERROR_UNSUPPORTED);
  EXPECT_EQ(create([](auto& d) { d.api_version = INFILL_MAKE_VERSION(0, 2, 0); }), INFILL_ERROR_TOO_NEW);
  infill_allocator allocator = INFILL_ALLOCATOR_INIT;
  allocator.alloc = [](void*, size_t, size_t) -> void* { return nullptr; };
  EXPECT_EQ(create([&](auto& d) { d.allocator = &allocator; }), INFILL_ERROR_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "allocator.free: is NULL; give both functions or neither");

  ASSERT_EQ(infill_context_create(nullptr, &context, nullptr), INFILL_OK);
  infill_session* session = nullptr;
  infill_session_desc desc = INFILL_SESSION_DESC_INIT;
  desc.method = 65;
  EXPECT_EQ(infill_session_create(context, &desc, &session, &error), INFILL_ERROR_UNSUPPORTED);
  EXPECT_STREQ(error.message, "desc.method: this build has no method 65");
  desc = INFILL_SESSION_DESC_INIT;
  desc.quality = 17;
  EXPECT_EQ(infill_session_create(context, &desc, &session, nullptr), INFILL_ERROR_UNSUPPORTED);
  desc = INFILL_SESSION_DESC_INIT;
  desc.flags = 2;
  EXPECT_EQ(infill_session_create(context, &desc, &session, nullptr), INFILL_ERROR_TOO_NEW);
  EXPECT_EQ(session, nullptr);
  EXPECT_EQ(infill_context_supports(context, INFILL_METHOD_AUTO, INFILL_FORMAT_RG32F), 1);
  EXPECT_EQ(infill_context_supports(context, INFILL_METHOD_AUTO, INFILL_FORMAT_MASK8), 0);
  EXPECT_EQ(infill_context_supports(context, 65, INFILL_FORMAT_RGB8), 0);
  infill_context_destroy(context);
}

TEST(Misuse, ParametersAreListedAndChecked) {
  Session s(INFILL_METHOD_PATCHMATCH);
  ASSERT_GT(infill_session_param_count(s.session), 2U);
  infill_error error;
  for (uint32_t i = 0; i < infill_session_param_count(s.session); ++i) {
    infill_param_info info = INFILL_PARAM_INFO_INIT;
    ASSERT_EQ(infill_session_get_param_info(s.session, i, &info, &error), INFILL_OK);
    EXPECT_LE(info.minimum, info.default_value) << info.name;
    EXPECT_GE(info.maximum, info.default_value) << info.name;
    EXPECT_EQ(info.value, info.default_value) << info.name;
    EXPECT_NE(std::string(info.help), "") << info.name;
    const auto set = [&](double value) {
      return infill_session_set_param(s.session, info.name, value, &error);
    };
    EXPECT_EQ(set(info.maximum + 1), INFILL_ERROR_INVALID_ARGUMENT);
    EXPECT_NE(std::string(error.message).find(info.name), std::string::npos);
    EXPECT_EQ(set(info.minimum - 1), INFILL_ERROR_INVALID_ARGUMENT);
    EXPECT_EQ(set(std::nan("")), INFILL_ERROR_INVALID_ARGUMENT);
    if (info.type == INFILL_PARAM_INT && info.maximum > info.minimum) {
      EXPECT_EQ(set(info.minimum + 0.5), INFILL_ERROR_INVALID_ARGUMENT) << info.name;
    }
    EXPECT_EQ(set(info.maximum), INFILL_OK);
    ASSERT_EQ(infill_session_get_param_info(s.session, i, &info, &error), INFILL_OK);
    EXPECT_EQ(info.value, info.maximum);
  }
  infill_param_info info = INFILL_PARAM_INFO_INIT;
  EXPECT_EQ(infill_session_get_param_info(s.session, 1000, &info, &error), INFILL_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(infill_session_set_param(s.session, "none.such", 1, &error), INFILL_ERROR_UNKNOWN_PARAMETER);
  EXPECT_STREQ(error.message, "name: patchmatch has no parameter 'none.such'");
  EXPECT_EQ(infill_session_set_param(s.session, "\xC3(", 1, &error), INFILL_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(infill_session_set_param(s.session, nullptr, 1, &error), INFILL_ERROR_INVALID_ARGUMENT);
  std::string name = std::string(493, 'x') + "\xC3\xA9\xC3\xA9";
  EXPECT_EQ(infill_session_set_param(s.session, name.c_str(), 1, &error), INFILL_ERROR_UNKNOWN_PARAMETER);
  EXPECT_LT(std::strlen(error.message), sizeof(error.message)) << "cut";
  infill_result result = INFILL_RESULT_INIT;
  EXPECT_EQ(infill_session_get_result(s.session, &result, &error), INFILL_ERROR_INVALID_STATE);
}

TEST(Misuse, OutputStructsOfEverySize) {
  struct {
    infill_device_info info;
    unsigned char tail[32];
  } newer;
  std::memset(&newer, 0xAA, sizeof(newer));
  newer.info.struct_size = sizeof(newer);
  ASSERT_EQ(infill_device_get_info(0, &newer.info, nullptr), INFILL_OK);
  EXPECT_EQ(newer.info.struct_size, sizeof(newer));
  for (const unsigned char byte : newer.tail) EXPECT_EQ(byte, 0);
  EXPECT_GT(newer.info.total_memory, 0U);
  infill_device_info small = INFILL_DEVICE_INFO_INIT;
  small.struct_size = 12;
  EXPECT_EQ(infill_device_get_info(0, &small, nullptr), INFILL_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(infill_device_get_info(infill_device_count(), &newer.info, nullptr),
            INFILL_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(infill_device_get_info(0, nullptr, nullptr), INFILL_ERROR_INVALID_ARGUMENT);
}

TEST(Misuse, NamesAndNumbers) {
  EXPECT_STREQ(infill_status_name(INFILL_ERROR_MEMORY_LIMIT), "INFILL_ERROR_MEMORY_LIMIT");
  EXPECT_STREQ(infill_status_name(12345), "INFILL_UNKNOWN");
  EXPECT_EQ(infill_version(), static_cast<uint32_t>(INFILL_VERSION));
  EXPECT_GE(infill_device_count(), 1U);
  EXPECT_EQ(infill_has_feature(INFILL_FEATURE_NEURAL), 1);
  EXPECT_EQ(infill_has_feature(INFILL_FEATURE_VIDEO), 0);
}

}  // namespace
}  // namespace capi_test
