// How long a fill goes on after it was asked to stop: worst and mean of many moments, every method.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>

#include "core/status.h"
#include "pipeline/fill.h"
#include "support/noise.h"
#include "support/pictures.h"

namespace infill {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

void cancel(benchmark::State& state, const classic::Method& method) {
  constexpr int kSize = 2048;
  test::Picture picture(Format::kRgb8, kSize, kSize);
  picture.set<uint8_t>([](int x, int y, int c) {
    return static_cast<uint8_t>(128 + 60 * std::sin(x * 0.05 + c) + 20 * test::uniform(1, x, y, c));
  });
  test::Mask mask(kSize, kSize, [](int x, int y) { return x > 600 && x < 1400 && y > 600 && y < 1400; });
  pipeline::Request request{
      picture.image(), mask.image(), picture.image(), {}, {}, picture.image().bounds(), 1};
  pipeline::Options options{.method = &method,
                            .method_settings = Settings(method.parameters),
                            .blend_settings = Settings(pipeline::blend_parameters())};
  Memory memory;
  Block cache;
  Threads threads(static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));

  double worst = 0;
  double sum = 0;
  int cancelled = 0;
  int delay_ms = 5;
  for (auto _ : state) {
    Task task;
    Clock::time_point asked;
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
      asked = Clock::now();
      task.cancel();
    });
    bool stopped = false;
    Clock::time_point ended;
    try {
      pipeline::fill(request, options, memory, cache, threads, task);
    } catch (const Error&) {
      stopped = true;
    }
    ended = Clock::now();
    canceller.join();
    if (stopped) {
      worst = std::max(worst, seconds(ended - asked));
      sum += seconds(ended - asked);
      ++cancelled;
    }
    delay_ms = delay_ms * 17 % 1009;  // another moment each time, up to a second in
  }
  state.counters["cancelled"] = cancelled;
  state.counters["worst_ms"] = worst * 1e3;
  state.counters["mean_ms"] = cancelled == 0 ? 0 : sum / cancelled * 1e3;
}

const int kRegistered = [] {
  for (const classic::Method* method : classic::methods()) {
    benchmark::RegisterBenchmark((std::string("cancel/") + method->name).c_str(),
                                 [method](benchmark::State& state) { cancel(state, *method); })
        ->Iterations(30)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
  return 0;
}();

}  // namespace
}  // namespace infill
