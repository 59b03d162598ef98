// Scores, weights and their gradients, for one pair of tiles: what lies between products. Matrices have a row
// for each lane (position, cell) of queries and a column for each of keys; shifts along a diagonal are shifts
// by one row and one column.
#pragma once

#include "cuda/contextual_attention_backward_plan.h"
#include "cuda/contextual_attention_positions.cuh"

namespace infill::cuda::attention {

constexpr int kSoftmaxThreads = 128;  // of a query

struct PairArguments {
  Shape shape;
  Tile queries, keys;
  int64_t pitch;  // of every matrix
  const float* inverse;
  const uint32_t* valid;
  int32_t valid_words;
  float scale;
  float* statistics;
  const float* products;  // [query lanes, key lanes]
  float* scores;          // of patches, the same
  const float* cells;     // [query cells, key cells]: the gradient with each pixel of b
  float* weights;         // [query positions, key positions]
  float* slopes;          // the same: gradients of the scores inside the softmax, times scale
  float* cell_weights;    // [key cells, query cells]
  float* score_slopes;    // [query lanes, key lanes]: gradients of products of patches
  float* along;
  float* product_slopes;         // [query lanes, key lanes]
  float* product_slopes_across;  // [key lanes, query lanes]
};

// A lane of a tile and the position that it holds, or -1.
struct Lane {
  int row, x, position;  // row of the extended grid

  __device__ __forceinline__ Lane(const Shape& shape, const Tile& tile, int index)
      : row(tile.grid_begin + index / tile.lanes),
        x(tile.lane_begin + index % tile.lanes),
        position(lane_position(shape, row, x)) {}
};

// The rows of the extended grid that are above (step -1) and below (1) row r of the picture in order of
// columns.
__device__ __forceinline__ int stepped_row(const Shape& shape, int r, int step) {
  if (step < 0 && r == 0) return grid_row(-1, -1);
  if (step > 0 && r == shape.h - 1) return grid_row(shape.h, 1);
  return grid_row(r + step, 0);
}
// The row of the picture that `step` leads from to row `row` of the extended grid; or less than 0 or at least
// h.
__device__ __forceinline__ int row_before_step(const Shape& shape, int row, int step) {
  if (row == grid_row(-1, -1)) return step < 0 ? 0 : -1;
  if (row == grid_row(shape.h, 1)) return step > 0 ? shape.h - 1 : -1;
  return row - grid_row(0, 0) - step;
}
// In order of columns nothing is above the first position and below the last.
__device__ __forceinline__ bool ends_columns(const Shape& shape, int row, int x) {
  return (row == grid_row(-1, -1) && x == 0) || (row == grid_row(shape.h, 1) && x == shape.w - 1);
}

// Whether scores of patches at a lane take part.
__device__ __forceinline__ bool has_score(const Shape& shape, const Tile& tile, const Lane& lane) {
  const int around = shape.fuse ? 1 : 0;
  if (lane.position < 0 || lane.x < tile.column_begin - around || lane.x >= tile.column_end + around)
    return false;
  if (shape.fuse) {
    if (lane.row == grid_row(-1, -1)) return tile.row_begin == 0;
    if (lane.row == grid_row(shape.h, 1)) return tile.row_end == shape.h;
  }
  const int r = lane.row - grid_row(0, 0);
  return r >= most(tile.row_begin - around, 0) && r < least(tile.row_end + around, shape.h);
}

// Calls body(row step, column step) where the patch around a position of the one and of the other side has
// columns; rows behind the picture's edge hold zeros.
template <class Body>
__device__ __forceinline__ void for_patches(const Shape& shape, const Lane& query, const Lane& key,
                                            const Body& body) {
  const int q = query.position % shape.w;
  const int k = key.position % shape.w;
#pragma unroll
  for (int x = -1; x <= 1; ++x) {
    if (q + x < 0 || q + x >= shape.w || k + x < 0 || k + x >= shape.w) continue;
#pragma unroll
    for (int r = -1; r <= 1; ++r) body(r, x);
  }
}

__device__ __forceinline__ float inverse_of(const PairArguments& arguments, const Lane& key) {
  return arguments.inverse[int64_t{key.row} * arguments.shape.lanes + key.x + kMargin];
}

// Products of pixels to scores of patches, 0 where none take part. Grid: key lanes / 32, query lanes / 8.
__global__ void __launch_bounds__(kPlainThreads) scores_kernel(PairArguments arguments) {
  const Shape& shape = arguments.shape;
  const int k = static_cast<int>(blockIdx.x) * 32 + static_cast<int>(threadIdx.x) % 32;
  const int q = static_cast<int>(blockIdx.y) * 8 + static_cast<int>(threadIdx.x) / 32;
  if (k >= arguments.keys.lane_count() || q >= arguments.queries.lane_count()) return;
  const Lane key(shape, arguments.keys, k);
  const Lane query(shape, arguments.queries, q);
  float score = 0;
  if (has_score(shape, arguments.keys, key) && has_score(shape, arguments.queries, query)) {
    for_patches(shape, query, key, [&](int r, int x) {
      score += arguments.products[(q + r * arguments.queries.lanes + x) * arguments.pitch + k +
                                  r * arguments.keys.lanes + x];
    });
    score *= inverse_of(arguments, key);
  }
  arguments.scores[q * arguments.pitch + k] = score;
}

// A pair of positions of the two tiles.
struct Pair {
  int query_row, query_x, key_row, key_x;

