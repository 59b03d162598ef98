// Jobs, cancellation, shutdown, and many threads on one context.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "support.h"

namespace capi_test {
namespace {

using namespace std::chrono_literals;

// Long enough to be caught running.
struct Work {
  Picture src = textured(700, 500);
  Picture mask = mask_with(700, 500, {100, 100, 400, 250});
  Picture dst = Picture(INFILL_FORMAT_RGB8, 700, 500);
  infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
};

// A progress callback that stops the fill until it is let go.
struct Gate {
  std::atomic<bool> entered{false}, open{false};
  std::atomic<int> calls{0};
  static int32_t pass(void* user, const infill_progress* progress) {
    auto& gate = *static_cast<Gate*>(user);
    EXPECT_EQ(progress->struct_size, sizeof(infill_progress));
    ++gate.calls;
    gate.entered = true;
    while (!gate.open) std::this_thread::sleep_for(1ms);
    return 0;
  }
  void wait() const {
    while (!entered) std::this_thread::sleep_for(1ms);
  }
};

TEST(Jobs, FinishWithWhatTheFillGives) {
  Session s;
  Work direct;
  Work work;
  ASSERT_EQ(infill_fill(s.session, &direct.desc, nullptr), INFILL_OK);
  infill_job* job = nullptr;
  {
    const Picture* images[] = {&work.src, &work.mask, &work.dst};
    infill_image copies[] = {images[0]->image, images[1]->image, images[2]->image};
    infill_fill_desc desc = desc_of(copies[0], copies[1], copies[2]);
    ASSERT_EQ(infill_fill_async(s.session, &desc, &job, nullptr), INFILL_OK);
    std::memset(copies, 0xEE, sizeof(copies));  // they were copied
    std::memset(&desc, 0xEE, sizeof(desc));
  }
  infill_status status = infill_job_wait(job, 0, nullptr);
  EXPECT_TRUE(status == INFILL_PENDING || status == INFILL_OK);
  EXPECT_EQ(infill_job_wait(job, UINT64_MAX, nullptr), INFILL_OK);
  EXPECT_EQ(infill_job_wait(job, 0, nullptr), INFILL_OK) << "again";
  infill_progress progress = INFILL_PROGRESS_INIT;
  ASSERT_EQ(infill_job_get_progress(job, &progress, nullptr), INFILL_OK);
  EXPECT_EQ(progress.fraction, 1.0);
  EXPECT_EQ(work.dst.bytes, direct.dst.bytes);
  infill_result result = INFILL_RESULT_INIT;
  ASSERT_EQ(infill_session_get_result(s.session, &result, nullptr), INFILL_OK);
  EXPECT_EQ(result.hole_pixels, 100000U);
  EXPECT_EQ(result.method, INFILL_METHOD_HARMONIC);
  infill_job_destroy(job);
}

TEST(Jobs, TheSessionIsBusyMeanwhileAndTimeoutsRunOut) {
  Session s;
  Work work;
  Gate gate;
  work.desc.progress = Gate::pass;
  work.desc.progress_user = &gate;
  infill_job* job = nullptr;
  ASSERT_EQ(infill_fill_async(s.session, &work.desc, &job, nullptr), INFILL_OK);
  gate.wait();
  infill_error error;
  EXPECT_EQ(infill_job_wait(job, 2'000'000, &error), INFILL_PENDING);
  Work other;
  EXPECT_EQ(infill_fill(s.session, &other.desc, &error), INFILL_ERROR_INVALID_STATE);
  EXPECT_STREQ(error.message, "session: another call or a job of it is running");
  infill_job* second = nullptr;
  EXPECT_EQ(infill_fill_async(s.session, &other.desc, &second, &error), INFILL_ERROR_INVALID_STATE);
  EXPECT_EQ(infill_session_set_param(s.session, "blend.seam", 0, &error), INFILL_ERROR_INVALID_STATE);
  EXPECT_EQ(second, nullptr);
  infill_job_cancel(job);
  gate.open = true;
  EXPECT_EQ(infill_job_wait(job, UINT64_MAX, &error), INFILL_ERROR_CANCELLED);
  EXPECT_STREQ(error.message, "cancelled");
  EXPECT_EQ(infill_job_wait(job, 0, nullptr), INFILL_ERROR_CANCELLED);
  infill_job_destroy(job);
  EXPECT_EQ(infill_fill(s.session, &other.desc, &error), INFILL_OK);
}

TEST(Jobs, HandlesMayGoInAnyOrder) {
  for (int order = 0; order < 3; ++order) {
    infill_context* context = nullptr;
    infill_session* session = nullptr;
    infill_job* job = nullptr;
    ASSERT_EQ(infill_context_create(nullptr, &context, nullptr), INFILL_OK);
    ASSERT_EQ(infill_session_create(context, nullptr, &session, nullptr), INFILL_OK);
    Work work;
    ASSERT_EQ(infill_fill_async(session, &work.desc, &job, nullptr), INFILL_OK);
    if (order == 0) infill_job_destroy(job);  // running: cancels and waits
    infill_context_destroy(context);
    if (order == 1) infill_job_destroy(job);
    infill_session_destroy(session);
    if (order == 2) infill_job_destroy(job);
  }
}

TEST(Jobs, DestroyedInTheirOwnCallback) {
  struct Self {
    std::atomic<infill_job*> job{nullptr};
    std::atomic<bool> destroyed{false};
  } self;
  infill_context* context = nullptr;
  ASSERT_EQ(infill_context_create(nullptr, &context, nullptr), INFILL_OK);
  infill_session* session = nullptr;
  ASSERT_EQ(infill_session_create(context, nullptr, &session, nullptr), INFILL_OK);
  Work work;
  work.desc.progress_user = &self;
  work.desc.progress = [](void* user, const infill_progress*) -> int32_t {
    auto& me = *static_cast<Self*>(user);
    if (me.destroyed) return 0;
    while (me.job == nullptr) std::this_thread::sleep_for(1ms);
    infill_error error;
    EXPECT_EQ(infill_job_wait(me.job, UINT64_MAX, &error), INFILL_ERROR_INVALID_STATE);
    infill_job_destroy(me.job);
    me.destroyed = true;
    return 0;
  };
  infill_job* job = nullptr;
  ASSERT_EQ(infill_fill_async(session, &work.desc, &job, nullptr), INFILL_OK);
  self.job = job;
  infill_session_destroy(session);
  while (!self.destroyed) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(infill_context_shutdown(context, nullptr), INFILL_OK);  // waits for what is left of it
  infill_context_destroy(context);
}

TEST(Jobs, ACallbackCancelsAndProgressNeverFalls) {
  for (uint32_t which = 0; which < infill_method_count(); ++which) {
    infill_method_info info = INFILL_METHOD_INFO_INIT;
    ASSERT_EQ(infill_method_get_info(which, &info, nullptr), INFILL_OK);
    Session s(info.method);
    struct State {
      double last = -1;
      int calls = 0, cancel_at = -1;
      bool cancelled = false;
      std::thread::id thread = std::this_thread::get_id();
    } state;
    Picture src = textured(300, 200);
    Picture mask = mask_with(300, 200, {60, 60, 150, 70});
    Picture dst = src;
    infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
    desc.progress_user = &state;
    desc.progress = [](void* user, const infill_progress* progress) -> int32_t {
      auto& seen = *static_cast<State*>(user);
      EXPECT_GE(progress->fraction, seen.last);
      EXPECT_EQ(seen.thread, std::this_thread::get_id());
      seen.last = progress->fraction;
      return static_cast<int32_t>(seen.calls++ == seen.cancel_at);
    };
    ASSERT_EQ(infill_fill(s.session, &desc, nullptr), INFILL_OK) << info.name;
    EXPECT_EQ(state.last, 1.0) << info.name;
    const int calls = state.calls;
    ASSERT_GT(calls, 1);
    for (const int at : {0, 1, calls / 2}) {
      state = {.cancel_at = at};
      const std::vector<unsigned char> before = src.bytes;
      Picture in_place = src;
      desc = desc_of(in_place.image, mask.image, in_place.image);
      desc.progress_user = &state;
      desc.progress = [](void* user, const infill_progress* progress) -> int32_t {
        auto& seen = *static_cast<State*>(user);
        const bool cancel = seen.calls++ == seen.cancel_at && progress->fraction < 1;
        seen.cancelled = seen.cancelled || cancel;
        return static_cast<int32_t>(cancel);
      };
      // Callbacks are not equally many in every run: the last one asked for may not come.
      const infill_status status = infill_fill(s.session, &desc, nullptr);
      EXPECT_EQ(status, state.cancelled ? INFILL_ERROR_CANCELLED : INFILL_OK) << info.name << ' ' << at;
      EXPECT_TRUE(state.cancelled || at > 1);
      for (size_t i = 0; i < before.size(); ++i) {
        if (mask.bytes[i / 3] == 0) {
          ASSERT_EQ(in_place.bytes[i], before[i]);
        }
      }
    }
  }
}

TEST(Jobs, ShutdownEndsEverythingAndSilencesCallbacks) {
  static std::atomic<int> logged;
  logged = 0;
  infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
  desc.log_level = INFILL_LOG_DEBUG;
  desc.log = [](void*, infill_log_level, const char*) { ++logged; };
  Session s(INFILL_METHOD_HARMONIC, desc);
  Work work;
  Gate gate;
  gate.open = true;
  work.desc.progress = Gate::pass;
  work.desc.progress_user = &gate;
  infill_job* job = nullptr;
  ASSERT_EQ(infill_fill_async(s.session, &work.desc, &job, nullptr), INFILL_OK);
  ASSERT_EQ(infill_context_shutdown(s.context, nullptr), INFILL_OK);
  const int calls = gate.calls;
  const int lines = logged;
  EXPECT_EQ(infill_context_shutdown(s.context, nullptr), INFILL_OK) << "twice";
  const infill_status status = infill_job_wait(job, UINT64_MAX, nullptr);
  EXPECT_TRUE(status == INFILL_ERROR_CANCELLED || status == INFILL_OK);
  infill_error error;
  Work other;
  EXPECT_EQ(infill_fill(s.session, &other.desc, &error), INFILL_ERROR_INVALID_STATE);
  EXPECT_STREQ(error.message, "session: its context was shut down");
  infill_estimate estimate = INFILL_ESTIMATE_INIT;
  EXPECT_EQ(infill_fill_estimate(s.session, &other.desc, &estimate, &error), INFILL_ERROR_INVALID_STATE);
  infill_memory_info memory = INFILL_MEMORY_INFO_INIT;
  EXPECT_EQ(infill_context_get_memory_info(s.context, &memory, &error), INFILL_ERROR_INVALID_STATE);
  EXPECT_STREQ(error.message, "context: it was shut down");
  infill_session* late = nullptr;
  EXPECT_EQ(infill_session_create(s.context, nullptr, &late, nullptr), INFILL_ERROR_INVALID_STATE);
  infill_job_destroy(job);
  EXPECT_EQ(gate.calls, calls);
  EXPECT_EQ(logged, lines);
}

// Memory that is handed out only when it is let.
struct SlowHost {
  std::atomic<bool> armed{false}, entered{false}, open{false};
  static void* alloc(void* user, size_t size, size_t alignment) {
    auto& host = *static_cast<SlowHost*>(user);
    if (host.armed.exchange(false)) {
      host.entered = true;
      while (!host.open) std::this_thread::sleep_for(1ms);
    }
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  }
  static void free(void* /*user*/, void* memory, size_t /*size*/, size_t /*alignment*/) { std::free(memory); }
};

TEST(Jobs, ShutdownCancelsAnEstimateAndWaitsForIt) {
  SlowHost host;
  infill_allocator allocator = INFILL_ALLOCATOR_INIT;
  allocator.user = &host;
  allocator.alloc = SlowHost::alloc;
  allocator.free = SlowHost::free;
  infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
  desc.allocator = &allocator;
  Session s(INFILL_METHOD_HARMONIC, desc);
  Work work;
  host.armed = true;
  infill_status status = INFILL_OK;
  std::thread estimating([&] {
    infill_estimate estimate = INFILL_ESTIMATE_INIT;
    status = infill_fill_estimate(s.session, &work.desc, &estimate, nullptr);
  });
  while (!host.entered) std::this_thread::sleep_for(1ms);
  std::atomic<bool> is_down{false};
  std::thread closing([&] {
    EXPECT_EQ(infill_context_shutdown(s.context, nullptr), INFILL_OK);
    is_down = true;
  });
  infill_session* late = nullptr;
  while (infill_session_create(s.context, nullptr, &late, nullptr) == INFILL_OK) {
    infill_session_destroy(late);
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_FALSE(is_down);
  host.open = true;
  estimating.join();
  closing.join();
  EXPECT_EQ(status, INFILL_ERROR_CANCELLED);
}

TEST(Jobs, ShutdownInACallbackIsRefused) {
  Session s;
  Work work;
  work.desc.progress_user = s.context;
  work.desc.progress = [](void* user, const infill_progress*) -> int32_t {
    EXPECT_EQ(infill_context_shutdown(static_cast<infill_context*>(user), nullptr),
              INFILL_ERROR_INVALID_STATE);
    return 1;
  };
  EXPECT_EQ(infill_fill(s.session, &work.desc, nullptr), INFILL_ERROR_CANCELLED);
}

TEST(Threads, EightOnOneContext) {
  infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
  desc.num_threads = 3;
  infill_context* context = nullptr;
  ASSERT_EQ(infill_context_create(&desc, &context, nullptr), INFILL_OK);
  Picture src = textured(80, 60);
  Picture mask = mask_with(80, 60, {30, 20, 14, 12});
  std::vector<std::vector<unsigned char>> results(8);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 6; ++i) {
        infill_session* session = nullptr;
        ASSERT_EQ(infill_session_create(context, nullptr, &session, nullptr), INFILL_OK);
        Picture dst = src;
        infill_fill_desc fill = desc_of(src.image, mask.image, dst.image);
        if (i % 2 == 0) {
          ASSERT_EQ(infill_fill(session, &fill, nullptr), INFILL_OK);
        } else {
          infill_job* job = nullptr;
          ASSERT_EQ(infill_fill_async(session, &fill, &job, nullptr), INFILL_OK);
          ASSERT_EQ(infill_job_wait(job, UINT64_MAX, nullptr), INFILL_OK);
          infill_job_destroy(job);
        }
        if (i == 3) infill_context_trim(context);
        infill_session_destroy(session);
        results[t] = dst.bytes;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, results[0]);
  infill_context_destroy(context);
}

TEST(Threads, OneSessionIsNeverUsedTwiceAtOnce) {
  Session s;
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Picture src = textured(60, 50);
      Picture mask = mask_with(60, 50, {20, 20, 12, 12});
      infill_fill_desc fill = desc_of(src.image, mask.image, src.image);
      for (int i = 0; i < 20; ++i) {
        const infill_status status = infill_fill(s.session, &fill, nullptr);
        EXPECT_TRUE(status == INFILL_OK || status == INFILL_ERROR_INVALID_STATE);
        done += static_cast<int>(status == INFILL_OK);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(done, 0);
}

}  // namespace
}  // namespace capi_test
