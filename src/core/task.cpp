#include "core/task.h"

#include <algorithm>

#include "core/status.h"

namespace infill {

namespace {
template <class T>
void raise_to(std::atomic<T>& value, T to) {
  T now = value.load(std::memory_order_relaxed);
  while (to > now && !value.compare_exchange_weak(now, to, std::memory_order_relaxed)) {
  }
}
}  // namespace

void Task::advance(uint64_t pixel_operations) {
  const uint64_t total =
      operations_.fetch_add(pixel_operations, std::memory_order_relaxed) + pixel_operations;
  raise_to(longest_step_, pixel_operations);
  if (std::this_thread::get_id() == owner_ && total - reported_at_ >= kReportEvery) {
    reported_at_ = total;
    call_back();
  }
  if (cancelled()) throw Error(Status::kCancelled, "cancelled");
}

void Task::set_range(Stage stage, uint32_t tile, uint32_t tile_count, double from, double to) {
  stage_.store(stage, std::memory_order_relaxed);
  tile_.store(tile, std::memory_order_relaxed);
  tile_count_.store(tile_count, std::memory_order_relaxed);
  from_.store(from, std::memory_order_relaxed);
  to_.store(to, std::memory_order_relaxed);
  raise_to(fraction_, from);
  call_back();
  if (cancelled()) throw Error(Status::kCancelled, "cancelled");
}

void Task::done(double share) {
  const double from = from_.load(std::memory_order_relaxed);
  const double to = to_.load(std::memory_order_relaxed);
  raise_to(fraction_, from + (to - from) * std::clamp(share, 0.0, 1.0));
}

void Task::finish() {
  fraction_.store(1.0, std::memory_order_relaxed);
  call_back();
}

ProgressReport Task::report() const {
  return {stage_.load(std::memory_order_relaxed), tile_.load(std::memory_order_relaxed),
          tile_count_.load(std::memory_order_relaxed), fraction_.load(std::memory_order_relaxed)};
}

void Task::call_back() {
  if (callback_ && callback_(report())) cancel();
}

}  // namespace infill
