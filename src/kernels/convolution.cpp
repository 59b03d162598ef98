#include "kernels/convolution.h"

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convolution.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/bfloat16-inl.h"
#include "kernels/gate-inl.h"
#include "kernels/gemm-inl.h"
#include "kernels/winograd-inl.h"

#ifndef INFILL_KERNELS_CONVOLUTION_ONCE
#define INFILL_KERNELS_CONVOLUTION_ONCE
namespace infill::kernels {

// Weights in panels of so many columns as the register tile has; a gated panel has features in its left half
// and their gates in the right one.
struct Convolution::Packed {
  hwy::AlignedFreeUniquePtr<std::byte[]> weights;  // float or, in pairs of rows, Bfloat16
  hwy::AlignedFreeUniquePtr<float[]> bias;         // a row of columns per panel
  size_t weight_bytes = 0;
  int32_t columns = 0, results = 0;  // of a panel: columns, and channels of the result
  int32_t panels = 0;
  int32_t batch = 0;  // tiles or pixels of a job
  size_t scratch = 0;
};

inline bool uses_winograd(const ConvolutionSpec& spec) {
  return spec.kernel == 3 && spec.stride == 1;
}

// The row of the weight tensor in a panel's column; -1: none.
inline int32_t row_of(const ConvolutionSpec& spec, int32_t results, int32_t panel, int32_t column) {
  const bool gate = column >= results;
  const int32_t channel = panel * results + (gate ? column - results : column);
  if (channel >= spec.out_channels) return -1;
  return gate ? spec.out_channels + channel : channel;
}

constexpr int64_t ceil_divide(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// The 4x4 tiles of a region: for every phase of the dilation a grid of them.
struct Tiles {
  int32_t dilation, rows, columns;
  Tiles(const Region& region, int32_t dilation_)
      : dilation(dilation_),
        rows(static_cast<int32_t>(ceil_divide(ceil_divide(region.y1 - region.y0, dilation_), 4))),
        columns(static_cast<int32_t>(ceil_divide(ceil_divide(region.x1 - region.x0, dilation_), 4))) {}
  [[nodiscard]] int64_t count() const { return int64_t{dilation} * dilation * rows * columns; }
  // The first pixel of tile t.
  void origin(const Region& region, int64_t t, int32_t& y, int32_t& x) const {
    const auto column = static_cast<int32_t>(t % columns);
    t /= columns;
    const auto row = static_cast<int32_t>(t % rows);
    const auto phase = static_cast<int32_t>(t / rows);
    y = region.y0 + phase / dilation + 4 * dilation * row;
    x = region.x0 + phase % dilation + 4 * dilation * column;
  }
};

}  // namespace infill::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace infill::kernels::HWY_NAMESPACE {

// Bytes that a job's buffers may take: most of a core's second-level cache.
constexpr ptrdiff_t kCache = 768 << 10;
constexpr int kTilesMost = 8 * kRows;

// Panels are as narrow as they can be where one is enough.
int vectors_of(const ConvolutionSpec& spec) {
  const int32_t wanted = spec.gated ? 2 * spec.out_channels : spec.out_channels;
  const int vectors = static_cast<int>(ceil_divide(wanted, kLanes));
  return vectors < kMostVectors ? vectors : kMostVectors;
}

int32_t batch_of(ptrdiff_t bytes_per_row) {
  const ptrdiff_t groups = kCache / (bytes_per_row * kRows);
  return kRows * static_cast<int32_t>(std::clamp<ptrdiff_t>(groups, 1, kTilesMost / kRows));
}

// The length of what is multiplied at each of Winograd's points, or for a pixel of the result.
template <class Operands>
int32_t depth_of(const ConvolutionSpec& spec) {
  const int32_t depth = uses_winograd(spec) ? spec.in_channels : spec.in_channels * spec.kernel * spec.kernel;
  return static_cast<int32_t>(ceil_divide(depth, Operands::kDepthStep)) * Operands::kDepthStep;
}

template <class Operands>
void pack_weights(const ConvolutionSpec& spec, const float* weight, Convolution::Packed& packed) {
  using Value = typename Operands::Value;
  const int32_t taps = spec.kernel * spec.kernel;
  const bool winograd = uses_winograd(spec);
  const int32_t points = winograd ? kPoints : taps;
  // Rows of a panel: of each of Winograd's points, or of all taps together.
  const ptrdiff_t depth = depth_of<Operands>(spec);
  const ptrdiff_t rows = winograd ? depth * kPoints : depth;
  const ptrdiff_t point_rows = winograd ? depth : spec.in_channels;
  const ptrdiff_t columns = packed.columns;
  constexpr ptrdiff_t kStep = Operands::kDepthStep;
  packed.weight_bytes = static_cast<size_t>(packed.panels * rows * columns) * sizeof(Value);
  packed.weights = hwy::AllocateAligned<std::byte>(packed.weight_bytes);
  if (!packed.weights) throw std::bad_alloc();
  auto* out = reinterpret_cast<Value*>(packed.weights.get());
  std::fill_n(out, packed.panels * rows * columns, Value{});
  std::array<float, kPoints> values;
  for (int32_t panel = 0; panel < packed.panels; ++panel, out += rows * columns) {
    for (int32_t column = 0; column < packed.columns; ++column) {
      const int32_t from_row = row_of(spec, packed.results, panel, column);
      if (from_row < 0) continue;
      for (int32_t c = 0; c < spec.in_channels; ++c) {
        const float* from = weight + (static_cast<ptrdiff_t>(from_row) * spec.in_channels + c) * taps;
        if (winograd) transform_weights(from, values.data());
        for (int32_t p = 0; p < points; ++p) {
          const ptrdiff_t row = p * point_rows + c;
          const float value = winograd ? values.at(static_cast<size_t>(p)) : from[p];
          out[(row / kStep * columns + column) * kStep + row % kStep] = Operands::value(value);
        }
      }
    }
  }
}

template <class Operands>
void pack(const ConvolutionSpec& spec, const float* weight, const float* bias, Convolution::Packed& packed) {
  const int vectors = vectors_of(spec);
  packed.columns = vectors * kLanes;
  packed.results = spec.gated ? packed.columns / 2 : packed.columns;
  packed.panels = static_cast<int32_t>(ceil_divide(spec.out_channels, packed.results));
  const auto bias_count = static_cast<size_t>(packed.panels) * static_cast<size_t>(packed.columns);
  packed.bias = hwy::AllocateAligned<float>(bias_count);
  if (!packed.bias) throw std::bad_alloc();
  for (size_t i = 0; i < bias_count; ++i) {
    const auto columns = static_cast<size_t>(packed.columns);
    const int32_t row =
        row_of(spec, packed.results, static_cast<int32_t>(i / columns), static_cast<int32_t>(i % columns));
    packed.bias[i] = row >= 0 && bias != nullptr ? bias[row] : 0;
  }
  pack_weights<Operands>(spec, weight, packed);
  // What a job keeps (see the jobs).
  const ptrdiff_t depth = depth_of<Operands>(spec);
  const ptrdiff_t columns = packed.columns;
  const bool winograd = uses_winograd(spec);
  const ptrdiff_t products = winograd ? kPoints : 1;  // at a time
  constexpr auto kBytes = static_cast<ptrdiff_t>(sizeof(typename Operands::Value));
  packed.batch = batch_of(products * (depth * kBytes + columns * 4));
  const ptrdiff_t values = products * (depth * packed.batch + Operands::kSlack);
  const ptrdiff_t floats = products * columns * packed.batch + (values * kBytes + 3) / 4;
  const ptrdiff_t once =
      winograd ? kOutputs * columns + depth + (Operands::kStaged ? kPoints * depth : 0) : 0;
  packed.scratch = static_cast<size_t>(floats + once);
}

void pack_as(const ConvolutionSpec& spec, const float* weight, const float* bias,
             Convolution::Packed& packed) {
  if (spec.precision == Precision::kBfloat16) {
    pack<Bfloat16Operands>(spec, weight, bias, packed);
  } else {
    pack<Float32Operands>(spec, weight, bias, packed);
  }
}

// Pointers to the 6x6 pixels that tile (y, x) of the result needs.
HWY_INLINE void gather_tile(const ConvolutionSpec& spec, const ConstMap& in, const Region& known, int32_t y,
                            int32_t x, const float* zeros, const float** pixels) {
  const int shift = spec.upsample == 2 ? 1 : 0;
  ptrdiff_t columns[6];  // -1: none
  for (int j = 0; j < 6; ++j) {
    const int32_t ix = x - spec.pad_left + spec.dilation * j;
    const bool there = ix >= known.x0 << shift && ix < known.x1 << shift;
    columns[j] = there ? ptrdiff_t{ix >> shift} * in.pitch : -1;
  }
  for (int i = 0; i < 6; ++i) {
    const int32_t iy = y - spec.pad_top + spec.dilation * i;
    const bool there = iy >= known.y0 << shift && iy < known.y1 << shift;
    const float* row = there ? in.at(iy >> shift, 0) : nullptr;
    for (int j = 0; j < 6; ++j) pixels[6 * i + j] = there && columns[j] >= 0 ? row + columns[j] : zeros;
  }
}

template <class Operands>
void winograd_job(const ConvolutionSpec& spec, const Convolution::Packed& packed, const ConstMap& in,
                  const Region& known, const Map& out, const Region& region, int64_t job, float* scratch) {
  using Value = typename Operands::Value;
  const Operands operands;
  const int32_t channels = spec.in_channels;
  const int32_t depth = depth_of<Operands>(spec);
  const int32_t batch = packed.batch;
  const ptrdiff_t columns = packed.columns;
  const Tiles tiles(region, spec.dilation);
  const int64_t begin = job * batch;
  const auto count = static_cast<int32_t>(std::min<int64_t>(batch, tiles.count() - begin));
  const auto rows = static_cast<int32_t>(ceil_divide(count, kRows)) * kRows;
  float* results = scratch;
  float* products = results + kOutputs * columns;
  float* zeros = products + columns * kPoints * batch;
  float* staging = zeros + depth;
  auto* values = reinterpret_cast<Value*>(Operands::kStaged ? staging + ptrdiff_t{kPoints} * depth : staging);
  std::fill(zeros, reinterpret_cast<float*>(values), 0.0F);
  std::array<int32_t, kTilesMost> ys;
  std::array<int32_t, kTilesMost> xs;
  const ptrdiff_t value_step = static_cast<ptrdiff_t>(batch) * depth + Operands::kSlack;
  std::array<const float*, kPoints> pixels;
  for (int32_t t = 0; t < rows; ++t) {
    if (t < count) {
      tiles.origin(region, begin + t, ys[static_cast<size_t>(t)], xs[static_cast<size_t>(t)]);
      gather_tile(spec, in, known, ys[static_cast<size_t>(t)], xs[static_cast<size_t>(t)], zeros,
                  pixels.data());
    } else {
      pixels.fill(zeros);
    }
    Value* to = values + static_cast<ptrdiff_t>(t) * depth;
    if constexpr (Operands::kStaged) {
      for_channels(channels, [&](auto d, int32_t c)
                                 HWY_ATTR { transform_input(d, pixels.data(), c, staging + c, depth); });
      operands.copy_rows(staging, depth, kPoints, depth, to, value_step);
    } else {
      for_channels(channels, [&](auto d, int32_t c)
                                 HWY_ATTR { transform_input(d, pixels.data(), c, to + c, value_step); });
    }
  }
  const auto* weights = reinterpret_cast<const Value*>(packed.weights.get());
  const ptrdiff_t point_step = depth * columns;
  for (int32_t panel = 0; panel < packed.panels; ++panel, weights += point_step * kPoints) {
    for (int32_t p = 0; p < kPoints; ++p) {
      operands.multiply(values + p * value_step, depth, rows, depth, weights + p * point_step, packed.columns,
                        products + columns * p * batch,
                        p + 1 < kPoints ? weights + (p + 1) * point_step : nullptr);
    }
    const Gate gate(spec, packed.bias.get() + panel * columns, packed.results, panel * packed.results);
    for (int32_t t = 0; t < count; ++t) {
      const float* from = products + t * columns;
      for (int32_t c = 0; c < packed.columns; c += kLanes)
        transform_output(from + c, batch * columns, results + c, columns);
      for (int i = 0; i < kOutputs; ++i) {
        const int32_t y = ys[static_cast<size_t>(t)] + spec.dilation * (i / 4);
        const int32_t x = xs[static_cast<size_t>(t)] + spec.dilation * (i % 4);
        if (y < region.y1 && x < region.x1) gate.write(results + i * columns, out.at(y, x));
      }
    }
  }
}

// The taps of one result pixel, one after the other.
template <class Operands>
HWY_INLINE void gather_taps(const Operands& operands, const ConvolutionSpec& spec, const ConstMap& in,
                            const Region& known, int32_t y, int32_t x, typename Operands::Value* to) {
  const int32_t channels = in.channels;
  const int32_t in_row = spec.kernel * channels;
  const int32_t left = x * spec.stride - spec.pad_left;
  // A row of taps is a row of memory.
  const bool together = spec.dilation == 1 && spec.upsample == 1 && in.pitch == channels &&
                        left >= known.x0 && left + spec.kernel <= known.x1;
  for (int32_t ky = 0; ky < spec.kernel; ++ky, to += in_row) {
    const int32_t iy = y * spec.stride + ky * spec.dilation - spec.pad_top;
    if (iy < known.y0 * spec.upsample || iy >= known.y1 * spec.upsample) {
      std::fill_n(to, in_row, typename Operands::Value{});
    } else if (together) {
      operands.copy(in.at(iy, left), in_row, to);
    } else {
      for (int32_t kx = 0; kx < spec.kernel; ++kx) {
        const int32_t ix = left + kx * spec.dilation;
        const bool there = ix >= known.x0 * spec.upsample && ix < known.x1 * spec.upsample;
        auto* tap = to + static_cast<ptrdiff_t>(kx) * channels;
        if (there) {
          operands.copy(in.at(iy / spec.upsample, ix / spec.upsample), channels, tap);
        } else {
          std::fill_n(tap, channels, typename Operands::Value{});
        }
      }
    }
  }
}

template <class Operands>
void direct_job(const ConvolutionSpec& spec, const Convolution::Packed& packed, const ConstMap& in,
                const Region& known, const Map& out, const Region& region, int64_t job, float* scratch) {
  using Value = typename Operands::Value;
  const Operands operands;
  const int32_t taps = spec.kernel * spec.kernel * spec.in_channels;
  const int32_t depth = depth_of<Operands>(spec);
  const ptrdiff_t columns = packed.columns;
  const int32_t width = region.x1 - region.x0;
  const int64_t begin = job * packed.batch;
  const int64_t all = static_cast<int64_t>(width) * (region.y1 - region.y0);
  const auto count = static_cast<int32_t>(std::min<int64_t>(packed.batch, all - begin));
  const auto rows = static_cast<int32_t>(ceil_divide(count, kRows)) * kRows;
  float* products = scratch;
  auto* values = reinterpret_cast<Value*>(products + packed.batch * columns);
  const auto y_of = [&](int32_t r) { return region.y0 + static_cast<int32_t>((begin + r) / width); };
  const auto x_of = [&](int32_t r) { return region.x0 + static_cast<int32_t>((begin + r) % width); };
  for (int32_t r = 0; r < count; ++r) {
    Value* row = values + static_cast<ptrdiff_t>(r) * depth;
    gather_taps(operands, spec, in, known, y_of(r), x_of(r), row);
    std::fill(row + taps, row + depth, Value{});
  }
  std::fill_n(values + static_cast<ptrdiff_t>(count) * depth, static_cast<ptrdiff_t>(rows - count) * depth,
              Value{});
  const auto* weights = reinterpret_cast<const Value*>(packed.weights.get());
  for (int32_t panel = 0; panel < packed.panels; ++panel, weights += columns * depth) {
    operands.multiply(values, depth, rows, depth, weights, packed.columns, products, nullptr);
    const Gate gate(spec, packed.bias.get() + panel * columns, packed.results, panel * packed.results);
    for (int32_t r = 0; r < count; ++r) gate.write(products + r * columns, out.at(y_of(r), x_of(r)));
  }
}

void run_job(const ConvolutionSpec& spec, const Convolution::Packed& packed, const ConstMap& in,
             const Region& known, const Map& out, const Region& region, int64_t job, float* scratch) {
  const bool halves = spec.precision == Precision::kBfloat16;
  auto* const run = uses_winograd(spec)
                        ? (halves ? winograd_job<Bfloat16Operands> : winograd_job<Float32Operands>)
                        : (halves ? direct_job<Bfloat16Operands> : direct_job<Float32Operands>);
  run(spec, packed, in, known, out, region, job, scratch);
}

}  // namespace infill::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infill::kernels {