  __device__ __forceinline__ Pair(const PairArguments& arguments, int q, int k)
      : query_row(arguments.queries.row_begin + q / arguments.queries.columns()),
        query_x(arguments.queries.column_begin + q % arguments.queries.columns()),
        key_row(arguments.keys.row_begin + k / arguments.keys.columns()),
        key_x(arguments.keys.column_begin + k % arguments.keys.columns()) {}
};

__device__ __forceinline__ int lane_index(const Tile& tile, int row, int x) {
  return (row - tile.grid_begin) * tile.lanes + x - tile.lane_begin;
}

// The score of a pair, with fuse's sums.
__device__ __forceinline__ float fused_score(const PairArguments& arguments, const Pair& pair) {
  const Shape& shape = arguments.shape;
  float sum = 0;
  for (int step = shape.fuse ? -1 : 0; step <= (shape.fuse ? 1 : 0); ++step) {
    const int query_row = stepped_row(shape, pair.query_row, step);
    const int key_row = stepped_row(shape, pair.key_row, step);
    if (ends_columns(shape, query_row, pair.query_x) || ends_columns(shape, key_row, pair.key_x)) continue;
    const float* scores = arguments.scores +
                          lane_index(arguments.queries, query_row, pair.query_x) * arguments.pitch +
                          lane_index(arguments.keys, key_row, pair.key_x);
    sum += scores[0];
    if (shape.fuse) sum += scores[-arguments.pitch - 1] + scores[arguments.pitch + 1];
  }
  return sum;
}

__device__ __forceinline__ bool is_valid(const PairArguments& arguments, const Pair& pair) {
  const int bit = pair.key_x + 32;
  return (arguments.valid[int64_t{pair.key_row} * arguments.valid_words + bit / 32] >> (bit % 32) & 1) != 0;
}

// The gradient of a pair's weight: of the four cells that the query's patch lies in. Pasted patches overlap
// fourfold.
__device__ __forceinline__ float weight_gradient(const PairArguments& arguments, const Pair& pair) {
  const int query_across = arguments.queries.columns() + 1;
  const int key_across = arguments.keys.columns() + 1;
  const int query = (pair.query_row - arguments.queries.row_begin) * query_across + pair.query_x -
                    arguments.queries.column_begin;
  const int key =
      (pair.key_row - arguments.keys.row_begin) * key_across + pair.key_x - arguments.keys.column_begin;
  const float* cells = arguments.cells + query * arguments.pitch + key;
  const float* below = cells + query_across * arguments.pitch + key_across;
  return 0.25F * (cells[0] + cells[arguments.pitch + 1] + below[0] + below[arguments.pitch + 1]);
}

// Of the softmax over some keys: the maximum, and relative to it the denominator and the sum of terms times
// gradients of weights.
struct Softmax {
  float maximum, denominator, gradient;

