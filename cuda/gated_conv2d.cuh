// The convolution as a matrix product: pixels x (taps * channels) times (taps * channels) x columns.
//
// A step of the sum is four pieces of 16 bytes. The block's pixels and columns of a step lie in shared memory
// as rows of 64 bytes; piece p of row r at p ^ (r / 2 % 4), so that the eight rows that ldmatrix reads at
// once, and the eight pieces that eight threads write at once, lie in different banks. `stages` steps are
// under way: while one is multiplied, cp.async fills the others. See docs/kernels/gated_conv2d.md.
#pragma once

#include "cuda/fragment.cuh"
#include "cuda/gated_conv2d_args.h"
#include "cuda/gated_conv2d_finish.cuh"
#include "cuda/language.h"
#include "cuda/storage.cuh"

namespace infill::cuda {

// Walks a row of pieces: channels of a tap, taps of a filter row, filter rows.
struct TapWalk {
  int32_t piece, tap_y, tap_x;

  __device__ __forceinline__ static TapWalk at(const ConvolutionArgs& args, int32_t position) {
    const int32_t tap = position / args.pieces;
    return {position % args.pieces, tap / args.kernel_width, tap % args.kernel_width};
  }
  // Goes on by `by`, which is at(position difference).
  __device__ __forceinline__ void advance(const ConvolutionArgs& args, const TapWalk& by) {
    piece += by.piece;
    tap_x += by.tap_x;
    tap_y += by.tap_y;
    if (piece >= args.pieces) {
      piece -= args.pieces;
      ++tap_x;
    }
    if (tap_x >= args.kernel_width) {
      tap_x -= args.kernel_width;
      ++tap_y;
    }
  }
};

// Where piece `piece` of row `row` lies in the rows of a step.
__device__ __forceinline__ int swizzled(int row, int piece) {
  return row * kStepBytes + ((piece ^ (row / 2 % 4)) * kPieceBytes);
}

template <Precision kPrecision, int kShape>
struct ConvolutionTile {
  using T = Storage<kPrecision>;
  static constexpr TileShape kTile = kTileShapes[kShape];
  static constexpr int kThreads = kTile.threads();
  static constexpr int kPixels = kTile.pixels();
  static constexpr int kColumns = kTile.columns();
  static constexpr int kMTiles = kTile.m_tiles;
  static constexpr int kNTiles = kTile.n_tiles;
  static constexpr int kStages = kTile.stages;
  static constexpr int kStageBytes = (kPixels + kColumns) * kStepBytes;
  static constexpr int kPieceElements = kPieceBytes / int(sizeof(T));
  // A thread fills one column of pieces: the same piece of every kRowStride-th row.
  static constexpr int kRowStride = kThreads / kPiecesPerStep;
  static constexpr int kPixelRows = kPixels / kRowStride;
  static constexpr int kColumnRows = (kColumns + kRowStride - 1) / kRowStride;
  static_assert(kPixels % kRowStride == 0 && kThreads >= kPixels);
};

// Brings steps of x and of the weights to shared memory.
template <class Tile>
struct StepLoader {
  using T = typename Tile::T;
  // Above every picture, however far its filters reach.
  static constexpr int32_t kOutside = -(1 << 30) - (1 << 29);
  const ConvolutionArgs& args;
  TapWalk walk, by;
  int32_t y[Tile::kPixelRows],
      x[Tile::kPixelRows];  // of the pixels' first taps; far outside beyond the last pixel
  int32_t picture[Tile::kPixelRows];
  const char* weights;  // of this thread's first row in the next step
  int row, piece;       // the first that this thread fills
  int rows_left;        // of the weights, from the block's first

  __device__ __forceinline__ StepLoader(const ConvolutionArgs& arguments, const int* pixel_picture,
                                        const int* pixel_y, const int* pixel_x, int first_row)
      : args(arguments),
        row(int(threadIdx.x) / kPiecesPerStep),
        piece(int(threadIdx.x) % kPiecesPerStep),
        rows_left(arguments.rows - first_row) {
    walk = TapWalk::at(args, piece);
    by = TapWalk::at(args, kPiecesPerStep);
#pragma unroll
    for (int i = 0; i < Tile::kPixelRows; ++i) {
      const int r = row + i * Tile::kRowStride;
      picture[i] = pixel_picture[r];
      y[i] = picture[i] < 0 ? kOutside : pixel_y[r] * args.stride_y - args.pad_top;
      x[i] = pixel_x[r] * args.stride_x - args.pad_left;
    }
    weights =
        static_cast<const char*>(args.weights) + size_t(first_row + row) * kStepBytes + piece * kPieceBytes;
  }

