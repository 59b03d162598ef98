#include <algorithm>
#include <cmath>

#include "cuda/mask.cuh"
#include "cuda/workspace.h"

namespace infill::cuda {

namespace {

// Rows of blocks that read a mask: few enough that their reports do not queue up.
constexpr unsigned kReportingRows = 64;

bool is_plane(const MaskPlane& mask) {
  return mask.width >= 0 && mask.height >= 0 && mask.stride >= mask.width &&
         (mask.data != nullptr || mask.width == 0 || mask.height == 0);
}

bool is_inside(const Rect& rect, const Picture& picture) {
  return rect.x >= 0 && rect.y >= 0 && rect.width >= 0 && rect.height >= 0 &&
         rect.x <= picture.width - rect.width && rect.y <= picture.height - rect.height;
}

// Squared distances are integers: d <= radius is d * d <= this.
int32_t largest_square(double radius) {
  return static_cast<int32_t>(std::min(std::floor(radius * radius), double{kFarAway - 1}));
}

struct Scratch {
  int32_t* in_row;
  int32_t* site;
  int32_t* start;
  Scratch(Workspace& workspace, int32_t width, int32_t height) {
    const int64_t pixels = int64_t{width} * height;
    in_row = workspace.take<int32_t>(pixels);
    site = workspace.take<int32_t>(pixels);
    start = workspace.take<int32_t>(pixels);
  }
};

// Distances that matter up to `limit`, squared.
cudaError_t distances(const DistanceCall& call, int32_t limit, const Scratch& scratch, cudaStream_t stream) {
  const MaskPlane& mask = call.mask;
  const Distances d{mask.width, mask.height, scratch.in_row, call.squared, call.stride};
  INFILL_LAUNCH(row_distances_kernel, pixel_grid(32, mask.height), pixel_block(), 0, stream, mask,
                call.target == Target::kHoles, scratch.in_row);
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) return error;
  int32_t radius = 0;
  while (radius <= kMostSearched && (radius + 1) * (radius + 1) <= limit) ++radius;
  if (radius <= kMostSearched) {
    INFILL_LAUNCH(search_columns_kernel, pixel_grid(mask.width, mask.height), pixel_block(), 0, stream, d,
                  radius, limit);
  } else {
    const auto blocks = static_cast<unsigned>((mask.width + kEnvelopeThreads - 1) / kEnvelopeThreads);
    INFILL_LAUNCH(envelope_kernel, dim3(blocks), dim3(kEnvelopeThreads), 0, stream, d, scratch.site,
                  scratch.start);
  }
  return cudaGetLastError();
}

// Distances up to a limit, in the workspace, and then `next` with them.
template <class Next>
cudaError_t with_distances(const MaskPlane& mask, Target target, int32_t limit, void* workspace,
                           cudaStream_t stream, const Next& next) {
  Workspace arrays(workspace);
  const Scratch scratch(arrays, mask.width, mask.height);
  auto* squared = arrays.take<int32_t>(int64_t{mask.width} * mask.height);
  const cudaError_t error = distances({mask, target, squared, mask.width}, limit, scratch, stream);
  if (error != cudaSuccess) return error;
  next(squared);
  return cudaGetLastError();
}

cudaError_t set_near(const MaskPlane& mask, Target target, double radius, uint8_t value, void* workspace,
                     cudaStream_t stream) {
  if (!is_plane(mask) || radius != radius) return cudaErrorInvalidValue;
  if (radius < 0 || mask.width == 0 || mask.height == 0) return cudaSuccess;
  if (workspace == nullptr) return cudaErrorInvalidValue;
  const int32_t most = largest_square(radius);
  return with_distances(mask, target, most, workspace, stream, [&](const int32_t* squared) {
    INFILL_LAUNCH(set_near_kernel, pixel_grid(mask.width, mask.height), pixel_block(), 0, stream, mask,
                  squared, most, value);
  });
}

}  // namespace

