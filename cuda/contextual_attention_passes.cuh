// The two passes over the keys: maximum and denominator of each query, then the weights that cells of b are
// pasted with.
#pragma once

#include "cuda/contextual_attention_scores.cuh"

namespace infill::cuda::attention {

// A tile's rows of cells [begin, end) and its first column.
struct TilePlace {
  int begin, end, column;

  __device__ __forceinline__ TilePlace(const ScoreArguments& arguments, int tile) {
    const Tiling& tiling = arguments.tiling;
    begin = tile / tiling.segments * tiling.band_rows;
    end = least(begin + tiling.band_rows, arguments.shape.cells_h);
    column = tile % tiling.segments * tiling.segment_cells;
  }
};

// Grid: tiles of queries, then key segments x splits. Writes arguments.partial.
template <Precision kPrecision>
__global__ void __launch_bounds__(kWalkThreads, 1) statistics_kernel(ScoreArguments arguments) {
  INFILL_DYNAMIC_SHARED(char, memory);
  ScoreShared& shared = *reinterpret_cast<ScoreShared*>(memory);
  StatisticsShared& statistics = *reinterpret_cast<StatisticsShared*>(memory + sizeof(ScoreShared));
  const Shape& shape = arguments.shape;
  const Tiling& tiling = arguments.tiling;
  if (static_cast<int>(blockIdx.x) >= *arguments.tile_count) return;
  const TilePlace place(arguments, arguments.tiles[blockIdx.x]);
  const int end = least(place.end, shape.h);
  if (place.begin >= end || place.column >= shape.w) return;
  const int segment = static_cast<int>(blockIdx.y) / tiling.statistics_splits;
  const int split = static_cast<int>(blockIdx.y) % tiling.statistics_splits;
  const int key_column = segment * kKeys;
  const int thread = static_cast<int>(threadIdx.x);

  for (int i = thread; i < kMostBandRows * kQueries; i += kWalkThreads) {
    statistics.maximum[i] = kNever;
    statistics.denominator[i] = 0;
  }

  Run run = place_run(place.column, key_column);
  const unsigned own = run.own_steps(kKeys, kQueries);
  // Eight threads of a warp share a query's row of logits.
  const int query = thread / 8;
  const int part = thread % 8;

  const auto finish = [&](const Walk&, int v, const float(&sums)[kRun + 1]) {
    const unsigned valid = valid_keys(shared, key_column, key_column + run.key);
    float* logits = statistics.logits + run.query * kTileKeys + run.key;
#pragma unroll
    for (int e = 0; e < kRun; ++e) {
      if ((own >> e & 1) != 0)
        logits[e * (kTileKeys + 1)] = (valid >> e & 1) != 0 ? sums[e + 1] * arguments.scale : kNever;
    }
    __syncthreads();
    if (query < kQueries) {
      constexpr int kCount = (kKeys + 7) / 8;
      float logits[kCount];
      float maximum = kNever;
#pragma unroll
      for (int i = 0; i < kCount; ++i) {
        logits[i] = part + 8 * i < kKeys ? statistics.logits[query * kTileKeys + part + 8 * i] : kNever;
        maximum = fmaxf(maximum, logits[i]);
      }
      const unsigned lanes = 0xFFU << (thread % 32 / 8 * 8);
#pragma unroll
      for (int i = 1; i < 8; i *= 2) maximum = fmaxf(maximum, __shfl_xor_sync(lanes, maximum, i));
      const int at = (v - place.begin) * kQueries + query;
      const float earlier = __shfl_sync(lanes, part == 0 ? statistics.maximum[at] : 0.0F, 0, 8);
      maximum = fmaxf(maximum, earlier);
      float sum = 0;
#pragma unroll
      for (int i = 0; i < kCount; ++i) {
        if (logits[i] > kNever) sum += exp2f((logits[i] - maximum) * kLog2E);
      }
#pragma unroll
      for (int i = 1; i < 8; i *= 2) sum += __shfl_xor_sync(lanes, sum, i);
      if (part == 0) {
        statistics.maximum[at] = maximum;
        statistics.denominator[at] = statistics.denominator[at] * exp2f((earlier - maximum) * kLog2E) + sum;
      }
    }
  };
  const int first = first_statistics_delta(end);
  const int deltas = statistics_deltas(shape.h, place.begin, end);
  walk_diagonals<kPrecision, false>(
      arguments, shared,
      [&](int delta) { return statistics_walk(shape.h, shape.fuse, place.begin, end, delta); },
      first + share_begin(deltas, split, tiling.statistics_splits),
      first + share_begin(deltas, split + 1, tiling.statistics_splits), place.column, key_column, run, finish,
      [](const Walk&) {});

  __syncthreads();
  float2* partial = arguments.partial + static_cast<int64_t>(blockIdx.y) * shape.h * shape.w;
  for (int i = thread; i < (end - place.begin) * kQueries; i += kWalkThreads) {
    const int x = place.column + i % kQueries;
    if (i % kQueries < tiling.segment_cells && x < shape.w)
      partial[int64_t{place.begin + i / kQueries} * shape.w + x] =
          make_float2(statistics.maximum[i], statistics.denominator[i]);
  }
}

constexpr int kWeightsSharedBytes =
    static_cast<int>(sizeof(ScoreShared) + kRun * kWalkThreads * sizeof(float));

// Grid: tiles of the panel, then key segments x splits. Writes arguments.weights: row, a cell of the tile;
// column, a key cell of the window.
template <Precision kPrecision>
__global__ void __launch_bounds__(kWalkThreads, 1) weights_kernel(ScoreArguments arguments) {
  INFILL_DYNAMIC_SHARED(char, memory);
  ScoreShared& shared = *reinterpret_cast<ScoreShared*>(memory);
  using T = Storage<kPrecision>;
  const Shape& shape = arguments.shape;
  const Tiling& tiling = arguments.tiling;
  const int slot = arguments.first_tile + static_cast<int>(blockIdx.x);
  if (slot >= *arguments.tile_count) return;
  const TilePlace place(arguments, arguments.tiles[slot]);
  const int segment = static_cast<int>(blockIdx.y) / tiling.paste_splits;
  const int split = static_cast<int>(blockIdx.y) % tiling.paste_splits;
  const int key_column = segment * kKeys;
  constexpr float kScale = weight_scale(kPrecision);

  Run run = place_run(place.column, key_column);
  T* const weights = static_cast<T*>(arguments.weights) +
                     int64_t{static_cast<int>(blockIdx.x)} * tiling.tile_cells() * arguments.weight_pitch;
  const unsigned own = run.own_steps(least(kKeys, shape.cells_w - key_column),
                                     least(tiling.segment_cells, shape.cells_w - place.column));
  const auto store = [&](const Walk& walk, int row, const float(&values)[kRun]) {
    const int key_cell = (row + walk.delta - arguments.key_begin) * shape.cells_w + key_column + run.key;
    const int cell = (row - place.begin) * tiling.segment_cells + run.query;
    T* to = weights + cell * arguments.weight_pitch + key_cell;
#pragma unroll
    for (int e = 0; e < kRun; ++e, to += arguments.weight_pitch + 1) {
      if ((own >> e & 1) != 0) *to = from_float<T>(kScale * values[e]);
    }
  };

  const int first = first_paste_delta(place.end, arguments.key_begin);
  const int deltas = paste_deltas(place.begin, place.end, arguments.key_begin, arguments.key_end);
  const int delta_begin = first + share_begin(deltas, split, tiling.paste_splits);
  const int delta_end = first + share_begin(deltas, split + 1, tiling.paste_splits);
  const auto make_walk = [&](int delta) {
    return paste_walk(shape.h, shape.fuse, place.begin, place.end, arguments.key_begin, arguments.key_end,
                      delta);
  };

  // Of the row of cells above, in shared memory because registers are short.
  float* const above = reinterpret_cast<float*>(memory + sizeof(ScoreShared)) + threadIdx.x;
  float zeros[kRun];
#pragma unroll
  for (int e = 0; e < kRun; ++e) above[e * kWalkThreads] = zeros[e] = 0;
  // The corner cells that no position reaches.
  for (int delta = delta_begin; delta < delta_end; ++delta) {
    const Walk walk = make_walk(delta);
    if (!walk.is_empty()) continue;
    for (int row = walk.cell_begin; row < walk.cell_end; ++row) store(walk, row, zeros);
  }

  const auto finish = [&](const Walk& walk, int v, const float(&sums)[kRun + 1]) {
    const unsigned valid = valid_keys(shared, key_column, key_column + run.key - 1);
    const float* offsets = shared.offsets + run.query;
    float attention[kRun + 1];
#pragma unroll
    for (int i = 0; i < kRun + 1; ++i) {
      attention[i] = (valid >> i & 1) != 0 ? exp2f(sums[i] * (arguments.scale * kLog2E) - offsets[i]) : 0.0F;
    }
    float values[kRun];
#pragma unroll
    for (int e = 0; e < kRun; ++e) {
      const float both = attention[e + 1] + attention[e];
      values[e] = both + above[e * kWalkThreads];
      above[e * kWalkThreads] = both;
    }
    if (v >= walk.cell_begin) store(walk, v, values);
  };
  const auto end_walk = [&](const Walk& walk) {
    float values[kRun];
#pragma unroll
    for (int e = 0; e < kRun; ++e) {
      values[e] = above[e * kWalkThreads];
      above[e * kWalkThreads] = 0;
    }
    if (walk.last + 1 < walk.cell_end) store(walk, walk.last + 1, values);
  };
  walk_diagonals<kPrecision, true>(arguments, shared, make_walk, delta_begin, delta_end, place.column,
                                   key_column, run, finish, end_walk);
}

// Combines the first pass' parts in their order. Grid: rows of positions.
struct CombineArguments {
  Shape shape;
  int32_t splits, offset_pitch;
  const float2* partial;
  const int32_t* masked;
  const uint8_t* wanted;  // or null
  float* offsets;
  float* maximum;      // or null
  float* denominator;  // or null
};

__global__ void __launch_bounds__(kPlainThreads) combine_kernel(CombineArguments arguments) {
  const Shape& shape = arguments.shape;
  const int r = static_cast<int>(blockIdx.x);
  const auto masked = static_cast<float>(*arguments.masked);
  for (int i = static_cast<int>(threadIdx.x); i < arguments.offset_pitch; i += kPlainThreads) {
    const int x = i - 1;  // the first column is the one left of the grid
    float offset = -kNever;
    if (x >= 0 && x < shape.w) {
      bool needed = arguments.wanted == nullptr;
      for (int j = 0; !needed && j < 9; ++j) {
        const int row = r + j / 3 - 1;
        const int column = x + j % 3 - 1;
        needed = row >= 0 && row < shape.h && column >= 0 && column < shape.w &&
                 arguments.wanted[int64_t{row} * shape.w + column] != 0;
      }
      const int64_t at = int64_t{r} * shape.w + x;
      float maximum = 0;
      float denominator = 0;
      if (needed) {
        const int64_t positions = int64_t{shape.h} * shape.w;
        maximum = masked > 0 ? 0 : kNever;
        for (int i = 0; i < arguments.splits; ++i)
          maximum = fmaxf(maximum, arguments.partial[i * positions + at].x);
        denominator = masked > 0 ? masked * exp2f(-maximum * kLog2E) : 0;
        for (int i = 0; i < arguments.splits; ++i) {
          const float2 part = arguments.partial[i * positions + at];
          denominator += part.y * exp2f((part.x - maximum) * kLog2E);
        }
        offset = maximum * kLog2E + log2f(denominator);
      }
      if (arguments.maximum != nullptr) arguments.maximum[at] = maximum;
      if (arguments.denominator != nullptr) arguments.denominator[at] = denominator;
    }
    arguments.offsets[int64_t{r} * arguments.offset_pitch + i] = offset;
  }
}

}  // namespace infill::cuda::attention
