#include "classic/telea.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/march_reference.h"
#include "support/method_checks.h"

namespace infill::classic {
namespace {

using test::CanvasCase;

TEST(Telea, FillsHolesAndNothingElse) {
  test::expect_fills_holes_only(kTelea);
}
TEST(Telea, SameBytesForAllThreadsAndInstructionSets) {
  test::expect_same_bytes(kTelea);
}
TEST(Telea, CanBeCancelledAnywhere) {
  test::expect_cancels(kTelea);
}

// The method as its paper writes it, on arrival times from the slow reference: in the order of the front,
// each pixel from the weighted values and gradients around it. In double.
void reference_fill(Canvas& canvas, const test::ReferenceMarch& march, int radius, double gradient) {
  const auto came_before = [&](int x, int y, Point p) {
    const float a = march.time(x, y);
    const float b = march.time(p.x, p.y);
    return a < b || (a == b && (y < p.y || (y == p.y && x < p.x)));
  };
  const auto slope = [](double before, double here, double after) {
    if (std::isinf(before)) return std::isinf(after) ? 0 : after - here;
    return std::isinf(after) ? here - before : (after - before) / 2;
  };
  std::vector<Point> order = march.order();
  std::stable_sort(order.begin(), order.end(), [&](Point a, Point b) { return came_before(a.x, a.y, b); });
  for (const Point p : order) {
    const double t = march.time(p.x, p.y);
    const double nx = slope(march.time(p.x - 1, p.y), t, march.time(p.x + 1, p.y));
    const double ny = slope(march.time(p.x, p.y - 1), t, march.time(p.x, p.y + 1));
    const double share = gradient * std::max(0.0, 1 - t / (radius + 1));
    for (int c = 0; c < canvas.channels; ++c) {
      const Plane<float>& image = canvas.planes.at(static_cast<size_t>(c));
      double sum = 0;
      double weights = 0;
      for (int y = p.y - radius; y <= p.y + radius; ++y) {
        for (int x = p.x - radius; x <= p.x + radius; ++x) {
          const double rx = p.x - x;
          const double ry = p.y - y;
          const double distance = std::hypot(rx, ry);
          if (distance > radius || !came_before(x, y, p)) continue;
          const double direction = std::max(std::abs(rx * nx + ry * ny), 1e-6) / distance;
          const double closeness = 1 / (distance * distance);
          const double level = 1 / (1 + std::abs(t - march.time(x, y)));
          const double weight = direction * closeness * level;
          const auto difference = [&](int dx, int dy) {
            const bool is_before = came_before(x - dx, y - dy, p);
            const bool is_after = came_before(x + dx, y + dy, p);
            const double here = image.at(x, y);
            const double before = is_before ? image.at(x - dx, y - dy) : here;
            const double after = is_after ? image.at(x + dx, y + dy) : here;
            return (after - before) / (is_before && is_after ? 2 : 1);
          };
          sum += weight * (image.at(x, y) + share * (difference(1, 0) * rx + difference(0, 1) * ry));
          weights += weight;
        }
      }
      image.at(p.x, p.y) = static_cast<float>(sum / weights);
    }
  }
}

TEST(Telea, EqualsTheReference) {
  for (const CanvasCase& each : test::canvas_cases()) {
    const auto untouched = each.make();
    const test::ReferenceMarch march(untouched->canvas(), 17);
    for (const int radius : {1, 3, 5, 8, 16}) {
      for (const double gradient : {0.0, 0.5, 1.0}) {
        if (gradient != 0.5 && radius > 5) continue;
        SCOPED_TRACE(each.name + " radius " + std::to_string(radius));
        Settings settings(kTelea.parameters);
        settings.set(kTeleaRadius, radius);
        settings.set(kTeleaGradient, gradient);
        const auto fast = each.make();
        fast->fill(kTelea, settings, 2);
        const auto slow = each.make();
        reference_fill(slow->canvas(), march, radius, gradient);
        for (int c = 0; c < each.channels; ++c) {
          for (int y = 0; y < each.height; ++y) {
            for (int x = 0; x < each.width; ++x) {
              if (each.label(x, y) == kHole && std::isinf(march.time(x, y))) continue;  // the test below
              ASSERT_NEAR(fast->at(x, y, c), slow->at(x, y, c), 2e-5F) << x << ',' << y;
            }
          }
        }
      }
    }
  }
}

TEST(Telea, HolesWalledOffBecomeTheMeanOfWhatIsKnown) {
  const CanvasCase each{"walled", 12, 12, 1, [](int x, int y) {
                          if (x < 6) return x == 5 ? kExcluded : kKnown;
                          return y < 6 ? kHole : kExcluded;
                        }};
  const auto canvas = each.make([](int x, int, int) { return static_cast<float>(x); });
  canvas->fill(kTelea);
  for (int y = 0; y < 6; ++y) {
    for (int x = 6; x < 12; ++x) ASSERT_FLOAT_EQ(canvas->at(x, y, 0), 2.0F);
  }
}

TEST(Telea, AConstantStaysExactlyWhatItIs) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto canvas = each.make([](int, int, int c) { return 0.1F + 0.3F * static_cast<float>(c); });
    canvas->fill(kTelea, 2);
    for (const infill::Run& run : canvas->canvas().holes) {
      for (int c = 0; c < each.channels; ++c) {
        for (int x = run.x0; x < run.x1; ++x) ASSERT_EQ(canvas->at(x, run.y, c), canvas->truth(x, run.y, c));
      }
    }
  }
}

// With the whole gradient a ramp goes on along the front; a thin hole is closed within a fraction of a step.
TEST(Telea, ContinuesARampAcrossAThinHole) {
  const CanvasCase each{"thin", 60, 40, 1,
                        [](int x, int y) { return x >= 30 && x < 33 && y > 4 && y < 35 ? kHole : kKnown; }};
  const auto canvas = each.make([](int x, int y, int) { return static_cast<float>(2 * x + y) / 160.0F; });
  Settings settings(kTelea.parameters);
  settings.set(kTeleaGradient, 1);
  canvas->fill(kTelea, settings);
  for (const infill::Run& run : canvas->canvas().holes) {
    for (int x = run.x0; x < run.x1; ++x) {
      ASSERT_NEAR(canvas->at(x, run.y, 0), canvas->truth(x, run.y, 0), 1.0F / 160.0F) << x << ',' << run.y;
    }
  }
}

TEST(Telea, IsFoundByItsNumber) {
  EXPECT_EQ(find_method(MethodId::kTelea), &kTelea);
}

}  // namespace
}  // namespace infill::classic
