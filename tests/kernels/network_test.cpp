#include "kernels/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "core/status.h"
#include "support/noise.h"

namespace infill::kernels {
namespace {

std::vector<float> noise(size_t count, uint32_t seed) {
  return test::random_floats(count, seed, 0.4F);
}

Convolution convolution(ConvolutionSpec spec, uint32_t seed) {
  const auto rows = static_cast<size_t>(spec.gated ? 2 * spec.out_channels : spec.out_channels);
  const auto weight = noise(rows * static_cast<size_t>(spec.in_channels * spec.kernel * spec.kernel), seed);
  return {spec, weight.data(), noise(rows, seed + 1).data()};
}

ConvolutionSpec spec(int32_t in, int32_t out, int32_t stride = 1, int32_t dilation = 1,
                     int32_t upsample = 1) {
  return {.in_channels = in,
          .out_channels = out,
          .stride = stride,
          .dilation = dilation,
          .pad_top = dilation,
          .pad_left = dilation,
          .upsample = upsample};
}

// Down, a dilated middle in two branches that meet again, a sum of two maps, up.
class Hourglass {
 public:
  Hourglass() {
    input = network.add_map(3, 0);
    const int wide = network.add_map(6, 0);
    const int half = network.add_map(8, 1);
    const int both = network.add_map(12, 1);
    const int right = network.add_map(5, 1);
    const int sum = network.add_map(12, 1);
    middle = network.add_map(12, 1);
    output = network.add_map(2, 0);
    network.add(convolution(spec(3, 6), 1), input, wide);
    network.add(convolution(spec(6, 8, 2), 3), wide, half);
    network.add(convolution(spec(8, 7, 1, 2), 5), half, both, 0);
    network.add(convolution(spec(8, 5, 1, 4), 7), half, right);
    network.add(convolution(spec(5, 5), 9), right, both, 7);
    network.add(convolution(spec(12, 12), 11), both, middle);
    network.add({.from = {both, middle},
                 .to = sum,
                 .needs = [](size_t, const Region& wanted, const Region&) { return wanted; },
                 .scratch = {},
                 .run =
                     [](const Network::Custom::Call& call, Parallel&) {
                       for (int32_t y = call.region.y0; y < call.region.y1; ++y) {
                         for (int32_t x = call.region.x0; x < call.region.x1; ++x) {
                           for (int c = 0; c < 12; ++c) {
                             call.out.at(y, x)[c] = call.in[0].at(y, x)[c] + call.in[1].at(y, x)[c];
                           }
                         }
                       }
                     }});
    network.add(convolution(spec(12, 2, 1, 1, 2), 13), sum, output);
  }

  // The maps `middle` and `output` after a run.
  struct Results {
    std::vector<float> middle, output;
  };
  [[nodiscard]] Results run(int32_t height, int32_t width, const std::vector<Network::Wanted>& wanted,
                            int threads) const {
    Threads workers(threads);
    Task task;
    ThreadsParallel parallel(workers, task);
    const Network::Plan plan = network.plan(height, width, {input}, wanted, {}, threads);
    // Whatever was not written must not matter.
    const std::unique_ptr<float, void (*)(void*)> memory(
        static_cast<float*>(std::aligned_alloc(64, (plan.floats * sizeof(float) + 63) / 64 * 64)), std::free);
    std::fill_n(memory.get(), plan.floats, std::numeric_limits<float>::quiet_NaN());
    const Map in = network.map(plan, input, memory.get());
    const auto values = noise(static_cast<size_t>(height * width * 3), 99);
    std::copy(values.begin(), values.end(), in.data);
    double last = 0;
    network.run(plan, memory.get(), parallel, [&](double share) {
      EXPECT_GE(share, last);
      last = share;
    });
    EXPECT_NEAR(last, 1, 1e-9);
    const auto copy = [&](int number) {
      const Map map = network.map(plan, number, memory.get());
      return std::vector<float>(map.data,
                                map.data + static_cast<ptrdiff_t>(map.height) * map.width * map.channels);
    };
    return {copy(middle), copy(output)};
  }

