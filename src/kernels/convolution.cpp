#include "kernels/convolution.h"

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convolution.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/gate-inl.h"
#include "kernels/gemm-inl.h"
#include "kernels/winograd-inl.h"

#ifndef INFILL_KERNELS_CONVOLUTION_ONCE
#define INFILL_KERNELS_CONVOLUTION_ONCE
namespace infill::kernels {

// Weights in panels of so many columns as the register tile has; a gated panel has features in its left half
// and their gates in the right one.
struct Convolution::Packed {
  hwy::AlignedFreeUniquePtr<float[]> weights;
  hwy::AlignedFreeUniquePtr<float[]> bias;  // a row of columns per panel
  size_t weight_count = 0;
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

void pack(const ConvolutionSpec& spec, const float* weight, const float* bias, Convolution::Packed& packed) {
  const int32_t depth = spec.in_channels;
  const int32_t taps = spec.kernel * spec.kernel;
  const int vectors = vectors_of(spec);
  packed.columns = vectors * kLanes;
  packed.results = spec.gated ? packed.columns / 2 : packed.columns;
  const ptrdiff_t columns = packed.columns;
  packed.panels = static_cast<int32_t>(ceil_divide(spec.out_channels, packed.results));
  const bool winograd = uses_winograd(spec);
  const int32_t points = winograd ? kPoints : taps;
  packed.weight_count =
      static_cast<size_t>(packed.panels) * static_cast<size_t>(points * depth) * static_cast<size_t>(columns);
  packed.weights = hwy::AllocateAligned<float>(packed.weight_count);
  packed.bias = hwy::AllocateAligned<float>(static_cast<size_t>(packed.panels * columns));
  if (!packed.weights || !packed.bias) throw std::bad_alloc();
  std::vector<float> values(static_cast<size_t>(points));
  for (int32_t panel = 0; panel < packed.panels; ++panel) {
    float* out = packed.weights.get() + static_cast<ptrdiff_t>(panel) * points * depth * columns;
    for (int32_t column = 0; column < packed.columns; ++column) {
      const int32_t row = row_of(spec, packed.results, panel, column);
      packed.bias[static_cast<size_t>(panel * columns + column)] =
          row >= 0 && bias != nullptr ? bias[row] : 0;
      for (int32_t c = 0; c < depth; ++c) {
        const float* from = row >= 0 ? weight + (static_cast<ptrdiff_t>(row) * depth + c) * taps : nullptr;
        std::fill(values.begin(), values.end(), 0.0F);
        if (from != nullptr && winograd) transform_weights(from, values.data());
        if (from != nullptr && !winograd) std::copy_n(from, taps, values.begin());
        for (int32_t p = 0; p < points; ++p) {
          out[(static_cast<ptrdiff_t>(p) * depth + c) * columns + column] = values[static_cast<size_t>(p)];
        }
      }
    }
  }
  if (winograd) {
    packed.batch = batch_of((depth + columns) * kPoints * 4);
    packed.scratch = static_cast<size_t>((depth + columns) * packed.batch * kPoints + columns * kOutputs) +
                     static_cast<size_t>(depth) + 64;
  } else {
    packed.batch = batch_of(4 * (ptrdiff_t{points} * depth + columns));
    packed.scratch = static_cast<size_t>(packed.batch * (ptrdiff_t{points} * depth + columns)) + 64;
  }
}

// Pointers to the 6x6 pixels that tile (y, x) of the result needs.
HWY_INLINE void gather_tile(const ConvolutionSpec& spec, const ConstMap& in, const Region& known, int32_t y,
                            int32_t x, const float* zeros, const float** pixels) {
  for (int i = 0; i < 6; ++i) {
    const int32_t iy = y - spec.pad_top + spec.dilation * i;
    const bool row = iy >= known.y0 * spec.upsample && iy < known.y1 * spec.upsample;
    for (int j = 0; j < 6; ++j) {
      const int32_t ix = x - spec.pad_left + spec.dilation * j;
      const bool there = row && ix >= known.x0 * spec.upsample && ix < known.x1 * spec.upsample;
      pixels[6 * i + j] = there ? in.at(iy / spec.upsample, ix / spec.upsample) : zeros;
    }
  }
}

void winograd_job(const ConvolutionSpec& spec, const Convolution::Packed& packed, const ConstMap& in,
                  const Region& known, const Map& out, const Region& region, int64_t job, float* scratch) {
  const int32_t depth = spec.in_channels;
  const int32_t batch = packed.batch;
  const ptrdiff_t columns = packed.columns;
  const Tiles tiles(region, spec.dilation);
  const int64_t begin = job * batch;
  const auto count = static_cast<int32_t>(std::min<int64_t>(batch, tiles.count() - begin));
  const auto rows = static_cast<int32_t>(ceil_divide(count, kRows)) * kRows;
  float* products = scratch;
  float* values = products + columns * kPoints * batch;
  float* results = values + static_cast<ptrdiff_t>(kPoints) * batch * depth;
  results += (16 - (results - scratch) % 16) % 16;
  float* zeros = results + kOutputs * columns;
  std::fill_n(zeros, depth, 0.0F);
  std::array<int32_t, kTilesMost> ys;
  std::array<int32_t, kTilesMost> xs;
  const ptrdiff_t value_step = static_cast<ptrdiff_t>(batch) * depth;
  std::array<const float*, kPoints> pixels;
  for (int32_t t = 0; t < rows; ++t) {
    if (t < count) {
      tiles.origin(region, begin + t, ys[static_cast<size_t>(t)], xs[static_cast<size_t>(t)]);
      gather_tile(spec, in, known, ys[static_cast<size_t>(t)], xs[static_cast<size_t>(t)], zeros,
                  pixels.data());
    } else {
      pixels.fill(zeros);
    }
    float* to = values + static_cast<ptrdiff_t>(t) * depth;
    for_channels(
        depth, [&](auto d, int32_t c) HWY_ATTR { transform_input(d, pixels.data(), c, to + c, value_step); });
  }
  for (int32_t panel = 0; panel < packed.panels; ++panel) {
    const ptrdiff_t point_step = depth * columns;
    const float* weights = packed.weights.get() + point_step * kPoints * panel;
    for (int32_t p = 0; p < kPoints; ++p) {
      multiply_panel(values + p * value_step, depth, rows, depth, weights + p * point_step, packed.columns,
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

HWY_INLINE void copy_floats(const float* HWY_RESTRICT from, int32_t count, float* HWY_RESTRICT to) {
  const hn::CappedTag<float, 16> d;
  int32_t i = 0;
  for (; i + kLanes <= count; i += kLanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  for (; i < count; ++i) to[i] = from[i];
}

// The taps of one result pixel, one after the other.
HWY_INLINE void gather_taps(const ConvolutionSpec& spec, const ConstMap& in, const Region& known, int32_t y,
                            int32_t x, float* to) {
  const int32_t channels = in.channels;
  const int32_t in_row = spec.kernel * channels;
  const int32_t left = x * spec.stride - spec.pad_left;
  // A row of taps is a row of memory.
  const bool together = spec.dilation == 1 && spec.upsample == 1 && in.pitch == channels &&
                        left >= known.x0 && left + spec.kernel <= known.x1;
  for (int32_t ky = 0; ky < spec.kernel; ++ky, to += in_row) {
    const int32_t iy = y * spec.stride + ky * spec.dilation - spec.pad_top;
    if (iy < known.y0 * spec.upsample || iy >= known.y1 * spec.upsample) {
      std::fill_n(to, in_row, 0.0F);
    } else if (together) {
      copy_floats(in.at(iy, left), in_row, to);
    } else {
      for (int32_t kx = 0; kx < spec.kernel; ++kx) {
        const int32_t ix = left + kx * spec.dilation;
        const bool there = ix >= known.x0 * spec.upsample && ix < known.x1 * spec.upsample;
        float* tap = to + static_cast<ptrdiff_t>(kx) * channels;
        if (there) {
          std::copy_n(in.at(iy / spec.upsample, ix / spec.upsample), channels, tap);
        } else {
          std::fill_n(tap, channels, 0.0F);
        }
      }
    }
  }
}

void direct_job(const ConvolutionSpec& spec, const Convolution::Packed& packed, const ConstMap& in,
                const Region& known, const Map& out, const Region& region, int64_t job, float* scratch) {
  const int32_t depth = spec.kernel * spec.kernel * spec.in_channels;
  const ptrdiff_t columns = packed.columns;
  const int32_t width = region.x1 - region.x0;
  const int64_t begin = job * packed.batch;
  const int64_t all = static_cast<int64_t>(width) * (region.y1 - region.y0);
  const auto count = static_cast<int32_t>(std::min<int64_t>(packed.batch, all - begin));
  const auto rows = static_cast<int32_t>(ceil_divide(count, kRows)) * kRows;
  float* products = scratch;
  float* taps = products + packed.batch * columns;
  const auto y_of = [&](int32_t r) { return region.y0 + static_cast<int32_t>((begin + r) / width); };
  const auto x_of = [&](int32_t r) { return region.x0 + static_cast<int32_t>((begin + r) % width); };
  for (int32_t r = 0; r < count; ++r)
    gather_taps(spec, in, known, y_of(r), x_of(r), taps + static_cast<ptrdiff_t>(r) * depth);
  std::fill_n(taps + static_cast<ptrdiff_t>(count) * depth, static_cast<ptrdiff_t>(rows - count) * depth,
              0.0F);
  for (int32_t panel = 0; panel < packed.panels; ++panel) {
    multiply_panel(taps, depth, rows, depth, packed.weights.get() + columns * panel * depth, packed.columns,
                   products, nullptr);
    const Gate gate(spec, packed.bias.get() + panel * columns, packed.results, panel * packed.results);
    for (int32_t r = 0; r < count; ++r) gate.write(products + r * columns, out.at(y_of(r), x_of(r)));
  }
}

}  // namespace infill::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infill::kernels {

HWY_EXPORT(pack);
HWY_EXPORT(winograd_job);
HWY_EXPORT(direct_job);

Convolution::Convolution(const ConvolutionSpec& spec, const float* weight, const float* bias)
    : spec_(spec), packed_(std::make_unique<Packed>()) {
  HWY_DYNAMIC_DISPATCH(pack)(spec, weight, bias, *packed_);
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
  return packed_->weight_count * sizeof(float);
}

void Convolution::run(const ConstMap& in, const Region& known, const Map& out, const Region& region,
                      int64_t job, float* scratch) const {
  if (uses_winograd(spec_)) {
    HWY_DYNAMIC_DISPATCH(winograd_job)(spec_, *packed_, in, known, out, region, job, scratch);
  } else {
    HWY_DYNAMIC_DISPATCH(direct_job)(spec_, *packed_, in, known, out, region, job, scratch);
  }
}

}  // namespace infill::kernels
#endif
