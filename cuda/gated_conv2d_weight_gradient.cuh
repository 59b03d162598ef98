// The gradient of the weights as a matrix product: (taps * channels of x) x pixels times pixels x rows of the
// weights. A column is a channel of x seen through a tap, a row a channel of dz.
//
// A step of the sum is 32 pixels of halves or 16 of floats. Both operands have channels next to each other in
// memory and the sum runs across them, so operands are loaded turned: ldmatrix does that for halves, floats
// are loaded one by one. `stages` steps are under way, filled by cp.async. See docs/kernels/gated_conv2d.md.
#pragma once

#include "cuda/fragment.cuh"
#include "cuda/gated_conv2d_weight_gradient.h"
#include "cuda/language.h"
#include "cuda/storage.cuh"

namespace infill::cuda {

__host__ __device__ constexpr int common_divisor(int a, int b) {
  return b == 0 ? a : common_divisor(b, a % b);
}

// Where piece `piece` of pixel `row` lies in the pixels of a step, kPieces each, without gaps. An instruction
// reads a unit of pieces from 8 pixels (halves: one piece) or 4 (floats: 8 channels, two pieces) at once; the
// pixels that would meet in a bank have their units swapped.
template <class T, int kPieces>
__device__ __forceinline__ int step_offset(int row, int piece) {
  constexpr int kTogether = sizeof(T) == 2 ? 8 : 4;
  constexpr int kUnit = 8 / kTogether;
  static_assert(kPieces % kUnit == 0);
  constexpr int kGroups = common_divisor(kPieces / kUnit, kTogether);
  const int swap = row / (kTogether / kGroups) % kGroups * kUnit;
  return (row * kPieces + (piece ^ swap)) * kPieceBytes;
}

template <Precision kPrecision, int kShape>
struct WeightTile {
  using T = Storage<kPrecision>;
  static constexpr WeightTileShape kTile = kWeightTileShapes[kShape];
  static constexpr int kThreads = kTile.threads();
  static constexpr int kColumns = kTile.columns();
  static constexpr int kRows = kTile.rows();
  static constexpr int kMTiles = kTile.m_tiles;
  static constexpr int kNTiles = kTile.n_tiles;
  static constexpr int kStages = kTile.stages;
  static constexpr int kElements = kPieceBytes / int(sizeof(T));
  static constexpr int kPixels = step_pixels(kPrecision);
  static constexpr int kXPieces = kColumns / kElements;  // of a pixel
  static constexpr int kZPieces = kRows / kElements;
  static constexpr int kXBytes = kColumns * kStepBytes;
  static constexpr int kStageBytes = kXBytes + kRows * kStepBytes;
  // A thread fills the same piece of every kXStride-th pixel with x, and consecutive pieces with dz.
  static constexpr int kXStride = kThreads / kXPieces;
  static constexpr int kXLoads = kPixels / kXStride;
  static constexpr int kZAll = kPixels * kZPieces;
  static constexpr int kZLoads = (kZAll + kThreads - 1) / kThreads;
  static_assert(kThreads % kXPieces == 0 && kPixels % kXStride == 0);
};

// Brings steps of x through its taps and of dz to shared memory.
template <class Tile>
struct PixelLoader {
  using T = typename Tile::T;
  const WeightGradientArgs& args;
  int32_t picture[Tile::kXLoads], y[Tile::kXLoads], x[Tile::kXLoads];  // of the next step's pixels
  int32_t pictures_on, rows_on, pixels_on;                             // a step further
  int32_t down, right, channel, valid;                                 // of this thread's piece of x
  int row, piece;
  const T* dz;   // of the next step's first pixel
  int32_t left;  // pixels from there on
  int32_t first_row;

