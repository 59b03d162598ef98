#include "core/threads.h"

#include <gtest/gtest.h>

#if defined(__linux__)
#include <sched.h>
#endif

#include <atomic>
#include <numeric>
#include <vector>

#include "core/status.h"

namespace infill {
namespace {

TEST(Threads, EveryIndexOnceForEveryCountAndGrain) {
  for (const int count : {1, 2, 3, 16}) {
    Threads threads(count);
    for (const int64_t n : {0, 1, 7, 1000}) {
      for (const int64_t grain : {1, 3, 1000, 5000}) {
        Task task;
        std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
        threads.parallel_for(task, n, grain, [&](int64_t begin, int64_t end) {
          EXPECT_EQ(begin % grain, 0);
          EXPECT_LE(end - begin, grain);
          for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
        });
        for (const auto& times : seen) ASSERT_EQ(times.load(), 1);
      }
    }
  }
}

TEST(Threads, LoopsInsideLoopsAndSeveralCallersFinish) {
  Threads threads(3);
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      Task task;
      threads.parallel_for(task, 20, 1, [&](int64_t, int64_t) {
        threads.parallel_for(task, 50, 4, [&](int64_t begin, int64_t end) { sum += end - begin; });
      });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 4 * 20 * 50);
}

TEST(Threads, AnExceptionEndsTheLoopAndReachesTheCaller) {
  for (const int count : {1, 4}) {
    Threads threads(count);
    Task task;
    std::atomic<int> pieces{0};
    EXPECT_THROW(threads.parallel_for(task, 1'000'000, 1,
                                      [&](int64_t begin, int64_t) {
                                        ++pieces;
                                        if (begin == 5) fail(Status::kInternal, "five");
                                      }),
                 Error);
    EXPECT_LT(pieces.load(), 1'000'000);
  }
}

#if defined(__linux__)
cpu_set_t processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  return set;
}

// A worker behind its caller moves away. It may go on to run wherever it might before.
TEST(Threads, WorkersMayRunWhereTheirMakerMay) {
  const cpu_set_t all = processors();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  for (const cpu_set_t& allowed : {one, all}) {
    ASSERT_EQ(sched_setaffinity(0, sizeof allowed, &allowed), 0);
    std::atomic<int64_t> sum{0};
    std::atomic<int> others{0};
    {
      Threads threads(2);
      Task task;
      for (int loop = 0; loop < 500; ++loop) {
        threads.parallel_for(task, 8, 1, [&](int64_t begin, int64_t end) {
          const cpu_set_t now = processors();
          if (CPU_EQUAL(&now, &allowed) == 0) ++others;
          sum += end - begin;
        });
      }
    }
    EXPECT_EQ(sum.load(), 500 * 8);
    EXPECT_EQ(others.load(), 0);
  }
}
#endif

TEST(Threads, ACallbackCanCancelWhileWorkersAreBusy) {
  Threads threads(2);
  Task task([](const ProgressReport&) { return true; });
  try {
    threads.parallel_for(task, 1000, 1, [&](int64_t, int64_t) { task.advance(Task::kPollEvery); });
    FAIL() << "not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kCancelled);
  }
}

}  // namespace
}  // namespace infill
