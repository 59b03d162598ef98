// The same convolution without tensor cores, for sm_75: right, not fast. A thread computes two columns of a
// pixel.
#pragma once

#include "cuda/gated_conv2d_args.h"
#include "cuda/gated_conv2d_finish.cuh"
#include "cuda/language.h"
#include "cuda/storage.cuh"

namespace infill::cuda {

inline constexpr int kSimtThreads = 128;

// blockIdx.y strides over the pairs of columns.
template <class T>
__global__ void __launch_bounds__(kSimtThreads) convolution_simt_kernel(const ConvolutionArgs args) {
  constexpr int kPieceElements = kPieceBytes / int(sizeof(T));
  const unsigned pixel = blockIdx.x * kSimtThreads + threadIdx.x;
  if (pixel >= args.pixels) return;
  const int32_t out_x = args.x0 + int32_t(pixel % unsigned(args.width));
  const unsigned row = pixel / unsigned(args.width);
  const int32_t out_y = args.y0 + int32_t(row % unsigned(args.height));
  const int32_t picture = int32_t(row / unsigned(args.height));
  const T* x = static_cast<const T*>(args.x) + picture * args.x_picture;
  for (int32_t pair = int32_t(blockIdx.y); pair < args.rows / 2; pair += int32_t(gridDim.y)) {
    const T* weights = static_cast<const T*>(args.weights) + int64_t{pair} * 8 * kPieceElements;
    const int64_t step = int64_t{args.rows} * kPiecesPerStep * kPieceElements;
    float z[2] = {};
    int32_t position = 0;  // in the row of pieces
    for (int32_t tap_y = 0; tap_y < args.kernel_height; ++tap_y) {
      const int32_t from_y = out_y * args.stride_y - args.pad_top + tap_y * args.dilation_y;
      for (int32_t tap_x = 0; tap_x < args.kernel_width; ++tap_x, position += args.pieces) {
        const int32_t from_x = out_x * args.stride_x - args.pad_left + tap_x * args.dilation_x;
        if (unsigned(from_y) >= unsigned(args.in_height) || unsigned(from_x) >= unsigned(args.in_width))
          continue;
        const T* from =
            x + int64_t{from_y >> args.shift_y} * args.x_row + int64_t{from_x >> args.shift_x} * args.x_pixel;
        for (int32_t c = 0; c < args.in_channels; ++c) {
          const int32_t at = position + c / kPieceElements;
          const T* w = weights + at / kPiecesPerStep * step + at % kPiecesPerStep * kPieceElements +
                       c % kPieceElements;
          const float value = to_float(from[c]);
          z[0] = fmaf(value, to_float(w[0]), z[0]);
          z[1] = fmaf(value, to_float(w[kPiecesPerStep * kPieceElements]), z[1]);
        }
      }
    }
    // Pair of columns to channel: gated_conv2d_plan.h.
    const int32_t group = pair / (4 * args.n_tiles);
    const int32_t tile = pair / 4 % args.n_tiles;
    const int32_t slot = (group * 4 + pair % 4) * args.n_tiles + tile;
    Finish<T, 1>(args, slot, 2 * pair).pixel(z, picture, out_y, out_x);
  }
}

template <class T>
cudaError_t launch_convolution_simt(const ConvolutionArgs& args, cudaStream_t stream) {
  const dim3 grid((args.pixels + kSimtThreads - 1) / kSimtThreads,
                  args.rows / 2 < 1024 ? args.rows / 2 : 1024);
  INFILL_LAUNCH((convolution_simt_kernel<T>), grid, dim3(kSimtThreads), 0, stream, args);
  return cudaGetLastError();
}

}  // namespace infill::cuda
