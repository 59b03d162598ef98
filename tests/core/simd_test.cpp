#include "core/simd.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

namespace infill {
namespace {

// The environment is read once per process, by main: each value gets a process of its own.
class Simd : public testing::Test {
 protected:
  void SetUp() override {
    const char* now = std::getenv("INFILL_ISA");  // NOLINT(concurrency-mt-unsafe)
    if (now != nullptr) before_ = now;
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
  void TearDown() override {
    if (before_) {
      set(before_->c_str());
    } else {
      unsetenv("INFILL_ISA");  // NOLINT(concurrency-mt-unsafe)
    }
  }
  static void set(const char* value) { setenv("INFILL_ISA", value, 1); }  // NOLINT(concurrency-mt-unsafe)
  static void expect_name(const char* value, const char* allowed) {
    set(value);
    EXPECT_EXIT(
        {
          std::fputs(std::string(simd_name()).c_str(), stderr);
          std::_Exit(0);
        },
        testing::ExitedWithCode(0), allowed);
  }
  static void expect_refusal(const char* value, const char* message) {
    set(value);
    EXPECT_DEATH(std::_Exit(0), message);
  }

 private:
  std::optional<std::string> before_;
};

TEST_F(Simd, TheEnvironmentLowersTheInstructionSet) {
  expect_name("sse4", "^sse4$");
  expect_name("avx2", "^(sse4|avx2)$");
  expect_name("avx512", "^(sse4|avx2|avx512)$");
}

TEST_F(Simd, AnUnknownNameIsRefused) {
  expect_refusal("AVX2", "INFILL_ISA: 'AVX2' is none of");
  expect_refusal("", "INFILL_ISA: '' is none of");
}

}  // namespace
}  // namespace infill
