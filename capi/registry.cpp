#include "registry.h"

#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#include "core/status.h"

namespace infill::capi {

namespace {

struct Registry {
  std::mutex mutex;
  std::vector<std::weak_ptr<Calls>> contexts;
  bool at_exit_hooked = false, at_fork_hooked = false;
  bool exiting = false;
};

// Never destroyed: threads may still leave the library while the process ends.
Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

std::atomic<bool> forked_child{false};

void note_fork() {
  forked_child.store(true, std::memory_order_relaxed);
}

void close_all() {
  if (is_forked_child()) return;
  Registry& all = registry();
  std::unique_lock lock(all.mutex);
  all.exiting = true;
  while (!all.contexts.empty()) {
    const std::shared_ptr<Calls> calls = all.contexts.back().lock();
    all.contexts.pop_back();
    if (calls == nullptr) continue;
    lock.unlock();
    calls->close();
    lock.lock();
  }
}

}  // namespace

void register_calls(const std::shared_ptr<Calls>& calls) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  if (all.exiting) fail(Status::kInvalidState, "the process is in exit()");
  if (!all.at_fork_hooked && pthread_atfork(nullptr, nullptr, note_fork) != 0) throw std::bad_alloc();
  all.at_fork_hooked = true;
  if (!all.at_exit_hooked && std::atexit(close_all) != 0) throw std::bad_alloc();
  all.at_exit_hooked = true;
  std::erase_if(all.contexts, [](const std::weak_ptr<Calls>& each) { return each.expired(); });
  all.contexts.push_back(calls);
}

bool is_forked_child() noexcept {
  return forked_child.load(std::memory_order_relaxed);
}

void refuse_after_fork() {
  if (!is_forked_child()) return;
  fail(Status::kInvalidState,
       "this process was forked after infill had been used: start workers before, or spawn instead of fork");
}

}  // namespace infill::capi
