#include "core/threads.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/status.h"

namespace infill {

namespace {

// A loop that is running: lives on its caller's stack and is linked into the list while pieces are left.
struct Loop {
  const std::function<void(int64_t, int64_t)>* body = nullptr;
  int64_t n = 0, grain = 1;
  int64_t next = 0;  // first index not handed out
  int active = 0;    // pieces being worked on
  std::exception_ptr error;
  Loop* following = nullptr;
};

}  // namespace

struct Threads::Shared {
  std::mutex mutex;
  std::condition_variable work, finished;
  Loop* first = nullptr;
  bool stop = false;
  std::vector<std::thread> workers;

  void unlink(Loop* loop) {
    for (Loop** at = &first; *at != nullptr; at = &(*at)->following) {
      if (*at == loop) {
        *at = loop->following;
        return;
      }
    }
  }

  // Works on one piece. The lock is held on entry and exit, and let go while the body runs.
  void step(Loop& loop, std::unique_lock<std::mutex>& lock) {
    const int64_t begin = loop.next;
    const int64_t end = std::min(loop.n, begin + loop.grain);
    loop.next = end;
    if (end == loop.n) unlink(&loop);
    ++loop.active;
    lock.unlock();
    std::exception_ptr error;
    try {
      (*loop.body)(begin, end);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    --loop.active;
    if (error) {
      if (!loop.error) loop.error = error;
      if (loop.next != loop.n) {
        loop.next = loop.n;
        unlink(&loop);
      }
    }
    if (loop.active == 0 && loop.next == loop.n) finished.notify_all();
  }

  void run_worker() {
    std::unique_lock lock(mutex);
    for (;;) {
      work.wait(lock, [this] { return stop || first != nullptr; });
      if (stop) return;
      step(*first, lock);
    }
  }

  void join() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    work.notify_all();
    for (std::thread& worker : workers) worker.join();
    workers.clear();
  }
};

Threads::Threads(int count) : shared_(std::make_unique<Shared>()), count_(std::max(count, 1)) {
  shared_->workers.reserve(static_cast<size_t>(count_ - 1));
  try {
    for (int i = 1; i < count_; ++i) {
      shared_->workers.emplace_back([shared = shared_.get()] { shared->run_worker(); });
    }
  } catch (const std::system_error& error) {
    shared_->join();
    fail(Status::kOutOfMemory, "num_threads: thread ", shared_->workers.size() + 1, " of ", count_,
         " could not be started: ", error.what());
  } catch (...) {
    shared_->join();
    throw;
  }
}

Threads::~Threads() {
  shared_->join();
}

void Threads::parallel_for(Task& task, int64_t n, int64_t grain,
                           const std::function<void(int64_t, int64_t)>& body) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (count_ == 1 || n <= grain) {
    for (int64_t begin = 0; begin < n; begin += grain) body(begin, std::min(n, begin + grain));
    return;
  }
  Loop loop{.body = &body, .n = n, .grain = grain, .error = {}};
  std::unique_lock lock(shared_->mutex);
  Loop** last = &shared_->first;
  while (*last != nullptr) last = &(*last)->following;
  *last = &loop;
  shared_->work.notify_all();
  while (loop.next != loop.n) shared_->step(loop, lock);
  while (loop.active != 0) {
    // Wakes up now and then so that a progress callback that wants to cancel is heard while others finish.
    if (shared_->finished.wait_for(lock, std::chrono::milliseconds(5)) == std::cv_status::timeout) {
      lock.unlock();
      try {
        task.advance(0);
      } catch (...) {
        lock.lock();
        if (!loop.error) loop.error = std::current_exception();
        continue;
      }
      lock.lock();
    }
  }
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace infill
