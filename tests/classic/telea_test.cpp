#include "classic/telea.h"

#include <gtest/gtest.h>

#include "support/method_checks.h"

namespace infill::classic {
namespace {

using test::CanvasCase;
using test::TestCanvas;

TEST(Telea, FillsHolesAndNothingElse) {
  test::expect_fills_holes_only(kTelea);
}
TEST(Telea, SameBytesForAllThreadsAndInstructionSets) {
  test::expect_same_bytes(kTelea);
}
TEST(Telea, CanBeCancelledAnywhere) {
  test::expect_cancels(kTelea);
}

}  // namespace
}  // namespace infill::classic