  __device__ __forceinline__ PixelLoader(const WeightGradientArgs& arguments, int column_tile, int row_tile,
                                         uint32_t first_pixel, int32_t pixels)
      : args(arguments),
        row(int(threadIdx.x) / Tile::kXPieces),
        piece(int(threadIdx.x) % Tile::kXPieces),
        left(pixels),
        first_row(row_tile * Tile::kRows) {
    const ConvolutionArgs& f = args.forward;
    const unsigned width = unsigned(f.width);
    const unsigned height = unsigned(f.height);
#pragma unroll
    for (int i = 0; i < Tile::kXLoads; ++i) {
      const unsigned pixel = first_pixel + unsigned(row + i * Tile::kXStride);
      x[i] = int32_t(pixel % width);
      y[i] = int32_t(pixel / width % height);
      picture[i] = int32_t(pixel / width / height);
    }
    pixels_on = int32_t(unsigned(Tile::kPixels) % width);
    rows_on = int32_t(unsigned(Tile::kPixels) / width % height);
    pictures_on = int32_t(unsigned(Tile::kPixels) / width / height);
    const int32_t position = column_tile * Tile::kXPieces + piece;
    const int32_t tap = position / f.pieces;
    const int32_t tap_y = tap / f.kernel_width;
    down = tap_y * f.dilation_y - f.pad_top;
    right = tap % f.kernel_width * f.dilation_x - f.pad_left;
    channel = position % f.pieces * Tile::kElements;
    valid = tap_y < f.kernel_height ? piece_bytes(f.in_channels - channel) : 0;
    dz = static_cast<const T*>(args.dz) + int64_t{first_pixel} * args.dz_pitch;
  }

  // Of a piece that `channels` are left for.
  __device__ __forceinline__ static int piece_bytes(int32_t channels) {
    const int32_t held = channels < Tile::kElements ? channels : Tile::kElements;
    return held < 0 ? 0 : held * int(sizeof(T));
  }

  __device__ __forceinline__ void load(unsigned char* stage) {
    const ConvolutionArgs& f = args.forward;
#pragma unroll
    for (int i = 0; i < Tile::kXLoads; ++i) {
      const int r = row + i * Tile::kXStride;
      const int32_t from_y = y[i] * f.stride_y + down;
      const int32_t from_x = x[i] * f.stride_x + right;
      const bool inside = r < left && valid > 0 && unsigned(from_y) < unsigned(f.in_height) &&
                          unsigned(from_x) < unsigned(f.in_width);
      const void* from = f.x;
      if (inside) {
        from = static_cast<const T*>(f.x) + picture[i] * f.x_picture + int64_t{from_y} * f.x_row +
               int64_t{from_x} * f.x_pixel + channel;
      }
      ptx::cp_async<kPieceBytes>(stage + step_offset<T, Tile::kXPieces>(r, piece), from, inside ? valid : 0);
      advance(i);
    }
#pragma unroll
    for (int i = 0; i < Tile::kZLoads; ++i) {
      const int at = int(threadIdx.x) + i * Tile::kThreads;
      if (Tile::kZAll % Tile::kThreads != 0 && at >= Tile::kZAll) break;
      const int r = at / Tile::kZPieces;
      const int p = at % Tile::kZPieces;
      const int32_t z = first_row + p * Tile::kElements;
      const int bytes = r < left ? piece_bytes(args.dz_channels - z) : 0;
      ptx::cp_async<kPieceBytes>(stage + Tile::kXBytes + step_offset<T, Tile::kZPieces>(r, p),
                                 bytes > 0 ? dz + int64_t{r} * args.dz_pitch + z : args.dz, bytes);
    }
    dz += int64_t{Tile::kPixels} * args.dz_pitch;
    left -= Tile::kPixels;
  }

