// Tiles of f, b and the gradient on their way into products, products on their way into sums, sums on their
// way into gradients.
#pragma once

#include "cuda/contextual_attention_backward_plan.h"
#include "cuda/contextual_attention_positions.cuh"
#include "cuda/contextual_attention_product.cuh"

namespace infill::cuda::attention {

struct GatherArguments {
  Shape shape;
  Tile tile;
  const void* image;
  FeatureStrides strides;
  void* rows;  // [places, pitch], a place's channels one behind the other
  int64_t pitch;
  float* across;  // [channels, across_pitch], or null
  int64_t across_pitch;
};

// A tile's lanes, or its cells: channels of the four pixels of a cell one behind the other. Grid: places /
// 32, channels / 32, pixels of a place.
template <class T, bool kCells>
__global__ void __launch_bounds__(kPlainThreads) gather_kernel(GatherArguments arguments) {
  INFILL_SHARED(float, exchange, [32][33]);
  const Shape& shape = arguments.shape;
  const Tile& tile = arguments.tile;
  const T* image = static_cast<const T*>(arguments.image);
  const FeatureStrides& strides = arguments.strides;
  const int places = kCells ? tile.cell_count() : tile.lane_count();
  const int place0 = static_cast<int>(blockIdx.x) * 32;
  const int channel0 = static_cast<int>(blockIdx.y) * 32;
  const int pixel = static_cast<int>(blockIdx.z);
  const bool channels_inner = strides.channel == 1;
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int place = place0 + (channels_inner ? i / 32 : i % 32);
    const int channel = channel0 + (channels_inner ? i % 32 : i / 32);
    float value = 0;
    if (place < places && channel < shape.channels) {
      if (kCells) {
        const int across = tile.columns() + 1;
        const int row = 2 * (tile.row_begin + place / across) - 1 + pixel / 2;
        const int column = 2 * (tile.column_begin + place % across) - 1 + pixel % 2;
        if (row >= 0 && row < shape.height && column >= 0 && column < shape.width)
          value = to_float(image[row * strides.row + column * strides.pixel + channel * strides.channel]);
      } else {
        const int position =
            lane_position(shape, tile.grid_begin + place / tile.lanes, tile.lane_begin + place % tile.lanes);
        if (position >= 0)
          value = to_float(image[sampled_offset(shape, strides, position / shape.w, position % shape.w) +
                                 channel * strides.channel]);
      }
    }
    exchange[place - place0][channel - channel0] = value;
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int place = place0 + i / 32;
    const int channel = channel0 + i % 32;
    if (place < places && channel < shape.channels)
      static_cast<T*>(arguments.rows)[place * arguments.pitch + pixel * shape.channels + channel] =
          from_float<T>(exchange[i / 32][i % 32]);
  }
  if (arguments.across == nullptr) return;
  for (int i = static_cast<int>(threadIdx.x); i < 32 * 32; i += kPlainThreads) {
    const int place = place0 + i % 32;
    const int channel = channel0 + i / 32;
    if (place < places && channel < shape.channels)
      arguments.across[(int64_t{pixel} * shape.channels + channel) * arguments.across_pitch + place] =
          exchange[i % 32][i / 32];
  }
}

// out[split] = a b^T, over the split's share of `depth`.
struct ProductArguments {
  Operand a, b;
  int32_t depth, splits;
  float* out;
  int64_t out_pitch;  // even; a row may be written up to there
  int64_t split_pitch;
};

