// Counts the pixel operations of a loop and tells the task in portions.
#pragma once

#include <cstdint>

#include "core/task.h"

namespace infill {

// One per loop and thread. Steps stay far below Task::kPollEvery as long as one add() does. What a loop did
// since the last portion is told by flush(), at its end.
class Meter {
 public:
  explicit Meter(Task& task) : task_(task) {}
  void add(uint64_t pixel_operations) {
    pending_ += pixel_operations;
    if (pending_ >= kPortion) flush();
  }
  void flush() {
    const uint64_t done = pending_;
    pending_ = 0;
    if (done > 0) task_.advance(done);
  }

 private:
  static constexpr uint64_t kPortion = 1 << 18;
  Task& task_;
  uint64_t pending_ = 0;
};

}  // namespace infill
