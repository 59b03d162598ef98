// Sums of what comes before each element, on the device.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace infill::cuda {

// values[i] becomes the sum of values[0 .. i), *total that of all, count may be 0. values is aligned to 16
// bytes. The sum of all must fit 32 bits. Tiles are summed up, then the tiles' sums by one block, then added:
// every element is read twice and written twice. Workspace as in cuda/mask.h.
size_t exclusive_scan_workspace(int64_t count);
cudaError_t exclusive_scan(uint32_t* values, int64_t count, uint32_t* total, void* workspace,
                           cudaStream_t stream);

}  // namespace infill::cuda
