#include "ops/fork.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <pthread.h>

#include <atomic>

namespace infill::ops {
namespace {

std::atomic<bool> threads_were_used = false;
std::atomic<bool> threads_are_lost = false;

}  // namespace

void refuse_after_fork(const char* name) {
  if (at::get_num_threads() == 1) return;
  TORCH_CHECK(!threads_are_lost.load(), name,
              ": this process was forked after LibTorch had started its threads, which it would wait for in "
              "vain. Start "
              "worker processes with spawn, or set the number of threads to 1 in them");
  if (!threads_were_used.exchange(true)) {
    pthread_atfork(nullptr, nullptr, [] { threads_are_lost.store(true); });
  }
}

}  // namespace infill::ops
