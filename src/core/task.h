// One running call: its progress and its cancellation.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace infill {

enum class Stage : int32_t { kPlan = 1, kCoarse = 2, kRefine = 3, kBlend = 4 };

struct ProgressReport {
  Stage stage;
  uint32_t tile, tile_count;
  double fraction;  // 0..1 of the whole call, never falls
};

// Code that works for long calls advance() with the pixel operations it has just done: at least once every
// kPollEvery, from whichever thread did them. A pixel operation is one visit of one pixel (all channels) by
// one pass over it, or one patch comparison.
class Task {
 public:
  static constexpr uint64_t kPollEvery = 1'000'000;
  // Returns true to cancel. Called on the thread that made the Task, never twice at once.
  using Callback = std::function<bool(const ProgressReport&)>;

  Task() : owner_(std::this_thread::get_id()) {}
  explicit Task(Callback callback) : callback_(std::move(callback)), owner_(std::this_thread::get_id()) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Throws Error kCancelled once cancellation was asked for.
  void advance(uint64_t pixel_operations);

  // The share [from, to] of the whole call that the work from here on stands for; then how much of it is
  // done. Only the owner's thread calls set_range; done() may come from any thread and never moves backwards.
  void set_range(Stage stage, uint32_t tile, uint32_t tile_count, double from, double to);
  void done(double share);
  void finish();  // reports fraction 1

  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

  // Readable from any thread while the call runs.
  [[nodiscard]] ProgressReport report() const;

  // For tests of the promise above.
  [[nodiscard]] uint64_t operations() const { return operations_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t longest_step() const { return longest_step_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint64_t kReportEvery = 1 << 16;
  void call_back();

  Callback callback_;
  std::thread::id owner_;
  std::atomic<bool> cancelled_{false};
  std::atomic<uint64_t> operations_{0};
  std::atomic<uint64_t> longest_step_{0};
  uint64_t reported_at_ = 0;  // owner's thread only
  std::atomic<Stage> stage_{Stage::kPlan};
  std::atomic<uint32_t> tile_{0}, tile_count_{0};
  std::atomic<double> fraction_{0}, from_{0}, to_{0};
};

}  // namespace infill
