#include "classic/biharmonic.h"

#include <gtest/gtest.h>

#include <Eigen/Sparse>
#include <algorithm>
#include <vector>

#include "support/method_checks.h"

namespace infill::classic {
namespace {

using test::CanvasCase;

TEST(Biharmonic, FillsHolesAndNothingElse) {
  test::expect_fills_holes_only(kBiharmonic);
}
TEST(Biharmonic, SameBytesForAllThreadsAndInstructionSets) {
  test::expect_same_bytes(kBiharmonic);
}
TEST(Biharmonic, CanBeCancelledAnywhere) {
  test::expect_cancels(kBiharmonic);
}

TEST(Biharmonic, ScratchIsExact) {
  for (const CanvasCase& each : test::canvas_cases()) {
    SCOPED_TRACE(each.name);
    const auto canvas = each.make();
    if (canvas->canvas().hole_pixels == 0) continue;
    EXPECT_EQ(canvas->fill(kBiharmonic),
              kBiharmonic.scratch(canvas->shape(1), Settings(kBiharmonic.parameters)));
  }
}

using Matrix = Eigen::SparseMatrix<double>;

// The Laplace operator of all pixels that are not excluded; borders repeat their pixels.
Matrix laplacian(const Canvas& canvas) {
  const int n = canvas.width * canvas.height;
  std::vector<Eigen::Triplet<double>> entries;
  for (int y = 0; y < canvas.height; ++y) {
    for (int x = 0; x < canvas.width; ++x) {
      if (canvas.label.at(x, y) == kExcluded) continue;
      for (const auto& [dx, dy] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
        if (!canvas.label.contains(x + dx, y + dy) || canvas.label.at(x + dx, y + dy) == kExcluded) continue;
        entries.emplace_back(x + y * canvas.width, x + y * canvas.width, 1.0);
        entries.emplace_back(x + y * canvas.width, x + dx + (y + dy) * canvas.width, -1.0);
      }
    }
  }
  Matrix matrix(n, n);
  matrix.setFromTriplets(entries.begin(), entries.end());
  return matrix;
}

// L L u = 0 in holes, u given elsewhere: sparse Cholesky in double.
void expect_equals_reference(const CanvasCase& each, double tolerance) {
  SCOPED_TRACE(each.name);
  const auto test = each.make();
  Settings settings(kBiharmonic.parameters);
  settings.set(kBiharmonicTolerance, 1e-7);
  test->fill(kBiharmonic, settings, 2);
  const Canvas& canvas = test->canvas();
  const Matrix l = laplacian(canvas);
  const Matrix a = l * l;
  const int n = canvas.width * canvas.height;
  const auto is_hole = [&](int i) { return canvas.label.at(i % canvas.width, i / canvas.width) == kHole; };
  std::vector<Eigen::Triplet<double>> entries;
  Eigen::MatrixXd right = Eigen::MatrixXd::Zero(n, each.channels);
  for (int j = 0; j < n; ++j) {
    if (!is_hole(j)) entries.emplace_back(j, j, 1.0);
    for (Matrix::InnerIterator at(a, j); at; ++at) {
      const auto i = static_cast<int>(at.row());
      if (!is_hole(i)) continue;
      if (is_hole(j)) {
        entries.emplace_back(i, j, at.value());
      } else if (canvas.label.at(j % canvas.width, j / canvas.width) == kKnown) {
        for (int c = 0; c < each.channels; ++c) {
          right(i, c) -= at.value() * static_cast<double>(test->truth(j % canvas.width, j / canvas.width, c));
        }
      }
    }
  }
  Matrix holes(n, n);
  holes.setFromTriplets(entries.begin(), entries.end());
  const Eigen::SimplicialLDLT<Matrix> solver(holes);
  ASSERT_EQ(solver.info(), Eigen::Success);
  const Eigen::MatrixXd expected = solver.solve(right);
  double worst = 0;
  for (int i = 0; i < n; ++i) {
    if (!is_hole(i)) continue;
    for (int c = 0; c < each.channels; ++c) {
      const double value = test->at(i % canvas.width, i / canvas.width, c);
      worst = std::max(worst, std::abs(value - expected(i, c)));
    }
  }
  EXPECT_LE(worst, tolerance);
}

TEST(Biharmonic, EqualsADirectSolution) {
  for (const CanvasCase& each : test::canvas_cases()) {
    // Nothing holds these in place: any constant is a solution.
    if (each.name == "enclosed_by_excluded" || each.name == "excluded_dots") continue;
    expect_equals_reference(each, each.name == "one_known" ? 1e-3 : 1e-5);
  }
}

TEST(Biharmonic, EqualsADirectSolutionOnRaggedHoles) {
  for (uint32_t seed = 0; seed < 4; ++seed) {
    expect_equals_reference({"seed " + std::to_string(seed), 120 + static_cast<int>(seed) * 13, 110, 2,
                             [seed](int x, int y) {
                               const uint32_t coarse = test::hash_pixel(x / 20, y / 20, seed) % 10;
                               const uint32_t fine = test::hash_pixel(x, y, seed + 100) % 16;
                               return coarse < 5 ? (fine == 0 ? kKnown : kHole) : fine == 1 ? kHole : kKnown;
                             }},
                            1e-5);
  }
}

TEST(Biharmonic, ContinuesAQuadratic) {
  const auto quadratic = [](int x, int y, int c) {
    const double u = x / 300.0;
    const double v = y / 300.0;
    const double value = c == 0   ? u * u
                         : c == 1 ? u * v + 0.2 * v
                                  : 0.5 + 0.3 * u - 0.4 * u * u + 0.2 * v * v;
    return static_cast<float>(value);
  };
  const std::vector<CanvasCase> cases{
      {"200 wide", 300, 260, 3,
       [](int x, int y) { return x >= 50 && x < 250 && y >= 30 && y < 230 ? kHole : kKnown; }},
      {"thin", 260, 200, 3,
       [](int x, int y) {
         return x > 4 && y > 4 && x < 255 && y < 195 && ((x + 2 * y) % 40 < 7 || x % 50 < 3) ? kHole : kKnown;
       }},
  };
  for (const CanvasCase& each : cases) {
    SCOPED_TRACE(each.name);
    const auto canvas = each.make(quadratic);
    canvas->fill(kBiharmonic, 2);
    double worst = 0;
    for (int c = 0; c < each.channels; ++c) {
      for (int y = 0; y < each.height; ++y) {
        for (int x = 0; x < each.width; ++x) {
          const double error = canvas->at(x, y, c) - canvas->truth(x, y, c);
          worst = std::max(worst, std::abs(error));
        }
      }
    }
    // The known values are floats: over 200 pixels their rounding alone moves the answer by some 1e-5.
    EXPECT_LE(worst, 1e-4);
    RecordProperty("worst " + each.name, std::to_string(worst));
  }
}

TEST(Biharmonic, EndsAtItsCapWithSomethingSmooth) {
  const CanvasCase each = test::canvas_cases().back();
  Settings settings(kBiharmonic.parameters);
  settings.set(kBiharmonicIterations, 2);
  const auto canvas = each.make();
  canvas->fill(kBiharmonic, settings);
  for (const infill::Run& run : canvas->canvas().holes) {
    for (int x = run.x0; x < run.x1; ++x) ASSERT_NEAR(canvas->at(x, run.y, 0), 0.5F, 1.0F);
  }
}

}  // namespace
}  // namespace infill::classic
