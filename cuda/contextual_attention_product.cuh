// Products of tiles in shared memory, C += A B^T, whose rows are chunks of 64 bytes of a longer row, and how
// such tiles get there. The same in every precision: a step takes 32 bytes of each row, 8 floats or 16
// halves, and ldmatrix hands out fragments of both alike. Before sm_80, and with INFILL_NO_TENSOR_CORES,
// products are sums over the same fragments.
#pragma once

#include "cuda/contextual_attention_plan.h"
#include "cuda/contextual_attention_walk.h"
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

// Rows of a matrix, `pitch` numbers apart; 16 bytes from its beginning are a piece of a row, so a pitch is a
// multiple of 16 bytes.
struct Operand {
  const void* data;
  int64_t pitch;
  int32_t rows;
};

constexpr int kBlockStages = 3;
template <int kRows, int kColumns>
INFILL_HOST_DEVICE constexpr int block_shared_bytes() {
  return kBlockStages * (kRows + kColumns) * kChunk;
}
template <int kRows, int kColumns, int kM, int kN>
INFILL_HOST_DEVICE constexpr int block_threads() {
  return kRows * kColumns / (16 * kM * 8 * kN) * 32;
}

// sums += the products of rows row0 .. of a and rows column0 .. of b over chunks [begin, end) of their first
// `depth` numbers. Blocks of kRows x kColumns, warps of kM 16 x kN 8; stages has block_shared_bytes.
template <Precision kPrecision, int kRows, int kColumns, int kM, int kN>
__device__ __forceinline__ void multiply_block(float (&sums)[kM][kN][4], char* stages, const Operand& a,
                                               int row0, const Operand& b, int column0, int depth, int begin,
                                               int end) {
  constexpr int kThreads = block_threads<kRows, kColumns, kM, kN>();
  constexpr int kStage = (kRows + kColumns) * kChunk;
  constexpr int kWarpsAcross = kColumns / (8 * kN);
  using T = Storage<kPrecision>;
  constexpr int kPiece = 16 / static_cast<int>(sizeof(T));
  constexpr int kDepth = kChunk / static_cast<int>(sizeof(T));
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % 32;
  const int warp_row = thread / 32 / kWarpsAcross * (16 * kM);
  const int warp_column = thread / 32 % kWarpsAcross * (8 * kN);

  const auto load = [&](int chunk) {
    if (chunk < end) {
      char* to = stages + (chunk - begin) % kBlockStages * kStage;
      constexpr int kPieces = (kRows + kColumns) * (kChunk / 16);
#pragma unroll
      for (int first = 0; first < kPieces; first += kThreads) {
        const int i = first + thread;
        if (kPieces % kThreads != 0 && i >= kPieces) continue;
        const int row = i / 4;
        const int at = chunk * kDepth + i % 4 * kPiece;
        const bool is_a = row < kRows;
        const int from_row = is_a ? row0 + row : column0 + row - kRows;
        int valid = least(depth - at, kPiece) * static_cast<int>(sizeof(T));
        if (valid < 0 || from_row >= (is_a ? a.rows : b.rows)) valid = 0;
        const T* from = static_cast<const T*>(is_a ? a.data : b.data);
        const int64_t offset = valid == 0 ? 0 : from_row * (is_a ? a.pitch : b.pitch) + at;
        copy_piece(to + swizzled(row, i % 4), reinterpret_cast<const char*>(from + offset), valid);
      }
    }
    copies_commit();
  };

#pragma unroll
  for (int i = 0; i < kBlockStages - 1; ++i) load(begin + i);
  for (int chunk = begin; chunk < end; ++chunk) {
    copies_wait<kBlockStages - 2>();
    __syncthreads();
    load(chunk + kBlockStages - 1);
    const char* tile_a = stages + (chunk - begin) % kBlockStages * kStage;
    const char* tile_b = tile_a + kRows * kChunk;
    multiply_step<kPrecision>(sums, tile_a, warp_row, tile_b, warp_column, 0, lane);
    multiply_step<kPrecision>(sums, tile_a, warp_row, tile_b, warp_column, 1, lane);
  }
  copies_wait<0>();
}

// Calls body(row, column, value, value of the next column) for a thread's sums of multiply_block.
template <int kColumns, int kM, int kN, class Body>
__device__ __forceinline__ void for_block_sums(const float (&sums)[kM][kN][4], int row0, int column0,
                                               const Body& body) {
  constexpr int kWarpsAcross = kColumns / (8 * kN);
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int n = 0; n < kN; ++n) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        body(row0 + warp / kWarpsAcross * (16 * kM) + 16 * m + lane / 4 + 8 * i,
             column0 + warp % kWarpsAcross * (8 * kN) + 8 * n + lane % 4 * 2, sums[m][n][2 * i],
             sums[m][n][2 * i + 1]);
      }
    }
  }
}

}  // namespace infill::cuda::attention
