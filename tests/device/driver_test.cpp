#include "device/driver.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace infill::device {
namespace {

class FakeDriver : public testing::Test {
 protected:
  void TearDown() override { unsetenv("INFILL_FAKE_DRIVER"); }

  static Driver with(const char* setting) {
    setenv("INFILL_FAKE_DRIVER", setting, 1);
    return Driver(INFILL_FAKE_DRIVER_FILE);
  }
  static void expect_missing(const Driver& driver, const char* part) {
    EXPECT_TRUE(driver.devices().empty());
    EXPECT_NE(driver.missing().find(part), std::string::npos) << driver.missing();
  }
};

TEST(Driver, WithoutOneThereAreNoDevices) {
  const Driver driver("libinfill_no_such_driver.so.1");
  EXPECT_TRUE(driver.devices().empty());
  EXPECT_NE(driver.missing().find("there is no CUDA driver: libinfill_no_such_driver.so.1"),
            std::string::npos)
      << driver.missing();
}

TEST(Driver, AnotherLibraryIsNone) {
  const Driver driver("libdl.so.2");
  EXPECT_TRUE(driver.devices().empty());
  EXPECT_EQ(driver.missing(), "the CUDA driver libdl.so.2 has no cuInit");
}

TEST_F(FakeDriver, DevicesAreDescribed) {
  const Driver driver = with("devices=2");
  EXPECT_EQ(driver.missing(), "");
  ASSERT_EQ(driver.devices().size(), 2U);
  const CudaDevice& second = driver.devices()[1];
  EXPECT_EQ(second.index, 1);
  EXPECT_EQ(second.name, "Fake GPU 1");
  EXPECT_EQ(second.compute_capability, 81);
  EXPECT_EQ(second.total_memory, uint64_t{9} << 30U);
  for (const uint8_t byte : second.uuid) EXPECT_EQ(byte, 17);
}

TEST_F(FakeDriver, NoDeviceIsNoFailure) {
  expect_missing(with(""), "the CUDA driver sees no device");
  expect_missing(with("init=100"), "the CUDA driver sees no device");
}

TEST_F(FakeDriver, FailuresAreNamed) {
  expect_missing(with("devices=2 init=999"), "cuInit says CUDA_ERROR_UNKNOWN (999)");
  expect_missing(with("devices=2 count=3"), "cuDeviceGetCount says CUDA_ERROR_NOT_INITIALIZED (3)");
  expect_missing(with("devices=2 init=4242"), "cuInit says unknown error (4242)");
}

TEST_F(FakeDriver, ADeviceThatDoesNotAnswerIsLeftOut) {
  const Driver driver = with("devices=3 mute=1");
  ASSERT_EQ(driver.devices().size(), 2U);
  EXPECT_EQ(driver.devices()[1].index, 2) << "its number is the driver's";
}

}  // namespace
}  // namespace infill::device
