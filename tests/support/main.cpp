// Test programs obey INFILL_ISA, as the library does.
#include <gtest/gtest.h>

#include "core/simd.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  infill::apply_simd_environment();
  return RUN_ALL_TESTS();
}
