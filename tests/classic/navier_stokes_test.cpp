#include "classic/navier_stokes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "classic/flow_nodes.h"
#include "classic/harmonic.h"
#include "support/method_checks.h"

namespace infill::classic {
namespace {

using test::CanvasCase;

TEST(NavierStokes, FillsHolesAndNothingElse) {
  test::expect_fills_holes_only(kNavierStokes);
}
TEST(NavierStokes, SameBytesForAllThreadsAndInstructionSets) {
  test::expect_same_bytes(kNavierStokes);
}
TEST(NavierStokes, CanBeCancelledAnywhere) {
  test::expect_cancels(kNavierStokes);
}

// Literally what classic/flow.h says, in double, from one picture to the next. Absent pixels take the value
// of the nearest present one within two pixels.
class ReferenceFlow {
 public:
  ReferenceFlow(const Canvas& canvas, int channel) : canvas_(canvas), channel_(channel) {}
  [[nodiscard]] double value(int x, int y) const {
    int nearest = 99;
    double value = 0;
    for (int dy = -2; dy <= 2; ++dy) {
      for (int dx = -2; dx <= 2; ++dx) {
        if (dx * dx + dy * dy >= nearest || !is_there(x + dx, y + dy)) continue;
        if (!near_hole(x + dx, y + dy)) continue;
        nearest = dx * dx + dy * dy;
        value = canvas_.planes.at(static_cast<size_t>(channel_)).at(x + dx, y + dy);
      }
    }
    return value;
  }
  [[nodiscard]] double laplacian(int x, int y) const {
    return value(x - 1, y) + value(x + 1, y) + value(x, y - 1) + value(x, y + 1) - 4 * value(x, y);
  }
  [[nodiscard]] double diffused(int x, int y) const { return value(x, y) + laplacian(x, y) / 4; }
  [[nodiscard]] double flowed(int x, int y, double transport, double viscosity) const {
    const double here = value(x, y);
    const double l = value(x - 1, y);
    const double r = value(x + 1, y);
    const double u = value(x, y - 1);
    const double d = value(x, y + 1);
    const double ix = (r - l) / 2;
    const double iy = (d - u) / 2;
    const double square = std::max(ix * ix + iy * iy, 1e-12);
    const double beta = ((laplacian(x + 1, y) - laplacian(x - 1, y)) / 2 * -iy +
                         (laplacian(x, y + 1) - laplacian(x, y - 1)) / 2 * ix) /
                        std::sqrt(square);
    const auto slope = [&](double before, double after) {
      return beta > 0 ? std::hypot(std::min(before, 0.0), std::max(after, 0.0))
                      : std::hypot(std::max(before, 0.0), std::min(after, 0.0));
    };
    const double steepness = std::hypot(slope(here - l, r - here), slope(here - u, d - here));
    const double ixy =
        (value(x + 1, y + 1) + value(x - 1, y - 1) - value(x - 1, y + 1) - value(x + 1, y - 1)) / 4;
    const double bend =
        ((l + r - 2 * here) * iy * iy + (u + d - 2 * here) * ix * ix - 2 * ix * iy * ixy) / square;
    return std::clamp(here + transport * beta * steepness + viscosity * bend, std::min({here, l, r, u, d}),
                      std::max({here, l, r, u, d}));
  }

 private:
  [[nodiscard]] bool is_there(int x, int y) const {
    return canvas_.label.contains(x, y) && canvas_.label.at(x, y) != kExcluded;
  }
  [[nodiscard]] bool near_hole(int x, int y) const {
    for (int j = y - 2; j <= y + 2; ++j) {
      for (int i = x - 2; i <= x + 2; ++i) {
        if (canvas_.label.contains(i, j) && canvas_.label.at(i, j) == kHole) return true;
      }
    }
    return false;
  }
  const Canvas& canvas_;
  int channel_;
};

using Step = std::function<double(const ReferenceFlow&, int x, int y)>;
using FastStep = std::function<void(FlowNodes&, Work&)>;

void expect_step(const FastStep& fast_step, const Step& step) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto before = each.make();
    Canvas& canvas = before->canvas();
    if (canvas.hole_pixels == 0) continue;
    const auto after = each.make();
    for (int c = 0; c < each.channels; ++c) {
      for (const infill::Run& run : canvas.holes) {
        for (int x = run.x0; x < run.x1; ++x) {
          const float start = test::photo_value(x, run.y, c + 7);
          canvas.planes.at(static_cast<size_t>(c)).at(x, run.y) = start;
          after->canvas().planes.at(static_cast<size_t>(c)).at(x, run.y) = start;
        }
      }
    }
    Arena measure = Arena::measuring();
    (void)FlowNodes::lay_out(before->shape(2), measure);
    std::vector<std::byte> memory(measure.peak() + 64);
    Arena arena(memory.data(), memory.size());
    Threads threads(2);
    Task task;
    Work work{threads, task, arena};
    FlowNodes nodes = FlowNodes::lay_out(before->shape(2), arena);
    nodes.load(after->canvas(), task);
    fast_step(nodes, work);
    nodes.store(after->canvas(), work);
    for (int c = 0; c < each.channels; ++c) {
      const ReferenceFlow reference(canvas, c);
      for (const infill::Run& run : canvas.holes) {
        for (int x = run.x0; x < run.x1; ++x) {
          ASSERT_NEAR(after->at(x, run.y, c), step(reference, x, run.y), 2e-5) << x << ',' << run.y;
        }
      }
    }
  }
}

