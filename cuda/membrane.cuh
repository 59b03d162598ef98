// Kernels of cuda/membrane.h: a thread for each pixel of a level, all channels at once.
#pragma once

#include "cuda/grid.cuh"
#include "cuda/membrane.h"

namespace infill::cuda {

constexpr int kLanes = 4;
// Marks a pixel that is no unknown; unknowns hold the number of their neighbours that are there.
constexpr uint8_t kNoUnknown = 255;

// One grid of the multigrid. Values of pixels that are no unknowns stay 0.
struct MembraneLevel {
  int32_t width, height;
  const uint8_t* label;
  int64_t label_stride;
  uint8_t* node;  // width x height, and so are the following
  float4* right;
  float4* x;
  float4* other;

  __device__ bool contains(int32_t px, int32_t py) const {
    return px >= 0 && py >= 0 && px < width && py < height;
  }
  __device__ int64_t at(int32_t px, int32_t py) const { return int64_t{py} * width + px; }
  __device__ uint8_t label_at(int32_t px, int32_t py) const {
    return contains(px, py) ? label[py * label_stride + px] : kExcluded;
  }
};

// Numbers of the iteration, one per channel.
struct MembraneState {
  double product[kLanes];  // of residual and preconditioned residual
  float alpha[kLanes], beta[kLanes];
  float allowed[kLanes];  // error
  float start[kLanes];
  int32_t iterations, done;
  float error;
};

// Sums or extremes of one block.
struct MembranePartial {
  double sum[kLanes];
  float low[kLanes], high[kLanes];
};

__device__ inline float4 operator+(float4 a, float4 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
}
__device__ inline float4 operator-(float4 a, float4 b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z, a.w - b.w};
}
__device__ inline float4 operator*(float a, float4 b) {
  return {a * b.x, a * b.y, a * b.z, a * b.w};
}

__device__ inline float inverse_degree(uint8_t degree) {
  return degree == 4 ? 0.25F : degree == 3 ? 1.0F / 3.0F : degree == 2 ? 0.5F : degree == 1 ? 1.0F : 0.0F;
}

// (A values)(x, y) of an unknown with this degree.
__device__ inline float4 laplace(const MembraneLevel& level, const float4* values, int32_t x, int32_t y,
                                 uint8_t degree) {
  const float4* here = values + level.at(x, y);
  float4 sum = {0, 0, 0, 0};
  if (x > 0) sum = sum + here[-1];
  if (x + 1 < level.width) sum = sum + here[1];
  if (y > 0) sum = sum + here[-int64_t{level.width}];
  if (y + 1 < level.height) sum = sum + here[level.width];
  return static_cast<float>(degree) * *here - sum;
}

// Chebyshev's polynomial of two steps for the eigenvalues of D^-1 A between a fifth of the largest, 2, and
// that.
constexpr float kFirstStep = 1 / 1.2F;
constexpr float kRho = 1 / (2 * 1.5F - 1 / 1.5F);
constexpr float kMomentum = kRho / 1.5F;
constexpr float kSecondStep = 2 * kRho / 0.8F;

// The label of a pixel that covers 2 x 2: see coarsen() in src/classic/pixel_set.h.
__global__ __launch_bounds__(kBlockThreads) void coarsen_labels_kernel(MembraneLevel fine, int32_t width,
                                                                       int32_t height, uint8_t* coarse) {
  const int32_t x = pixel_x();
  if (x >= width) return;
  for (int32_t y = pixel_y(); y < height; y += rows_of_grid()) {
    int present = 0;
    int holes = 0;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const uint8_t label = fine.label_at(2 * x + k % 2, 2 * y + k / 2);
      present += label != kExcluded ? 1 : 0;
      holes += label == kHole ? 1 : 0;
    }
    coarse[int64_t{y} * width + x] = holes >= 2 && holes == present ? kHole
                                     : present == 0                 ? kExcluded
                                                                    : kKnown;
  }
}

