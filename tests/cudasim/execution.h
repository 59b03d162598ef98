// One block of threads at a time: who runs, who waits for whom.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "cudasim/async_copy.h"
#include "cudasim/fiber.h"
#include "cudasim/launch.h"
#include "cudasim/ready_set.h"
#include "cudasim/site.h"
#include "cudasim/thread.h"
#include "cudasim/warp.h"

namespace infill::cudasim {

struct Thread : ThreadContext {
  Fiber fiber;
  AsyncCopies copies;
  Site waits_at;
  int barriers = 0;  // of the whole block, taken part in
  int votes = 0;     // counted at the last of them
};

// Null while the host runs.
Thread* running_thread();

class Block {
 public:
  // Threads of a launch; blocks of it run one after another.
  explicit Block(const Launch& launch);

  void run();

  // A barrier of the running thread with `threads` others; 0 means all of the block.
  void barrier(int id, unsigned threads, const Site& site);
  // The same for all of the block; how many of its threads came with a true predicate.
  int barrier_votes(bool predicate, const Site& site);
  // Gives up: the launch ends with an error.
  [[noreturn]] void trap(const Site& site, const char* why);

  // Waits until somebody wakes this thread.
  void wait(const Site& site);
  void wake(unsigned thread) { ready_.insert(thread); }

  [[nodiscard]] Warp& warp_of(const ThreadContext& thread) { return warps_[thread.warp]; }
  [[nodiscard]] unsigned live() const { return live_; }
  [[nodiscard]] bool trapped() const { return trapped_; }

 private:
  struct Barrier {
    std::vector<unsigned> waiting;
    unsigned expected = 0;  // 0: all
    Site site;
  };

  static void enter();
  void switch_to_next(Thread& from, bool ends);
  void leave(Thread& thread);
  void release(int id);
  void check_end();

  const Launch& launch_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<Warp> warps_;
  std::array<Barrier, 16> barriers_;
  ReadySet ready_;
  Fiber host_;
  unsigned live_ = 0;
  int votes_ = 0;  // of those who wait
  uint32_t random_state_;
  bool trapped_ = false;
};

// The one that runs; null while the host runs.
Block* running_block();

}  // namespace infill::cudasim