 private:
  __device__ __forceinline__ void advance(int i) {
    x[i] += pixels_on;
    y[i] += rows_on;
    picture[i] += pictures_on;
    if (x[i] >= args.forward.width) {
      x[i] -= args.forward.width;
      ++y[i];
    }
    if (y[i] >= args.forward.height) {
      y[i] -= args.forward.height;
      ++picture[i];
    }
  }
};

// An operand of 16 channels (kRegisters = 4, as A) or 8 (2, as B) from `channel` on, of half a step's pixels.
// Two of 8 channels at once: 4 registers, `pair`.
template <class T, int kPieces, int kRegisters, bool pair>
__device__ __forceinline__ void load_turned(const unsigned char* operand, int half, int channel,
                                            unsigned (&loaded)[kRegisters]) {
  const int lane = int(threadIdx.x) % 32;
  if constexpr (sizeof(T) == 2) {
    // Matrices of 8 pixels x 8 channels. A wants both of the channels, then of the pixels; B first both of
    // the pixels.
    const int group = lane / 8;
    const int pixels = pair || kRegisters == 2 ? group % 2 : group / 2;
    const int channels = pair ? group / 2 : kRegisters == 2 ? 0 : group % 2;
    const unsigned char* from =
        operand + step_offset<T, kPieces>(half * 16 + pixels * 8 + lane % 8, channel / 8 + channels);
    if constexpr (kRegisters == 4) {
      ptx::ldmatrix_x4_trans(loaded, from);
    } else {
      ptx::ldmatrix_x2_trans(loaded, from);
    }
  } else {
#pragma unroll
    for (int i = 0; i < kRegisters; ++i) {
      const int pixels = pair || kRegisters == 2 ? i % 2 : i / 2;
      const int channels = pair ? i / 2 : kRegisters == 2 ? 0 : i % 2;
      const int from = channel + channels * 8 + lane / 4;
      loaded[i] = *reinterpret_cast<const unsigned*>(
          operand + step_offset<T, kPieces>(half * 8 + pixels * 4 + lane % 4, from / 4) + from % 4 * 4);
    }
  }
}

// sums += the product of one step.
template <Precision kPrecision, class Tile>
__device__ __forceinline__ void multiply_turned_step(const unsigned char* stage, int warp_m, int warp_n,
                                                     float (&sums)[Tile::kMTiles][Tile::kNTiles][4]) {
  using T = typename Tile::T;
  const unsigned char* z = stage + Tile::kXBytes;
  const int column = warp_m * Tile::kMTiles * 16;
  const int row = warp_n * Tile::kNTiles * 8;
  [[maybe_unused]] constexpr int kUnrolled = sizeof(T) == 4 ? 1 : 2;  // floats: registers are spilled else
#pragma unroll kUnrolled
  for (int half = 0; half < 2; ++half) {
    Fragment<kPrecision, 4> a[Tile::kMTiles];
#pragma unroll
    for (int m = 0; m < Tile::kMTiles; ++m) {
      unsigned loaded[4];
      load_turned<T, Tile::kXPieces, 4, false>(stage, half, column + m * 16, loaded);
      a[m] = fragment_of<kPrecision, 4>(loaded);
    }
#pragma unroll
    for (int n = 0; n + 1 < Tile::kNTiles; n += 2) {
      unsigned loaded[4];
      load_turned<T, Tile::kZPieces, 4, true>(z, half, row + n * 8, loaded);
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
      load_turned<T, Tile::kZPieces, 2, false>(z, half, row + kLast * 8, loaded);
      const auto b = fragment_of<kPrecision, 2>(loaded);
#pragma unroll
      for (int m = 0; m < Tile::kMTiles; ++m) multiply_add<kPrecision>(sums[m][kLast], a[m], b);
    }
  }
}

// Blocks of the same part follow each other: they read the same pixels.
template <Precision kPrecision, int kShape>
__global__ void __launch_bounds__(kWeightTileShapes[kShape].threads(), 2)
    weight_gradient_kernel(const WeightGradientArgs args) {
#if __CUDA_ARCH__ >= 800
  using Tile = WeightTile<kPrecision, kShape>;
  INFILL_DYNAMIC_SHARED(unsigned char, shared);
  const int column_tile = int(blockIdx.x % unsigned(args.column_tiles));
  const int row_tile = int(blockIdx.x / unsigned(args.column_tiles) % unsigned(args.row_tiles));
  const unsigned part = blockIdx.x / unsigned(args.column_tiles) / unsigned(args.row_tiles);
  const uint32_t first_pixel = part * uint32_t(args.part_pixels);
  const uint32_t left = args.forward.pixels - first_pixel;
  const int32_t pixels = left < uint32_t(args.part_pixels) ? int32_t(left) : args.part_pixels;
  const int steps = (pixels + Tile::kPixels - 1) / Tile::kPixels;

  PixelLoader<Tile> loader(args, column_tile, row_tile, first_pixel, pixels);
#pragma unroll
  for (int stage = 0; stage < Tile::kStages - 1; ++stage) {
    if (stage < steps) loader.load(shared + stage * Tile::kStageBytes);
    ptx::cp_async_commit();
  }
  float sums[Tile::kMTiles][Tile::kNTiles][4] = {};
  const int thread = int(threadIdx.x);
  const int warp_m = thread / 32 % Tile::kTile.warps_m;
  const int warp_n = thread / 32 / Tile::kTile.warps_m;
  int reading = 0;
  int filling = Tile::kStages - 1;
  for (int step = 0; step < steps; ++step) {
    // This step is there, and everyone is done with the stage that is filled next.
    ptx::cp_async_wait<Tile::kStages - 2>();
    __syncthreads();
    if (step + Tile::kStages - 1 < steps) loader.load(shared + filling * Tile::kStageBytes);
    ptx::cp_async_commit();
    multiply_turned_step<kPrecision, Tile>(shared + reading * Tile::kStageBytes, warp_m, warp_n, sums);
    reading = reading + 1 == Tile::kStages ? 0 : reading + 1;
    filling = filling + 1 == Tile::kStages ? 0 : filling + 1;
  }

  const int lane = thread % 32;
  const int64_t rows = int64_t{args.row_tiles} * Tile::kRows;
  const int64_t columns = int64_t{args.column_tiles} * Tile::kColumns;
  const int64_t first_column =
      int64_t{part} * columns + column_tile * Tile::kColumns + warp_m * Tile::kMTiles * 16 + lane / 4;
  float* to =
      args.sums + first_column * rows + row_tile * Tile::kRows + warp_n * Tile::kNTiles * 8 + lane % 4 * 2;
#pragma unroll
  for (int m = 0; m < Tile::kMTiles; ++m) {
#pragma unroll
    for (int n = 0; n < Tile::kNTiles; ++n) {
      *reinterpret_cast<float2*>(to + (m * 16) * rows + n * 8) = make_float2(sums[m][n][0], sums[m][n][1]);
      *reinterpret_cast<float2*>(to + (m * 16 + 8) * rows + n * 8) =
          make_float2(sums[m][n][2], sums[m][n][3]);
    }
  }
#else
  ptx::unreachable_architecture();
#endif
}

inline constexpr int kWeightSimtThreads = 128;

// The same without tensor cores: right, not fast. A thread sums one column and row of one part; blockIdx.y
// strides over the parts.
template <class T>
__global__ void __launch_bounds__(kWeightSimtThreads)
    weight_gradient_simt_kernel(const WeightGradientArgs args, int32_t rows, int32_t columns) {
  constexpr int kElements = kPieceBytes / int(sizeof(T));
  const ConvolutionArgs& f = args.forward;
  const int64_t at = int64_t{blockIdx.x} * kWeightSimtThreads + threadIdx.x;
  const auto row = int32_t(at % rows);
  const auto column = int32_t(at / rows);
  const int32_t channel = column % (f.pieces * kElements);
  const int32_t tap = column / (f.pieces * kElements);
  const int32_t tap_y = tap / f.kernel_width;
  if (row >= args.dz_channels || channel >= f.in_channels || tap_y >= f.kernel_height) return;
  const int32_t down = tap_y * f.dilation_y - f.pad_top;
  const int32_t right = tap % f.kernel_width * f.dilation_x - f.pad_left;
  for (auto part = int32_t(blockIdx.y); part < args.parts; part += int32_t(gridDim.y)) {
    const uint32_t first = uint32_t(part) * uint32_t(args.part_pixels);
    const uint32_t left = f.pixels - first;
    const uint32_t pixels = left < uint32_t(args.part_pixels) ? left : uint32_t(args.part_pixels);
    float sum = 0;
    for (uint32_t i = 0; i < pixels; ++i) {
      const uint32_t pixel = first + i;
      const uint32_t line = pixel / uint32_t(f.width);
      const int32_t from_x = int32_t(pixel % uint32_t(f.width)) * f.stride_x + right;
      const int32_t from_y = int32_t(line % uint32_t(f.height)) * f.stride_y + down;
      if (unsigned(from_y) >= unsigned(f.in_height) || unsigned(from_x) >= unsigned(f.in_width)) continue;
      const T* x = static_cast<const T*>(f.x) + line / uint32_t(f.height) * f.x_picture +
                   int64_t{from_y} * f.x_row + int64_t{from_x} * f.x_pixel;
      sum = fmaf(to_float(x[channel]),
                 to_float(static_cast<const T*>(args.dz)[int64_t{pixel} * args.dz_pitch + row]), sum);
    }
    args.sums[(int64_t{part} * columns + column) * rows + row] = sum;
  }
}

}  // namespace infill::cuda