// Degrees of the unknowns; clears the level's values.
__global__ __launch_bounds__(kBlockThreads) void start_level_kernel(MembraneLevel level) {
  const int32_t x = pixel_x();
  if (x >= level.width) return;
  const float4 zero = {0, 0, 0, 0};
  for (int32_t y = pixel_y(); y < level.height; y += rows_of_grid()) {
    const int64_t at = level.at(x, y);
    const auto there = [&](int32_t px, int32_t py) { return level.label_at(px, py) != kExcluded ? 1 : 0; };
    const int degree = there(x - 1, y) + there(x + 1, y) + there(x, y - 1) + there(x, y + 1);
    level.node[at] = level.label_at(x, y) == kHole ? static_cast<uint8_t>(degree) : kNoUnknown;
    level.right[at] = zero;
    level.x[at] = zero;
    level.other[at] = zero;
  }
}

// What the solver needs of the canvas.
struct MembraneFine {
  MembraneLevel level;
  Canvas canvas;
  Rect box;
  const float* rim[kLanes];
  float4* solution;
  float4* direction;

  __device__ int64_t in_canvas(int32_t x, int32_t y) const { return (box.y + y) * canvas.stride + box.x + x; }
  // What channel c of the solution is to be at a known pixel.
  __device__ float known(int32_t c, int32_t x, int32_t y) const {
    const int64_t at = in_canvas(x, y);
    const float value = canvas.planes[c][at];
    return rim[0] == nullptr ? value : value - rim[c][at];
  }
};

// Calls body(x, y) for the four neighbours of a pixel.
template <class Body>
__device__ inline void for_neighbours(int32_t x, int32_t y, const Body& body) {
  body(x - 1, y);
  body(x + 1, y);
  body(x, y - 1);
  body(x, y + 1);
}

// Reduces a block's partials to one, in a fixed order; the first thread has the result. Every thread calls
// it.
__device__ inline void reduce_block(MembranePartial& own, MembranePartial* all) {
  const int lane = static_cast<int>(threadIdx.x);
  const int warp = static_cast<int>(threadIdx.y);
#pragma unroll
  for (unsigned step = 16; step > 0; step /= 2) {
#pragma unroll
    for (int c = 0; c < kLanes; ++c) {
      own.sum[c] += __shfl_down_sync(0xFFFFFFFFU, own.sum[c], step);
      own.low[c] = fminf(own.low[c], __shfl_down_sync(0xFFFFFFFFU, own.low[c], step));
      own.high[c] = fmaxf(own.high[c], __shfl_down_sync(0xFFFFFFFFU, own.high[c], step));
    }
  }
  if (lane == 0) all[warp] = own;
  __syncthreads();
  if (lane != 0 || warp != 0) return;
#pragma unroll
  for (int i = 1; i < kBlockRows; ++i) {
#pragma unroll
    for (int c = 0; c < kLanes; ++c) {
      own.sum[c] += all[i].sum[c];
      own.low[c] = fminf(own.low[c], all[i].low[c]);
      own.high[c] = fmaxf(own.high[c], all[i].high[c]);
    }
  }
}

__device__ inline MembranePartial nothing() {
  MembranePartial partial;
#pragma unroll
  for (int c = 0; c < kLanes; ++c) {
    partial.sum[c] = 0;
    partial.low[c] = INFINITY;
    partial.high[c] = -INFINITY;
  }
  return partial;
}

__device__ inline unsigned block_number() {
  return blockIdx.y * gridDim.x + blockIdx.x;
}

// The partials of all blocks, added up by one block of kBlockColumns x kBlockRows: thread i takes i, i + 256,
// ...
__device__ inline MembranePartial reduce_partials(const MembranePartial* partials, unsigned count,
                                                  MembranePartial* all) {
  MembranePartial own = nothing();
  for (unsigned i = threadIdx.y * kBlockColumns + threadIdx.x; i < count; i += kBlockThreads) {
#pragma unroll
    for (int c = 0; c < kLanes; ++c) {
      own.sum[c] += partials[i].sum[c];
      own.low[c] = fminf(own.low[c], partials[i].low[c]);
      own.high[c] = fmaxf(own.high[c], partials[i].high[c]);
    }
  }
  reduce_block(own, all);
  return own;
}

