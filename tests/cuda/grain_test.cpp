#include "cuda/grain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cuda/device_canvas.h"
#include "pipeline/grain.h"
#include "support/method_checks.h"
#include "support/noise.h"

namespace infill {
namespace {

using test::DeviceArray;
using test::DeviceCanvas;
using test::gauss;
using test::TestCanvas;

constexpr uint64_t kSeed = 3;

float sky(int x, int y, int channel) {
  return 0.3F + 0.002F * static_cast<float>(x) + 0.001F * static_cast<float>(y) +
         0.1F * static_cast<float>(channel);
}

// The holes become the clean picture: a fill without grain.
void fill_clean(TestCanvas& test, const TestCanvas::Value& clean) {
  const Canvas& canvas = test.canvas();
  for (const infill::Run& run : canvas.holes) {
    for (int x = run.x0; x < run.x1; ++x) {
      for (int c = 0; c < canvas.channels; ++c) {
        canvas.planes.at(static_cast<size_t>(c)).at(x, run.y) = clean(x, run.y, c);
      }
    }
  }
}

cuda::GrainCall call_of(TestCanvas& host, const DeviceCanvas& device, double strength) {
  cuda::GrainCall call;
  call.canvas = device.canvas;
  call.box = device.box();
  call.hole_pixels = host.canvas().hole_pixels;
  call.hole_runs = std::ssize(host.canvas().holes);
  call.strength = static_cast<float>(strength);
  call.seed = kSeed;
  return call;
}

std::vector<float> on_device(TestCanvas& host, double strength) {
  DeviceCanvas device(host);
  const cuda::GrainCall call = call_of(host, device, strength);
  const std::vector<uint8_t> rubbish(cuda::grain_workspace(call), 0xCB);
  const DeviceArray<uint8_t> workspace(rubbish);
  EXPECT_EQ(cuda::add_grain(call, workspace.data(), nullptr), cudaSuccess);
  return device.get();
}

void on_cpu(TestCanvas& host, double strength) {
  Task task;
  Threads threads(1);
  Memory memory;
  const Block block(memory, pipeline::grain_scratch(host.shape(1)));
  Arena arena(block.data(), block.size());
  classic::Work work{threads, task, arena, kSeed};
  pipeline::add_grain(host.canvas(), strength, work);
}

// Both add the same; and something, if it is expected. Returns the largest change.
float expect_like_cpu(TestCanvas& host, double strength) {
  const std::vector<float> before = host.bytes();
  const std::vector<float> got = on_device(host, strength);
  on_cpu(host, strength);
  float largest = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], host.bytes()[i], 2e-6) << i;
    if (std::abs(got[i] - host.bytes()[i]) > 2e-6F) break;
    largest = std::max(largest, std::abs(got[i] - before[i]));
  }
  return largest;
}

Label square(int x, int y) {
  return x >= 20 && x < 37 && y >= 18 && y < 33 ? kHole : kKnown;
}

TEST(Grain, LikeTheCpuForEveryKindOfNoise) {
  struct Noise {
    const char* name;
    int channels;
    TestCanvas::Value value;
  };
  const std::vector<Noise> kinds = {
      {"white, each channel its own", 3,
       [](int x, int y, int c) {
         return sky(x, y, c) + static_cast<float>(0.01 * (1 + c) * gauss(5, x, y, c));
       }},
      {"the same in all channels", 3,
       [](int x, int y, int c) { return sky(x, y, c) + static_cast<float>(0.02 * gauss(5, x, y)); }},
      {"half common", 3,
       [](int x, int y, int c) {
         return sky(x, y, c) + static_cast<float>(0.02 * gauss(5, x, y) + 0.01 * gauss(6, x, y, c));
       }},
      {"coarse", 1,
       [](int x, int y, int c) {
         double sum = 0;
         for (int j = -1; j <= 1; ++j) {
           for (int i = -1; i <= 1; ++i) {
             sum += gauss(9, x + i, y + j, c) * (i == 0 ? 1 : 0.5) * (j == 0 ? 1 : 0.5);
           }
         }
         return sky(x, y, c) + static_cast<float>(0.02 * sum);
       }},
  };
  for (const Noise& noise : kinds) {
    SCOPED_TRACE(noise.name);
    for (const double strength : {1.0, 0.4}) {
      TestCanvas host(58, 51, noise.channels, noise.value, square);
      host.canvas().x = 1000;
      host.canvas().y = 77;
      fill_clean(host, sky);
      EXPECT_GT(expect_like_cpu(host, strength), 0.005F);
    }
  }
}

