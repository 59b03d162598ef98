// The geometry of masks on the device: src/core/mask.h and src/core/distance.h say what each of these means,
// and the results are the same, bit for bit.
//
// Launchers return cudaErrorInvalidValue for what they cannot do, before they launch anything. They allocate
// nothing and wait for nothing. Workspace is the caller's: 256-byte aligned, as many bytes as the function
// beside each launcher says, its contents undefined before and after.
#pragma once

#include <cstddef>

#include "cuda/picture.h"

namespace infill::cuda {

// One byte a pixel: 0 keeps, anything else is a hole. stride in elements, at least width.
struct MaskPlane {
  uint8_t* data = nullptr;
  int32_t width = 0, height = 0;
  int64_t stride = 0;
};

// What there is in a rectangle of a mask. Coordinates and indices are those of the rectangle.
struct MaskReport {
  unsigned long long holes;          // pixels
  unsigned long long nan;            // least y * width + x of a pixel that is NaN, or kNoNan
  int32_t left, top, right, bottom;  // smallest box around the holes; right and bottom are beyond it.
                                     // Without a hole: left = width, top = height, right = bottom = 0
};
constexpr unsigned long long kNoNan = ~0ULL;

// Thresholds a mask in any format. A hole is where m > 0, or with `solid` where m is 1; NaN is none.
// plane.data (1 for holes, else 0) or report may be null. rect lies in the mask and, when there is a plane,
// has its size.
struct ReadMaskCall {
  Picture mask;
  Rect rect;
  bool solid = false;
  MaskPlane plane;
  MaskReport* report = nullptr;
};
cudaError_t read_mask(const ReadMaskCall& call, cudaStream_t stream);

// Writes all of a mask: values, with the stride in elements, in rect, and 0 elsewhere. m above 0 is never
// rounded to 0; a mask of any-byte-is-a-hole gets 1 where m is above 0.
struct WriteMaskCall {
  Picture mask;
  Rect rect;
  const float* values = nullptr;
  int64_t stride = 0;
};
cudaError_t write_mask(const WriteMaskCall& call, cudaStream_t stream);

// Stands for any squared distance that an int32_t cannot hold, and for "there is none".
constexpr int32_t kFarAway = INT32_MAX;

// The squared distance of each pixel to the nearest hole (or kept pixel), 0 on one: exact integers. squared
// has the mask's size, and its own stride in elements. Time is linear in the pixels: rows by votes of warps,
// columns by the lower envelope of parabolas (Felzenszwalb, Huttenlocher: Distance Transforms of Sampled
// Functions, Theory of Computing 8, 2012; Meijster, Roerdink, Hesselink 2000).
enum class Target { kHoles, kKept };
struct DistanceCall {
  MaskPlane mask;
  Target target = Target::kHoles;
  int32_t* squared = nullptr;
  int64_t stride = 0;
};
size_t squared_distance_workspace(int32_t width, int32_t height);
cudaError_t squared_distance(const DistanceCall& call, void* workspace, cudaStream_t stream);

// Makes every pixel up to radius from a hole a hole (1); keeps (0) every pixel up to radius from a kept one.
// Radii below 0 change nothing. Up to 64 pixels, only as far as the radius is looked.
size_t morphology_workspace(int32_t width, int32_t height);
cudaError_t dilate(const MaskPlane& mask, double radius, void* workspace, cudaStream_t stream);
cudaError_t erode(const MaskPlane& mask, double radius, void* workspace, cudaStream_t stream);

// A soft edge inside the holes: 0 where the mask is, else min(1, d / (width + 1)) for the distance d to the
// nearest kept pixel. width is at least 0.
struct FeatherCall {
  MaskPlane mask;
  double width = 0;
  float* soft = nullptr;
  int64_t stride = 0;
};
cudaError_t feather(const FeatherCall& call, void* workspace, cudaStream_t stream);

}  // namespace infill::cuda
