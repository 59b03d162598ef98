#include "classic/harmonic.h"

#include <gtest/gtest.h>

#include <Eigen/Sparse>
#include <algorithm>
#include <vector>

#include "support/method_checks.h"

namespace infill::classic {
namespace {

using test::CanvasCase;
using test::TestCanvas;

TEST(Harmonic, FillsHolesAndNothingElse) {
  test::expect_fills_holes_only(kHarmonic);
}
TEST(Harmonic, SameBytesForAllThreadsAndInstructionSets) {
  test::expect_same_bytes(kHarmonic);
}
TEST(Harmonic, CanBeCancelledAnywhere) {
  test::expect_cancels(kHarmonic);
}

TEST(Harmonic, ScratchIsExact) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto canvas = each.make();
    if (canvas->canvas().hole_pixels == 0) continue;
    EXPECT_EQ(canvas->fill(kHarmonic), kHarmonic.scratch(canvas->shape(1), Settings(kHarmonic.parameters)));
  }
}

// The equations set up pixel by pixel and solved by a sparse Cholesky factorisation in double. The matrix
// gets a little weight towards 0.5, which holes without any known neighbour need.
std::vector<double> reference(const TestCanvas& test, const Canvas& canvas, int channel, double hold) {
  const auto index = [&](int x, int y) { return x + y * canvas.width; };
  const int n = canvas.width * canvas.height;
  std::vector<Eigen::Triplet<double>> entries;
  Eigen::VectorXd right = Eigen::VectorXd::Zero(n);
  for (int y = 0; y < canvas.height; ++y) {
    for (int x = 0; x < canvas.width; ++x) {
      const int i = index(x, y);
      if (canvas.label.at(x, y) != kHole) {
        entries.emplace_back(i, i, 1.0);
        continue;
      }
      double diagonal = hold;
      right[i] = hold * 0.5;
      for (const auto& [dx, dy] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
        if (!canvas.label.contains(x + dx, y + dy)) continue;
        const uint8_t label = canvas.label.at(x + dx, y + dy);
        if (label == kExcluded) continue;
        diagonal += 1;
        if (label == kHole) {
          entries.emplace_back(i, index(x + dx, y + dy), -1.0);
        } else {
          right[i] += static_cast<double>(test.truth(x + dx, y + dy, channel));
        }
      }
      entries.emplace_back(i, i, diagonal);
    }
  }
  Eigen::SparseMatrix<double> matrix(n, n);
  matrix.setFromTriplets(entries.begin(), entries.end());
  const Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>> solver(matrix);
  EXPECT_EQ(solver.info(), Eigen::Success);
  const Eigen::VectorXd solution = solver.solve(right);
  return {solution.data(), solution.data() + n};
}

void expect_equals_reference(const CanvasCase& each) {
  SCOPED_TRACE(each.name);
  const auto canvas = each.make();
  canvas->fill(kHarmonic, 2);
  for (int c = 0; c < each.channels; ++c) {
    const std::vector<double> expected = reference(*canvas, canvas->canvas(), c, 1e-12);
    double worst = 0;
    for (int y = 0; y < each.height; ++y) {
      for (int x = 0; x < each.width; ++x) {
        if (each.label(x, y) != kHole) continue;
        const double e = expected[static_cast<size_t>(x + y * each.width)];
        worst = std::max(worst, std::abs(static_cast<double>(canvas->at(x, y, c)) - e));
      }
    }
    EXPECT_LE(worst, 1e-5) << "channel " << c;
  }
}

TEST(Harmonic, EqualsADirectSolution) {
  for (const CanvasCase& each : test::canvas_cases()) {
    // Nothing holds these in place: any constant is a solution.
    if (each.name == "enclosed_by_excluded" || each.name == "excluded_dots") continue;
    expect_equals_reference(each);
  }
}

TEST(Harmonic, EqualsADirectSolutionOnRaggedHoles) {
  for (uint32_t seed = 0; seed < 6; ++seed) {
    const CanvasCase each{"seed " + std::to_string(seed), 150 + static_cast<int>(seed) * 13, 170, 2,
                          [seed](int x, int y) {
                            const uint32_t coarse = test::hash_pixel(x / 24, y / 24, seed) % 10;
                            const uint32_t fine = test::hash_pixel(x, y, seed + 100) % 16;
                            return coarse < 5 ? (fine == 0 ? kKnown : kHole) : fine == 1 ? kHole : kKnown;
                          }};
    expect_equals_reference(each);
  }
}

// Ramps in holes of many shapes, large ones included, away from the border.
TEST(Harmonic, ContinuesALinearRamp) {
  const auto ramp = [](int x, int y, int c) {
    return static_cast<float>(c == 0   ? x / 800.0
                              : c == 1 ? 1.0 - y / 800.0
                                       : 0.2 + (0.3 * x + 0.5 * y) / 800.0);
  };
  const std::vector<CanvasCase> cases{
      {"700 wide", 760, 740, 3,
       [](int x, int y) { return x >= 20 && x < 720 && y >= 20 && y < 720 ? kHole : kKnown; }},
      {"disc", 500, 480, 3,
       [](int x, int y) {
         return (x - 250) * (x - 250) + (y - 240) * (y - 240) < 220 * 220 ? kHole : kKnown;
       }},
      {"strokes", 400, 400, 3,
       [](int x, int y) {
         return x > 9 && y > 9 && x < 390 && y < 390 && ((x * 3 + y) % 60 < 25 || (x - 2 * y + 800) % 90 < 12)
                    ? kHole
                    : kKnown;
       }},
  };
  for (const CanvasCase& each : cases) {
    SCOPED_TRACE(each.name);
    const auto canvas = each.make(ramp);
    canvas->fill(kHarmonic, 2);
    double worst = 0;
    for (int c = 0; c < each.channels; ++c) {
      for (int y = 0; y < each.height; ++y) {
        for (int x = 0; x < each.width; ++x) {
          const double error = canvas->at(x, y, c) - canvas->truth(x, y, c);
          worst = std::max(worst, std::abs(error));
        }
      }
    }
    EXPECT_LE(worst, 1e-5);
    RecordProperty("worst " + each.name, std::to_string(worst));
  }
}

TEST(Harmonic, FollowsTheRangeOfTheValues) {
  const CanvasCase each{"hdr", 90, 80, 1,
                        [](int x, int y) { return x > 20 && x < 70 && y > 20 && y < 60 ? kHole : kKnown; }};
  for (const float scale : {1e-6F, 1.0F, 1e6F}) {
    const auto canvas =
        each.make([&](int x, int y, int) { return scale * static_cast<float>(x + 2 * y) / 100; });
    canvas->fill(kHarmonic);
    for (int y = 0; y < 80; ++y) {
      for (int x = 0; x < 90; ++x) ASSERT_NEAR(canvas->at(x, y, 0), canvas->truth(x, y, 0), 1e-5F * scale);
    }
  }
}

}  // namespace
}  // namespace infill::classic
