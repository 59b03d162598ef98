// Within all limits but the table's.
extern "C" __global__ void __launch_bounds__(128) registers_kernel(const float* in, float* out) {
  float values[80];
#pragma unroll
  for (int k = 0; k < 80; ++k) values[k] = in[80 * threadIdx.x + k];
  __syncthreads();
#pragma unroll
  for (int k = 0; k < 80; ++k) out[80 * threadIdx.x + k] = values[79 - k] * values[(k + 31) % 80];
}
