// The only header by which kernels see CUDA.
//
// Under nvcc and clang: the toolkit's headers and wrappers of the PTX instructions that C++ has no words for.
// With INFILL_CUDASIM the same names come from the emulation in tests/cudasim, which compiles kernels with a
// host compiler and checks every access. So all inline assembly stands here, and each wrapper has its twin in
// tests/cudasim/language/ptx.h.
//
// INFILL_LAUNCH(kernel, grid, block, shared_bytes, stream, arguments...)   kernel<<<...>>>(arguments...);
//                                                   a template kernel stands in parentheses: (kernel<float,
//                                                   4>)
// INFILL_SHARED(T, name, dims)          static shared array, 16-byte aligned: INFILL_SHARED(float, tile,
// [16][33]);
//                                                   a scalar has empty dims: INFILL_SHARED(int, count, );
// INFILL_DYNAMIC_SHARED(T, name)        T* to the dynamic shared memory of the launch, 16-byte aligned
#pragma once

#ifdef INFILL_CUDASIM
#include "cudasim/language.h"
#else

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#define INFILL_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
  kernel<<<(grid), (block), (shared_bytes), (stream)>>>(__VA_ARGS__)

#define INFILL_SHARED(T, name, dims) __shared__ __align__(16) T name dims

#define INFILL_DYNAMIC_SHARED(T, name)                                          \
  extern __shared__ __align__(16) unsigned char infill_dynamic_shared_memory[]; \
  T* name = reinterpret_cast<T*>(infill_dynamic_shared_memory)

namespace infill::cuda::ptx {

__device__ __forceinline__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

// A body that this architecture has no instructions for. Launchers choose another kernel there.
__device__ __forceinline__ void unreachable_architecture() {
  __trap();
}

// Copies `valid_bytes` of `kBytes` (4, 8 or 16) from global to shared memory and fills the rest with zeros.
// Both addresses are multiples of kBytes. Done when cp_async_wait says so; other threads see it after a
// barrier more.
template <int kBytes>
__device__ __forceinline__ void cp_async(void* shared, const void* global, int valid_bytes) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16, "cp.async copies 4, 8 or 16 bytes");
#if __CUDA_ARCH__ >= 800
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(shared)), "l"(global),
                 "r"(valid_bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;\n" ::"r"(shared_address(shared)), "l"(global),
                 "n"(kBytes), "r"(valid_bytes)
                 : "memory");
  }
#else
  unreachable_architecture();
#endif
}

__device__ __forceinline__ void cp_async_commit() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;\n" ::: "memory");
#else
  unreachable_architecture();
#endif
}

// Waits until at most kGroups of this thread's newest groups are unfinished.
template <int kGroups>
__device__ __forceinline__ void cp_async_wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kGroups) : "memory");
#else
  unreachable_architecture();
#endif
}

// 8x8 matrices of 16-bit elements; lane 8 j + i gives the address of row i of matrix j (of 16 bytes,
// aligned). Lane l receives of each matrix elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4; transposed, of
// column l / 4.
__device__ __forceinline__ void ldmatrix_x4(unsigned (&r)[4], const void* shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(shared))
               : "memory");
}

__device__ __forceinline__ void ldmatrix_x2(unsigned (&r)[2], const void* shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];\n"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(shared))
               : "memory");
}

__device__ __forceinline__ void ldmatrix_x4_trans(unsigned (&r)[4], const void* shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(shared))
               : "memory");
}

__device__ __forceinline__ void ldmatrix_x2_trans(unsigned (&r)[2], const void* shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];\n"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(shared))
               : "memory");
}

// d (16x8) += a (16x16, rows) b (16x8, columns), float accumulation. With g = lane / 4, t = lane % 4, pairs
// of neighbouring k in one register, low half first:
//   a[0] = A(g, 2t..)  a[1] = A(g + 8, 2t..)  a[2] = A(g, 2t + 8..)  a[3] = A(g + 8, 2t + 8..)
//   b[0] = B(2t.., g)  b[1] = B(2t + 8.., g)
//   d[0], d[1] = D(g, 2t), D(g, 2t + 1)       d[2], d[3] = D(g + 8, 2t), D(g + 8, 2t + 1)
__device__ __forceinline__ void mma_bf16_16816(float (&d)[4], const unsigned (&a)[4],
                                               const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  unreachable_architecture();
#endif
}

__device__ __forceinline__ void mma_f16_16816(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  unreachable_architecture();
#endif
}

// d (16x8) += a (16x8, rows) b (8x8, columns), operands rounded to TF32 before (to_tf32):
//   a[0] = A(g, t)  a[1] = A(g + 8, t)  a[2] = A(g, t + 4)  a[3] = A(g + 8, t + 4)   b[0] = B(t, g)  b[1] =
//   B(t + 4, g)
__device__ __forceinline__ void mma_tf32_1688(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  unreachable_architecture();
#endif
}

// Nearest value with 10 bits of mantissa, ties away from zero.
__device__ __forceinline__ unsigned to_tf32(float value) {
#if __CUDA_ARCH__ >= 800
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;\n" : "=r"(bits) : "f"(value));
  return bits;
#else
  unreachable_architecture();
  return 0;
#endif
}

}  // namespace infill::cuda::ptx

#endif
