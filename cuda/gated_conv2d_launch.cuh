// Launches the convolution of one precision; included by one file for each, so that they compile side by
// side.
#pragma once

#include "cuda/gated_conv2d.cuh"
#include "cuda/gated_conv2d_simt.cuh"

namespace infill::cuda {

template <Precision kPrecision, int kShape>
cudaError_t launch_tile(const ConvolutionArgs& args, cudaStream_t stream) {
  constexpr TileShape kTile = kTileShapes[kShape];
  constexpr int kBytes = kTile.shared_bytes();
  if constexpr (kBytes > 48 << 10) {
    const cudaError_t error =
        cudaFuncSetAttribute(reinterpret_cast<const void*>(&convolution_kernel<kPrecision, kShape>),
                             cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
    if (error != cudaSuccess) return error;
  }
  const uint64_t blocks =
      (uint64_t{args.pixels} + kTile.pixels() - 1) / kTile.pixels() * uint64_t(args.channel_tiles);
  if (blocks >= uint64_t{1} << 31) return cudaErrorInvalidValue;
  INFILL_LAUNCH((convolution_kernel<kPrecision, kShape>), dim3(unsigned(blocks)), dim3(kTile.threads()),
                kBytes, stream, args);
  return cudaGetLastError();
}

template <Precision kPrecision, int kShape = 0>
cudaError_t launch_shape(GatedConv2dTile tile, const ConvolutionArgs& args, cudaStream_t stream) {
  if constexpr (kShape == sizeof(kTileShapes) / sizeof(kTileShapes[0])) {
    return cudaErrorInvalidValue;
  } else {
    if (kTileShapes[kShape].tile == tile) return launch_tile<kPrecision, kShape>(args, stream);
    return launch_shape<kPrecision, kShape + 1>(tile, args, stream);
  }
}

template <Precision kPrecision>
cudaError_t launch_convolution(GatedConv2dTile tile, const ConvolutionArgs& args, cudaStream_t stream) {
  if (tile != GatedConv2dTile::kSimt) return launch_shape<kPrecision>(tile, args, stream);
  if constexpr (kPrecision == Precision::kBfloat16) {
    return cudaErrorNotSupported;
  } else {
    return launch_convolution_simt<Storage<kPrecision>>(args, stream);
  }
}

}  // namespace infill::cuda
