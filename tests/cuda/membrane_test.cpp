#include "cuda/membrane.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "classic/harmonic.h"
#include "cuda/device_canvas.h"
#include "support/method_checks.h"

namespace infill {
namespace {

using test::CanvasCase;
using test::DeviceArray;
using test::DeviceCanvas;
using test::TestCanvas;

struct Solved {
  std::vector<float> values;
  cuda::MembraneReport report{};
};

Solved solve(DeviceCanvas& device, const std::function<void(cuda::MembraneCall&)>& change) {
  const size_t bytes = cuda::membrane_workspace(device.box());
  const std::vector<uint8_t> rubbish(bytes, 0xCB);  // must not be relied on
  const DeviceArray<uint8_t> workspace(rubbish);
  const DeviceArray<cuda::MembraneReport> report(std::vector<cuda::MembraneReport>(1));
  cuda::MembraneCall call;
  call.canvas = device.canvas;
  call.box = device.box();
  call.report = report.data();
  change(call);
  EXPECT_EQ(cuda::membrane(call, workspace.data(), nullptr), cudaSuccess);
  return {device.get(), report.get()[0]};
}

// The equations, relaxed in double until nothing moves.
std::vector<double> slow_solution(TestCanvas& test, int channel) {
  const Canvas& canvas = test.canvas();
  const int w = canvas.width;
  std::vector<double> u(static_cast<size_t>(w * canvas.height), 0.5);
  for (int y = 0; y < canvas.height; ++y) {
    for (int x = 0; x < w; ++x) {
      if (canvas.label.at(x, y) == kKnown) u[static_cast<size_t>(y * w + x)] = test.at(x, y, channel);
    }
  }
  double moved = 1;
  for (int sweep = 0; moved > 1e-10 && sweep < 20000; ++sweep) {
    moved = 0;
    for (const infill::Run& run : canvas.holes) {
      for (int x = run.x0; x < run.x1; ++x) {
        double sum = 0;
        int count = 0;
        for (const auto& [dx, dy] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
          if (!canvas.label.contains(x + dx, run.y + dy) || canvas.label.at(x + dx, run.y + dy) == kExcluded)
            continue;
          sum += u[static_cast<size_t>((run.y + dy) * w + x + dx)];
          ++count;
        }
        if (count == 0) continue;
        double& at = u[static_cast<size_t>(run.y * w + x)];
        const double over = 1.7 * (sum / count - at);
        at += over;
        moved = std::max(moved, std::abs(over));
      }
    }
  }
  EXPECT_LE(moved, 1e-10);
  return u;
}

// Holes that nothing known touches have any constant as a solution.
bool is_determined(const CanvasCase& each) {
  return each.name != "enclosed_by_excluded" && each.name != "excluded_dots";
}

void expect_only_holes_changed(TestCanvas& host, const DeviceCanvas& device,
                               const std::vector<float>& values) {
  const Canvas& canvas = host.canvas();
  for (int c = 0; c < canvas.channels; ++c) {
    for (int y = 0; y < canvas.height; ++y) {
      for (int x = 0; x < canvas.width; ++x) {
        const float value = values[device.index(x, y, c)];
        if (canvas.label.at(x, y) == kHole) {
          ASSERT_TRUE(std::isfinite(value));
        } else {
          ASSERT_EQ(value, host.at(x, y, c)) << x << ' ' << y;
        }
      }
    }
  }
}

TEST(Harmonic, SolvesTheEquations) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    // The largest take the emulation too long.
    if (!is_determined(each) || each.name == "blob" || each.name == "thin_lines" || each.name == "known_dots")
      continue;
    constexpr double kTolerance = 1e-6;
    const auto host = each.make();
    DeviceCanvas device(*host);
    const Solved solved = solve(device, [&](cuda::MembraneCall& call) {
      call.tolerance = kTolerance;
      call.iterations = 17;
    });
    expect_only_holes_changed(*host, device, solved.values);
    if (each.name == "no_hole") continue;
    EXPECT_EQ(solved.report.converged, 1) << solved.report.error;
    // Borders cost nothing: constants are continued to them on every level.
    if (each.name.ends_with("_border")) {
      EXPECT_LE(solved.report.iterations, 8);
    }
    for (int c = 0; c < each.channels; ++c) {
      const std::vector<double> expected = slow_solution(*host, c);
      double worst = 0;
      for (const infill::Run& run : host->canvas().holes) {
        for (int x = run.x0; x < run.x1; ++x) {
          worst = std::max(worst, std::abs(solved.values[device.index(x, run.y, c)] -
                                           expected[static_cast<size_t>(run.y * each.width + x)]));
        }
      }
      EXPECT_LE(worst, 2 * kTolerance);
    }
  }
}