// The range of the known pixels around the holes.
__global__ __launch_bounds__(kBlockThreads) void measure_range_kernel(MembraneFine fine,
                                                                      MembranePartial* partials) {
  INFILL_SHARED(MembranePartial, all, [kBlockRows]);
  MembranePartial own = nothing();
  const int32_t x = pixel_x();
  for (int32_t y = pixel_y(); y < fine.level.height; y += rows_of_grid()) {
    if (x >= fine.level.width || fine.level.node[fine.level.at(x, y)] == kNoUnknown) continue;
    for_neighbours(x, y, [&](int32_t px, int32_t py) {
      if (fine.level.label_at(px, py) != kKnown) return;
#pragma unroll
      for (int c = 0; c < kLanes; ++c) {
        if (c >= fine.canvas.channels) continue;
        const float value = fine.known(c, px, py);
        own.low[c] = fminf(own.low[c], value);
        own.high[c] = fmaxf(own.high[c], value);
      }
    });
  }
  reduce_block(own, all);
  if (threadIdx.x == 0 && threadIdx.y == 0) partials[block_number()] = own;
}

// One block. The error allowed per channel, and where to start.
__global__ __launch_bounds__(kBlockThreads) void start_solver_kernel(const MembranePartial* partials,
                                                                     unsigned count, float tolerance,
                                                                     float step, bool is_seam,
                                                                     MembraneState* state) {
  constexpr float kShareOfAStep = 1.0F / 16;
  constexpr float kRounding = 2 * 1.1920929e-07F;
  INFILL_SHARED(MembranePartial, all, [kBlockRows]);
  const MembranePartial range = reduce_partials(partials, count, all);
  if (threadIdx.x != 0 || threadIdx.y != 0) return;
#pragma unroll
  for (int c = 0; c < kLanes; ++c) {
    const bool any = range.low[c] <= range.high[c];
    const float magnitude = fmaxf(fabsf(range.low[c]), fabsf(range.high[c]));
    state->allowed[c] = !any ? 0.0F
                             : fmaxf(fmaxf(tolerance * (range.high[c] - range.low[c]), kRounding * magnitude),
                                     step * kShareOfAStep);
    state->start[c] = any && !is_seam ? 0.5F * (range.low[c] + range.high[c]) : 0.0F;
    state->product[c] = 0;
  }
  state->iterations = 0;
  state->done = 0;
  state->error = 0;
}

__global__ __launch_bounds__(kBlockThreads) void start_solution_kernel(MembraneFine fine,
                                                                       const MembraneState* state) {
  const int32_t x = pixel_x();
  if (x >= fine.level.width) return;
  for (int32_t y = pixel_y(); y < fine.level.height; y += rows_of_grid()) {
    const int64_t at = fine.level.at(x, y);
    const float4 zero = {0, 0, 0, 0};
    const float4 start = {state->start[0], state->start[1], state->start[2], state->start[3]};
    fine.solution[at] = fine.level.node[at] == kNoUnknown ? zero : start;
    fine.direction[at] = zero;
  }
}

// right = - A solution, from differences, in double.
__global__ __launch_bounds__(kBlockThreads) void form_residual_kernel(MembraneFine fine,
                                                                      const MembraneState* state) {
  if (state->done != 0) return;
  const MembraneLevel& level = fine.level;
  const int32_t x = pixel_x();
  if (x >= level.width) return;
  for (int32_t y = pixel_y(); y < level.height; y += rows_of_grid()) {
    const int64_t at = level.at(x, y);
    if (level.node[at] == kNoUnknown) continue;
    const float4 own = fine.solution[at];
    const double here[kLanes] = {own.x, own.y, own.z, own.w};
    double sum[kLanes] = {};
    for_neighbours(x, y, [&](int32_t px, int32_t py) {
      const uint8_t label = level.label_at(px, py);
      if (label == kExcluded) return;
      const float4 next = fine.solution[level.at(px, py)];
      const float values[kLanes] = {next.x, next.y, next.z, next.w};
#pragma unroll
      for (int c = 0; c < kLanes; ++c) {
        if (c >= fine.canvas.channels) continue;
        sum[c] += static_cast<double>(label == kHole ? values[c] : fine.known(c, px, py)) - here[c];
      }
    });
    level.right[at] = {static_cast<float>(sum[0]), static_cast<float>(sum[1]), static_cast<float>(sum[2]),
                       static_cast<float>(sum[3])};
  }
}

