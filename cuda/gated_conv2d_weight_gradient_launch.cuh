// Launches the gradient of the weights in one precision; included by one file for each.
#pragma once

#include "cuda/gated_conv2d_weight_gradient.cuh"

namespace infill::cuda {

template <Precision kPrecision, int kShape = 0>
cudaError_t launch_weight_tile(int tile, const WeightGradientArgs& args, cudaStream_t stream) {
  if constexpr (kShape == kWeightTiles) {
    return cudaErrorInvalidValue;
  } else {
    if (tile != kShape) return launch_weight_tile<kPrecision, kShape + 1>(tile, args, stream);
    constexpr WeightTileShape kTile = kWeightTileShapes[kShape];
    static_assert(kTile.shared_bytes() <= 48 << 10);
    const int64_t blocks = int64_t{args.column_tiles} * args.row_tiles * args.parts;
    if (blocks >= int64_t{1} << 31) return cudaErrorInvalidValue;
    INFILL_LAUNCH((weight_gradient_kernel<kPrecision, kShape>), dim3(unsigned(blocks)), dim3(kTile.threads()),
                  kTile.shared_bytes(), stream, args);
    return cudaGetLastError();
  }
}

template <Precision kPrecision>
cudaError_t launch_weight_gradient(int tile, bool tensor_cores, const WeightGradientArgs& args,
                                   cudaStream_t stream) {
  if (tensor_cores) return launch_weight_tile<kPrecision>(tile, args, stream);
  if constexpr (kPrecision == Precision::kBfloat16) {
    return cudaErrorNotSupported;
  } else {
    const WeightTileShape& shape = kWeightTileShapes[tile];
    const int32_t rows = args.row_tiles * shape.rows();
    const int32_t columns = args.column_tiles * shape.columns();
    const dim3 grid(unsigned((int64_t{rows} * columns + kWeightSimtThreads - 1) / kWeightSimtThreads),
                    unsigned(args.parts));
    INFILL_LAUNCH((weight_gradient_simt_kernel<Storage<kPrecision>>), grid, dim3(kWeightSimtThreads), 0,
                  stream, args, rows, columns);
    return cudaGetLastError();
  }
}

}  // namespace infill::cuda