TEST(Harmonic, LikeTheCpuInAWideHole) {
  const CanvasCase each{"wide", 75, 63, 3, [](int x, int y) {
                          const int r = 26 + static_cast<int>(test::hash_pixel(x, y, 3) % 5);
                          return (x - 37) * (x - 37) + (y - 31) * (y - 31) < r * r ? kHole : kKnown;
                        }};
  const auto host = each.make();
  DeviceCanvas device(*host);
  const Solved solved = solve(device, [](cuda::MembraneCall& call) {
    call.tolerance = 1e-5;
    call.iterations = 16;
  });
  EXPECT_EQ(solved.report.converged, 1);
  host->fill(classic::kHarmonic, 1);
  double worst = 0;
  for (int c = 0; c < each.channels; ++c) {
    for (const infill::Run& run : host->canvas().holes) {
      for (int x = run.x0; x < run.x1; ++x) {
        worst = std::max(worst,
                         std::abs(double{solved.values[device.index(x, run.y, c)]} - host->at(x, run.y, c)));
      }
    }
  }
  EXPECT_LE(worst, 2e-5);
}

TEST(Harmonic, EnclosedHolesStayAmongTheKnownValues) {
  for (const CanvasCase& each : test::canvas_cases()) {
    if (is_determined(each)) continue;
    const auto host = each.make();
    DeviceCanvas device(*host);
    const Solved solved = solve(device, [](cuda::MembraneCall& call) { call.iterations = 6; });
    expect_only_holes_changed(*host, device, solved.values);
    for (int c = 0; c < each.channels; ++c) {
      for (const infill::Run& run : host->canvas().holes) {
        for (int x = run.x0; x < run.x1; ++x) ASSERT_NEAR(solved.values[device.index(x, run.y, c)], 0.5, 0.6);
      }
    }
  }
}

// What was put on the rim is known - step: the membrane through the steps is what is to be added.
TEST(Seam, AddsTheMembraneThroughTheSteps) {
  for (const CanvasCase& each : test::canvas_cases()) {
    const bool is_small = each.name == "corners" || each.name == "one_row" || each.name == "excluded_wall" ||
                          each.name == "top_border";
    if (!is_small) continue;
    SCOPED_TRACE(each.name);
    const auto host = each.make();
    const Canvas& canvas = host->canvas();
    // The fill so far, in the holes; the known pixels' steps are the picture itself.
    for (int c = 0; c < each.channels; ++c) {
      for (const infill::Run& run : canvas.holes) {
        for (int x = run.x0; x < run.x1; ++x)
          canvas.planes[static_cast<size_t>(c)].at(x, run.y) = 0.25F * static_cast<float>(c);
      }
    }
    DeviceCanvas device(*host);
    std::vector<float> rim = host->bytes();
    DeviceArray<float> device_rim(rim);
    for (float& value : rim) value = std::numeric_limits<float>::quiet_NaN();  // not read away from the rim
    for (const Point p : canvas.rim) {
      for (int c = 0; c < each.channels; ++c) {
        rim[device.index(p.x, p.y, c)] = host->at(p.x, p.y, c) - test::photo_value(p.x + 3, p.y, c);
      }
    }
    device_rim.put(rim);
    const float strength = 0.75F;
    const Solved solved = solve(device, [&](cuda::MembraneCall& call) {
      for (int c = 0; c < each.channels; ++c) call.rim[c] = device_rim.data() + device.index(0, 0, c);
      call.strength = strength;
      call.iterations = 14;
      call.tolerance = 1e-4;
    });
    expect_only_holes_changed(*host, device, solved.values);
    const auto steps = each.make([](int x, int y, int c) { return test::photo_value(x + 3, y, c); });
    for (int c = 0; c < each.channels; ++c) {
      const std::vector<double> expected = slow_solution(*steps, c);
      for (const infill::Run& run : canvas.holes) {
        for (int x = run.x0; x < run.x1; ++x) {
          const double at = expected[static_cast<size_t>(run.y * each.width + x)];
          ASSERT_NEAR(solved.values[device.index(x, run.y, c)], 0.25 * c + strength * at, 2e-4)
              << x << ' ' << run.y;
        }
      }
    }
  }
}