// Both steps of the smoother from x = 0.
__global__ __launch_bounds__(kBlockThreads) void smooth_zero_kernel(MembraneLevel level,
                                                                    const MembraneState* state) {
  if (state->done != 0) return;
  const int32_t x = pixel_x();
  if (x >= level.width) return;
  for (int32_t y = pixel_y(); y < level.height; y += rows_of_grid()) {
    const int64_t at = level.at(x, y);
    const uint8_t degree = level.node[at];
    if (degree == kNoUnknown) continue;
    // The first step.
    const auto first = [&](int64_t i) {
      const uint8_t own = level.node[i];
      return own == kNoUnknown ? 0.0F : kFirstStep * inverse_degree(own);
    };
    const float4 right = level.right[at];
    const float4 here = first(at) * right;
    float4 sum = {0, 0, 0, 0};
    for_neighbours(x, y, [&](int32_t px, int32_t py) {
      if (!level.contains(px, py)) return;
      const int64_t i = level.at(px, py);
      sum = sum + first(i) * level.right[i];
    });
    const float4 residual = right - (static_cast<float>(degree) * here - sum);
    level.x[at] = (1 + kMomentum) * here + kSecondStep * inverse_degree(degree) * residual;
  }
}

// One step of the smoother: other = x + factor D^-1 (right - A x) + momentum (x - other).
__global__ __launch_bounds__(kBlockThreads) void smooth_kernel(MembraneLevel level, float factor,
                                                               float momentum, const MembraneState* state) {
  if (state->done != 0) return;
  const int32_t x = pixel_x();
  if (x >= level.width) return;
  for (int32_t y = pixel_y(); y < level.height; y += rows_of_grid()) {
    const int64_t at = level.at(x, y);
    const uint8_t degree = level.node[at];
    if (degree == kNoUnknown) continue;
    const float4 here = level.x[at];
    const float4 residual = level.right[at] - laplace(level, level.x, x, y, degree);
    float4 value = here + factor * inverse_degree(degree) * residual;
    if (momentum != 0) value = value + momentum * (here - level.other[at]);
    level.other[at] = value;
  }
}

// other = right - A x.
__global__ __launch_bounds__(kBlockThreads) void residual_kernel(MembraneLevel level,
                                                                 const MembraneState* state) {
  if (state->done != 0) return;
  const int32_t x = pixel_x();
  if (x >= level.width) return;
  for (int32_t y = pixel_y(); y < level.height; y += rows_of_grid()) {
    const int64_t at = level.at(x, y);
    const uint8_t degree = level.node[at];
    if (degree == kNoUnknown) continue;
    level.other[at] = level.right[at] - laplace(level, level.x, x, y, degree);
  }
}

// A fine pixel's parents: its own coarse pixel, and the nearer ones in x, in y and diagonally, with 9, 3, 3
// and 1 sixteenths. The weights of excluded ones go to its own, so that constants stay constants.
struct Parents {
  int32_t own_x, own_y, other_x, other_y;
  __device__ Parents(int32_t x, int32_t y)
      : own_x(x / 2),
        own_y(y / 2),
        other_x(own_x + (x % 2 == 0 ? -1 : 1)),
        other_y(own_y + (y % 2 == 0 ? -1 : 1)) {}
  __device__ float own_weight(const MembraneLevel& coarse) const {
    const auto absent = [&](int32_t px, int32_t py) { return coarse.label_at(px, py) == kExcluded; };
    return (9 + (absent(other_x, own_y) ? 3.0F : 0.0F) + (absent(own_x, other_y) ? 3.0F : 0.0F) +
            (absent(other_x, other_y) ? 1.0F : 0.0F)) /
           16;
  }
};

// coarse.right = P' fine.other.
__global__ __launch_bounds__(kBlockThreads) void restrict_kernel(MembraneLevel fine, MembraneLevel coarse,
                                                                 const MembraneState* state) {
  if (state->done != 0) return;
  const int32_t x = pixel_x();
  if (x >= coarse.width) return;
  for (int32_t y = pixel_y(); y < coarse.height; y += rows_of_grid()) {
    const int64_t at = coarse.at(x, y);
    if (coarse.node[at] == kNoUnknown) continue;
    float4 sum = {0, 0, 0, 0};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int32_t px = 2 * x - 1 + i;
        const int32_t py = 2 * y - 1 + j;
        if (!fine.contains(px, py) || fine.node[fine.at(px, py)] == kNoUnknown) continue;
        const bool middle_x = i == 1 || i == 2;
        const bool middle_y = j == 1 || j == 2;
        const float weight = middle_x && middle_y   ? Parents(px, py).own_weight(coarse)
                             : middle_x || middle_y ? 3.0F / 16
                                                    : 1.0F / 16;
        sum = sum + weight * fine.other[fine.at(px, py)];
      }
    }
    coarse.right[at] = sum;
  }
}