HWY_EXPORT(pack_as);
HWY_EXPORT(run_job);

Convolution::Convolution(const ConvolutionSpec& spec, const float* weight, const float* bias)
    : spec_(spec), packed_(std::make_unique<Packed>()) {
  HWY_DYNAMIC_DISPATCH(pack_as)(spec, weight, bias, *packed_);
}
Convolution::~Convolution() = default;
Convolution::Convolution(Convolution&&) noexcept = default;
Convolution& Convolution::operator=(Convolution&&) noexcept = default;

int64_t Convolution::jobs(const Region& region) const {
  if (region.empty()) return 0;
  const int64_t all = uses_winograd(spec_)
                          ? Tiles(region, spec_.dilation).count()
                          : static_cast<int64_t>(region.y1 - region.y0) * (region.x1 - region.x0);
  return ceil_divide(all, packed_->batch);
}

size_t Convolution::scratch() const {
  return packed_->scratch;
}

size_t Convolution::weight_bytes() const {
  return packed_->weight_bytes;
}

void Convolution::run(const ConstMap& in, const Region& known, const Map& out, const Region& region,
                      int64_t job, float* scratch) const {
  HWY_DYNAMIC_DISPATCH(run_job)(spec_, *packed_, in, known, out, region, job, scratch);
}

}  // namespace infill::kernels
#endif
