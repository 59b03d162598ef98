// infill_model_run_file: what a caller of <infill.h> sees. The numbers are tests/cli/model_run_test.py's.
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <infill.hpp>
#include <iterator>
#include <limits>
#include <thread>

#include "support.h"

namespace capi_test {
namespace {

namespace fs = std::filesystem;

const std::string kWeights = std::string(INFILL_TEST_DATA) + "/golden/deepfill_c8.weights.safetensors";

std::string bytes_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string little_endian(uint64_t value) {
  std::string text(8, '\0');
  std::memcpy(text.data(), &value, text.size());
  return text;
}

class ModelRun : public testing::Test {
 public:
  ModelRun(const ModelRun&) = delete;
  ModelRun& operator=(const ModelRun&) = delete;

 protected:
  ModelRun() : folder(fs::temp_directory_path() / ("infill-run-" + std::to_string(::getpid()))) {
    fs::create_directory(folder);
    infill_context_desc context_desc = INFILL_CONTEXT_DESC_INIT;
    context_desc.num_threads = 2;
    EXPECT_EQ(infill_context_create(&context_desc, &context, nullptr), INFILL_OK);
    EXPECT_EQ(infill_model_open_file(context, kWeights.c_str(), nullptr, &model, nullptr), INFILL_OK);
    write_inputs(16);
    desc.inputs = inputs.c_str();
    desc.outputs = outputs.c_str();
  }
  ~ModelRun() override {
    infill_model_destroy(model);
    infill_context_destroy(context);
    fs::remove_all(folder);
  }
  // A grey square whose left half is a hole.
  void write_inputs(int side, float grey = 0.5F) const {
    const auto area = static_cast<size_t>(side * side);
    const std::string sides = std::to_string(side) + "," + std::to_string(side) + "]";
    std::string header = R"({"image":{"dtype":"F32","shape":[1,3,)" + sides + R"(,"data_offsets":[0,)" +
                         std::to_string(12 * area) + R"(]},"mask":{"dtype":"U8","shape":[1,1,)" + sides +
                         R"(,"data_offsets":[)" + std::to_string(12 * area) + "," +
                         std::to_string(13 * area) + "]}}";
    std::ofstream file(inputs, std::ios::binary);
    file << little_endian(header.size()) << header;
    const std::vector<float> values(3 * area, grey);
    file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(12 * area));
    for (size_t i = 0; i < area; ++i)
      file.put(i % static_cast<size_t>(side) < static_cast<size_t>(side) / 2 ? 1 : 0);
  }
  infill_status run() { return infill_model_run_file(model, &desc, &error); }
  void refused(infill_status expected, const std::string& part) {
    EXPECT_EQ(run(), expected) << error.message;
    EXPECT_NE(std::string(error.message).find(part), std::string::npos) << error.message;
    EXPECT_FALSE(fs::exists(outputs));
  }
  [[nodiscard]] size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }

  const fs::path folder;
  const std::string inputs = folder / "in.safetensors", outputs = folder / "out.safetensors";
  infill_context* context = nullptr;
  infill_model* model = nullptr;
  infill_model_run_desc desc = INFILL_MODEL_RUN_DESC_INIT;
  infill_error error = INFILL_ERROR_INIT;
};

TEST_F(ModelRun, WritesTheResultsAndOnlyThem) {
  ASSERT_EQ(run(), INFILL_OK) << error.message;
  EXPECT_EQ(files(), 2U);
  const std::string first = bytes_of(outputs);
  for (const char* name : {"\"coarse\"", "\"refined\"", "\"composite\"", "infill.model.sha256"})
    EXPECT_NE(first.find(name), std::string::npos);
  ASSERT_EQ(run(), INFILL_OK) << error.message;  // replaced
  EXPECT_EQ(bytes_of(outputs), first);
  const infill::context other;
  infill::model(other, kWeights.c_str()).run(inputs.c_str(), outputs.c_str());
  EXPECT_EQ(bytes_of(outputs), first);
  EXPECT_THROW(infill::model(other, kWeights.c_str()).run("no-such-file", outputs.c_str()), infill::error);
}

TEST_F(ModelRun, MemoryIsTheContextsAndGivenBack) {
  ASSERT_EQ(run(), INFILL_OK) << error.message;
  infill_memory_info info = INFILL_MEMORY_INFO_INIT;
  ASSERT_EQ(infill_context_get_memory_info(context, &info, nullptr), INFILL_OK);
  EXPECT_EQ(info.host_used, 0U);
  EXPECT_GT(info.host_peak, 36U * 16 * 16);
  infill_context_desc limited = INFILL_CONTEXT_DESC_INIT;
  limited.num_threads = 2;
  infill_model_destroy(model);
  infill_context_destroy(context);
  model = nullptr;
  limited.memory_limit = info.host_peak - 1;
  ASSERT_EQ(infill_context_create(&limited, &context, nullptr), INFILL_OK);
  ASSERT_EQ(infill_model_open_file(context, kWeights.c_str(), nullptr, &model, nullptr), INFILL_OK);
  fs::remove(outputs);
  refused(INFILL_ERROR_MEMORY_LIMIT, std::to_string(limited.memory_limit));
}