  __device__ __forceinline__ void add(const Softmax& other) {
    const float larger = fmaxf(maximum, other.maximum);
    const float mine = exp2f((maximum - larger) * kLog2E);
    const float its = exp2f((other.maximum - larger) * kLog2E);
    maximum = larger;
    denominator = denominator * mine + other.denominator * its;
    gradient = gradient * mine + other.gradient * its;
  }
};

struct BeginArguments {
  int64_t positions;
  const int32_t* masked;
  float* statistics;
};

// Invalid keys have score 0 and weight 0. A thread per query.
__global__ void __launch_bounds__(kPlainThreads) begin_softmax_kernel(BeginArguments arguments) {
  const int64_t position = int64_t{blockIdx.x} * kPlainThreads + threadIdx.x;
  if (position >= arguments.positions) return;
  const auto masked = static_cast<float>(*arguments.masked);
  arguments.statistics[position] = masked > 0 ? 0 : kNever;
  arguments.statistics[arguments.positions + position] = masked;
  arguments.statistics[2 * arguments.positions + position] = 0;
}

// Adds a tile's keys to the softmax. Grid: positions of queries.
__global__ void __launch_bounds__(kSoftmaxThreads) softmax_kernel(PairArguments arguments) {
  INFILL_SHARED(Softmax, parts, [kSoftmaxThreads]);
  const int thread = static_cast<int>(threadIdx.x);
  const auto q = static_cast<int>(blockIdx.x);
  Softmax sum{kNever, 0, 0};
  for (int k = thread; k < arguments.keys.position_count(); k += kSoftmaxThreads) {
    const Pair pair(arguments, q, k);
    if (is_valid(arguments, pair))
      sum.add({arguments.scale * fused_score(arguments, pair), 1, weight_gradient(arguments, pair)});
  }
  parts[thread] = sum;
#pragma unroll 1
  for (int count = kSoftmaxThreads / 2; count > 0; count /= 2) {
    __syncthreads();
    if (thread < count) parts[thread].add(parts[thread + count]);
  }
  if (thread != 0) return;
  const Shape& shape = arguments.shape;
  const Pair pair(arguments, q, 0);
  const int64_t positions = int64_t{shape.h} * shape.w;
  float* at = arguments.statistics + int64_t{pair.query_row} * shape.w + pair.query_x;
  Softmax all{at[0], at[positions], at[2 * positions]};
  all.add(parts[0]);
  at[0] = all.maximum;
  at[positions] = all.denominator;
  at[2 * positions] = all.gradient;
}

// Weights, and the gradients of what the softmax is of. Grid: key positions / 32, query positions / 8.
__global__ void __launch_bounds__(kPlainThreads) slopes_kernel(PairArguments arguments) {
  const int k = static_cast<int>(blockIdx.x) * 32 + static_cast<int>(threadIdx.x) % 32;
  const int q = static_cast<int>(blockIdx.y) * 8 + static_cast<int>(threadIdx.x) / 32;
  if (k >= arguments.keys.position_count() || q >= arguments.queries.position_count()) return;
  const Pair pair(arguments, q, k);
  const Shape& shape = arguments.shape;
  const int64_t positions = int64_t{shape.h} * shape.w;
  const float* at = arguments.statistics + int64_t{pair.query_row} * shape.w + pair.query_x;
  float weight = 0;
  float slope = 0;
  if (is_valid(arguments, pair)) {
    const float inverse = 1.0F / at[positions];
    weight = exp2f((arguments.scale * fused_score(arguments, pair) - at[0]) * kLog2E) * inverse;
    slope = arguments.scale * weight * (weight_gradient(arguments, pair) - at[2 * positions] * inverse);
  }
  arguments.weights[q * arguments.pitch + k] = weight;
  arguments.slopes[q * arguments.pitch + k] = slope;
}

// What a cell of keys is pasted with, for a cell of queries: sums of weights along diagonals. Grid: key cells
// / 32, query cells / 32.
__global__ void __launch_bounds__(kPlainThreads) cell_weights_kernel(PairArguments arguments) {
  INFILL_SHARED(float, exchange, [32][33]);
  const Tile& queries = arguments.queries;
  const Tile& keys = arguments.keys;
  const int key0 = static_cast<int>(blockIdx.x) * 32;
  const int query0 = static_cast<int>(blockIdx.y) * 32;
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int k = key0 + i % 32;
    const int q = query0 + i / 32;
    const int key_row = k / (keys.columns() + 1);
    const int key_x = k % (keys.columns() + 1);
    const int query_row = q / (queries.columns() + 1);
    const int query_x = q % (queries.columns() + 1);
    float sum = 0;
    for (int j = 0; j < 4; ++j) {
      const int r = j / 2;
      const int x = j % 2;
      if (query_row < r || query_row - r >= queries.row_end - queries.row_begin || query_x < x ||
          query_x - x >= queries.columns() || key_row < r || key_row - r >= keys.row_end - keys.row_begin ||
          key_x < x || key_x - x >= keys.columns())
        continue;
      const int query = (query_row - r) * queries.columns() + query_x - x;
      const int key = (key_row - r) * keys.columns() + key_x - x;
      sum += arguments.weights[query * arguments.pitch + key];
    }
    exchange[i / 32][i % 32] = sum;
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int k = key0 + i / 32;
    const int q = query0 + i % 32;
    if (k < keys.cell_count() && q < queries.cell_count())
      arguments.cell_weights[k * arguments.pitch + q] = exchange[i % 32][i / 32];
  }
}