// Grid: rows, columns, splits.
template <Precision kPrecision, int kRows, int kColumns, int kM, int kN>
__global__ void __launch_bounds__(kRows* kColumns / (16 * kM * 8 * kN) * 32, 1)
    product_kernel(ProductArguments arguments) {
  constexpr int kDepth = kChunk / static_cast<int>(sizeof(Storage<kPrecision>));
  INFILL_DYNAMIC_SHARED(char, stages);
  const int row0 = static_cast<int>(blockIdx.x) * kRows;
  const int column0 = static_cast<int>(blockIdx.y) * kColumns;
  const int split = static_cast<int>(blockIdx.z);
  const int chunks = (arguments.depth + kDepth - 1) / kDepth;
  float sums[kM][kN][4] = {};
  multiply_block<kPrecision, kRows, kColumns>(sums, stages, arguments.a, row0, arguments.b, column0,
                                              arguments.depth, share_begin(chunks, split, arguments.splits),
                                              share_begin(chunks, split + 1, arguments.splits));
  float* out = arguments.out + split * arguments.split_pitch;
  for_block_sums<kColumns>(sums, row0, column0, [&](int row, int column, float first, float second) {
    if (row < arguments.a.rows && column < arguments.b.rows)
      *reinterpret_cast<float2*>(out + row * arguments.out_pitch + column) = make_float2(first, second);
  });
}

struct AddArguments {
  Shape shape;
  Tile tile;
  const float* parts;  // [splits, places, pitch]
  int64_t pitch, split_pitch;
  int32_t columns, splits;
  float* sums;  // [all places, columns]
};

// Adds a product's shares in order to the sums of a tile's places. A thread per value.
template <bool kCells>
__global__ void __launch_bounds__(kPlainThreads) add_kernel(AddArguments arguments) {
  const Tile& tile = arguments.tile;
  const int64_t i = int64_t{blockIdx.x} * kPlainThreads + threadIdx.x;
  const auto place = static_cast<int>(i / arguments.columns);
  const auto column = static_cast<int>(i % arguments.columns);
  if (place >= (kCells ? tile.cell_count() : tile.lane_count())) return;
  float sum = 0;
  for (int split = 0; split < arguments.splits; ++split)
    sum += arguments.parts[split * arguments.split_pitch + place * arguments.pitch + column];
  const int across = kCells ? tile.columns() + 1 : tile.lanes;
  const int row = (kCells ? tile.row_begin : tile.grid_begin) + place / across;
  const int x = (kCells ? tile.column_begin : tile.lane_begin + kMargin) + place % across;
  arguments.sums[(int64_t{row} * (kCells ? arguments.shape.cells_w : arguments.shape.lanes) + x) *
                     arguments.columns +
                 column] += sum;
}

// Calls body(index in the extended grid) for every lane that holds a position, in order.
template <class Body>
__device__ __forceinline__ void for_lanes(const Shape& shape, int position, const Body& body) {
  const int r = position / shape.w;
  if (!shape.fuse) {
    body(int64_t{grid_row(r, 0)} * shape.lanes + position % shape.w + kMargin);
    return;
  }
  for (int part = -1; part <= 1; ++part) {
    // Rows of the picture that the part has; those near enough for margins to reach the position.
    const int first = part < 0 ? shape.h - 2 : -1;
    const int last = part > 0 ? 1 : shape.h;
    for (int row = most(first, r - 2); row <= least(last, r + 2); ++row) {
      const int64_t x = position - part - int64_t{row} * shape.w;
      if (x >= -kMargin && x < shape.w + kMargin)
        body(int64_t{grid_row(row + part * shape.h, part)} * shape.lanes + x + kMargin);
    }
  }
}

struct FinishArguments {
  Shape shape;
  const void* b;
  FeatureStrides b_strides, f_grad_strides, b_grad_strides;
  void* f_grad;  // or null
  void* b_grad;  // or null
  const float* squares;
  const float* query_sums;
  const float* key_sums;
  const float* along;
  const float* cell_sums;
  float* position_along;
};

// What is along each position's patch, 0 where the norm is constant. A thread per position.
__global__ void __launch_bounds__(kPlainThreads) along_positions_kernel(FinishArguments arguments) {
  const Shape& shape = arguments.shape;
  const int64_t position = int64_t{blockIdx.x} * kPlainThreads + threadIdx.x;
  if (position >= int64_t{shape.h} * shape.w) return;
  const auto at = static_cast<int>(position);
  float square = 0;
  for_patch(shape, at / shape.w, at % shape.w, [&](int64_t i) { square += arguments.squares[i]; });
  float sum = 0;
  if (sqrtf(square) > 1e-4F) for_lanes(shape, at, [&](int64_t lane) { sum += arguments.along[lane]; });
  arguments.position_along[position] = sum;
}