TEST(NavierStokes, OneStepOfFlowEqualsTheReference) {
  for (const FlowStep step : {FlowStep{0.05F, 0.2F}, FlowStep{0.1F, 0}, FlowStep{0, 0.25F}}) {
    expect_step([&](FlowNodes& nodes, Work& work) { nodes.flow(step, work); },
                [&](const ReferenceFlow& reference, int x, int y) {
                  return reference.flowed(x, y, step.transport, step.viscosity);
                });
  }
}

TEST(NavierStokes, OneStepOfDiffusionEqualsTheReference) {
  expect_step([](FlowNodes& nodes, Work& work) { nodes.diffuse(work); },
              [](const ReferenceFlow& reference, int x, int y) { return reference.diffused(x, y); });
}

TEST(NavierStokes, AConstantStaysWhatItIsAndNothingLeavesTheRange) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto constant = each.make([](int, int, int) { return 0.3F; });
    const auto photo = each.make();
    constant->fill(kNavierStokes);
    photo->fill(kNavierStokes);
    for (const infill::Run& run : photo->canvas().holes) {
      for (int x = run.x0; x < run.x1; ++x) {
        ASSERT_NEAR(constant->at(x, run.y, 0), 0.3F, 1e-6F);
        ASSERT_GE(photo->at(x, run.y, 0), 0.5F - 0.41F);
        ASSERT_LE(photo->at(x, run.y, 0), 0.5F + 0.41F);
      }
    }
  }
}

TEST(NavierStokes, ContinuesARampAcrossAThinHole) {
  const CanvasCase each{"thin", 60, 40, 1,
                        [](int x, int y) { return x >= 30 && x < 33 && y > 4 && y < 35 ? kHole : kKnown; }};
  const auto canvas = each.make([](int x, int y, int) { return static_cast<float>(2 * x + y) / 160.0F; });
  canvas->fill(kNavierStokes);
  for (const infill::Run& run : canvas->canvas().holes) {
    for (int x = run.x0; x < run.x1; ++x) {
      ASSERT_NEAR(canvas->at(x, run.y, 0), canvas->truth(x, run.y, 0), 1.0F / 160.0F) << x << ',' << run.y;
    }
  }
}

double squared_error(const test::TestCanvas& canvas, const Canvas& view) {
  double sum = 0;
  for (const infill::Run& run : view.holes) {
    for (int x = run.x0; x < run.x1; ++x) {
      const double error = canvas.at(x, run.y, 0) - canvas.truth(x, run.y, 0);
      sum += error * error;
    }
  }
  return sum;
}

// A slanted edge that crosses a thin hole comes out straighter than from a harmonic fill, and the flow is
// what does it.
TEST(NavierStokes, ContinuesASlantedEdge) {
  for (const double slant : {0.3, 0.7, 1.0, -0.5}) {
    SCOPED_TRACE(slant);
    const CanvasCase each{"slanted", 80, 60, 1,
                          [](int x, int y) { return x >= 37 && x < 44 && y > 4 && y < 55 ? kHole : kKnown; }};
    const auto edge = [slant](int x, int y, int) {
      return static_cast<float>(std::clamp(y - 30 - slant * (x - 40) + 0.5, 0.0, 1.0));
    };
    const auto error_of = [&](const Method& method, const Settings& settings) {
      const auto canvas = each.make(edge);
      canvas->fill(method, settings);
      return squared_error(*canvas, canvas->canvas());
    };
    Settings settings(kNavierStokes.parameters);
    const double harmonic = error_of(kHarmonic, Settings(kHarmonic.parameters));
    EXPECT_LT(error_of(kNavierStokes, settings), harmonic);
    settings.set(kFlowIterations, 100);
    const double flow = error_of(kNavierStokes, settings);
    EXPECT_LT(flow, 0.5 * harmonic);
    settings.set(kFlowIterations, 0);
    EXPECT_LT(flow, 0.5 * error_of(kNavierStokes, settings));
  }
}

TEST(NavierStokes, IsFoundByItsNumber) {
  EXPECT_EQ(find_method(MethodId::kNavierStokes), &kNavierStokes);
}

}  // namespace
}  // namespace infill::classic