// The adjoint of fused_score, times the norm: gradients of products of patches, 0 where none take part. Grid:
// key lanes / 32, query lanes / 8.
__global__ void __launch_bounds__(kPlainThreads) score_slopes_kernel(PairArguments arguments) {
  const Shape& shape = arguments.shape;
  const Tile& queries = arguments.queries;
  const Tile& keys = arguments.keys;
  const int k = static_cast<int>(blockIdx.x) * 32 + static_cast<int>(threadIdx.x) % 32;
  const int q = static_cast<int>(blockIdx.y) * 8 + static_cast<int>(threadIdx.x) / 32;
  if (k >= keys.lane_count() || q >= queries.lane_count()) return;
  const Lane key(shape, keys, k);
  const Lane query(shape, queries, q);
  float slope = 0;
  if (has_score(shape, keys, key) && has_score(shape, queries, query)) {
    const int reach = shape.fuse ? 1 : 0;
    for (int step = -reach; step <= reach; ++step) {
      const int query_row = row_before_step(shape, query.row, step);
      const int key_row = row_before_step(shape, key.row, step);
      if (query_row < queries.row_begin || query_row >= queries.row_end || key_row < keys.row_begin ||
          key_row >= keys.row_end)
        continue;
      for (int along = -reach; along <= reach; ++along) {
        const int query_x = query.x + along;
        const int key_x = key.x + along;
        if (query_x < queries.column_begin || query_x >= queries.column_end || key_x < keys.column_begin ||
            key_x >= keys.column_end || ends_columns(shape, query.row, query_x) ||
            ends_columns(shape, key.row, key_x))
          continue;
        const int from_query =
            (query_row - queries.row_begin) * queries.columns() + query_x - queries.column_begin;
        const int from_key = (key_row - keys.row_begin) * keys.columns() + key_x - keys.column_begin;
        slope += arguments.slopes[from_query * arguments.pitch + from_key];
      }
    }
    slope *= inverse_of(arguments, key);
  }
  arguments.score_slopes[q * arguments.pitch + k] = slope;
}

// Adds what is along a key's patch: the norm takes it away. Grid: key lanes / 32.
__global__ void __launch_bounds__(kPlainThreads) along_kernel(PairArguments arguments) {
  INFILL_SHARED(float, parts, [8][32]);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int part = static_cast<int>(threadIdx.x) / 32;
  const int k = static_cast<int>(blockIdx.x) * 32 + lane;
  float sum = 0;
  for (int q = part; q < arguments.queries.lane_count() && k < arguments.keys.lane_count(); q += 8) {
    const int64_t at = q * arguments.pitch + k;
    sum = fmaf(arguments.score_slopes[at], arguments.scores[at], sum);
  }
  parts[part][lane] = sum;
  __syncthreads();
  if (part != 0 || k >= arguments.keys.lane_count()) return;
#pragma unroll
  for (int i = 1; i < 8; ++i) sum += parts[i][lane];
  const Lane key(arguments.shape, arguments.keys, k);
  arguments.along[int64_t{key.row} * arguments.shape.lanes + key.x + kMargin] +=
      inverse_of(arguments, key) * sum;
}

// Gradients of products of patches to those of pixels, both ways. Grid: key lanes / 32, query lanes / 32.
__global__ void __launch_bounds__(kPlainThreads) product_slopes_kernel(PairArguments arguments) {
  INFILL_SHARED(float, exchange, [32][33]);
  const Shape& shape = arguments.shape;
  const Tile& queries = arguments.queries;
  const Tile& keys = arguments.keys;
  const int key0 = static_cast<int>(blockIdx.x) * 32;
  const int query0 = static_cast<int>(blockIdx.y) * 32;
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int k = key0 + i % 32;
    const int q = query0 + i / 32;
    float slope = 0;
    if (k < keys.lane_count() && q < queries.lane_count()) {
      const Lane key(shape, keys, k);
      const Lane query(shape, queries, q);
      if (key.position >= 0 && query.position >= 0) {
        for_patches(shape, query, key, [&](int r, int x) {
          const int query_row = query.row + r;
          const int key_row = key.row + r;
          if (query_row < queries.grid_begin || query_row >= queries.grid_end || key_row < keys.grid_begin ||
              key_row >= keys.grid_end)
            return;
          const int query_x = query.x + x;
          const int key_x = key.x + x;
          if (query_x < queries.lane_begin || query_x >= queries.lane_begin + queries.lanes ||
              key_x < keys.lane_begin || key_x >= keys.lane_begin + keys.lanes)
            return;
          slope += arguments.score_slopes[lane_index(queries, query_row, query_x) * arguments.pitch +
                                          lane_index(keys, key_row, key_x)];
        });
      }
      arguments.product_slopes[q * arguments.pitch + k] = slope;
    }
    exchange[i / 32][i % 32] = slope;
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int k = key0 + i / 32;
    const int q = query0 + i % 32;
    if (k < keys.lane_count() && q < queries.lane_count())
      arguments.product_slopes_across[k * arguments.pitch + q] = exchange[i % 32][i / 32];
  }
}

}  // namespace infill::cuda::attention
