// In which order LibTorch's halves are opened. One test a process: LibTorch decides once.
#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <typeinfo>

#include "infill/ops/cuda.h"
#include "infill/ops/gated_conv2d.h"

namespace {

at::Tensor on_the_cpu() {
  return infill::gated_conv2d(at::ones({1, 3, 5, 7}), at::ones({4, 3, 3, 3}), std::nullopt, {1, 1},
                              {1, 1, 1, 1}, {1, 1}, "elu");
}

bool has_cuda_kernel() {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow("infill::gated_conv2d", "")
      .hasKernelForDispatchKey(c10::DispatchKey::CUDA);
}

TEST(CudaOperators, OpenFirstThenTheCpuIsUsed) {
  EXPECT_FALSE(has_cuda_kernel());
  infill::open_cuda_operators();
  infill::open_cuda_operators();
  EXPECT_TRUE(has_cuda_kernel());
  const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
  EXPECT_FALSE(typeid(hooks) == typeid(at::CUDAHooksInterface));
  EXPECT_EQ(on_the_cpu().size(1), 2);
}

// A convolution on the CPU asks LibTorch about CUDA, too.
TEST(CudaOperators, RefuseToOpenAfterTheCpuWasUsed) {
  on_the_cpu();
  EXPECT_THROW(infill::open_cuda_operators(), c10::Error);
  EXPECT_FALSE(has_cuda_kernel());
}

TEST(CudaOperators, RefuseToOpenAfterLibTorchWasAsked) {
  EXPECT_FALSE(at::hasCUDA());
  try {
    infill::open_cuda_operators();
    FAIL() << "opened";
  } catch (const c10::Error& error) {
    EXPECT_NE(std::string(error.what()).find("was asked about CUDA before"), std::string::npos)
        << error.what();
  }
  EXPECT_FALSE(has_cuda_kernel());
  EXPECT_EQ(on_the_cpu().size(1), 2);
}

}  // namespace
