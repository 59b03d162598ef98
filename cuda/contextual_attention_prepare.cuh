// What is prepared once per image: positions of the extended grid, norms, valid keys, cells of b, and which
// tiles have something to compute.
#pragma once

#include "cuda/contextual_attention_positions.cuh"
#include "cuda/contextual_attention_prepare.h"
#include "cuda/language.h"
#include "cuda/storage.cuh"

namespace infill::cuda::attention {

// Values of 32 places by 32 channels go through shared memory, so that reading and writing both go along
// memory.
//
// Grid: rows of the extended grid x 32 lanes each, channels / 32, queries and keys.
template <class T>
__global__ void __launch_bounds__(kPlainThreads) lanes_kernel(PrepareArguments arguments) {
  INFILL_SHARED(float, exchange, [32][33]);
  const Shape& shape = arguments.shape;
  const bool is_query = blockIdx.z == 0;
  const T* image = static_cast<const T*>(is_query ? arguments.f : arguments.b);
  const FeatureStrides& strides = is_query ? arguments.f_strides : arguments.b_strides;
  const int pieces = (shape.lanes + 31) / 32;
  const int row = static_cast<int>(blockIdx.x) / pieces;
  const int lane0 = static_cast<int>(blockIdx.x) % pieces * 32;
  const int channel0 = static_cast<int>(blockIdx.y) * 32;
  const bool channels_inner = strides.channel == 1;
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int inner = i % 32;
    const int outer = i / 32;
    const int lane = channels_inner ? outer : inner;
    const int channel = channels_inner ? inner : outer;
    float value = 0;
    if (lane0 + lane < shape.lanes && channel0 + channel < shape.channels) {
      const int position = lane_position(shape, row, lane0 + lane - kMargin);
      if (position >= 0)
        value = to_float(image[sampled_offset(shape, strides, position / shape.w, position % shape.w) +
                               (channel0 + channel) * strides.channel]);
    }
    exchange[lane][channel] = value;
  }
  __syncthreads();
  T* out = static_cast<T*>(is_query ? arguments.queries : arguments.keys);
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int lane = lane0 + i / 32;
    const int channel = channel0 + i % 32;
    if (lane < shape.lanes && channel < shape.depth)
      out[(int64_t{row} * shape.lanes + lane) * shape.depth + channel] =
          from_float<T>(exchange[i / 32][i % 32]);
  }
}

// Grid: cells / 32, channels / 32, the four pixels of a cell.
template <class T>
__global__ void __launch_bounds__(kPlainThreads) cells_kernel(PrepareArguments arguments) {
  INFILL_SHARED(float, exchange, [32][33]);
  const Shape& shape = arguments.shape;
  const T* image = static_cast<const T*>(arguments.b);
  const FeatureStrides& strides = arguments.b_strides;
  const int cells = shape.cells_h * shape.cells_w;
  const int cell0 = static_cast<int>(blockIdx.x) * 32;
  const int channel0 = static_cast<int>(blockIdx.y) * 32;
  const int pixel = static_cast<int>(blockIdx.z);
  const bool channels_inner = strides.channel == 1;
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int inner = i % 32;
    const int outer = i / 32;
    const int cell = cell0 + (channels_inner ? outer : inner);
    const int channel = channel0 + (channels_inner ? inner : outer);
    const int row = 2 * (cell / shape.cells_w) - 1 + pixel / 2;
    const int column = 2 * (cell % shape.cells_w) - 1 + pixel % 2;
    float value = 0;
    if (cell < cells && channel < shape.channels && row >= 0 && row < shape.height && column >= 0 &&
        column < shape.width)
      value = to_float(image[row * strides.row + column * strides.pixel + channel * strides.channel]);
    exchange[cell - cell0][channel - channel0] = value;
  }
  __syncthreads();
  T* out = static_cast<T*>(arguments.cells);
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int cell = cell0 + i % 32;
    const int channel = channel0 + i / 32;
    if (cell < arguments.cell_pitch && channel < shape.channels)
      out[(int64_t{pixel} * shape.channels + channel) * arguments.cell_pitch + cell] =
          from_float<T>(exchange[i % 32][i / 32]);
  }
}

