// An array whose index is known only when the kernel runs.
extern "C" __global__ void __launch_bounds__(32) local_array_kernel(const int* in, int* out) {
  int values[64];
  for (int k = 0; k < 64; ++k) values[k] = in[k] * 3;
  for (int k = 0; k < 64; ++k) values[in[k + threadIdx.x] & 63] += k;
  out[threadIdx.x] = values[in[threadIdx.x] & 63];
}
