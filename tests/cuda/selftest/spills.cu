// More values alive than the launch bounds leave registers for.
extern "C" __global__ void __launch_bounds__(1024, 2) spills_kernel(const float* in, float* out) {
  float values[64];
#pragma unroll
  for (int k = 0; k < 64; ++k) values[k] = in[64 * threadIdx.x + k];
  __syncthreads();
#pragma unroll
  for (int k = 0; k < 64; ++k) out[64 * threadIdx.x + k] = values[63 - k] * values[(k + 31) % 64];
}