  Network network;
  int input = 0, middle = 0, output = 0;
};

TEST(Network, MapsThatShareMemoryDoNotDisturbEachOther) {
  const Hourglass hourglass;
  constexpr int32_t kHeight = 26;
  constexpr int32_t kWidth = 38;
  const Region all{0, 0, kHeight, kWidth};
  const Region half{0, 0, kHeight / 2, kWidth / 2};
  // With every map asked for, none may share.
  std::vector<Network::Wanted> every;
  for (int map = 0; map <= hourglass.output; ++map)
    every.push_back({map, hourglass.network.shift(map) == 0 ? all : half});
  const auto apart = hourglass.run(kHeight, kWidth, every, 1);
  const auto shared = hourglass.run(kHeight, kWidth, {{hourglass.output, all}, {hourglass.middle, half}}, 1);
  EXPECT_EQ(apart.output, shared.output);
  EXPECT_EQ(apart.middle, shared.middle);
  const auto& network = hourglass.network;
  EXPECT_LT(network.plan(kHeight, kWidth, {0}, {{hourglass.output, all}}, {}, 1).floats,
            network.plan(kHeight, kWidth, {0}, every, {}, 1).floats);
}

TEST(Network, APartIsComputedAsInTheWhole) {
  const Hourglass hourglass;
  constexpr int32_t kHeight = 64;
  constexpr int32_t kWidth = 72;
  const auto whole = hourglass.run(kHeight, kWidth, {{hourglass.output, {0, 0, kHeight, kWidth}}}, 2).output;
  for (const Region& region :
       {Region{30, 40, 31, 41}, Region{0, 0, 9, 5}, Region{50, 60, 64, 72}, Region{0, 20, 64, 30}}) {
    const auto part = hourglass.run(kHeight, kWidth, {{hourglass.output, region}}, 2).output;
    for (int32_t y = region.y0; y < region.y1; ++y) {
      for (int32_t x = region.x0; x < region.x1; ++x) {
        for (int32_t c = 0; c < 2; ++c) {
          const auto i = static_cast<size_t>((y * kWidth + x) * 2 + c);
          ASSERT_NEAR(part[i], whole[i], 1e-5) << y << ',' << x;
        }
      }
    }
  }
}

TEST(Network, APartIsLessWork) {
  const Hourglass hourglass;
  const Region all{0, 0, 512, 512};
  const double whole = hourglass.network.plan(512, 512, {0}, {{hourglass.output, all}}, {}, 1).work;
  const double part =
      hourglass.network.plan(512, 512, {0}, {{hourglass.output, {200, 200, 300, 300}}}, {}, 1).work;
  EXPECT_LT(part, whole / 10);
}

TEST(Network, SameBytesForAllThreads) {
  const Hourglass hourglass;
  const Region all{0, 0, 48, 40};
  const auto one = hourglass.run(48, 40, {{hourglass.output, all}}, 1).output;
  for (const int threads : {2, 5})
    EXPECT_EQ(hourglass.run(48, 40, {{hourglass.output, all}}, threads).output, one);
}

TEST(Network, CanBeCancelled) {
  const Hourglass hourglass;
  Threads workers(2);
  Task task;
  ThreadsParallel parallel(workers, task);
  const Network::Plan plan = hourglass.network.plan(64, 64, {0}, {{hourglass.output, {0, 0, 64, 64}}}, {}, 2);
  std::vector<float> memory(plan.floats + 16);
  void* start = memory.data();
  size_t space = memory.size() * sizeof(float);
  auto* aligned = static_cast<float*>(std::align(64, plan.floats * sizeof(float), start, space));
  task.cancel();
  EXPECT_THROW(hourglass.network.run(plan, aligned, parallel, [](double) {}), Error);
}

}  // namespace
}  // namespace infill::kernels
