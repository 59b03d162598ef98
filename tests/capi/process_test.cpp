// exit() while a job runs, and fork() after use. Each runs in a process of its own.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "support.h"

// A program that leaves by exit() never destroys its job, whose thread has ended but was not joined.
extern "C" __attribute__((visibility("default"))) const char*
__tsan_default_options() {  // NOLINT: the sanitizer's name
  return "report_thread_leaks=0";
}

namespace capi_test {
namespace {

// In a child there is no test to fail.
void must(infill_status status) {
  if (status != INFILL_OK) _exit(98);
}

int fill_once() {
  Picture src = textured(32, 32);
  const Picture mask = mask_with(32, 32, {10, 10, 6, 6});
  return infill_fill_classic(&src.image, &mask.image, &src.image, INFILL_METHOD_HARMONIC, nullptr);
}

// Status of a child that runs body; 1000 + signal when one killed it.
template <class Body>
int status_of_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    body();
    _exit(99);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST(Process, ExitWhileAJobRunsCancelsItAndEndsCleanly) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(status_of_child([i] {
                static Picture src = textured(900, 700);
                static Picture mask = mask_with(900, 700, {100, 100, 600, 400});
                infill_context* context = nullptr;
                infill_session* session = nullptr;
                infill_job* job = nullptr;
                must(infill_context_create(nullptr, &context, nullptr));
                must(infill_session_create(context, nullptr, &session, nullptr));
                infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
                must(infill_fill_async(session, &desc, &job, nullptr));
                std::this_thread::sleep_for(std::chrono::milliseconds(i));
                std::exit(7);
              }),
              7);
  }
}

TEST(Process, ExitInACallback) {
  EXPECT_EQ(status_of_child([] {
              static Picture src = textured(300, 200);
              static Picture mask = mask_with(300, 200, {100, 50, 60, 60});
              infill_context* context = nullptr;
              infill_session* session = nullptr;
              must(infill_context_create(nullptr, &context, nullptr));
              must(infill_session_create(context, nullptr, &session, nullptr));
              infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
              desc.progress = [](void*, const infill_progress*) -> int32_t { std::exit(5); };
              (void)infill_fill(session, &desc, nullptr);
            }),
            5);
}

TEST(Process, AForkAfterUseRefusesAndAForkBeforeUseWorks) {
  EXPECT_EQ(status_of_child([] { _exit(fill_once() == INFILL_OK ? 3 : 4); }), 3) << "not used before";
  EXPECT_EQ(status_of_child([] {
              infill_context* context = nullptr;
              infill_session* session = nullptr;
              must(infill_context_create(nullptr, &context, nullptr));
              must(infill_session_create(context, nullptr, &session, nullptr));
              if (fill_once() != INFILL_OK) _exit(1);
              Picture src = textured(32, 32);
              const Picture mask = mask_with(32, 32, {10, 10, 6, 6});
              const int child = status_of_child([&] {
                infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
                infill_error error;
                if (infill_fill_classic(&src.image, &mask.image, &src.image, INFILL_METHOD_HARMONIC,
                                        nullptr) != INFILL_ERROR_INVALID_STATE) {
                  _exit(2);
                }
                if (infill_fill(session, &desc, &error) != INFILL_ERROR_INVALID_STATE) _exit(3);
                if (std::string(error.message).find("forked") == std::string::npos) _exit(4);
                infill_context* other = nullptr;
                if (infill_context_create(nullptr, &other, nullptr) != INFILL_ERROR_INVALID_STATE) _exit(5);
                infill_session_destroy(session);
                infill_context_destroy(context);
                std::exit(42);
              });
              if (child != 42) _exit(child);
              _exit(fill_once() == INFILL_OK ? 43 : 6);  // the parent goes on
            }),
            43);
}

TEST(Process, AForkAfterAFillWithAModelRefuses) {
  EXPECT_EQ(
      status_of_child([] {
        const std::string weights = std::string(INFILL_TEST_DATA) + "/golden/deepfill_c8.weights.safetensors";
        infill_context_desc context_desc = INFILL_CONTEXT_DESC_INIT;
        context_desc.num_threads = 3;
        infill_context* context = nullptr;
        infill_model* model = nullptr;
        infill_session* session = nullptr;
        must(infill_context_create(&context_desc, &context, nullptr));
        must(infill_model_open_file(context, weights.c_str(), nullptr, &model, nullptr));
        infill_session_desc session_desc = INFILL_SESSION_DESC_INIT;
        session_desc.fill_model = model;
        must(infill_session_create(context, &session_desc, &session, nullptr));
        Picture src = textured(72, 64);
        const Picture mask = mask_with(72, 64, {20, 20, 22, 15});
        const infill_fill_desc desc = desc_of(src.image, mask.image, src.image);
        must(infill_fill(session, &desc, nullptr));
        const int child = status_of_child([&] {
          infill_job* job = nullptr;
          infill_model* other = nullptr;
          infill_model_info info = INFILL_MODEL_INFO_INIT;
          infill_model_run_desc run = INFILL_MODEL_RUN_DESC_INIT;
          run.inputs = run.outputs = weights.c_str();
          const std::vector<unsigned char> before = src.bytes;
          const auto refuses = [](infill_status status) { return status == INFILL_ERROR_INVALID_STATE; };
          if (!refuses(infill_fill(session, &desc, nullptr)) || src.bytes != before) _exit(1);
          if (!refuses(infill_fill_async(session, &desc, &job, nullptr))) _exit(2);
          if (!refuses(infill_model_open_file(context, weights.c_str(), nullptr, &other, nullptr))) _exit(3);
          if (!refuses(infill_model_get_info(model, &info, nullptr))) _exit(4);
          if (!refuses(infill_model_run_file(model, &run, nullptr))) _exit(5);
          infill_session_destroy(session);
          infill_model_destroy(model);
          infill_context_destroy(context);
          std::exit(42);
        });
        if (child != 42) _exit(child);
        must(infill_fill(session, &desc, nullptr));  // the parent goes on
        _exit(43);
      }),
      43);
}

}  // namespace
}  // namespace capi_test
