// What goes wrong on a device, injected by tests/cudasim.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "capi/device/device_support.h"
#include "cudasim/driver.h"

namespace capi_test {
namespace {

class SimulatedDevice : public Device {
 protected:
  void TearDown() override { infill::cudasim::reset_driver(); }
};

TEST_F(SimulatedDevice, IsListed) {
  ASSERT_EQ(infill_device_count(), 2U);
  infill_device_info info = INFILL_DEVICE_INFO_INIT;
  ASSERT_EQ(infill_device_get_info(1, &info, &error), INFILL_OK);
  EXPECT_EQ(info.type, INFILL_DEVICE_CUDA);
  EXPECT_EQ(info.index, 0);
  EXPECT_EQ(info.compute_capability, 80);
  EXPECT_STREQ(info.name, "Fake GPU 0");
}

TEST_F(SimulatedDevice, DevicesThatAreTooOldSaySo) {
  infill_context_desc desc = on_device_desc();
  infill::cudasim::driver().capability = 70;
  EXPECT_NE(message_of(INFILL_ERROR_NO_DEVICE, desc).find("has compute capability 7.0, needed is 7.5"),
            std::string::npos);
  infill::cudasim::driver().version = 11000;
  EXPECT_NE(message_of(INFILL_ERROR_NO_DEVICE, desc).find("cudaErrorInsufficientDriver"), std::string::npos);
}

// A fill on the CPU works whatever the device does.
void expect_cpu_works(const Picture& src, const Picture& mask) {
  static const std::vector<unsigned char> expected = filled_on_cpu(INFILL_METHOD_HARMONIC, src, mask);
  EXPECT_EQ(filled_on_cpu(INFILL_METHOD_HARMONIC, src, mask), expected);
}

TEST_F(SimulatedDevice, EveryAllocationMayFail) {
  int failures = 0;
  for (int nth = 1; nth < 40; ++nth) {
    const Session session(INFILL_METHOD_TELEA, on_device_desc());
    Picture dst = src;
    const infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
    infill::cudasim::driver().fail_allocation = nth;
    const infill_status status = infill_fill(session.session, &desc, &error);
    infill::cudasim::driver().fail_allocation = 0;
    if (status == INFILL_OK) break;
    ++failures;
    EXPECT_EQ(status, INFILL_ERROR_OUT_OF_MEMORY) << error.message;
    EXPECT_EQ(infill_fill(session.session, &desc, &error), INFILL_OK)
        << "the session stays usable: " << error.message;
    EXPECT_EQ(dst.bytes, filled_on_cpu(INFILL_METHOD_TELEA, src, mask));
  }
  EXPECT_GT(failures, 2);
}

TEST_F(SimulatedDevice, EveryLaunchMayFail) {
  int failures = 0;
  for (int nth = 1; nth < 40; ++nth) {
    const Session session(INFILL_METHOD_HARMONIC, on_device_desc());
    Picture dst = src;
    const infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
    infill::cudasim::driver().fail_launch = nth;
    const infill_status status = infill_fill(session.session, &desc, &error);
    infill::cudasim::driver().fail_launch = 0;
    if (status == INFILL_OK) break;
    ++failures;
    EXPECT_EQ(status, INFILL_ERROR_INTERNAL);
    EXPECT_EQ(error.native_kind, INFILL_NATIVE_CUDA);
    EXPECT_EQ(error.native_code, cudaErrorLaunchOutOfResources);
    EXPECT_EQ(infill_fill(session.session, &desc, &error), INFILL_OK) << error.message;
  }
  EXPECT_GT(failures, 1);
}

TEST_F(SimulatedDevice, ALostDeviceIsSaidByEveryCall) {
  const Session session(INFILL_METHOD_HARMONIC, on_device_desc());
  Picture dst = src;
  const infill_fill_desc desc = desc_of(src.image, mask.image, dst.image);
  infill::cudasim::driver().lose_device = 1;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(infill_fill(session.session, &desc, &error), INFILL_ERROR_DEVICE_LOST) << error.message;
    EXPECT_EQ(error.native_code, cudaErrorIllegalAddress);
  }
  EXPECT_NE(std::string(error.message).find("was lost before; make another context"), std::string::npos)
      << error.message;
  expect_cpu_works(src, mask);
}

}  // namespace
}  // namespace capi_test
