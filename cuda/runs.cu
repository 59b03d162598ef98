#include "cuda/runs.cuh"
#include "cuda/scan.h"
#include "cuda/workspace.h"

namespace infill::cuda {

namespace {

constexpr int32_t kMostReach = 65536;

struct RowCounts {
  uint32_t* first;  // runs of each row, then in the rows above
  void* scan;
  RowCounts(Workspace& workspace, int32_t height)
      : first(workspace.take<uint32_t>(height)),
        scan(workspace.take<unsigned char>(static_cast<int64_t>(exclusive_scan_workspace(height)))) {}
};

struct Sets {
  uint32_t *parent, *root, *number;
  void* scan;
  Sets(Workspace& workspace, int64_t count)
      : parent(workspace.take<uint32_t>(count)),
        root(workspace.take<uint32_t>(count)),
        number(workspace.take<uint32_t>(count)),
        scan(workspace.take<unsigned char>(static_cast<int64_t>(exclusive_scan_workspace(count)))) {}
};

}  // namespace

size_t read_runs_workspace(int32_t height) {
  Workspace arrays(nullptr);
  const RowCounts counts(arrays, height);
  return arrays.used();
}

cudaError_t read_runs(const ReadRunsCall& call, void* workspace, cudaStream_t stream) {
  const MaskPlane& mask = call.mask;
  const bool empty = mask.width == 0 || mask.height == 0;
  if (mask.width < 0 || mask.height < 0 || mask.stride < mask.width || call.count == nullptr ||
      call.capacity < 0 || (call.runs == nullptr && call.capacity > 0) ||
      (!empty && (mask.data == nullptr || workspace == nullptr)) ||
      (int64_t{mask.width} + 1) / 2 * mask.height > INT32_MAX) {
    return cudaErrorInvalidValue;
  }
  if (empty) return exclusive_scan(nullptr, 0, call.count, nullptr, stream);
  Workspace arrays(workspace);
  const RowCounts counts(arrays, mask.height);
  const dim3 grid = pixel_grid(32, mask.height);
  INFILL_LAUNCH(count_runs_kernel, grid, pixel_block(), 0, stream, mask, counts.first);
  cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) return error;
  error = exclusive_scan(counts.first, mask.height, call.count, counts.scan, stream);
  if (error != cudaSuccess || call.capacity == 0) return error;
  INFILL_LAUNCH(write_runs_kernel, grid, pixel_block(), 0, stream, call,
                static_cast<const uint32_t*>(counts.first));
  return cudaGetLastError();
}

size_t group_runs_workspace(int64_t count) {
  Workspace arrays(nullptr);
  const Sets sets(arrays, count);
  return arrays.used();
}

cudaError_t group_runs(const GroupRunsCall& call, void* workspace, cudaStream_t stream) {
  if (call.count < 0 || call.count > INT32_MAX || call.reach < 0 || call.reach > kMostReach ||
      call.group_count == nullptr) {
    return cudaErrorInvalidValue;
  }
  if (call.count == 0) return exclusive_scan(nullptr, 0, call.group_count, nullptr, stream);
  if (call.runs == nullptr || call.group == nullptr || call.groups == nullptr || workspace == nullptr) {
    return cudaErrorInvalidValue;
  }
  Workspace arrays(workspace);
  const Sets sets(arrays, call.count);
  const dim3 grid = list_grid(call.count);
  const dim3 block(kBlockThreads);
  INFILL_LAUNCH(start_sets_kernel, grid, block, 0, stream, sets.parent, call.count, call.groups);
  INFILL_LAUNCH(join_runs_kernel, grid, block, 0, stream, call, sets.parent);
  INFILL_LAUNCH(find_roots_kernel, grid, block, 0, stream, static_cast<const uint32_t*>(sets.parent),
                call.count, sets.root, sets.number);
  cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) return error;
  error = exclusive_scan(sets.number, call.count, call.group_count, sets.scan, stream);
  if (error != cudaSuccess) return error;
  INFILL_LAUNCH(describe_groups_kernel, grid, block, 0, stream, call, static_cast<const uint32_t*>(sets.root),
                static_cast<const uint32_t*>(sets.number));
  return cudaGetLastError();
}

}  // namespace infill::cuda