TEST_F(ModelRun, ARestingSessionGivesItsMemory) {
  ASSERT_EQ(run(), INFILL_OK) << error.message;
  infill_memory_info info = INFILL_MEMORY_INFO_INIT;
  ASSERT_EQ(infill_context_get_memory_info(context, &info, nullptr), INFILL_OK);
  infill_model_destroy(model);
  infill_context_desc limited = INFILL_CONTEXT_DESC_INIT;
  limited.num_threads = 2;
  limited.memory_limit = info.host_peak + 1000;
  Session s(INFILL_METHOD_HARMONIC, limited);
  Picture src = textured(40, 30);
  const Picture mask = mask_with(40, 30, {17, 12, 5, 4});
  const infill_fill_desc fill = desc_of(src.image, mask.image, src.image);
  ASSERT_EQ(infill_fill(s.session, &fill, nullptr), INFILL_OK);
  ASSERT_EQ(infill_model_open_file(s.context, kWeights.c_str(), nullptr, &model, nullptr), INFILL_OK);
  EXPECT_EQ(run(), INFILL_OK) << error.message;
  infill_model_destroy(model);
  model = nullptr;
}

TEST_F(ModelRun, ProgressNeverFallsAndCanCancel) {
  struct Seen {
    double last = -1;
    int calls = 0;
  } seen;
  desc.progress_user = &seen;
  desc.progress = [](void* user, const infill_progress* progress) -> int32_t {
    auto& before = *static_cast<Seen*>(user);
    EXPECT_GE(progress->fraction, before.last);
    before.last = progress->fraction;
    ++before.calls;
    return 0;
  };
  write_inputs(128);
  ASSERT_EQ(run(), INFILL_OK) << error.message;
  EXPECT_EQ(seen.last, 1);
  EXPECT_GT(seen.calls, 3);
  fs::remove(outputs);
  desc.progress = [](void*, const infill_progress* progress) -> int32_t {
    return progress->fraction > 0.2 ? 1 : 0;
  };
  refused(INFILL_ERROR_CANCELLED, "cancelled");
  EXPECT_EQ(files(), 1U);
}

TEST_F(ModelRun, ShutdownEndsItAndRefusesMore) {
  write_inputs(256);
  std::atomic<bool> running{false};
  desc.progress_user = &running;
  desc.progress = [](void* user, const infill_progress* progress) -> int32_t {
    if (progress->fraction > 0) static_cast<std::atomic<bool>*>(user)->store(true);
    return 0;
  };
  std::thread caller([&] { EXPECT_EQ(run(), INFILL_ERROR_CANCELLED) << error.message; });
  while (!running) std::this_thread::yield();
  EXPECT_EQ(infill_context_shutdown(context, nullptr), INFILL_OK);
  caller.join();
  refused(INFILL_ERROR_INVALID_STATE, "shut down");
}

TEST_F(ModelRun, RunsAtOnceDoNotDisturbEachOther) {
  ASSERT_EQ(run(), INFILL_OK) << error.message;
  const std::string expected = bytes_of(outputs);
  std::array<std::thread, 4> threads;
  for (size_t i = 0; i < threads.size(); ++i) {
    threads.at(i) = std::thread([&, i] {
      const std::string own = outputs + std::to_string(i);
      infill_model_run_desc each = desc;
      each.outputs = own.c_str();
      EXPECT_EQ(infill_model_run_file(model, &each, nullptr), INFILL_OK);
      EXPECT_EQ(bytes_of(own), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ModelRun, AModelWhoseNumbersOverflowIsRefused) {
  std::string weights =
      bytes_of(std::string(INFILL_TEST_DATA) + "/golden/deepfill_tf_c8.weights.safetensors");
  uint64_t header = 0;
  std::memcpy(&header, weights.data(), sizeof(header));
  const float large = 1e30F;
  for (size_t at = 8 + header; at + sizeof(large) <= weights.size(); at += sizeof(large))
    std::memcpy(&weights[at], &large, sizeof(large));
  infill_model_destroy(model);
  model = nullptr;
  ASSERT_EQ(infill_model_open_memory(context, weights.data(), weights.size(), nullptr, &model, &error),
            INFILL_OK)
      << error.message;
  refused(INFILL_ERROR_UNSUPPORTED, "model: its numbers overflow on picture 0");
}

TEST_F(ModelRun, EveryMistakeIsNamed) {
  const auto invalid = INFILL_ERROR_INVALID_ARGUMENT;
  EXPECT_EQ(infill_model_run_file(nullptr, &desc, &error), invalid);
  EXPECT_STREQ(error.message, "model: is NULL");
  EXPECT_EQ(infill_model_run_file(model, nullptr, &error), invalid);
  EXPECT_STREQ(error.message, "desc: is NULL");
  const infill_model_run_desc good = desc;
  desc.struct_size = 8;
  refused(invalid, "desc.struct_size: is 8");
  desc = good;
  desc.flags = 1;
  refused(INFILL_ERROR_TOO_NEW, "desc.flags: 1");
  desc = good;
  desc.reserved_ptr = &desc;
  refused(INFILL_ERROR_TOO_NEW, "desc: a reserved field");
  desc = good;
  desc.inputs = nullptr;
  refused(invalid, "desc.inputs: is NULL");
  desc.inputs = "\xff";
  refused(invalid, "desc.inputs: is not valid UTF-8");
  desc = good;
  desc.outputs = "";
  refused(invalid, "desc.outputs: is empty");
  desc = good;
  desc.inputs = "no-such-file";
  refused(INFILL_ERROR_IO, "desc.inputs: \"no-such-file\"");
  desc.inputs = kWeights.c_str();
  refused(invalid, "desc.inputs: image: there is no such tensor");
  desc = good;
  desc.outputs = "/no/such/folder/out";
  refused(INFILL_ERROR_IO, "desc.outputs: \"/no/such/folder/out\"");
  desc = good;
  write_inputs(16, std::numeric_limits<float>::quiet_NaN());
  refused(invalid, "image: element [0, 0, 0, 8] is nan");
}

}  // namespace
}  // namespace capi_test