// fine.x += P values.
__global__ __launch_bounds__(kBlockThreads) void prolong_kernel(MembraneLevel fine, MembraneLevel coarse,
                                                                const MembraneState* state) {
  if (state->done != 0) return;
  const int32_t x = pixel_x();
  if (x >= fine.width) return;
  for (int32_t y = pixel_y(); y < fine.height; y += rows_of_grid()) {
    const int64_t at = fine.at(x, y);
    if (fine.node[at] == kNoUnknown) continue;
    const Parents parents(x, y);
    float4 value = fine.x[at];
    const auto add = [&](float weight, int32_t px, int32_t py) {
      if (coarse.contains(px, py)) value = value + weight * coarse.x[coarse.at(px, py)];
    };
    add(parents.own_weight(coarse), parents.own_x, parents.own_y);
    add(3.0F / 16, parents.other_x, parents.own_y);
    add(3.0F / 16, parents.own_x, parents.other_y);
    add(1.0F / 16, parents.other_x, parents.other_y);
    fine.x[at] = value;
  }
}

// Products of residual and preconditioned residual, and how large that is.
__global__ __launch_bounds__(kBlockThreads) void measure_kernel(MembraneLevel level,
                                                                MembranePartial* partials,
                                                                const MembraneState* state) {
  if (state->done != 0) return;
  INFILL_SHARED(MembranePartial, all, [kBlockRows]);
  MembranePartial own = nothing();
  const int32_t x = pixel_x();
  for (int32_t y = pixel_y(); y < level.height; y += rows_of_grid()) {
    if (x >= level.width || level.node[level.at(x, y)] == kNoUnknown) continue;
    const float4 r4 = level.right[level.at(x, y)];
    const float4 z4 = level.x[level.at(x, y)];
    const float r[kLanes] = {r4.x, r4.y, r4.z, r4.w};
    const float z[kLanes] = {z4.x, z4.y, z4.z, z4.w};
#pragma unroll
    for (int c = 0; c < kLanes; ++c) {
      own.sum[c] += static_cast<double>(r[c]) * z[c];
      own.high[c] = fmaxf(own.high[c], fabsf(z[c]));
    }
  }
  reduce_block(own, all);
  if (threadIdx.x == 0 && threadIdx.y == 0) partials[block_number()] = own;
}

// One block. Whether the goal is reached, else how much of the last direction is kept.
__global__ __launch_bounds__(kBlockThreads) void choose_direction_kernel(const MembranePartial* partials,
                                                                         unsigned count, bool restart,
                                                                         MembraneState* state) {
  if (state->done != 0) return;
  INFILL_SHARED(MembranePartial, all, [kBlockRows]);
  const MembranePartial sums = reduce_partials(partials, count, all);
  if (threadIdx.x != 0 || threadIdx.y != 0) return;
  float error = 0;
#pragma unroll
  for (int c = 0; c < kLanes; ++c) {
    if (state->allowed[c] > 0 && sums.high[c] > 0) error = fmaxf(error, sums.high[c] / state->allowed[c]);
    const bool keep = !restart && state->product[c] > 0;
    state->beta[c] = keep ? static_cast<float>(sums.sum[c] / state->product[c]) : 0.0F;
    state->product[c] = sums.sum[c];
  }
  state->error = error;
}

__global__ __launch_bounds__(kBlockThreads) void turn_kernel(MembraneFine fine, const MembraneState* state) {
  if (state->done != 0) return;
  const MembraneLevel& level = fine.level;
  const int32_t x = pixel_x();
  if (x >= level.width) return;
  const float b[kLanes] = {state->beta[0], state->beta[1], state->beta[2], state->beta[3]};
  for (int32_t y = pixel_y(); y < level.height; y += rows_of_grid()) {
    const int64_t at = level.at(x, y);
    if (level.node[at] == kNoUnknown) continue;
    const float4 z = level.x[at];
    const float4 d = fine.direction[at];
    fine.direction[at] = {z.x + b[0] * d.x, z.y + b[1] * d.y, z.z + b[2] * d.z, z.w + b[3] * d.w};
  }
}

