// The n-th allocation fails, for every n: through the context's allocator and through operator new.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "support.h"

namespace {
std::atomic<int64_t> countdown{-1};  // below 0: nothing fails
std::atomic<int64_t> news{0}, bytes_of_news{0};

// Not inlined: the compiler must not see that new and malloc are one.
__attribute__((noinline)) void* allocate(size_t size, size_t alignment) {
  ++news;
  bytes_of_news += static_cast<int64_t>(size);
  if (countdown.load() >= 0 && countdown.fetch_sub(1) == 0) return nullptr;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size == 0 ? 1 : size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
void* allocate_or_throw(size_t size, size_t alignment) {
  void* memory = allocate(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(size_t size) {
  return allocate_or_throw(size, 1);
}
void* operator new[](size_t size) {
  return allocate_or_throw(size, 1);
}
void* operator new(size_t size, std::align_val_t a) {
  return allocate_or_throw(size, static_cast<size_t>(a));
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, 1);
}
void* operator new(size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<size_t>(a));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace capi_test {
namespace {

// Everything a program does, from nothing to a filled picture.
infill_status whole_program(infill_method method, const infill_context_desc& desc, bool async, Picture& src,
                            const Picture& mask, infill_error* error) {
  infill_context* context = nullptr;
  infill_session* session = nullptr;
  infill_job* job = nullptr;
  infill_status status = infill_context_create(&desc, &context, error);
  infill_session_desc session_desc = INFILL_SESSION_DESC_INIT;
  session_desc.method = method;
  if (status == INFILL_OK) status = infill_session_create(context, &session_desc, &session, error);
  const infill_fill_desc fill = desc_of(src.image, mask.image, src.image);
  if (status == INFILL_OK && async) {
    status = infill_fill_async(session, &fill, &job, error);
    if (status == INFILL_OK) status = infill_job_wait(job, UINT64_MAX, error);
  } else if (status == INFILL_OK) {
    status = infill_fill(session, &fill, error);
  }
  infill_job_destroy(job);
  infill_session_destroy(session);
  infill_context_destroy(context);
  return status;
}

TEST(Allocation, EveryFailureOfOperatorNewIsACleanErrorAndTheNextFillWorks) {
  const Picture before = textured(90, 70);
  const Picture mask = mask_with(90, 70, {30, 20, 20, 18});
  for (uint32_t which = 0; which < infill_method_count(); ++which) {
    infill_method_info info = INFILL_METHOD_INFO_INIT;
    ASSERT_EQ(infill_method_get_info(which, &info, nullptr), INFILL_OK);
    infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
    desc.num_threads = 3;
    for (const bool async : {false, true}) {
      int64_t n = 0;
      for (;; ++n) {
        Picture src = before;
        infill_error error = INFILL_ERROR_INIT;
        countdown = n;
        const infill_status status = whole_program(info.method, desc, async, src, mask, &error);
        const bool failed = countdown.exchange(-1) < 0;
        if (!failed) {
          EXPECT_EQ(status, INFILL_OK);
          break;
        }
        // A message that could not be made, or a line of the log, may fail without harm.
        if (status != INFILL_OK) {
          EXPECT_EQ(status, INFILL_ERROR_OUT_OF_MEMORY) << info.name << " n " << n << ": " << error.message;
          EXPECT_NE(error.message[0], '\0');
        }
        for (size_t i = 0; i < src.bytes.size(); ++i) {
          if (mask.bytes[i / 3] == 0) {
            ASSERT_EQ(src.bytes[i], before.bytes[i]) << info.name << " n " << n;
          }
        }
        ASSERT_LT(n, 5000);
      }
      EXPECT_GT(n, 10) << info.name;
      Picture src = before;
      EXPECT_EQ(whole_program(info.method, desc, async, src, mask, nullptr), INFILL_OK) << info.name;
    }
  }
}

// A model is opened and a picture filled with it. Every n of the first hundred, then ever fewer.
TEST(Allocation, EveryFailureWithAModelIsACleanErrorAndTheNextFillWorks) {
  const std::string path = std::string(INFILL_TEST_DATA) + "/golden/deepfill_c8.weights.safetensors";
  const Picture before = textured(40, 32);
  const Picture mask = mask_with(40, 32, {12, 10, 9, 8});
  const auto whole = [&](Picture& src, infill_error* error) {
    infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
    desc.num_threads = 2;
    infill_context* context = nullptr;
    infill_model* model = nullptr;
    infill_session* session = nullptr;
    infill_status status = infill_context_create(&desc, &context, error);
    if (status == INFILL_OK) status = infill_model_open_file(context, path.c_str(), nullptr, &model, error);
    infill_session_desc session_desc = INFILL_SESSION_DESC_INIT;
    session_desc.fill_model = model;
    if (status == INFILL_OK) status = infill_session_create(context, &session_desc, &session, error);
    const infill_fill_desc fill = desc_of(src.image, mask.image, src.image);
    if (status == INFILL_OK) status = infill_fill(session, &fill, error);
    infill_session_destroy(session);
    infill_model_destroy(model);
    infill_context_destroy(context);
    return status;
  };
  for (int64_t n = 0;; n += 1 + n / 100) {
    Picture src = before;
    infill_error error = INFILL_ERROR_INIT;
    countdown = n;
    const infill_status status = whole(src, &error);
    const bool failed = countdown.exchange(-1) < 0;
    if (!failed) {
      EXPECT_EQ(status, INFILL_OK);
      break;
    }
    if (status != INFILL_OK) {
      EXPECT_EQ(status, INFILL_ERROR_OUT_OF_MEMORY) << "n " << n << ": " << error.message;
      EXPECT_NE(error.message[0], '\0');
    }
    ASSERT_LT(n, 50'000);
  }
  Picture src = before;
  EXPECT_EQ(whole(src, nullptr), INFILL_OK);
}

// Counts what is out and fails the n-th.
struct Host {
  std::atomic<int64_t> until{-1}, calls{0}, bytes{0}, asked{0};  // asked: bytes in all
  static void* alloc(void* user, size_t size, size_t alignment) {
    auto& host = *static_cast<Host*>(user);
    EXPECT_GT(size, 0U);
    EXPECT_EQ(alignment & (alignment - 1), 0U);
    ++host.calls;
    host.asked += static_cast<int64_t>(size);
    if (host.until.load() >= 0 && host.until.fetch_sub(1) == 0) return nullptr;
    host.bytes += static_cast<int64_t>(size);
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  }
  static void free(void* user, void* memory, size_t size, size_t /*alignment*/) {
    ASSERT_NE(memory, nullptr);
    static_cast<Host*>(user)->bytes -= static_cast<int64_t>(size);
    std::free(memory);
  }
};

TEST(Allocation, EveryFailureOfTheContextsAllocatorIsACleanErrorAndTheNextFillWorks) {
  const Picture before = textured(90, 70);
  const Picture mask = mask_with(90, 70, {30, 20, 20, 18});
  for (uint32_t which = 0; which < infill_method_count(); ++which) {
    infill_method_info info = INFILL_METHOD_INFO_INIT;
    ASSERT_EQ(infill_method_get_info(which, &info, nullptr), INFILL_OK);
    Host host;
    infill_allocator allocator = INFILL_ALLOCATOR_INIT;
    allocator.user = &host;
    allocator.alloc = Host::alloc;
    allocator.free = Host::free;
    infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
    desc.allocator = &allocator;
    {
      Session s(info.method, desc);
      for (int64_t n = 0;; ++n) {
        infill_context_trim(s.context);
        EXPECT_EQ(host.bytes, 0) << info.name << ": something is left after trim";
        Picture src = before;
        const infill_fill_desc fill = desc_of(src.image, mask.image, src.image);
        host.until = n;
        infill_error error = INFILL_ERROR_INIT;
        const infill_status status = infill_fill(s.session, &fill, &error);
        const bool failed = host.until.exchange(-1) < 0;
        if (!failed) {
          EXPECT_EQ(status, INFILL_OK);
          EXPECT_GT(n, 0) << "scratch comes from the allocator";
          break;
        }
        EXPECT_EQ(status, INFILL_ERROR_OUT_OF_MEMORY) << info.name << " n " << n << ": " << error.message;
        EXPECT_EQ(src.bytes, before.bytes) << "planning fails before anything is written";
        EXPECT_EQ(infill_fill(s.session, &fill, nullptr), INFILL_OK) << info.name << " n " << n;
        ASSERT_LT(n, 2000);
      }
    }
    EXPECT_EQ(host.bytes, 0) << info.name << ": leak";
  }
}

TEST(Allocation, AFillThatNeedsNoMoreThanAnEarlierOneTakesOnlyTheListsOfItsPlan) {
  const Picture small_mask = mask_with(300, 200, {100, 80, 40, 30});
  const Picture large_mask = mask_with(300, 200, {40, 30, 180, 120});
  for (uint32_t which = 0; which < infill_method_count(); ++which) {
    infill_method_info info = INFILL_METHOD_INFO_INIT;
    ASSERT_EQ(infill_method_get_info(which, &info, nullptr), INFILL_OK);
    Host host;
    infill_allocator allocator = INFILL_ALLOCATOR_INIT;
    allocator.user = &host;
    allocator.alloc = Host::alloc;
    allocator.free = Host::free;
    infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
    desc.allocator = &allocator;
    Session s(info.method, desc);
    const auto asked = [&](const Picture& mask) {
      Picture src = textured(300, 200);
      const infill_fill_desc fill = desc_of(src.image, mask.image, src.image);
      const int64_t before = host.asked;
      EXPECT_EQ(infill_fill(s.session, &fill, nullptr), INFILL_OK);
      return host.asked - before;
    };
    const int64_t first = asked(small_mask);
    EXPECT_LT(10 * asked(small_mask), first) << info.name;
    EXPECT_GT(asked(large_mask), first) << info.name << ": its scratch is larger";
    EXPECT_LT(10 * asked(small_mask), first) << info.name << ": the largest is kept";
    EXPECT_GT(host.bytes, first) << info.name;
    infill_context_trim(s.context);
    EXPECT_EQ(host.bytes, 0) << info.name;
  }
}

TEST(Allocation, ShapingAMaskTakesWhatItsBoxTakes) {
  constexpr int32_t kGrow = 10;
  constexpr int64_t kFixed = 1 << 16;  // threads and the like
  const infill_rect hole = {300, 200, 500, 350};
  const Picture mask = mask_with(1000, 800, hole);
  Picture shaped = mask;
  const int64_t before = bytes_of_news;
  ASSERT_EQ(infill_mask_shape(&mask.image, kGrow, 4, &shaped.image, nullptr), INFILL_OK);
  const int64_t taken = bytes_of_news - before;
  const int64_t width = hole.width + 2 * (kGrow + 1);  // and one pixel around
  const int64_t box = width * (hole.height + 2 * (kGrow + 1));
  EXPECT_GE(taken, 9 * box);
  EXPECT_LE(taken, 9 * box + 12 * hole.height + 192 * width + kFixed);
}

TEST(Allocation, NoLineIsPutTogetherThatNobodyReads) {
  const Picture mask = mask_with(60, 50, {20, 20, 12, 12});
  const auto news_of_a_fill = [&](infill_log_level level, infill_log_fn log) {
    infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
    desc.num_threads = 1;
    desc.log_level = level;
    desc.log = log;
    Session s(INFILL_METHOD_HARMONIC, desc);
    Picture src = textured(60, 50);
    const infill_fill_desc fill = desc_of(src.image, mask.image, src.image);
    EXPECT_EQ(infill_fill(s.session, &fill, nullptr), INFILL_OK);
    const int64_t before = news;
    EXPECT_EQ(infill_fill(s.session, &fill, nullptr), INFILL_OK);
    return news - before;
  };
  const infill_log_fn reader = [](void*, infill_log_level, const char*) {};
  const int64_t with_line = news_of_a_fill(INFILL_LOG_INFO, reader);
  EXPECT_LT(news_of_a_fill(INFILL_LOG_WARN, reader), with_line);
  EXPECT_LT(news_of_a_fill(INFILL_LOG_INFO, nullptr), with_line);
}

TEST(Allocation, BuildInfoSurvivesEveryFailure) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process that has not used the library
  for (int64_t n = 0; n < 4; ++n) {
    EXPECT_EXIT(
        {
          setenv("INFILL_ISA", "none", 1);  // NOLINT(concurrency-mt-unsafe)
          countdown = n;
          const char* text = infill_build_info();
          countdown = -1;
          std::fputs(text, stderr);
          std::_Exit(0);
        },
        testing::ExitedWithCode(0), "^infill .*(INFILL_ISA is wrong|instruction set unknown)$")
        << n;
  }
}

}  // namespace
}  // namespace capi_test
