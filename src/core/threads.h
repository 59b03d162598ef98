// The worker threads of one context.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/task.h"

namespace infill {

// Several callers may use one Threads at once, and a body may start loops of its own: the thread that starts
// a loop works on it too, so nothing waits for a free worker.
class Threads {
 public:
  // count: threads that work on a loop, the caller's included; at least 1. Throws kOutOfMemory when the
  // system refuses a thread.
  explicit Threads(int count);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  [[nodiscard]] int count() const { return count_; }

  // Calls body(begin, end) for consecutive pieces of [0, n), `grain` long (the last may be shorter), on any
  // thread and in any order; returns when all are done. What a piece computes may depend on begin and end
  // only: then the result is the same for every number of threads. The first exception stops the loop and is
  // thrown here. task is polled while waiting. Keep a piece below Task::kPollEvery pixel operations, or
  // advance() inside.
  void parallel_for(Task& task, int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
  int count_;
};

}  // namespace infill