TEST(Grain, AlphaStaysAndScalesTheNoise) {
  const auto value = [](int x, int y, int c) {
    return c == 3 ? 0.25F : 0.25F * sky(x, y, c) + static_cast<float>(0.01 * gauss(5, x, y, c));
  };
  TestCanvas host(58, 51, 4, value, square);
  host.canvas().has_alpha = true;
  fill_clean(host, [](int x, int y, int c) { return c == 3 ? 0.25F : 0.25F * sky(x, y, c); });
  EXPECT_GT(expect_like_cpu(host, 1), 0.0F);
  for (int x = 20; x < 37; ++x) ASSERT_EQ(host.at(x, 20, 3), 0.25F);
}

TEST(Grain, NothingWhereNothingIsMissingOrKnown) {
  TestCanvas clean(58, 51, 2, sky, square);
  fill_clean(clean, sky);
  EXPECT_LT(expect_like_cpu(clean, 1), 1e-5F);
  const auto noisy = [](int x, int y, int c) {
    return sky(x, y, c) + static_cast<float>(0.02 * gauss(5, x, y, c));
  };
  TestCanvas has_it(58, 51, 1, noisy, square);
  fill_clean(has_it, [&](int x, int y, int c) {
    return noisy(x, y, c) + 0.01F * static_cast<float>(gauss(8, x, y));
  });
  EXPECT_EQ(expect_like_cpu(has_it, 1), 0.0F);
  TestCanvas little(23, 19, 1, noisy, [](int x, int y) { return x > 8 || y > 8 ? kHole : kKnown; });
  fill_clean(little, sky);
  EXPECT_EQ(expect_like_cpu(little, 1), 0.0F);  // fewer than 64 samples
}

TEST(Grain, LikeTheCpuForHolesOfEveryShape) {
  const auto noisy = [](int x, int y, int c) {
    return sky(x, y, c) + static_cast<float>(0.02 * gauss(5, x, y, c));
  };
  for (const test::CanvasCase& each : test::canvas_cases()) {
    if (each.name == "blob") continue;
    SCOPED_TRACE(each.name);
    const auto host = each.make(noisy);
    fill_clean(*host, sky);
    expect_like_cpu(*host, 1);
  }
}

// More candidates than samples: every second pixel of the hole counts, and fewer of the ring.
TEST(Grain, ThinsOutLikeTheCpu) {
  const auto noisy = [](int x, int y, int c) {
    return sky(x, y, c) + static_cast<float>(0.02 * gauss(5, x, y, c));
  };
  TestCanvas host(210, 200, 1, noisy, [](int x, int y) {
    return x >= 9 && x < 199 && y >= 8 && y < 188 && (x - 90) * (x - 90) + (y - 90) * (y - 90) > 9 ? kHole
                                                                                                   : kKnown;
  });
  fill_clean(host, sky);
  EXPECT_GT(host.canvas().hole_pixels, 2 * 16384);
  EXPECT_GT(expect_like_cpu(host, 1), 0.01F);
}

TEST(Grain, CallersMistakes) {
  TestCanvas host(58, 51, 3, sky, square);
  DeviceCanvas device(host);
  const cuda::GrainCall good = call_of(host, device, 1);
  const DeviceArray<uint8_t> workspace(cuda::grain_workspace(good));
  const auto refused = [&](const std::function<void(cuda::GrainCall&)>& change) {
    cuda::GrainCall call = good;
    change(call);
    return cuda::grain_workspace(call) == 0 &&
           cuda::add_grain(call, workspace.data(), nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(refused([](cuda::GrainCall& call) { call.canvas.channels = 5; }));
  EXPECT_TRUE(refused([](cuda::GrainCall& call) { call.canvas.label = nullptr; }));
  EXPECT_TRUE(refused([](cuda::GrainCall& call) { call.canvas.planes[1] = nullptr; }));
  EXPECT_TRUE(refused([](cuda::GrainCall& call) { call.canvas.stride = 3; }));
  EXPECT_TRUE(refused([](cuda::GrainCall& call) { call.box.y = 50; }));
  EXPECT_TRUE(refused([](cuda::GrainCall& call) { call.strength = 1.5F; }));
  EXPECT_TRUE(refused([](cuda::GrainCall& call) { call.strength = -0.5F; }));
  EXPECT_TRUE(refused([](cuda::GrainCall& call) { call.hole_pixels = -1; }));
  EXPECT_EQ(cuda::add_grain(good, nullptr, nullptr), cudaErrorInvalidValue);
  cuda::GrainCall nothing = good;
  nothing.strength = 0;
  EXPECT_EQ(cuda::add_grain(nothing, nullptr, nullptr), cudaSuccess);
}

}  // namespace
}  // namespace infill