// Squared lengths of b's pixels, and the hole, at positions. A warp each.
template <class T>
__global__ void __launch_bounds__(kPlainThreads) squares_kernel(PrepareArguments arguments) {
  const Shape& shape = arguments.shape;
  const int64_t position = (int64_t{blockIdx.x} * kPlainThreads + threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (position >= int64_t{shape.h} * shape.w) return;
  const auto r = static_cast<int>(position / shape.w);
  const auto x = static_cast<int>(position % shape.w);
  const T* pixel = static_cast<const T*>(arguments.b) + sampled_offset(shape, arguments.b_strides, r, x);
  float sum = 0;
  for (int channel = lane; channel < shape.channels; channel += 32) {
    const float value = to_float(pixel[channel * arguments.b_strides.channel]);
    sum = fmaf(value, value, sum);
  }
#pragma unroll
  for (int i = 16; i > 0; i /= 2) sum += __shfl_xor_sync(~0U, sum, i);
  if (lane != 0) return;
  arguments.squares[position] = sum;
  const int step = 2 << shape.n_down;
  const int64_t at = int64_t{sampled_pixel(r, shape.h, shape.height << shape.n_down, step, shape.tf_compat)} *
                         (int64_t{shape.width} << shape.n_down) +
                     sampled_pixel(x, shape.w, shape.width << shape.n_down, step, shape.tf_compat);
  arguments.hole[position] = (arguments.mask_bytes != nullptr && arguments.mask_bytes[at] != 0) ||
                             (arguments.mask_floats != nullptr && arguments.mask_floats[at] != 0);
}

// Inverse norms of lanes' patches. A thread per lane.
__global__ void __launch_bounds__(kPlainThreads) inverse_kernel(PrepareArguments arguments) {
  const Shape& shape = arguments.shape;
  const int64_t at = int64_t{blockIdx.x} * kPlainThreads + threadIdx.x;
  if (at >= int64_t{shape.rows} * shape.lanes) return;
  const int position =
      lane_position(shape, static_cast<int>(at / shape.lanes), static_cast<int>(at % shape.lanes) - kMargin);
  float inverse = 0;
  if (position >= 0) {
    float sum = 0;
    for_patch(shape, position / shape.w, position % shape.w, [&](int64_t i) { sum += arguments.squares[i]; });
    inverse = 1.0F / fmaxf(sqrtf(sum), 1e-4F);
  }
  arguments.inverse[at] = inverse;
}

// Bits of valid keys, 32 a warp, and the count of the others. Grid: rows.
__global__ void __launch_bounds__(kPlainThreads) valid_kernel(PrepareArguments arguments) {
  const Shape& shape = arguments.shape;
  const int r = static_cast<int>(blockIdx.x);
  for (int i = static_cast<int>(threadIdx.x);
       i < (32 * arguments.valid_words + kPlainThreads - 1) / kPlainThreads * kPlainThreads;
       i += kPlainThreads) {
    const int x = i - 32;
    const bool there = x >= 0 && x < shape.w;
    bool hole = false;
    if (there) for_patch(shape, r, x, [&](int64_t at) { hole |= arguments.hole[at] != 0; });
    const unsigned valid = __ballot_sync(~0U, there && !hole);
    const unsigned holes = __ballot_sync(~0U, there && hole);
    if (i % 32 == 0 && i / 32 < arguments.valid_words) {
      arguments.valid[int64_t{r} * arguments.valid_words + i / 32] = valid;
      if (holes != 0) atomicAdd(arguments.counters, __popc(holes));
    }
  }
}

// Whether a tile has queries that are needed (first half of the flags), cells that are wanted (second). Grid:
// tiles.
__global__ void __launch_bounds__(kPlainThreads) flags_kernel(PrepareArguments arguments) {
  INFILL_SHARED(int, found, [2]);
  const Shape& shape = arguments.shape;
  const Tiling& tiling = arguments.tiling;
  const int tile = static_cast<int>(blockIdx.x);
  if (threadIdx.x < 2) found[threadIdx.x] = 0;
  __syncthreads();
  const int begin = tile / tiling.segments * tiling.band_rows;
  const int column = tile % tiling.segments * tiling.segment_cells;
  bool needed = arguments.wanted == nullptr;
  bool wanted = needed;
  for (int i = static_cast<int>(threadIdx.x); i < tiling.tile_cells() && arguments.wanted != nullptr;
       i += kPlainThreads) {
    const int r = begin + i / tiling.segment_cells;
    const int x = column + i % tiling.segment_cells;
    // A cell holds pixels of the positions up to one above and left of it; a query is needed by cells up to
    // one below and right.
    for (int j = 0; j < 9; ++j) {
      const int row = r + j / 3 - 1;
      const int at = x + j % 3 - 1;
      if (row < 0 || row >= shape.h || at < 0 || at >= shape.w) continue;
      if (arguments.wanted[int64_t{row} * shape.w + at] == 0) continue;
      needed |= r < shape.h && x < shape.w;
      wanted |= row <= r && at <= x;
    }
  }
  if (needed) atomicOr(&found[0], 1);
  if (wanted) atomicOr(&found[1], 1);
  __syncthreads();
  if (threadIdx.x < 2) arguments.flags[threadIdx.x * tiling.tiles() + tile] = found[threadIdx.x];
}

// Lists the tiles that have the flag, in order. Grid: the two lists.
__global__ void __launch_bounds__(kPlainThreads) lists_kernel(PrepareArguments arguments) {
  INFILL_SHARED(int, counts, [kPlainThreads]);
  const int tiles = arguments.tiling.tiles();
  const int* flags = arguments.flags + int64_t{blockIdx.x} * tiles;
  const int thread = static_cast<int>(threadIdx.x);
  const int begin = share_begin(tiles, thread, kPlainThreads);
  const int end = share_begin(tiles, thread + 1, kPlainThreads);
  int count = 0;
  for (int i = begin; i < end; ++i) count += flags[i];
  counts[thread] = count;
  __syncthreads();
  int before = 0;
  for (int i = 0; i < thread; ++i) before += counts[i];
  if (thread == kPlainThreads - 1) arguments.counters[1 + blockIdx.x] = before + count;
  int* list = arguments.lists + int64_t{blockIdx.x} * tiles;
  for (int i = begin; i < end; ++i) {
    if (flags[i] != 0) list[before++] = i;
  }
}

}  // namespace infill::cuda::attention
