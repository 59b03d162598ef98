// Tensor cores fed by cp.async and ldmatrix, nothing spilled.
#include <cuda_fp16.h>

extern "C" __global__ void __launch_bounds__(32) good_kernel(const __half* in, float* out) {
  __shared__ __align__(16) __half tile[16 * 16];
  const unsigned lane = threadIdx.x, to = static_cast<unsigned>(__cvta_generic_to_shared(tile + 8 * lane));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(to), "l"(in + 8 * lane) : "memory");
  asm volatile("cp.async.commit_group;\ncp.async.wait_group 0;\n" ::: "memory");
  __syncwarp();
  unsigned a[4];
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
               : "r"(to)
               : "memory");
  float d[4] = {};
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%4,%5}, "
      "{%0,%1,%2,%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]));
  out[lane] = d[0] + d[1] + d[2] + d[3];
}
