#include "cuda/scan.cuh"
#include "cuda/workspace.h"

namespace infill::cuda {

namespace {

int64_t tiles_of(int64_t count) {
  return (count + kScanTile - 1) / kScanTile;
}

}  // namespace

size_t exclusive_scan_workspace(int64_t count) {
  Workspace arrays(nullptr);
  arrays.take<uint32_t>(tiles_of(count));
  return arrays.used();
}

cudaError_t exclusive_scan(uint32_t* values, int64_t count, uint32_t* total, void* workspace,
                           cudaStream_t stream) {
  const int64_t tiles = tiles_of(count);
  if (count < 0 || tiles > INT32_MAX || total == nullptr ||
      (tiles > 0 && (values == nullptr || workspace == nullptr))) {
    return cudaErrorInvalidValue;
  }
  auto* sums = static_cast<uint32_t*>(workspace);
  const dim3 grid(static_cast<unsigned>(tiles));
  if (tiles > 0) {
    INFILL_LAUNCH(scan_tiles_kernel, grid, dim3(kScanThreads), 0, stream, values, count, sums);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) return error;
  }
  INFILL_LAUNCH(scan_sums_kernel, dim3(1), dim3(kScanThreads), 0, stream, sums, tiles, total);
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess || tiles < 2) return error;
  INFILL_LAUNCH(add_sums_kernel, grid, dim3(kScanThreads), 0, stream, values, count,
                static_cast<const uint32_t*>(sums));
  return cudaGetLastError();
}

}  // namespace infill::cuda