cudaError_t read_mask(const ReadMaskCall& call, cudaStream_t stream) {
  const bool planar = call.plane.data != nullptr;
  if (call.mask.data == nullptr || call.mask.channels != 1 || !is_inside(call.rect, call.mask)) {
    return cudaErrorInvalidValue;
  }
  if (planar && (call.plane.width != call.rect.width || call.plane.height != call.rect.height ||
                 call.plane.stride < call.plane.width)) {
    return cudaErrorInvalidValue;
  }
  if (call.report != nullptr) {
    INFILL_LAUNCH(clear_report_kernel, dim3(1), dim3(32), 0, stream, call.report, call.rect.width,
                  call.rect.height);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) return error;
  }
  if (call.rect.width == 0 || call.rect.height == 0) return cudaSuccess;
  dim3 grid = pixel_grid(call.rect.width, call.rect.height);
  grid.y = std::min(grid.y, kReportingRows);
  INFILL_LAUNCH(read_mask_kernel, grid, pixel_block(), 0, stream, call);
  return cudaGetLastError();
}

cudaError_t write_mask(const WriteMaskCall& call, cudaStream_t stream) {
  if (call.mask.data == nullptr || call.mask.channels != 1 || !is_inside(call.rect, call.mask) ||
      call.stride < call.rect.width ||
      (call.values == nullptr && call.rect.width > 0 && call.rect.height > 0)) {
    return cudaErrorInvalidValue;
  }
  if (call.mask.width == 0 || call.mask.height == 0) return cudaSuccess;
  INFILL_LAUNCH(write_mask_kernel, pixel_grid(call.mask.width, call.mask.height), pixel_block(), 0, stream,
                call);
  return cudaGetLastError();
}

size_t squared_distance_workspace(int32_t width, int32_t height) {
  Workspace arrays(nullptr);
  const Scratch scratch(arrays, width, height);
  return arrays.used();
}

cudaError_t squared_distance(const DistanceCall& call, void* workspace, cudaStream_t stream) {
  if (!is_plane(call.mask) || call.stride < call.mask.width) return cudaErrorInvalidValue;
  if (call.mask.width == 0 || call.mask.height == 0) return cudaSuccess;
  if (call.squared == nullptr || workspace == nullptr) return cudaErrorInvalidValue;
  Workspace arrays(workspace);
  const Scratch scratch(arrays, call.mask.width, call.mask.height);
  return distances(call, kFarAway, scratch, stream);
}

size_t morphology_workspace(int32_t width, int32_t height) {
  Workspace arrays(nullptr);
  const Scratch scratch(arrays, width, height);
  arrays.take<int32_t>(int64_t{width} * height);
  return arrays.used();
}

cudaError_t dilate(const MaskPlane& mask, double radius, void* workspace, cudaStream_t stream) {
  return set_near(mask, Target::kHoles, radius, 1, workspace, stream);
}

cudaError_t erode(const MaskPlane& mask, double radius, void* workspace, cudaStream_t stream) {
  return set_near(mask, Target::kKept, radius, 0, workspace, stream);
}

cudaError_t feather(const FeatherCall& call, void* workspace, cudaStream_t stream) {
  const MaskPlane& mask = call.mask;
  if (!is_plane(mask) || !(call.width >= 0) || call.stride < mask.width) return cudaErrorInvalidValue;
  if (mask.width == 0 || mask.height == 0) return cudaSuccess;
  if (call.soft == nullptr || workspace == nullptr) return cudaErrorInvalidValue;
  // Farther than this the edge is over.
  const int32_t limit = largest_square(call.width + 2);
  return with_distances(mask, Target::kKept, limit, workspace, stream, [&](const int32_t* squared) {
    INFILL_LAUNCH(feather_kernel, pixel_grid(mask.width, mask.height), pixel_block(), 0, stream, call,
                  squared);
  });
}

}  // namespace infill::cuda
