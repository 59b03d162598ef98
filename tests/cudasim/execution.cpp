#include "cudasim/execution.h"

#include <algorithm>
#include <cstring>

#include "cudasim/options.h"
#include "cudasim/ordering.h"
#include "cudasim/report.h"

namespace infill::cudasim {

LaunchContext launch_context;
ThreadContext* current = nullptr;

namespace {

Block* the_block = nullptr;
constexpr size_t kArgumentAlignment = 64;

}  // namespace

Thread* running_thread() {
  return static_cast<Thread*>(current);
}
Block* running_block() {
  return the_block;
}

Block::Block(const Launch& launch) : launch_(launch), random_state_(options().seed * 2654435761u | 1u) {
  const unsigned count = launch.block.x * launch.block.y * launch.block.z;
  threads_.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    auto thread = std::make_unique<Thread>();
    thread->index =
        Index3{i % launch.block.x, i / launch.block.x % launch.block.y, i / launch.block.x / launch.block.y};
    thread->linear = i;
    thread->lane = i % 32;
    thread->warp = i / 32;
    threads_.push_back(std::move(thread));
  }
  warps_.resize((count + 31) / 32);
  host_.adopt_host_stack();
}

void Block::run() {
  the_block = this;
  live_ = static_cast<unsigned>(threads_.size());
  ready_.clear();
  for (Warp& warp : warps_) warp.reset();
  for (Barrier& barrier : barriers_) barrier.waiting.clear();
  for (auto& thread : threads_) {
    thread->fiber.start(&Block::enter);
    thread->copies.clear();
    thread->barriers = 0;
    warps_[thread->warp].live |= 1u << thread->lane;
    ready_.insert(thread->linear);
  }
  Thread& first = *threads_[ready_.take(options().schedule, random_state_)];
  current = &first;
  Fiber::switch_to(host_, first.fiber, false);
  if (!trapped_) check_end();
  current = nullptr;
  the_block = nullptr;
}

void Block::enter() {
  Fiber::arrived();
  Block& block = *the_block;
  {
    // The copy that the kernel may write to, as on a device.
    const size_t bytes = block.launch_.arguments.size();
    auto* memory =
        static_cast<char*>(__builtin_alloca_with_align(bytes + kArgumentAlignment, 8 * kArgumentAlignment));
    std::memcpy(memory, block.launch_.arguments.data(), bytes);
    block.launch_.body(memory);
  }
  Thread& me = *running_thread();
  block.leave(me);
  block.switch_to_next(me, true);
}

void Block::switch_to_next(Thread& from, bool ends) {
  const unsigned next = ready_.take(options().schedule, random_state_);
  if (next == ReadySet::kNone) {
    Fiber::switch_to(from.fiber, host_, ends);
  } else if (next != from.linear) {
    current = threads_[next].get();
    Fiber::switch_to(from.fiber, threads_[next]->fiber, ends);
  }
}

void Block::wait(const Site& site) {
  Thread& me = *running_thread();
  me.waits_at = site;
  switch_to_next(me, false);
}

void Block::barrier(int id, unsigned threads, const Site& site) {
  Thread& me = *running_thread();
  Barrier& barrier = barriers_[static_cast<size_t>(id)];
  if (barrier.waiting.empty()) {
    barrier.site = site;
    barrier.expected = threads;
  } else if (barrier.expected != threads) {
    report(Rule::kDivergentBarrier, site,
           "barrier of " + std::to_string(threads) + " threads, others wait for " +
               std::to_string(barrier.expected) + " at " + describe(barrier.site));
  } else if (threads == 0 && barrier.site != site) {
    report(Rule::kDivergentBarrier, site, "other threads of the block wait at " + describe(barrier.site));
  }
  if (threads == 0) ++me.barriers;
  barrier.waiting.push_back(me.linear);
  if (barrier.waiting.size() >= (threads == 0 ? live_ : threads)) release(id);
  wait(site);
}

void Block::release(int id) {
  Barrier& barrier = barriers_[static_cast<size_t>(id)];
  uint32_t warps = 0;
  for (const unsigned thread : barrier.waiting) {
    warps |= 1u << (thread / 32);
    threads_[thread]->votes = votes_;
    wake(thread);
  }
  if (barrier.waiting.size() >= live_) {
    ordering.block_barrier();
  } else {
    ordering.warps_barrier(warps);
  }
  barrier.waiting.clear();
  if (id == 0) votes_ = 0;
}

int Block::barrier_votes(bool predicate, const Site& site) {
  if (predicate) ++votes_;
  barrier(0, 0, site);
  return running_thread()->votes;
}

void Block::leave(Thread& thread) {
  if (!thread.copies.empty()) {
    report(Rule::kAsyncCopy, thread.copies.oldest(), "the thread ends and did not wait for its cp.async");
  }
  --live_;
  Warp& warp = warps_[thread.warp];
  warp.live &= ~(1u << thread.lane);
  for (int id = 0; id < static_cast<int>(barriers_.size()); ++id) {
    const Barrier& barrier = barriers_[static_cast<size_t>(id)];
    if (live_ > 0 && barrier.expected == 0 && !barrier.waiting.empty() && barrier.waiting.size() >= live_)
      release(id);
  }
  release_meetings_without(thread.warp, warp);
}

void Block::check_end() {
  if (live_ > 0) {
    for (const auto& thread : threads_) {
      if ((warps_[thread->warp].live >> thread->lane & 1) == 0) continue;
      current = thread.get();
      report(Rule::kDeadlock, thread->waits_at,
             std::to_string(live_) + " threads of the block wait for ever");
      trapped_ = true;
      return;
    }
  }
  const auto [least, most] =
      std::minmax_element(threads_.begin(), threads_.end(),
                          [](const auto& a, const auto& b) { return a->barriers < b->barriers; });
  if ((*least)->barriers != (*most)->barriers) {
    current = least->get();
    report(Rule::kDivergentBarrier, (*most)->waits_at,
           "this thread came to " + std::to_string((*least)->barriers) + " barriers, another one to " +
               std::to_string((*most)->barriers));
  }
}

void Block::trap(const Site& site, const char* why) {
  report(Rule::kTrap, site, why);
  trapped_ = true;
  Fiber::switch_to(running_thread()->fiber, host_, true);
  __builtin_unreachable();
}

}  // namespace infill::cudasim