// The gradient of what a pixel is pasted for. Pasted patches overlap fourfold.
__device__ __forceinline__ float pasted_gradient(const FinishArguments& arguments, int row, int column,
                                                 int channel) {
  const Shape& shape = arguments.shape;
  const int64_t cell = int64_t{(row + 1) / 2} * shape.cells_w + (column + 1) / 2;
  const int pixel = (row + 1) % 2 * 2 + (column + 1) % 2;
  return 0.25F * arguments.cell_sums[(cell * 4 + pixel) * shape.channels + channel];
}

// Gradients of every pixel, as if none stood for a position. A thread per value.
template <class T>
__global__ void __launch_bounds__(kPlainThreads) finish_pixels_kernel(FinishArguments arguments) {
  const Shape& shape = arguments.shape;
  const int64_t i = int64_t{blockIdx.x} * kPlainThreads + threadIdx.x;
  const auto channel = static_cast<int>(i % shape.channels);
  const int64_t pixel = i / shape.channels;
  const auto row = static_cast<int>(pixel / shape.width);
  const auto column = static_cast<int>(pixel % shape.width);
  if (row >= shape.height) return;
  if (arguments.f_grad != nullptr) {
    const FeatureStrides& at = arguments.f_grad_strides;
    static_cast<T*>(arguments.f_grad)[row * at.row + column * at.pixel + channel * at.channel] =
        from_float<T>(0.0F);
  }
  if (arguments.b_grad != nullptr) {
    const FeatureStrides& at = arguments.b_grad_strides;
    static_cast<T*>(arguments.b_grad)[row * at.row + column * at.pixel + channel * at.channel] =
        from_float<T>(pasted_gradient(arguments, row, column, channel));
  }
}

// Gradients of the pixels that stand for positions. A thread per value.
template <class T>
__global__ void __launch_bounds__(kPlainThreads) finish_positions_kernel(FinishArguments arguments) {
  const Shape& shape = arguments.shape;
  const int64_t i = int64_t{blockIdx.x} * kPlainThreads + threadIdx.x;
  const auto channel = static_cast<int>(i % shape.channels);
  const int64_t position = i / shape.channels;
  if (position >= int64_t{shape.h} * shape.w) return;
  const auto r = static_cast<int>(position / shape.w);
  const auto x = static_cast<int>(position % shape.w);
  const auto sum_of = [&](const float* sums) {
    float sum = 0;
    for_lanes(shape, static_cast<int>(position),
              [&](int64_t lane) { sum += sums[lane * shape.channels + channel]; });
    return sum;
  };
  if (arguments.f_grad != nullptr) {
    const FeatureStrides& at = arguments.f_grad_strides;
    static_cast<T*>(arguments.f_grad)[sampled_offset(shape, at, r, x) + channel * at.channel] =
        from_float<T>(sum_of(arguments.query_sums));
  }
  if (arguments.b_grad == nullptr) return;
  float along = 0;
  for_patch(shape, r, x, [&](int64_t patch) { along += arguments.position_along[patch]; });
  const float value = to_float(static_cast<const T*>(
      arguments.b)[sampled_offset(shape, arguments.b_strides, r, x) + channel * arguments.b_strides.channel]);
  const int row = sampled_pixel(r, shape.h, shape.height, 2, shape.tf_compat);
  const int column = sampled_pixel(x, shape.w, shape.width, 2, shape.tf_compat);
  const float pasted = pasted_gradient(arguments, row, column, channel);
  const FeatureStrides& at = arguments.b_grad_strides;
  static_cast<T*>(arguments.b_grad)[row * at.row + column * at.pixel + channel * at.channel] =
      from_float<T>(pasted + (sum_of(arguments.key_sums) - along * value));
}

}  // namespace infill::cuda::attention
