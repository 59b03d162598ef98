// Products of tiles in shared memory, C += A B^T, whose rows are chunks of 64 bytes of a longer row, and how
// such tiles get there. The same in every precision: a step takes 32 bytes of each row, 8 floats or 16
// halves, and ldmatrix hands out fragments of both alike. Before sm_80, and with INFILL_NO_TENSOR_CORES,
// products are sums over the same fragments.
#pragma once

#include "cuda/contextual_attention_plan.h"
#include "cuda/language.h"
#include "cuda/storage.cuh"

#if defined(INFILL_NO_TENSOR_CORES) || (defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800)
#define INFILL_SCALAR_PRODUCTS
#endif

namespace infill::cuda::attention {

// 16 bytes `piece` of row `row` of a tile: rows of 64 bytes, swizzled so that eight rows' pieces lie in all
// banks.
__device__ __forceinline__ int swizzled(int row, int piece) {
  return row * kChunk + ((piece ^ ((row >> 1) & 3)) << 4);
}

// 16 bytes from global to shared memory, zeros behind the first `valid` of them.
__device__ __forceinline__ void copy_piece(char* shared, const char* global, int valid) {
#ifdef INFILL_SCALAR_PRODUCTS
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    reinterpret_cast<unsigned short*>(shared)[i] =
        2 * i < valid ? reinterpret_cast<const unsigned short*>(global)[i] : static_cast<unsigned short>(0);
  }
#else
  ptx::cp_async<16>(shared, global, valid);
#endif
}
__device__ __forceinline__ void copies_commit() {
#ifndef INFILL_SCALAR_PRODUCTS
  ptx::cp_async_commit();
#endif
}
template <int kGroups>
__device__ __forceinline__ void copies_wait() {
#ifndef INFILL_SCALAR_PRODUCTS
  ptx::cp_async_wait<kGroups>();
#endif
}

// Two TF32 numbers whose sum is `bits`, a float, to 22 bits.
__device__ __forceinline__ void split_tf32(unsigned bits, unsigned& high, unsigned& low) {
  const float value = __uint_as_float(bits);
  high = ptx::to_tf32(value);
  low = ptx::to_tf32(value - __uint_as_float(high));
}

template <int kTiles, int kRegisters>
__device__ __forceinline__ void round_to_tf32(unsigned (&fragments)[kTiles][kRegisters]) {
#pragma unroll
  for (int i = 0; i < kTiles; ++i) {
#pragma unroll
    for (int j = 0; j < kRegisters; ++j) fragments[i][j] = ptx::to_tf32(__uint_as_float(fragments[i][j]));
  }
}

// Products of floats as three of TF32, the small ones first.
template <int kM, int kN>
__device__ __forceinline__ void multiply_split(float (&sums)[kM][kN][4], const unsigned (&a)[kM][4],
                                               const unsigned (&b)[kN][2]) {
  unsigned a_high[kM][4];
  unsigned a_low[kM][4];
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int i = 0; i < 4; ++i) split_tf32(a[m][i], a_high[m][i], a_low[m][i]);
  }
#pragma unroll
  for (int n = 0; n < kN; ++n) {
    unsigned b_high[2];
    unsigned b_low[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) split_tf32(b[n][i], b_high[i], b_low[i]);
#pragma unroll
    for (int m = 0; m < kM; ++m) {
      ptx::mma_tf32_1688(sums[m][n], a_low[m], b_high);
      ptx::mma_tf32_1688(sums[m][n], a_high[m], b_low);
      ptx::mma_tf32_1688(sums[m][n], a_high[m], b_high);
    }
  }
}

// sums[m][n] += the products of rows a_row + 16 m .. of tile a and rows b_row + 8 n .. of tile b over step
// `step` (0, 1) of the chunk. Fragments are those of mma.m16n8.
template <Precision kPrecision, int kM, int kN>
__device__ __forceinline__ void multiply_step(float (&sums)[kM][kN][4], const char* a, int a_row,
                                              const char* b, int b_row, int step, int lane) {
#ifdef INFILL_SCALAR_PRODUCTS
  using T = Storage<kPrecision>;
  constexpr int kPiece = 16 / static_cast<int>(sizeof(T));
#pragma unroll 1
  for (int k = 0; k < 2 * kPiece; ++k) {
    const int piece = 2 * step + k / kPiece;
    const auto at = [&](const char* tile, int row) {
      return to_float(reinterpret_cast<const T*>(tile + swizzled(row, piece))[k % kPiece]);
    };
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int n = 0; n < kN; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          sums[m][n][i] = fmaf(at(a, a_row + 16 * m + lane / 4 + i / 2 * 8),
                               at(b, b_row + 8 * n + lane % 4 * 2 + i % 2), sums[m][n][i]);
        }
      }
    }
  }
#else
  unsigned fa[kM][4];
  unsigned fb[kN][2];
#pragma unroll
  for (int m = 0; m < kM; ++m)
    ptx::ldmatrix_x4(fa[m], a + swizzled(a_row + 16 * m + lane % 16, 2 * step + lane / 16));
#pragma unroll
  for (int n = 0; n + 1 < kN; n += 2) {
    unsigned both[4];
    ptx::ldmatrix_x4(both, b + swizzled(b_row + 8 * n + lane / 16 * 8 + lane % 8, 2 * step + lane / 8 % 2));
    fb[n][0] = both[0];
    fb[n][1] = both[1];
    fb[n + 1][0] = both[2];
    fb[n + 1][1] = both[3];
  }
  if constexpr (kN % 2 != 0)
    ptx::ldmatrix_x2(fb[kN - 1], b + swizzled(b_row + 8 * (kN - 1) + lane % 8, 2 * step + lane / 8 % 2));
  if constexpr (kPrecision == Precision::kFloat32) {
    multiply_split(sums, fa, fb);
  } else {
    if constexpr (kPrecision == Precision::kTf32) {
      round_to_tf32(fa);
      round_to_tf32(fb);
    }
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int n = 0; n < kN; ++n) {
        if constexpr (kPrecision == Precision::kTf32) {
          ptx::mma_tf32_1688(sums[m][n], fa[m], fb[n]);
        } else if constexpr (kPrecision == Precision::kFloat16) {
          ptx::mma_f16_16816(sums[m][n], fa[m], fb[n]);
        } else {
          ptx::mma_bf16_16816(sums[m][n], fa[m], fb[n]);
        }
      }
    }
  }
#endif
}

}  // namespace infill::cuda::attention
