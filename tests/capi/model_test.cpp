// Models through <infill.h>: opening, what is said of them, sessions that fill with them, and every mistake.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "support.h"

namespace capi_test {
namespace {

const std::string kGolden = std::string(INFILL_TEST_DATA) + "/golden/";

std::string file(const std::string& name) {
  std::ifstream stream(kGolden + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class Model : public testing::Test {
 public:
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

 protected:
  Model() {
    infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
    desc.num_threads = 2;
    EXPECT_EQ(infill_context_create(&desc, &context, nullptr), INFILL_OK);
  }
  ~Model() override {
    infill_session_destroy(session);
    infill_model_destroy(model);
    infill_context_destroy(context);
  }

  void open(const std::string& name = "deepfill_c8.weights.safetensors") {
    ASSERT_EQ(infill_model_open_file(context, (kGolden + name).c_str(), nullptr, &model, &error), INFILL_OK)
        << error.message;
  }
  infill_status open_bytes(const std::string& bytes, const infill_model_desc* desc = nullptr) {
    infill_model_destroy(model);
    model = nullptr;
    error = INFILL_ERROR_INIT;
    const infill_status status =
        infill_model_open_memory(context, bytes.data(), bytes.size(), desc, &model, &error);
    EXPECT_EQ(model == nullptr, status != INFILL_OK);
    return status;
  }
  infill_status make_session(infill_method method = INFILL_METHOD_NEURAL) {
    infill_session_desc desc = INFILL_SESSION_DESC_INIT;
    desc.method = method;
    desc.fill_model = model;
    return infill_session_create(context, &desc, &session, &error);
  }
  infill_status fill(Picture& src, const Picture& mask) {
    const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
    return infill_fill(session, &desc, &error);
  }

  infill_context* context = nullptr;
  infill_model* model = nullptr;
  infill_session* session = nullptr;
  infill_error error = INFILL_ERROR_INIT;
};

TEST_F(Model, SaysWhatItIs) {
  EXPECT_EQ(infill_has_feature(INFILL_FEATURE_NEURAL), 1);
  open();
  infill_model_info info = INFILL_MODEL_INFO_INIT;
  ASSERT_EQ(infill_model_get_info(model, &info, &error), INFILL_OK);
  EXPECT_EQ(info.kind, INFILL_MODEL_FILL);
  EXPECT_STREQ(info.name, "deepfill_c8.weights");
  EXPECT_STREQ(info.architecture, "deepfill-v2");
  EXPECT_STREQ(info.license, "unknown");
  EXPECT_NE(std::string(info.parameters).find("\"width\":8"), std::string::npos) << info.parameters;
  EXPECT_EQ(std::string(info.file_sha256).size(), 64U);
  EXPECT_EQ(std::string(info.weights_sha256).size(), 64U);
  EXPECT_STRNE(info.file_sha256, info.weights_sha256);
  EXPECT_GT(info.parameter_count, 100'000U);
  EXPECT_GT(info.weight_bytes, 4 * info.parameter_count);
  const std::string sha256 = info.file_sha256;
  infill_model_desc desc = INFILL_MODEL_DESC_INIT;
  desc.sha256 = sha256.c_str();
  desc.precision = INFILL_PRECISION_FLOAT32;
  EXPECT_EQ(open_bytes(file("deepfill_c8.weights.safetensors"), &desc), INFILL_OK) << error.message;
  ASSERT_EQ(infill_model_get_info(model, &info, &error), INFILL_OK);
  EXPECT_STREQ(info.name, "model");
}

TEST_F(Model, AllPublishedContainersAndVariantsFillAlike) {
  const Picture mask = mask_with(96, 80, {40, 30, 20, 18});
  for (const std::string name : {"deepfill_c8", "deepfill_tf_c8"}) {
    std::vector<unsigned char> first;
    for (const char* ending : {".weights.safetensors", ".weights.pth"}) {
      infill_session_destroy(session);
      infill_model_destroy(model);
      open(name + ending);
      ASSERT_EQ(make_session(INFILL_METHOD_AUTO), INFILL_OK) << error.message;
      Picture src = textured(96, 80);
      const Picture before = src;
      ASSERT_EQ(fill(src, mask), INFILL_OK) << error.message;
      for (size_t i = 0; i < src.bytes.size(); ++i) {
        if (mask.bytes[i / 3] == 0) {
          ASSERT_EQ(src.bytes[i], before.bytes[i]);
        }
      }
      EXPECT_NE(src.bytes, before.bytes);
      if (first.empty()) first = src.bytes;
      EXPECT_EQ(src.bytes, first);
    }
  }
}

TEST_F(Model, InBfloat16FillsNearlyAlike) {
  const Picture mask = mask_with(96, 80, {40, 30, 20, 18});
  const std::string bytes = file("deepfill_c8.weights.safetensors");
  std::vector<unsigned char> fills[2];
  uint64_t weights[2];
  for (const int i : {0, 1}) {
    infill_session_destroy(session);
    session = nullptr;
    infill_model_desc desc = INFILL_MODEL_DESC_INIT;
    desc.precision = i == 0 ? INFILL_PRECISION_AUTO : INFILL_PRECISION_BFLOAT16;
    ASSERT_EQ(open_bytes(bytes, &desc), INFILL_OK) << error.message;
    infill_model_info info = INFILL_MODEL_INFO_INIT;
    ASSERT_EQ(infill_model_get_info(model, &info, nullptr), INFILL_OK);
    weights[i] = info.weight_bytes;
    ASSERT_EQ(make_session(), INFILL_OK) << error.message;
    Picture src = textured(96, 80);
    ASSERT_EQ(fill(src, mask), INFILL_OK) << error.message;
    fills[i] = src.bytes;
  }
  EXPECT_LT(weights[1], weights[0]);
  EXPECT_NE(fills[1], fills[0]);
  double squares = 0;
  for (size_t i = 0; i < fills[0].size(); ++i) squares += std::pow(fills[0][i] - fills[1][i], 2);
  const double filled = 3 * 20 * 18;
  EXPECT_LE(std::sqrt(squares / filled), 255 * 0.01) << "less than 40 dB";
}

TEST_F(Model, ResultsNameTheModel) {
  open();
  ASSERT_EQ(make_session(INFILL_METHOD_AUTO), INFILL_OK);
  infill_model_info info = INFILL_MODEL_INFO_INIT;
  ASSERT_EQ(infill_model_get_info(model, &info, nullptr), INFILL_OK);
  const std::string sha256 = info.file_sha256;
  infill_model_destroy(model);  // the session keeps it
  model = nullptr;
  Picture src = textured(64, 64);
  ASSERT_EQ(fill(src, mask_with(64, 64, {20, 20, 10, 10})), INFILL_OK) << error.message;
  infill_result result = INFILL_RESULT_INIT;
  ASSERT_EQ(infill_session_get_result(session, &result, nullptr), INFILL_OK);
  EXPECT_EQ(result.method, INFILL_METHOD_NEURAL);
  EXPECT_STREQ(result.model_name, "deepfill_c8.weights");
  EXPECT_EQ(result.model_sha256, sha256);
  infill_session_destroy(session);
  session = nullptr;
  infill_session* classic = nullptr;
  ASSERT_EQ(infill_session_create(context, nullptr, &classic, nullptr), INFILL_OK);
  const Picture mask = mask_with(64, 64, {20, 20, 10, 10});
  const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
  ASSERT_EQ(infill_fill(classic, &desc, nullptr), INFILL_OK);
  ASSERT_EQ(infill_session_get_result(classic, &result, nullptr), INFILL_OK);
  EXPECT_EQ(result.model_name, nullptr);
  EXPECT_EQ(result.model_sha256, nullptr);
  infill_session_destroy(classic);
}

TEST_F(Model, MayBeDestroyedWhileASessionUsesIt) {
  open();
  ASSERT_EQ(make_session(), INFILL_OK);
  Picture src = textured(200, 160);
  const Picture mask = mask_with(200, 160, {60, 40, 70, 60});
  const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
  infill_job* job = nullptr;
  ASSERT_EQ(infill_fill_async(session, &desc, &job, &error), INFILL_OK) << error.message;
  infill_model_destroy(model);
  infill_session_destroy(session);
  infill_context_destroy(context);
  model = nullptr;
  session = nullptr;
  context = nullptr;
  EXPECT_EQ(infill_job_wait(job, UINT64_MAX, &error), INFILL_OK) << error.message;
  infill_job_destroy(job);
}

// The network wants to see far more than such holes are large.
TEST_F(Model, SmallAndThinHolesInLargePicturesAreFilled) {
  open();
  ASSERT_EQ(make_session(), INFILL_OK) << error.message;
  constexpr int32_t kSide = 600;
  const std::vector<infill_rect> holes = {{300, 300, 1, 1}, {0, 0, 1, 1},      {599, 599, 1, 1},
                                          {200, 310, 6, 6}, {40, 300, 520, 3}, {300, 50, 3, 500},
                                          {0, 590, 600, 2}};
  for (const infill_rect& hole : holes) {
    Picture src = textured(kSide, kSide);
    const Picture before = src;
    const Picture mask = mask_with(kSide, kSide, hole);
    const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
    infill_estimate estimate = INFILL_ESTIMATE_INIT;
    EXPECT_EQ(infill_fill_estimate(session, &desc, &estimate, &error), INFILL_OK) << error.message;
    EXPECT_EQ(estimate.tile_count, 1U);
    ASSERT_EQ(fill(src, mask), INFILL_OK) << error.message;
    for (size_t i = 0; i < mask.bytes.size(); ++i) {
      if (mask.bytes[i] != 0) continue;
      ASSERT_EQ(std::memcmp(&src.bytes[3 * i], &before.bytes[3 * i], 3), 0) << "pixel " << i;
    }
    EXPECT_NE(src.bytes, before.bytes);
  }
}

TEST_F(Model, AJobIsCancelled) {
  open();
  ASSERT_EQ(make_session(), INFILL_OK);
  Picture src = textured(400, 400);
  const Picture mask = mask_with(400, 400, {60, 60, 250, 250});
  infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
  // In the middle of the work, which waits there until it was cancelled.
  struct Gate {
    std::atomic<bool> reached{false}, open{false};
  } gate;
  desc.progress_user = &gate;
  desc.progress = [](void* user, const infill_progress* progress) -> int32_t {
    auto& at = *static_cast<Gate*>(user);
    if (progress->fraction < 0.3) return 0;
    at.reached = true;
    while (!at.open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return 0;
  };
  infill_job* job = nullptr;
  ASSERT_EQ(infill_fill_async(session, &desc, &job, &error), INFILL_OK) << error.message;
  while (!gate.reached) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  infill_job_cancel(job);
  gate.open = true;
  EXPECT_EQ(infill_job_wait(job, UINT64_MAX, nullptr), INFILL_ERROR_CANCELLED);
  infill_job_destroy(job);
}

TEST_F(Model, ManyThreadsOpenAndFillAtOnce) {
  open();
  const Picture mask = mask_with(72, 64, {20, 20, 22, 15});
  std::vector<Picture> pictures(4, textured(72, 64));
  std::vector<std::thread> threads;
  for (Picture& picture : pictures) {
    threads.emplace_back([&] {
      infill_model* own = nullptr;
      EXPECT_EQ(infill_model_open_file(context, (kGolden + "deepfill_c8.weights.pth").c_str(), nullptr, &own,
                                       nullptr),
                INFILL_OK);
      infill_session_desc session_desc = INFILL_SESSION_DESC_INIT;
      session_desc.fill_model = &picture == &pictures.front() ? own : model;
      infill_session* at_once = nullptr;
      EXPECT_EQ(infill_session_create(context, &session_desc, &at_once, nullptr), INFILL_OK);
      const infill_fill_desc desc = desc_of(picture.image, mask.image, picture.image);
      EXPECT_EQ(infill_fill(at_once, &desc, nullptr), INFILL_OK);
      infill_session_destroy(at_once);
      infill_model_destroy(own);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Picture& picture : pictures) EXPECT_EQ(picture.bytes, pictures.front().bytes);
}

TEST_F(Model, EstimatesHoldAndLimitsNameTheirNumbers) {
  open();
  ASSERT_EQ(make_session(), INFILL_OK);
  Picture src = textured(300, 220);
  const Picture mask = mask_with(300, 220, {100, 60, 90, 80});
  const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
  infill_estimate estimate = INFILL_ESTIMATE_INIT;
  ASSERT_EQ(infill_fill_estimate(session, &desc, &estimate, &error), INFILL_OK) << error.message;
  ASSERT_EQ(fill(src, mask), INFILL_OK);
  infill_memory_info info = INFILL_MEMORY_INFO_INIT;
  ASSERT_EQ(infill_context_get_memory_info(context, &info, nullptr), INFILL_OK);
  EXPECT_GE(estimate.host_bytes, info.host_peak);
  EXPECT_LE(estimate.host_bytes, 2 * info.host_peak);

  infill_context_desc small = INFILL_CONTEXT_DESC_INIT;
  small.num_threads = 2;
  small.memory_limit = estimate.host_bytes / 2;
  infill_context* limited = nullptr;
  ASSERT_EQ(infill_context_create(&small, &limited, nullptr), INFILL_OK);
  infill_model* other = nullptr;
  ASSERT_EQ(infill_model_open_file(limited, (kGolden + "deepfill_c8.weights.pth").c_str(), nullptr, &other,
                                   nullptr),
            INFILL_OK);
  infill_session_desc session_desc = INFILL_SESSION_DESC_INIT;
  session_desc.fill_model = other;
  infill_session* refused = nullptr;
  ASSERT_EQ(infill_session_create(limited, &session_desc, &refused, nullptr), INFILL_OK);
  const Picture before = src;
  EXPECT_EQ(infill_fill(refused, &desc, &error), INFILL_ERROR_MEMORY_LIMIT);
  EXPECT_NE(std::string(error.message).find(std::to_string(small.memory_limit)), std::string::npos)
      << error.message;
  EXPECT_EQ(src.bytes, before.bytes);
  infill_session_destroy(refused);
  infill_model_destroy(other);
  infill_context_destroy(limited);
}

TEST_F(Model, EveryMistakeIsNamed) {
  const std::string good = file("deepfill_c8.weights.safetensors");
  const auto expect = [&](infill_status status, infill_status expected, const std::string& part) {
    EXPECT_EQ(status, expected) << error.message;
    EXPECT_NE(std::string(error.message).find(part), std::string::npos) << error.message;
    EXPECT_EQ(model, nullptr);
  };
  const auto invalid = INFILL_ERROR_INVALID_ARGUMENT;
  const std::string path = kGolden + "deepfill_c8.weights.safetensors";
  expect(infill_model_open_file(nullptr, path.c_str(), nullptr, &model, &error), invalid, "context: is NULL");
  expect(infill_model_open_file(context, nullptr, nullptr, &model, &error), invalid, "path: is NULL");
  expect(infill_model_open_file(context, "", nullptr, &model, &error), invalid, "path: is empty");
  expect(infill_model_open_file(context, "\xff", nullptr, &model, &error), invalid,
         "path: is not valid UTF-8");
  expect(infill_model_open_file(context, path.c_str(), nullptr, nullptr, &error), invalid, "model: is NULL");
  expect(infill_model_open_file(context, "no-such-file.pth", nullptr, &model, &error), INFILL_ERROR_IO,
         "no-such-file.pth");
  expect(infill_model_open_file(context, kGolden.c_str(), nullptr, &model, &error), INFILL_ERROR_IO,
         "golden");
  expect(infill_model_open_memory(context, nullptr, 5, nullptr, &model, &error), invalid, "data: is NULL");
  expect(open_bytes(""), INFILL_ERROR_BAD_MODEL, "is empty");
  infill_model_desc desc = INFILL_MODEL_DESC_INIT;
  desc.precision = INFILL_PRECISION_FLOAT16;
  expect(open_bytes(good, &desc), INFILL_ERROR_UNSUPPORTED, "desc.precision: FLOAT16 is for CUDA");
  desc.precision = -1;
  expect(open_bytes(good, &desc), INFILL_ERROR_UNSUPPORTED, "desc.precision: -1 is unknown");
  desc.precision = 9;
  expect(open_bytes(good, &desc), INFILL_ERROR_UNSUPPORTED, "desc.precision: 9 is unknown");
  desc = INFILL_MODEL_DESC_INIT;
  desc.struct_size = 4;
  expect(open_bytes(good, &desc), invalid, "desc.struct_size: is 4");
  desc = INFILL_MODEL_DESC_INIT;
  desc.reserved_ptr = &desc;
  expect(open_bytes(good, &desc), INFILL_ERROR_TOO_NEW, "desc: a reserved field");
  desc = INFILL_MODEL_DESC_INIT;
  desc.sha256 = "abc";
  expect(open_bytes(good, &desc), invalid, "desc.sha256: has 3 characters");
  const std::string zeros(64, '0');
  desc.sha256 = zeros.c_str();
  expect(open_bytes(good, &desc), INFILL_ERROR_BAD_MODEL, "desc.sha256: is 0000");
  EXPECT_EQ(infill_model_get_info(nullptr, nullptr, &error), invalid);
  infill_model_destroy(nullptr);
}

TEST_F(Model, DamagedAndForeignFilesAreRefused) {
  for (const char* name : {"deepfill_c8.weights.safetensors", "deepfill_c8.weights.pth"}) {
    const std::string good = file(name);
    ASSERT_GT(good.size(), 10'000U);
    for (size_t i = 1; i < 40; ++i) {
      EXPECT_EQ(open_bytes(good.substr(0, good.size() * i / 40)), INFILL_ERROR_BAD_MODEL)
          << name << " cut at " << i << "/40: " << error.message;
    }
  }
  std::string renamed = file("deepfill_c8.weights.safetensors");
  const size_t at = renamed.find("stage1.conv_bn3.conv.weight");
  ASSERT_NE(at, std::string::npos);
  renamed[at + 14] = '9';
  EXPECT_EQ(open_bytes(renamed), INFILL_ERROR_BAD_MODEL);
  EXPECT_NE(std::string(error.message).find("stage1.conv_bn3.conv.weight\": is missing"), std::string::npos)
      << error.message;

  std::string not_finite = file("deepfill_c8.weights.safetensors");
  std::fill_n(not_finite.end() - 64, 64, '\xff');
  EXPECT_EQ(open_bytes(not_finite), INFILL_ERROR_BAD_MODEL);
  EXPECT_NE(std::string(error.message).find("nan"), std::string::npos) << error.message;

  const std::string header = R"({"other.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  std::string other(8, '\0');
  other[0] = static_cast<char>(header.size());
  other += header + std::string(4, '\0');
  EXPECT_EQ(open_bytes(other), INFILL_ERROR_WRONG_MODEL);
  EXPECT_NE(std::string(error.message).find("unknown architecture"), std::string::npos) << error.message;
}

TEST_F(Model, NamesShowNoControlCharacters) {
  // U+009B of Latin-1, and two that turn the direction of writing.
  const std::string controls[] = {{'\xC2', '\x9B'}, {'\xE2', '\x80', '\xAE'}, {'\xE2', '\x81', '\xA6'}};
  std::string path = testing::TempDir();
  for (const std::string& piece :
       {std::string("a"), controls[0], std::string("31mb"), controls[1], controls[2]})
    path += piece;
  path += "\xC3\xBC.safetensors";
  std::ofstream(path, std::ios::binary) << file("deepfill_c8.weights.safetensors");
  ASSERT_EQ(infill_model_open_file(context, path.c_str(), nullptr, &model, &error), INFILL_OK)
      << error.message;
  std::filesystem::remove(path);
  infill_model_info info = INFILL_MODEL_INFO_INIT;
  ASSERT_EQ(infill_model_get_info(model, &info, nullptr), INFILL_OK);
  EXPECT_STREQ(info.name, "a 31mb  \xC3\xBC");
}

// A file that is long to hash, and then no model: whoever waits for it to the end is told so.
TEST_F(Model, ShutdownStopsOpening) {
  const std::string path = testing::TempDir() + "infill_long.safetensors";
  constexpr uint64_t kBytes = uint64_t{256} << 20U;
  std::string header = R"({"other.weight":{"dtype":"U8","shape":[268435456],"data_offsets":[0,268435456]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string start(8, '\0');
  start[0] = static_cast<char>(header.size());
  std::ofstream(path, std::ios::binary) << start << header;
  std::filesystem::resize_file(path, start.size() + header.size() + kBytes);
  infill_status status = INFILL_OK;
  for (int delay = 1; delay <= 512 && status != INFILL_ERROR_CANCELLED; delay *= 2) {
    infill_context* closing = nullptr;
    ASSERT_EQ(infill_context_create(nullptr, &closing, nullptr), INFILL_OK);
    std::thread opening(
        [&] { status = infill_model_open_file(closing, path.c_str(), nullptr, &model, &error); });
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    EXPECT_EQ(infill_context_shutdown(closing, nullptr), INFILL_OK);
    opening.join();
    EXPECT_EQ(model, nullptr);
    EXPECT_NE(status, INFILL_OK);
    infill_context_destroy(closing);
  }
  std::filesystem::remove(path);
  EXPECT_EQ(status, INFILL_ERROR_CANCELLED) << error.message;
}

TEST_F(Model, SessionsSayWhatTheyNeed) {
  const auto expect = [&](infill_status status, infill_status expected, const std::string& part) {
    EXPECT_EQ(status, expected) << error.message;
    EXPECT_NE(std::string(error.message).find(part), std::string::npos) << error.message;
  };
  expect(make_session(), INFILL_ERROR_INVALID_ARGUMENT, "desc.fill_model: is NULL");
  Picture src = textured(40, 30);
  const Picture mask = mask_with(40, 30, {10, 10, 8, 8});
  expect(infill_fill_classic(&src.image, &mask.image, &src.image, INFILL_METHOD_NEURAL, &error),
         INFILL_ERROR_UNSUPPORTED, "NEURAL needs a model");
  open();
  infill_context* stranger = nullptr;
  ASSERT_EQ(infill_context_create(nullptr, &stranger, nullptr), INFILL_OK);
  infill_session_desc desc = INFILL_SESSION_DESC_INIT;
  desc.fill_model = model;
  expect(infill_session_create(stranger, &desc, &session, &error), INFILL_ERROR_INVALID_ARGUMENT,
         "desc.fill_model: was opened in another context");
  desc.method = INFILL_METHOD_HARMONIC;  // ignores it
  EXPECT_EQ(infill_session_create(stranger, &desc, &session, &error), INFILL_OK);
  infill_session_destroy(session);
  session = nullptr;
  infill_context_destroy(stranger);
  desc.reserved_ptr = &desc;
  expect(infill_session_create(context, &desc, &session, &error), INFILL_ERROR_TOO_NEW, "a reserved field");

  EXPECT_EQ(infill_context_supports(context, INFILL_METHOD_NEURAL, INFILL_FORMAT_RGBA16F), 1);
  EXPECT_EQ(infill_context_supports(context, INFILL_METHOD_NEURAL, INFILL_FORMAT_RG8), 0);
  ASSERT_EQ(make_session(), INFILL_OK) << error.message;
  Picture two(INFILL_FORMAT_RG8, 40, 30);
  expect(fill(two, mask), INFILL_ERROR_UNSUPPORTED, "src.format: RG8");
  infill_fill_desc borrow = desc_of(src.image, mask.image, src.image);
  borrow.reference = &src.image;
  const Picture other = src;
  borrow.reference = &other.image;
  expect(infill_fill(session, &borrow, &error), INFILL_ERROR_UNSUPPORTED,
         "reference: neural copies no pixels");
  EXPECT_EQ(infill_session_set_param(session, "neural.size", 64, &error), INFILL_OK) << error.message;
  EXPECT_EQ(infill_session_set_param(session, "neural.size", 1, &error), INFILL_ERROR_INVALID_ARGUMENT);

  ASSERT_EQ(infill_context_shutdown(context, nullptr), INFILL_OK);
  infill_model* late = nullptr;
  expect(
      infill_model_open_file(context, (kGolden + "deepfill_c8.weights.pth").c_str(), nullptr, &late, &error),
      INFILL_ERROR_INVALID_STATE, "shut down");
}

TEST_F(Model, CallersFromBeforeModelsAreUnderstood) {
  infill_session_desc desc = INFILL_SESSION_DESC_INIT;
  desc.struct_size = offsetof(infill_session_desc, fill_model);
  desc.method = INFILL_METHOD_HARMONIC;
  desc.fill_model = reinterpret_cast<const infill_model*>(&desc);  // memory that is not theirs
  ASSERT_EQ(infill_session_create(context, &desc, &session, &error), INFILL_OK) << error.message;
  Picture src = textured(40, 30);
  ASSERT_EQ(fill(src, mask_with(40, 30, {10, 10, 8, 8})), INFILL_OK);
  infill_result result = INFILL_RESULT_INIT;
  result.struct_size = offsetof(infill_result, model_name);
  result.model_name = "as it was";
  ASSERT_EQ(infill_session_get_result(session, &result, nullptr), INFILL_OK);
  EXPECT_EQ(result.hole_pixels, 64U);
  EXPECT_STREQ(result.model_name, "as it was");
}

}  // namespace
}  // namespace capi_test