TEST(Membrane, SameBytesAgain) {
  const CanvasCase each = test::canvas_cases()[8];
  const auto host = each.make();
  DeviceCanvas first(*host);
  DeviceCanvas second(*host);
  EXPECT_EQ(solve(first, [](cuda::MembraneCall&) {}).values,
            solve(second, [](cuda::MembraneCall&) {}).values);
}

TEST(Membrane, ABoxLargerThanTheHolesChangesNothingButRounding) {
  const CanvasCase each = test::canvas_cases()[5];
  const auto host = each.make();
  DeviceCanvas tight(*host);
  DeviceCanvas wide(*host);
  const auto exact = [](cuda::MembraneCall& call) {
    call.tolerance = 1e-6;
    call.iterations = 10;
  };
  const Solved a = solve(tight, exact);
  const std::vector<uint8_t> none(cuda::membrane_workspace({0, 0, each.width, each.height}));
  const DeviceArray<uint8_t> workspace(none);
  cuda::MembraneCall call;
  call.canvas = wide.canvas;
  call.box = {0, 0, each.width, each.height};
  exact(call);
  ASSERT_EQ(cuda::membrane(call, workspace.data(), nullptr), cudaSuccess);
  const std::vector<float> b = wide.get();
  for (size_t i = 0; i < b.size(); ++i) ASSERT_NEAR(a.values[i], b[i], 2e-6);
}

TEST(Membrane, ATooSmallBudgetIsReported) {
  const CanvasCase each = test::canvas_cases()[9];
  const auto host = each.make();
  DeviceCanvas device(*host);
  const Solved solved = solve(device, [](cuda::MembraneCall& call) {
    call.tolerance = 1e-6;
    call.iterations = 2;
  });
  EXPECT_EQ(solved.report.iterations, 2);
  EXPECT_EQ(solved.report.converged, 0);
  EXPECT_GT(solved.report.error, 1);
}

TEST(Membrane, CallersMistakes) {
  const CanvasCase each = test::canvas_cases()[5];
  const auto host = each.make();
  DeviceCanvas device(*host);
  const DeviceArray<uint8_t> workspace(cuda::membrane_workspace(device.box()));
  const auto refused = [&](const std::function<void(cuda::MembraneCall&)>& change, void* memory) {
    cuda::MembraneCall call;
    call.canvas = device.canvas;
    call.box = device.box();
    change(call);
    return cuda::membrane(call, memory, nullptr) == cudaErrorInvalidValue;
  };
  void* memory = workspace.data();
  EXPECT_TRUE(refused([](cuda::MembraneCall& call) { call.canvas.channels = 5; }, memory));
  EXPECT_TRUE(refused([](cuda::MembraneCall& call) { call.canvas.channels = 0; }, memory));
  EXPECT_TRUE(refused([](cuda::MembraneCall& call) { call.canvas.label = nullptr; }, memory));
  EXPECT_TRUE(refused([](cuda::MembraneCall& call) { call.canvas.planes[1] = nullptr; }, memory));
  EXPECT_TRUE(refused([](cuda::MembraneCall& call) { call.canvas.stride = 3; }, memory));
  EXPECT_TRUE(refused([](cuda::MembraneCall& call) { call.tolerance = 0; }, memory));
  EXPECT_TRUE(refused([](cuda::MembraneCall& call) { call.step = -1; }, memory));
  EXPECT_TRUE(refused([](cuda::MembraneCall& call) { call.iterations = 0; }, memory));
  EXPECT_TRUE(refused([](cuda::MembraneCall& call) { call.box.x = call.canvas.width; }, memory));
  EXPECT_TRUE(refused([](cuda::MembraneCall& call) { call.rim[0] = call.canvas.planes[0]; }, memory));
  EXPECT_TRUE(refused([](cuda::MembraneCall&) {}, nullptr));
  EXPECT_FALSE(refused([](cuda::MembraneCall& call) { call.box.width = 0; }, nullptr));
}

}  // namespace
}  // namespace infill
