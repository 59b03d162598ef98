// Which accesses are ordered before which: the happens-before relation of one launch.
//
// Time counts completed synchronisations, over all launches. An access is stamped with the time at which it
// happens; it comes before one of another thread iff both took part, directly or through others, in a
// synchronisation that completed later than the stamp. So a pair of threads needs one number: the time up to
// which the one knows the other.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "cudasim/thread.h"

namespace infill::cudasim {

class Ordering {
 public:
  using Time = uint32_t;
  static constexpr Time kNever = 0;      // no access has this stamp
  static constexpr Time kBeforeAll = 1;  // of the host

  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] Time block_start() const { return block_start_; }

  void begin_launch();
  void begin_block();

  // All threads of the block met.
  void block_barrier() { barrier_ = ++now_; }
  // Some warps met (a named barrier for part of the block): one bit a warp.
  void warps_barrier(uint32_t warps);
  // Lanes of a warp met with memory ordering.
  void warp_barrier(unsigned warp, uint32_t lanes);

  // __threadfence, and atomics on global memory: what a block did before fence and atomic comes before what
  // another block does after its own atomic on the same address.
  void fence() { fenced_ = true; }
  void global_atomic(uintptr_t address);

  // Whether an access at `time` by `thread` of the block that ran then comes before one of `me` now.
  [[nodiscard]] bool is_before(Time time, unsigned thread, const ThreadContext& me) const {
    if (time >= block_start_) {
      if (time < barrier_ || thread == me.linear) return true;
      if (thread / 32 == me.warp) return time < lanes_known_[me.linear][thread % 32];
      return time < warps_known_[me.warp][thread / 32];
    }
    return time < launch_start_ || is_acquired(time);
  }

 private:
  using Row = std::array<Time, 32>;

  [[nodiscard]] bool is_acquired(Time time) const;

  Time now_ = kBeforeAll;
  Time launch_start_ = 1;
  Time block_start_ = 1;
  Time barrier_ = 1;  // last one of the whole block
  std::array<Row, 1024> lanes_known_{};
  std::array<Row, 32> warps_known_{};

  struct Release {
    Time block_start;
    Time until;
  };
  bool fenced_ = false;
  std::vector<Release> acquired_;
  std::unordered_map<uintptr_t, std::vector<Release>> released_;
};

extern Ordering ordering;

}  // namespace infill::cudasim
