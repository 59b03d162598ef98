// Memory: estimates hold, limits are kept or refused before anything is written, nothing grows.
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "support.h"

namespace capi_test {
namespace {

uint64_t peak_of(infill_context* context) {
  infill_memory_info info = INFILL_MEMORY_INFO_INIT;
  EXPECT_EQ(infill_context_get_memory_info(context, &info, nullptr), INFILL_OK);
  return info.host_peak;
}

uint64_t resident_bytes() {
  unsigned long total = 0;
  unsigned long resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  const int read = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// VmHWM of /proc/self/status; 0 when it cannot be read.
uint64_t peak_resident_bytes() {
  std::ifstream file("/proc/self/status");
  std::string word;
  while (file >> word) {
    uint64_t kilobytes = 0;
    if (word == "VmHWM:" && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

// The peak begins anew at what is resident now. Returns whether the system allows it.
bool forget_peak() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

struct Case {
  int32_t width, height;
  infill_rect hole;
};
const Case kCases[] = {{64, 48, {20, 16, 9, 9}},
                       {260, 180, {70, 50, 80, 60}},
                       {300, 160, {0, 0, 299, 4}},
                       {300, 200, {0, 0, 110, 200}}};

TEST(Memory, AnEstimateIsNeverExceededAndAtMostTwiceTooHigh) {
  for (const Case& each : kCases) {
    const Picture src = textured(each.width, each.height);
    const Picture mask = mask_with(each.width, each.height, each.hole);
    for (uint32_t which = 0; which < infill_method_count(); ++which) {
      infill_method_info info = INFILL_METHOD_INFO_INIT;
      ASSERT_EQ(infill_method_get_info(which, &info, nullptr), INFILL_OK);
      for (const int32_t threads : {1, 4}) {
        infill_context_desc context_desc = INFILL_CONTEXT_DESC_INIT;
        context_desc.num_threads = threads;
        Session s(info.method, context_desc);
        Picture dst = src;
        const infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
        infill_estimate estimate = INFILL_ESTIMATE_INIT;
        infill_error error = INFILL_ERROR_INIT;
        ASSERT_EQ(infill_fill_estimate(s.session, &desc, &estimate, &error), INFILL_OK) << error.message;
        const uint64_t planning = peak_of(s.context);
        EXPECT_LE(planning, estimate.host_bytes) << info.name;
        ASSERT_EQ(infill_fill(s.session, &desc, &error), INFILL_OK) << error.message;
        const uint64_t peak = peak_of(s.context);
        EXPECT_LE(peak, estimate.host_bytes) << info.name << ' ' << each.width << 'x' << each.height;
        EXPECT_LE(estimate.host_bytes, 2 * peak) << info.name << ' ' << each.width << 'x' << each.height;
        infill_result result = INFILL_RESULT_INIT;
        ASSERT_EQ(infill_session_get_result(s.session, &result, nullptr), INFILL_OK);
        EXPECT_EQ(result.tile_count, estimate.tile_count);

        // A limit of exactly the estimate is enough; one byte less than what was used is refused untouched.
        context_desc.memory_limit = estimate.host_bytes;
        Session enough(info.method, context_desc);
        EXPECT_EQ(infill_fill(enough.session, &desc, &error), INFILL_OK) << error.message;
        context_desc.memory_limit = peak - 1;
        Session little(info.method, context_desc);
        Picture untouched = src;
        const infill_fill_desc refused = desc_of(untouched.image, mask.image, untouched.image);
        EXPECT_EQ(infill_fill(little.session, &refused, &error), INFILL_ERROR_MEMORY_LIMIT) << info.name;
        EXPECT_NE(std::string(error.message).find("memory_limit"), std::string::npos) << error.message;
        EXPECT_EQ(untouched.bytes, src.bytes);
      }
    }
  }
}

TEST(Memory, AnEstimateNeedsNoPixels) {
  Session s;
  Picture src = textured(300, 200);
  Picture mask = mask_with(300, 200, {100, 80, 40, 30});
  infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
  infill_estimate exact = INFILL_ESTIMATE_INIT;
  ASSERT_EQ(infill_fill_estimate(s.session, &desc, &exact, nullptr), INFILL_OK);
  src.image.data = nullptr;
  infill_estimate same = INFILL_ESTIMATE_INIT;
  ASSERT_EQ(infill_fill_estimate(s.session, &desc, &same, nullptr), INFILL_OK);
  EXPECT_EQ(same.host_bytes, exact.host_bytes);
  mask.image.data = nullptr;
  infill_estimate most = INFILL_ESTIMATE_INIT;
  ASSERT_EQ(infill_fill_estimate(s.session, &desc, &most, nullptr), INFILL_OK);
  EXPECT_GT(most.host_bytes, exact.host_bytes);
}

TEST(Memory, RestingSessionsGiveTheirScratchToOneThatNeedsIt) {
  const Picture src = textured(300, 200);
  const Picture mask = mask_with(300, 200, {100, 80, 60, 50});
  Picture dst = src;
  const infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
  Session measure;
  ASSERT_EQ(infill_fill(measure.session, &desc, nullptr), INFILL_OK);
  infill_context_desc limited = INFILL_CONTEXT_DESC_INIT;
  limited.memory_limit = peak_of(measure.context) * 3 / 2;
  Session s(INFILL_METHOD_HARMONIC, limited);
  infill_session_desc second_desc = INFILL_SESSION_DESC_INIT;
  second_desc.method = INFILL_METHOD_HARMONIC;
  infill_session* second = nullptr;
  ASSERT_EQ(infill_session_create(s.context, &second_desc, &second, nullptr), INFILL_OK);
  infill_error error = INFILL_ERROR_INIT;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(infill_fill(s.session, &desc, &error), INFILL_OK) << error.message;
    EXPECT_EQ(infill_fill(second, &desc, &error), INFILL_OK) << error.message;
  }
  EXPECT_LE(peak_of(s.context), limited.memory_limit);
  infill_session_destroy(second);
}

TEST(Memory, TrimGivesEverythingBack) {
  Session s;
  Picture src = textured(100, 80);
  const Picture mask = mask_with(100, 80, {40, 30, 20, 20});
  const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
  ASSERT_EQ(infill_fill(s.session, &desc, nullptr), INFILL_OK);
  infill_memory_info info = INFILL_MEMORY_INFO_INIT;
  ASSERT_EQ(infill_context_get_memory_info(s.context, &info, nullptr), INFILL_OK);
  EXPECT_GT(info.host_used, 0U);
  infill_context_trim(s.context);
  ASSERT_EQ(infill_context_get_memory_info(s.context, &info, nullptr), INFILL_OK);
  EXPECT_EQ(info.host_used, 0U);
  EXPECT_EQ(infill_fill(s.session, &desc, nullptr), INFILL_OK);
}

TEST(Memory, TenThousandSmallFillsDoNotGrow) {
#ifdef INFILL_SANITIZED
  GTEST_SKIP() << "sanitizers keep freed memory";
#endif
  Session s(INFILL_METHOD_HARMONIC);
  const Picture before = textured(40, 30);
  const Picture mask = mask_with(40, 30, {17, 12, 5, 4});
  Picture src = before;
  const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
  uint64_t at_tenth = 0;
  constexpr int kFills = 10000;
  for (int i = 0; i < kFills; ++i) {
    switch (i % 10) {
      case 0:
        ASSERT_EQ(infill_fill_classic(&src.image, &mask.image, &src.image, INFILL_METHOD_AUTO, nullptr),
                  INFILL_OK);
        break;
      case 1: {
        infill_job* job = nullptr;
        ASSERT_EQ(infill_fill_async(s.session, &desc, &job, nullptr), INFILL_OK);
        ASSERT_EQ(infill_job_wait(job, UINT64_MAX, nullptr), INFILL_OK);
        infill_job_destroy(job);
        break;
      }
      default:
        ASSERT_EQ(infill_fill(s.session, &desc, nullptr), INFILL_OK);
    }
    if (i == kFills / 10) at_tenth = resident_bytes();
  }
  EXPECT_LE(resident_bytes(), at_tenth + (1U << 20));
}

// A session that fills with the network of width 8.
class NeuralMemory : public testing::TestWithParam<int> {
 public:
  NeuralMemory(const NeuralMemory&) = delete;
  NeuralMemory& operator=(const NeuralMemory&) = delete;

 protected:
  NeuralMemory() {
    infill_context_desc context_desc = INFILL_CONTEXT_DESC_INIT;
    context_desc.num_threads = 2;
    EXPECT_EQ(infill_context_create(&context_desc, &context, nullptr), INFILL_OK);
  }
  ~NeuralMemory() override {
    close();
    infill_context_destroy(context);
  }
  void close() {
    infill_session_destroy(session);
    infill_model_destroy(model);
    session = nullptr;
    model = nullptr;
  }
  void open() {
    const std::string path = std::string(INFILL_TEST_DATA) + "/golden/deepfill_c8.weights.pth";
    ASSERT_EQ(infill_model_open_file(context, path.c_str(), nullptr, &model, nullptr), INFILL_OK);
    infill_session_desc session_desc = INFILL_SESSION_DESC_INIT;
    session_desc.fill_model = model;
    ASSERT_EQ(infill_session_create(context, &session_desc, &session, nullptr), INFILL_OK);
  }

  infill_context* context = nullptr;
  infill_model* model = nullptr;
  infill_session* session = nullptr;
};

// The parameter: after how many fills model and session are opened anew.
TEST_P(NeuralMemory, AThousandFillsDoNotGrow) {
#ifdef INFILL_SANITIZED
  GTEST_SKIP() << "sanitizers keep freed memory";
#endif
  Picture src = textured(40, 32);
  const Picture mask = mask_with(40, 32, {17, 12, 5, 4});
  const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
  uint64_t at_tenth = 0;
  constexpr int kFills = 1000;
  for (int i = 0; i < kFills; ++i) {
    if (i % GetParam() == 0) {
      close();
      open();
    }
    ASSERT_EQ(infill_fill(session, &desc, nullptr), INFILL_OK);
    if (i + 1 == kFills / 10) at_tenth = resident_bytes();
  }
  const uint64_t at_end = resident_bytes();
  RecordProperty("grown_bytes", std::to_string(static_cast<int64_t>(at_end - at_tenth)));
  EXPECT_LE(at_end, at_tenth + (1U << 20));
}

INSTANTIATE_TEST_SUITE_P(Reopened, NeuralMemory, testing::Values(1000, 20),
                         [](const auto& each) { return "After" + std::to_string(each.param); });

// What the estimate names is what the process grows by: nothing of a fill lies outside but stacks, the pages
// of the library's code, and a few allocations of the heap (1 MB is allowed for them).
TEST_F(NeuralMemory, TheEstimateIsThePeakOfWhatIsResident) {
#ifdef INFILL_SANITIZED
  GTEST_SKIP() << "sanitizers have memory of their own";
#endif
  constexpr uint64_t kOther = 1U << 20;
  const auto fill = [this](Picture& src, const Picture& mask) {
    const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
    infill_error error = INFILL_ERROR_INIT;
    EXPECT_EQ(infill_fill(session, &desc, &error), INFILL_OK) << error.message;
  };
  open();
  Picture small = textured(64, 48);
  fill(small, mask_with(64, 48, {20, 16, 9, 9}));  // code is read from the disk, threads have their stacks
  infill_context_trim(context);
  for (const infill_rect& hole : {infill_rect{300, 250, 100, 80}, infill_rect{100, 150, 300, 200}}) {
    Picture src = textured(700, 600);
    const Picture mask = mask_with(700, 600, hole);
    const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
    infill_estimate estimate = INFILL_ESTIMATE_INIT;
    ASSERT_EQ(infill_fill_estimate(session, &desc, &estimate, nullptr), INFILL_OK);
    ASSERT_GT(estimate.host_bytes, 10 * kOther);
    infill_context_trim(context);
    malloc_trim(0);  // the C library keeps what was freed, and would use it again
    const uint64_t before = resident_bytes();
    if (!forget_peak()) GTEST_SKIP() << "/proc/self/clear_refs cannot be written";
    fill(src, mask);
    const uint64_t grown = peak_resident_bytes() - before;
    RecordProperty("estimate_bytes", std::to_string(estimate.host_bytes));
    RecordProperty("grown_bytes", std::to_string(grown));
    EXPECT_LE(grown, estimate.host_bytes + kOther);
    EXPECT_GE(grown, estimate.host_bytes / 2);
    infill_context_trim(context);
  }
}

// weight_bytes is what a model keeps; the file's pages and one tensor at a time come on top while it is
// opened.
TEST_F(NeuralMemory, AModelTakesWhatItSays) {
#ifdef INFILL_SANITIZED
  GTEST_SKIP() << "sanitizers have memory of their own";
#endif
  open();  // code
  std::vector<infill_model*> models(20);
  malloc_trim(0);
  const uint64_t before = resident_bytes();
  for (infill_model*& each : models) {
    const std::string path = std::string(INFILL_TEST_DATA) + "/golden/deepfill_c8.weights.safetensors";
    ASSERT_EQ(infill_model_open_file(context, path.c_str(), nullptr, &each, nullptr), INFILL_OK);
  }
  infill_model_info info = INFILL_MODEL_INFO_INIT;
  ASSERT_EQ(infill_model_get_info(model, &info, nullptr), INFILL_OK);
  const uint64_t grown = resident_bytes() - before;
  RecordProperty("weight_bytes", std::to_string(models.size() * info.weight_bytes));
  RecordProperty("grown_bytes", std::to_string(grown));
  EXPECT_LE(grown, models.size() * info.weight_bytes * 5 / 4 + (1U << 20));
  for (infill_model* each : models) infill_model_destroy(each);
}

}  // namespace
}  // namespace capi_test