  __device__ __forceinline__ void load(unsigned char* stage) {
    const int32_t channel = walk.piece * Tile::kPieceElements;
    const int32_t down = walk.tap_y * args.dilation_y;
    const int32_t right = walk.tap_x * args.dilation_x;
    const bool tap = walk.tap_y < args.kernel_height;
    const int32_t left = args.in_channels - channel;
    const int valid = (left < Tile::kPieceElements ? left : Tile::kPieceElements) * int(sizeof(T));
#pragma unroll
    for (int i = 0; i < Tile::kPixelRows; ++i) {
      const int32_t from_y = y[i] + down;
      const int32_t from_x = x[i] + right;
      const bool inside =
          tap && unsigned(from_y) < unsigned(args.in_height) && unsigned(from_x) < unsigned(args.in_width);
      const void* from = args.x;
      if (inside) {
        from = static_cast<const T*>(args.x) + picture[i] * args.x_picture +
               int64_t{from_y >> args.shift_y} * args.x_row + int64_t{from_x >> args.shift_x} * args.x_pixel +
               channel;
      }
      ptx::cp_async<kPieceBytes>(stage + swizzled(row + i * Tile::kRowStride, piece), from,
                                 inside ? valid : 0);
    }
#pragma unroll
    for (int i = 0; i < Tile::kColumnRows; ++i) {
      const int r = row + i * Tile::kRowStride;
      if (Tile::kColumns % Tile::kRowStride != 0 && r >= Tile::kColumns) break;
      const bool inside = r < rows_left;
      ptx::cp_async<kPieceBytes>(stage + swizzled(Tile::kPixels + r, piece),
                                 inside ? weights + i * Tile::kRowStride * kStepBytes : args.weights,
                                 inside ? kPieceBytes : 0);
    }
    walk.advance(args, by);
    weights += int64_t{args.rows} * kStepBytes;
  }
};

// sums += the product of one step.
template <Precision kPrecision, class Tile>
__device__ __forceinline__ void multiply_step(const unsigned char* stage, int warp_m, int warp_n,
                                              float (&sums)[Tile::kMTiles][Tile::kNTiles][4]) {
  const int lane = int(threadIdx.x) % 32;
  const unsigned char* pixels = stage + warp_m * Tile::kMTiles * 16 * kStepBytes;
  const unsigned char* columns = stage + (Tile::kPixels + warp_n * Tile::kNTiles * 8) * kStepBytes;
  // Operands in two parts take twice the registers: one half at a time fits.
  [[maybe_unused]] constexpr int kUnrolled = kPrecision == Precision::kFloat32 ? 1 : 2;
#pragma unroll kUnrolled
  for (int half = 0; half < 2; ++half) {
    // ldmatrix takes rows 0-7 and 8-15 of the first piece, then of the second.
    const int a_lane = swizzled(lane % 16, 2 * half + lane / 16);
    Fragment<kPrecision, 4> a[Tile::kMTiles];
#pragma unroll
    for (int m = 0; m < Tile::kMTiles; ++m) {
      unsigned loaded[4];
      ptx::ldmatrix_x4(loaded, pixels + m * 16 * kStepBytes + a_lane);
      a[m] = fragment_of<kPrecision, 4>(loaded);
    }
    // Both pieces of columns 0-7, then of columns 8-15.
    const int b_lane = swizzled(lane % 8 + lane / 16 * 8, 2 * half + lane / 8 % 2);
#pragma unroll
    for (int n = 0; n + 1 < Tile::kNTiles; n += 2) {
      unsigned loaded[4];
      ptx::ldmatrix_x4(loaded, columns + n * 8 * kStepBytes + b_lane);
      const auto b0 = fragment_of<kPrecision, 2>(loaded, 0);
      const auto b1 = fragment_of<kPrecision, 2>(loaded, 2);
#pragma unroll
      for (int m = 0; m < Tile::kMTiles; ++m) {
        multiply_add<kPrecision>(sums[m][n], a[m], b0);
        multiply_add<kPrecision>(sums[m][n + 1], a[m], b1);
      }
    }
    if constexpr (Tile::kNTiles % 2 == 1) {
      constexpr int kLast = Tile::kNTiles - 1;
      unsigned loaded[2];
      ptx::ldmatrix_x2(loaded,
                       columns + kLast * 8 * kStepBytes + swizzled(lane % 8, 2 * half + lane / 8 % 2));
      const auto b = fragment_of<kPrecision, 2>(loaded);
#pragma unroll
      for (int m = 0; m < Tile::kMTiles; ++m) multiply_add<kPrecision>(sums[m][kLast], a[m], b);
    }
  }
}

template <Precision kPrecision, int kShape>
__global__ void __launch_bounds__(kTileShapes[kShape].threads(), 2)
    convolution_kernel(const ConvolutionArgs args) {
#if __CUDA_ARCH__ >= 800
  using Tile = ConvolutionTile<kPrecision, kShape>;
  INFILL_DYNAMIC_SHARED(unsigned char, shared);
  int* pixel_picture = reinterpret_cast<int*>(shared + Tile::kStages * Tile::kStageBytes);
  int* pixel_y = pixel_picture + Tile::kPixels;
  int* pixel_x = pixel_y + Tile::kPixels;
  const int thread = int(threadIdx.x);
  // Blocks that share pixels follow each other.
  const unsigned first_pixel = blockIdx.x / unsigned(args.channel_tiles) * Tile::kPixels;
  const int channel_tile = int(blockIdx.x % unsigned(args.channel_tiles));
  if (thread < Tile::kPixels) {
    const unsigned pixel = first_pixel + unsigned(thread);
    const unsigned row = pixel / unsigned(args.width);
    pixel_picture[thread] = pixel < args.pixels ? int(row / unsigned(args.height)) : -1;
    pixel_y[thread] = args.y0 + int(row % unsigned(args.height));
    pixel_x[thread] = args.x0 + int(pixel % unsigned(args.width));
  }
  __syncthreads();

  StepLoader<Tile> loader(args, pixel_picture, pixel_y, pixel_x, channel_tile * Tile::kColumns);
#pragma unroll
  for (int stage = 0; stage < Tile::kStages - 1; ++stage) {
    if (stage < args.steps) loader.load(shared + stage * Tile::kStageBytes);
    ptx::cp_async_commit();
  }
  float sums[Tile::kMTiles][Tile::kNTiles][4] = {};
  const int warp_m = thread / 32 % Tile::kTile.warps_m;
  const int warp_n = thread / 32 / Tile::kTile.warps_m;
  int reading = 0;
  int filling = Tile::kStages - 1;
  for (int step = 0; step < args.steps; ++step) {
    // This step is there, and everyone is done with the stage that is filled next.
    ptx::cp_async_wait<Tile::kStages - 2>();
    __syncthreads();
    if (step + Tile::kStages - 1 < args.steps) loader.load(shared + filling * Tile::kStageBytes);
    ptx::cp_async_commit();
    multiply_step<kPrecision, Tile>(shared + reading * Tile::kStageBytes, warp_m, warp_n, sums);
    reading = reading + 1 == Tile::kStages ? 0 : reading + 1;
    filling = filling + 1 == Tile::kStages ? 0 : filling + 1;
  }

  const int lane = thread % 32;
  const int group = channel_tile * Tile::kTile.warps_n + warp_n;
  const Finish<typename Tile::T, Tile::kNTiles> finish(args, (group * 4 + lane % 4) * Tile::kNTiles,
                                                       group * 8 * Tile::kNTiles + lane % 4 * 2);
#pragma unroll
  for (int m = 0; m < Tile::kMTiles; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int r = (warp_m * Tile::kMTiles + m) * 16 + half * 8 + lane / 4;
      if (pixel_picture[r] < 0) continue;
      float z[2 * Tile::kNTiles];
#pragma unroll
      for (int n = 0; n < Tile::kNTiles; ++n) {
        z[2 * n] = sums[m][n][2 * half];
        z[2 * n + 1] = sums[m][n][2 * half + 1];
      }
      finish.pixel(z, pixel_picture[r], pixel_y[r], pixel_x[r]);
    }
  }
#else
  ptx::unreachable_architecture();
#endif
}

}  // namespace infill::cuda
