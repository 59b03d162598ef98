// A library with a kernel, opened at run time (opener.cpp); its translation lies beside it.
#include <cuda_runtime.h>

namespace {

__global__ void __launch_bounds__(32) square(int* values) {
  values[threadIdx.x] *= values[threadIdx.x];
}

}  // namespace

// 0 if the kernel did what it should.
extern "C" int run_square() {
  int values[32], *device = nullptr;
  for (int i = 0; i < 32; ++i) values[i] = i - 7;
  if (cudaMalloc(reinterpret_cast<void**>(&device), sizeof values) != cudaSuccess) return 1;
  cudaMemcpy(device, values, sizeof values, cudaMemcpyHostToDevice);
  square<<<1, 32>>>(device);
  cudaMemcpy(values, device, sizeof values, cudaMemcpyDeviceToHost);
  cudaFree(device);
  for (int i = 0; i < 32; ++i) {
    if (values[i] != (i - 7) * (i - 7)) return 2;
  }
  return cudaGetLastError() == cudaSuccess ? 0 : 3;
}
