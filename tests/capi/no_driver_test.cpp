// Contexts where there is no CUDA driver: the device says why, the CPU works, whichever is asked first.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "support.h"

namespace capi_test {
namespace {

// The first look at the driver is the process's only one: each order gets a process of its own.
class NoDriver : public testing::Test {
 protected:
  void SetUp() override {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (driver != nullptr) GTEST_SKIP() << "this machine has a CUDA driver";
  }
};

// The text of an attempt that is refused as it should be.
std::string refusal() {
  infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
  desc.device_type = INFILL_DEVICE_CUDA;
  infill_context* context = nullptr;
  infill_error error = INFILL_ERROR_INIT;
  const infill_status status = infill_context_create(&desc, &context, &error);
  return status == INFILL_ERROR_NO_DEVICE && context == nullptr ? error.message : "not NO_DEVICE";
}

bool cpu_fills() {
  const Session cpu(INFILL_METHOD_HARMONIC);
  const Picture src = textured(31, 23);
  const Picture mask = mask_with(31, 23, {12, 9, 7, 5});
  Picture dst = src;
  for (unsigned char& byte : dst.bytes) byte = 7;
  const infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
  return infill_fill(cpu.session, &desc, nullptr) == INFILL_OK && dst.bytes != src.bytes &&
         infill_device_count() == 1;
}

[[noreturn]] void end_with(const std::string& said, bool good) {
  std::fprintf(stderr, "%s\n", said.c_str());
  std::exit(good ? 0 : 1);  // NOLINT(concurrency-mt-unsafe)
}

constexpr const char* kReason = "there is no CUDA driver: libcuda\\.so\\.1";

TEST_F(NoDriver, DeviceFirst) {
  EXPECT_EXIT(
      {
        const std::string said = refusal();
        const bool filled = cpu_fills();
        end_with(said, filled && refusal() == said && cpu_fills());
      },
      testing::ExitedWithCode(0), kReason);
}

TEST_F(NoDriver, CpuFirst) {
  EXPECT_EXIT(
      {
        const bool filled = cpu_fills();
        const std::string said = refusal();
        end_with(said, filled && cpu_fills());
      },
      testing::ExitedWithCode(0), kReason);
}

}  // namespace
}  // namespace capi_test
