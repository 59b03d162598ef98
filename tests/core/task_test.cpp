#include "core/task.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/status.h"

namespace infill {
namespace {

Status status_of(const auto& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.status();
  }
  return Status::kOk;
}

TEST(Task, CountsOperationsAndTheLongestStep) {
  Task task;
  task.advance(5);
  task.advance(1000);
  task.advance(0);
  EXPECT_EQ(task.operations(), 1005U);
  EXPECT_EQ(task.longest_step(), 1000U);
}

TEST(Task, TheFractionNeverFallsAndEndsAtOne) {
  std::vector<double> seen;
  Task task([&](const ProgressReport& report) {
    seen.push_back(report.fraction);
    return false;
  });
  task.set_range(Stage::kPlan, 0, 2, 0, 0.1);
  task.done(0.5);
  EXPECT_DOUBLE_EQ(task.report().fraction, 0.05);
  task.done(0.25);
  EXPECT_DOUBLE_EQ(task.report().fraction, 0.05);
  task.done(7);
  EXPECT_DOUBLE_EQ(task.report().fraction, 0.1);
  task.set_range(Stage::kCoarse, 1, 2, 0.05, 0.9);  // a range that begins too low
  EXPECT_DOUBLE_EQ(task.report().fraction, 0.1);
  task.done(-1);
  task.done(1);
  task.advance(1 << 20);
  task.finish();
  for (size_t i = 1; i < seen.size(); ++i) EXPECT_GE(seen[i], seen[i - 1]);
  EXPECT_GE(seen.size(), 4U);
  EXPECT_EQ(seen.back(), 1.0);
  EXPECT_LT(seen[seen.size() - 2], 1.0);
  const ProgressReport report = task.report();
  EXPECT_EQ(report.stage, Stage::kCoarse);
  EXPECT_EQ(report.tile, 1U);
  EXPECT_EQ(report.tile_count, 2U);
}

TEST(Task, CancelledFromAnyThread) {
  Task task;
  EXPECT_FALSE(task.cancelled());
  std::thread([&] { task.cancel(); }).join();
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(status_of([&] { task.advance(1); }), Status::kCancelled);
  EXPECT_EQ(status_of([&] { task.set_range(Stage::kPlan, 0, 1, 0, 1); }), Status::kCancelled);
}

TEST(Task, CancelledByItsCallback) {
  int calls = 0;
  Task task([&](const ProgressReport&) { return ++calls == 3; });
  int steps = 0;
  EXPECT_EQ(status_of([&] {
              for (; steps < 1000; ++steps) task.advance(Task::kPollEvery);
            }),
            Status::kCancelled);
  EXPECT_EQ(steps, 2);
  EXPECT_EQ(calls, 3);
}

TEST(Task, TheCallbackStaysOnItsThread) {
  const std::thread::id owner = std::this_thread::get_id();
  int calls = 0;
  Task task([&](const ProgressReport&) {
    EXPECT_EQ(std::this_thread::get_id(), owner);
    ++calls;
    return false;
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        task.advance(100000);
        task.done(i / 200.0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(task.operations(), 80000000U);
  task.advance(0);
  EXPECT_EQ(calls, 1);
}

TEST(Task, SmallStepsDoNotCallBackEachTime) {
  int calls = 0;
  Task task([&](const ProgressReport&) { return ++calls < 0; });
  for (int i = 0; i < 1'000'000; ++i) task.advance(1);
  EXPECT_GE(calls, 10);
  EXPECT_LE(calls, 100);
}

}  // namespace
}  // namespace infill
