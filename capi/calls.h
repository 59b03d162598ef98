// The calls that run in one context, on the threads of their callers or as jobs: what shutdown and exit()
// end.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/task.h"

namespace infill::capi {

class Call;

class Calls {
 public:
  // Refuses new calls, cancels those that run and waits until they are over; those of this thread, which is
  // in one of their callbacks, are not waited for.
  void close();
  [[nodiscard]] bool is_closed() const;
  // This thread runs one of the calls: it is in a callback.
  [[nodiscard]] bool is_inside() const;

 private:
  friend class Call;
  mutable std::mutex mutex_;
  std::condition_variable call_ended_;
  std::vector<Call*> running_;
  bool closed_ = false;
};

// One call, from its checks to its last callback. Its task exists only while it works.
class Call {
 public:
  // Throws kInvalidState when the context was shut down.
  explicit Call(std::shared_ptr<Calls> calls);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // For the time of the work, on the thread that does it.
  class Working {
   public:
    Working(Call& call, Task& task);
    ~Working();
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

   private:
    Call& call_;
  };

  // From any thread, before, while and after it works.
  void cancel();
  [[nodiscard]] ProgressReport report() const;

 private:
  friend class Calls;
  std::shared_ptr<Calls> calls_;
  // Guarded by the mutex of calls_.
  Task* task_ = nullptr;
  bool cancelled_ = false;
  std::thread::id worker_;
  ProgressReport last_{Stage::kPlan, 0, 0, 0.0};
};

}  // namespace infill::capi
