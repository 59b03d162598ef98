#include "classic/navier_stokes.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace infill::classic