// other = A direction, and the products of both.
__global__ __launch_bounds__(kBlockThreads) void image_kernel(MembraneFine fine, MembranePartial* partials,
                                                              const MembraneState* state) {
  if (state->done != 0) return;
  INFILL_SHARED(MembranePartial, all, [kBlockRows]);
  const MembraneLevel& level = fine.level;
  MembranePartial own = nothing();
  const int32_t x = pixel_x();
  for (int32_t y = pixel_y(); y < level.height; y += rows_of_grid()) {
    if (x >= level.width || level.node[level.at(x, y)] == kNoUnknown) continue;
    const int64_t at = level.at(x, y);
    const float4 d4 = fine.direction[at];
    const float4 a4 = laplace(level, fine.direction, x, y, level.node[at]);
    level.other[at] = a4;
    const float d[kLanes] = {d4.x, d4.y, d4.z, d4.w};
    const float a[kLanes] = {a4.x, a4.y, a4.z, a4.w};
#pragma unroll
    for (int c = 0; c < kLanes; ++c) own.sum[c] += static_cast<double>(d[c]) * a[c];
  }
  reduce_block(own, all);
  if (threadIdx.x == 0 && threadIdx.y == 0) partials[block_number()] = own;
}

// One block. How far to go; after the step that the last estimate asked for no more, the end.
__global__ __launch_bounds__(kBlockThreads) void choose_step_kernel(const MembranePartial* partials,
                                                                    unsigned count, MembraneState* state) {
  if (state->done != 0) return;
  INFILL_SHARED(MembranePartial, all, [kBlockRows]);
  const MembranePartial sums = reduce_partials(partials, count, all);
  if (threadIdx.x != 0 || threadIdx.y != 0) return;
#pragma unroll
  for (int c = 0; c < kLanes; ++c) {
    state->alpha[c] = sums.sum[c] > 0 ? static_cast<float>(state->product[c] / sums.sum[c]) : 0.0F;
  }
  ++state->iterations;
}

__global__ __launch_bounds__(kBlockThreads) void step_kernel(MembraneFine fine, const MembraneState* state) {
  if (state->done != 0) return;
  const MembraneLevel& level = fine.level;
  const int32_t x = pixel_x();
  if (x >= level.width) return;
  const float k[kLanes] = {state->alpha[0], state->alpha[1], state->alpha[2], state->alpha[3]};
  for (int32_t y = pixel_y(); y < level.height; y += rows_of_grid()) {
    const int64_t at = level.at(x, y);
    if (level.node[at] == kNoUnknown) continue;
    const float4 d = fine.direction[at];
    const float4 a = level.other[at];
    const float4 u = fine.solution[at];
    const float4 r = level.right[at];
    fine.solution[at] = {u.x + k[0] * d.x, u.y + k[1] * d.y, u.z + k[2] * d.z, u.w + k[3] * d.w};
    level.right[at] = {r.x - k[0] * a.x, r.y - k[1] * a.y, r.z - k[2] * a.z, r.w - k[3] * a.w};
  }
}

// The estimate came before the step: what is below a third of what is allowed was won by it once more.
__global__ __launch_bounds__(32) void judge_kernel(MembraneState* state, MembraneReport* report) {
  constexpr float kEnough = 1.0F / 3;
  if (threadIdx.x != 0) return;
  if (state->error <= kEnough) state->done = 1;
  if (report != nullptr) *report = {state->iterations, state->done, state->error};
}

__global__ __launch_bounds__(kBlockThreads) void write_solution_kernel(MembraneFine fine, float strength) {
  const int32_t x = pixel_x();
  if (x >= fine.level.width) return;
  for (int32_t y = pixel_y(); y < fine.level.height; y += rows_of_grid()) {
    const int64_t from = fine.level.at(x, y);
    if (fine.level.node[from] == kNoUnknown) continue;
    const float4 own = fine.solution[from];
    const float values[kLanes] = {own.x, own.y, own.z, own.w};
    const int64_t at = fine.in_canvas(x, y);
#pragma unroll
    for (int c = 0; c < kLanes; ++c) {
      if (c >= fine.canvas.channels) continue;
      float& to = fine.canvas.planes[c][at];
      to = fine.rim[0] == nullptr ? values[c] : to + strength * values[c];
    }
  }
}

}  // namespace infill::cuda
