// Pasting: sums of cells of b, weighted, and their way to y.
#pragma once

#include "cuda/contextual_attention_product.cuh"

namespace infill::cuda::attention {

// sums[split] (+)= weights cells^T over the split's share of a window's key cells. Both lie along keys.
struct PasteArguments {
  const void* weights;
  const void* cells;  // at the window's first key cell
  float* sums;
  int64_t weight_pitch, cell_pitch;
  int32_t rows, columns, keys;  // of sums; key cells of the window
  int32_t splits;
  bool adds;  // to what sums hold
  const int32_t* tile_count;
  int32_t first_tile, tile_cells;
};

// Blocks of kRows cells x kColumns values of a cell. Grid: rows, columns, splits.
template <Precision kPrecision, int kRows, int kColumns, int kM, int kN>
__global__ void __launch_bounds__(kRows* kColumns / (16 * kM * 8 * kN) * 32)
    paste_kernel(PasteArguments arguments) {
  constexpr int kDepth = kChunk / static_cast<int>(sizeof(Storage<kPrecision>));
  INFILL_DYNAMIC_SHARED(char, stages);
  const int row0 = static_cast<int>(blockIdx.x) * kRows;
  if (arguments.first_tile + row0 / arguments.tile_cells >= *arguments.tile_count) return;
  const int column0 = static_cast<int>(blockIdx.y) * kColumns;
  const int split = static_cast<int>(blockIdx.z);
  const int chunks = (arguments.keys + kDepth - 1) / kDepth;
  float sums[kM][kN][4] = {};
  multiply_block<kPrecision, kRows, kColumns>(
      sums, stages, {arguments.weights, arguments.weight_pitch, arguments.rows}, row0,
      {arguments.cells, arguments.cell_pitch, arguments.columns}, column0, arguments.keys,
      share_begin(chunks, split, arguments.splits), share_begin(chunks, split + 1, arguments.splits));

  float* out = arguments.sums + int64_t{split} * arguments.rows * arguments.columns;
  for_block_sums<kColumns>(sums, row0, column0, [&](int row, int column, float first, float second) {
    if (row >= arguments.rows || column >= arguments.columns) return;
    // Columns come in fours, so a pair is there as a whole.
    auto* at = reinterpret_cast<float2*>(out + int64_t{row} * arguments.columns + column);
    float2 value = make_float2(first, second);
    if (arguments.adds) {
      value.x += at->x;
      value.y += at->y;
    }
    *at = value;
  });
}

struct StoreArguments {
  Shape shape;
  Tiling tiling;
  const float* sums;
  const int32_t* tiles;
  const int32_t* tile_count;
  int32_t first_tile;
  const uint8_t* wanted;  // or null
  float factor;
  void* y;
  FeatureStrides y_strides;
};

// y's pixels of the panel's cells. Grid: cells of the panel / 32, channels / 32, the four pixels of a cell.
template <class T>
__global__ void __launch_bounds__(kPlainThreads) store_kernel(StoreArguments arguments) {
  INFILL_SHARED(float, exchange, [32][33]);
  const Shape& shape = arguments.shape;
  const Tiling& tiling = arguments.tiling;
  const int cell0 = static_cast<int>(blockIdx.x) * 32;
  const int channel0 = static_cast<int>(blockIdx.y) * 32;
  const int pixel = static_cast<int>(blockIdx.z);
  const int rows = tiling.panel_tiles * tiling.tile_cells();
  if (arguments.first_tile + cell0 / tiling.tile_cells() >= *arguments.tile_count) return;
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int cell = cell0 + i / 32;
    const int channel = channel0 + i % 32;
    float sum = 0;
    if (cell < rows && channel < shape.channels) {
      const float* from =
          arguments.sums + int64_t{cell} * 4 * shape.channels + pixel * shape.channels + channel;
      for (int split = 0; split < tiling.product_splits; ++split)
        sum += from[int64_t{split} * rows * 4 * shape.channels];
    }
    exchange[i / 32][i % 32] = sum;
  }
  __syncthreads();
  const bool channels_inner = arguments.y_strides.channel == 1;
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int cell = channels_inner ? i / 32 : i % 32;
    const int channel = channels_inner ? i % 32 : i / 32;
    const int slot = arguments.first_tile + (cell0 + cell) / tiling.tile_cells();
    if (cell0 + cell >= rows || channel0 + channel >= shape.channels || slot >= *arguments.tile_count)
      continue;
    const int tile = arguments.tiles[slot];
    const int in_tile = (cell0 + cell) % tiling.tile_cells();
    const int in_band = in_tile / tiling.segment_cells;
    const int r = tile / tiling.segments * tiling.band_rows + in_band;
    const int x = tile % tiling.segments * tiling.segment_cells + in_tile % tiling.segment_cells;
    const int row = 2 * r - 1 + pixel / 2;
    const int column = 2 * x - 1 + pixel % 2;
    if (row < 0 || row >= shape.height || column < 0 || column >= shape.width) continue;
    if (arguments.wanted != nullptr && arguments.wanted[int64_t{row / 2} * shape.w + column / 2] == 0)
      continue;
    static_cast<T*>(arguments.y)[row * arguments.y_strides.row + column * arguments.y_strides.pixel +
                                 (channel0 + channel) * arguments.y_strides.channel] =
        from_float<T>(arguments.factor * exchange[cell][channel]);
  }
}

// 0 where nothing is wanted. A thread per value.
template <class T>
__global__ void __launch_bounds__(kPlainThreads) clear_kernel(StoreArguments arguments) {
  const Shape& shape = arguments.shape;
  const int64_t i = int64_t{blockIdx.x} * kPlainThreads + threadIdx.x;
  if (i >= int64_t{shape.height} * shape.width * shape.channels) return;
  const bool channels_inner = arguments.y_strides.channel == 1;
  const int64_t pixels = int64_t{shape.height} * shape.width;
  const int64_t pixel = channels_inner ? i / shape.channels : i % pixels;
  const int64_t channel = channels_inner ? i % shape.channels : i / pixels;
  const int64_t row = pixel / shape.width;
  const int64_t column = pixel % shape.width;
  if (arguments.wanted[row / 2 * shape.w + column / 2] != 0) return;
  static_cast<T*>(arguments.y)[row * arguments.y_strides.row + column * arguments.y_strides.pixel +
                               channel * arguments.y_strides.channel] = from_float<T>(0.0F);
}

}  // namespace infill::cuda::attention
