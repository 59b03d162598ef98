#include "core/threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

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

// Asleep, a thread needs some 50 us to wake up, longer than many a loop takes; so a thread first watches for
// about as long as that. Now and then it lets others have its processor.
constexpr int kWatches = 2000;
constexpr int kYields = 128;

// The processor this thread runs on; -1: nobody knows.
int processor() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// Moves this thread to another processor it may run on; false: there is none. Linux may wake a worker behind
// its caller time and again while the next processor is idle.
bool leave(int processor) {
#if defined(__linux__)
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
  cpu_set_t others = allowed;
  CPU_CLR(processor, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return false;
  sched_setaffinity(0, sizeof allowed, &allowed);
  return true;
#else
  static_cast<void>(processor);
  return false;
#endif
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

struct Threads::Shared {
  std::mutex mutex;
  std::condition_variable work, finished;
  // Counts of loops that began and of loops that ended, to be watched without the lock.
  std::atomic<uint32_t> begun{0}, ended{0};
  std::atomic<int> caller{-1};  // processor of the last thread that began a loop
  bool watches = false;         // no more threads than processors: watching keeps nobody from working
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
    if (loop.active == 0 && loop.next == loop.n) {
      ++ended;
      finished.notify_all();
    }
  }

  // Lets the lock go for a short while, until the count changes.
  void watch(const std::atomic<uint32_t>& count, std::unique_lock<std::mutex>& lock) const {
    if (!watches) return;
    const uint32_t before = count;
    lock.unlock();
    for (int i = 1; i < kWatches && count == before; ++i) {
      if (i % kYields == 0) {
        std::this_thread::yield();
      } else {
        pause();
      }
    }
    lock.lock();
  }

  // Whether this thread shares its processor with the caller, where it would only be in the way.
  [[nodiscard]] bool is_behind_caller() const {
    const int own = processor();
    return own >= 0 && own == caller;
  }

  void run_worker() {
    std::unique_lock lock(mutex);
    while (!stop) {
      bool behind = is_behind_caller();
      // Woken there, it would find the work done whenever it gets the processor at last.
      if (behind && watches) {
        const int processor = caller;
        lock.unlock();
        behind = !leave(processor);
        lock.lock();
      }
      if (first == nullptr && !stop && !behind) watch(begun, lock);
      if (first != nullptr && !stop) {
        step(*first, lock);
      } else if (!stop) {
        work.wait(lock);
      }
    }
  }

  void join() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
      ++begun;
    }
    work.notify_all();
    for (std::thread& worker : workers) worker.join();
    workers.clear();
  }
};

Threads::Threads(int count) : shared_(std::make_unique<Shared>()), count_(std::max(count, 1)) {
  shared_->watches = static_cast<unsigned>(count_) <= std::thread::hardware_concurrency();
  shared_->workers.reserve(static_cast<size_t>(count_ - 1));
  try {
    for (int i = 1; i < count_; ++i) {
      shared_->workers.emplace_back([shared = shared_.get()] { shared->run_worker(); });
    }
  } catch (const std::system_error& error) {
    const size_t running = shared_->workers.size() + 1;  // the caller's too
    shared_->join();
    fail(Status::kOutOfMemory, "num_threads: only ", running, " of ", count_,
         " could be started: ", error.what());
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
  shared_->caller = processor();
  ++shared_->begun;
  shared_->work.notify_all();
  while (loop.next != loop.n) shared_->step(loop, lock);
  if (loop.active != 0) shared_->watch(shared_->ended, lock);
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
