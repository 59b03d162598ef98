// What a kernel needs of threads: core's Threads and Task stand behind it in our own engine, LibTorch's pool
// in operators.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "core/task.h"
#include "core/threads.h"

namespace infill::kernels {

template <class Callable, class Other>
concept NotA = !std::same_as<std::remove_cvref_t<Callable>, Other>;

// Refers to a callable, which must outlive it. Takes no memory.
template <class Signature>
class FunctionRef;

template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  template <NotA<FunctionRef> Callable>
  FunctionRef(Callable&& callable) noexcept  // NOLINT: converts, and refers instead of forwarding
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Arguments... arguments) -> Result {
          return (*static_cast<std::remove_reference_t<Callable>*>(object))(
              std::forward<Arguments>(arguments)...);
        }) {}

  Result operator()(Arguments... arguments) const {
    return call_(object_, std::forward<Arguments>(arguments)...);
  }

 private:
  void* object_;
  Result (*call_)(void*, Arguments...);
};

class Parallel {
 public:
  Parallel() = default;
  Parallel(const Parallel&) = delete;
  Parallel& operator=(const Parallel&) = delete;
  virtual ~Parallel() = default;

  // Most calls of a body that can run at the same time; at least 1.
  [[nodiscard]] virtual int count() const = 0;

  // Calls body(i) for i = 0 .. n - 1, on any thread and in any order; returns when all are done. The first
  // exception is thrown here, after every call that had begun has ended.
  virtual void run(int64_t n, FunctionRef<void(int64_t)> body) = 0;

  // Called from inside a body, on its thread, with the pixel operations done since the last call (see
  // core/task.h), at most about Task::kPollEvery. Throws Error kCancelled once the call is to end.
  virtual void advance(uint64_t pixel_operations) = 0;
};

// body(i, slot) for i = 0 .. n - 1: calls that run at the same time have different slots, 0 .. slots - 1, so
// that a slot may own scratch memory.
template <class Body>
void run_in_slots(Parallel& parallel, int64_t n, int slots, const Body& body) {
  std::atomic<int64_t> next{0};
  parallel.run(std::min<int64_t>(n, slots), [&](int64_t slot) {
    for (int64_t i = next++; i < n; i = next++) body(i, slot);
  });
}

class ThreadsParallel final : public Parallel {
 public:
  // Both must outlive it.
  ThreadsParallel(Threads& threads, Task& task) : threads_(threads), task_(task) {}

  [[nodiscard]] int count() const override { return threads_.count(); }
  void run(int64_t n, FunctionRef<void(int64_t)> body) override {
    threads_.parallel_for(task_, n, 1, [body](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) body(i);
    });
  }
  void advance(uint64_t pixel_operations) override { task_.advance(pixel_operations); }

 private:
  Threads& threads_;
  Task& task_;
};

}  // namespace infill::kernels
