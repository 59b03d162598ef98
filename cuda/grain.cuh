// Kernels of cuda/grain.h.
#pragma once

#include "cuda/exact.cuh"
#include "cuda/grain.h"
#include "cuda/grid.cuh"

namespace infill::cuda {

constexpr int kGrainColours = 3;
constexpr int32_t kGrainRing = 12;
constexpr int32_t kGrainReach = 3;
constexpr uint32_t kMinimumSamples = 64;
constexpr uint32_t kMaximumSamples = 1U << 14U;
// The lower quartile of the mean of nine |responses| to noise of deviation 1: see src/pipeline/grain.cpp.
constexpr double kQuartileOfNoise = 0.6;

// One array a colour of kMaximumSamples: means of |response| at two scales, and the response of the middle.
struct GrainSamples {
  float* fine[kGrainColours];
  float* coarse[kGrainColours];
  float* response[kGrainColours];
  const uint32_t* count;  // as many were found; no more than kMaximumSamples are kept
};

// What is to be added.
struct Grain {
  float a;  // kernel [a 1 a] in both directions
  float mix[kGrainColours][kGrainColours];
};

__device__ inline const float* plane_of_colour(const Canvas& canvas, int c) {
  return c == 0 ? canvas.planes[0] : c == 1 ? canvas.planes[1] : canvas.planes[2];
}

// 1 where a hole lies in the row at most kGrainRing away. rect is the region that is measured.
__global__ __launch_bounds__(kBlockThreads) void mark_ring_rows_kernel(Canvas canvas, Rect rect,
                                                                       uint8_t* near) {
  const int32_t column = pixel_x();
  if (column >= rect.width) return;
  for (int32_t row = pixel_y(); row < rect.height; row += rows_of_grid()) {
    const int32_t x = rect.x + column;
    const uint8_t* label = canvas.label + (rect.y + row) * canvas.stride;
    bool found = false;
    for (int32_t u = max(0, x - kGrainRing); u <= min(canvas.width - 1, x + kGrainRing); ++u) {
      found = found || label[u] == kHole;
    }
    near[int64_t{row} * rect.width + column] = found ? 1 : 0;
  }
}

// number: 1 for pixels that may be sampled; of the holes, or of the known ones around them.
__global__ __launch_bounds__(kBlockThreads) void mark_candidates_kernel(Canvas canvas, Rect rect,
                                                                        const uint8_t* near, bool inside,
                                                                        uint32_t* number) {
  const int32_t column = pixel_x();
  if (column >= rect.width) return;
  for (int32_t row = pixel_y(); row < rect.height; row += rows_of_grid()) {
    const int32_t x = rect.x + column;
    const int32_t y = rect.y + row;
    bool is_candidate = false;
    if (x >= kGrainReach && y >= kGrainReach && x < canvas.width - kGrainReach &&
        y < canvas.height - kGrainReach) {
      const uint8_t label = canvas.label[y * canvas.stride + x];
      is_candidate = label == (inside ? kHole : kKnown);
      if (is_candidate && !inside) {
        is_candidate = false;
        for (int32_t v = max(0, row - kGrainRing); v <= min(rect.height - 1, row + kGrainRing); ++v) {
          is_candidate = is_candidate || near[int64_t{v} * rect.width + column] != 0;
        }
      }
    }
    number[int64_t{row} * rect.width + column] = is_candidate ? 1 : 0;
  }
}

// Whether all that a sample looks at is known (outside), or filled or known (inside).
__device__ inline bool is_grain_usable(const Canvas& canvas, int32_t x, int32_t y, bool inside) {
  for (int32_t v = y - kGrainReach; v <= y + kGrainReach; ++v) {
    for (int32_t u = x - kGrainReach; u <= x + kGrainReach; ++u) {
      const uint8_t label = canvas.label[v * canvas.stride + u];
      if (label == kExcluded || (!inside && label != kKnown)) return false;
    }
  }
  return true;
}

// taken: 1 for every n-th candidate, if it is usable. number: of the candidates before each pixel.
__global__ __launch_bounds__(kBlockThreads) void take_samples_kernel(Canvas canvas, Rect rect,
                                                                     const uint32_t* number,
                                                                     const uint32_t* candidates,
                                                                     int64_t every, bool inside,
                                                                     uint32_t* taken) {
  const int64_t i = list_index();
  const int64_t pixels = int64_t{rect.width} * rect.height;
  if (i >= pixels) return;
  const uint32_t next = i + 1 < pixels ? number[i + 1] : *candidates;
  const auto x = static_cast<int32_t>(i % rect.width) + rect.x;
  const auto y = static_cast<int32_t>(i / rect.width) + rect.y;
  const bool is_taken = next != number[i] && number[i] % every == 0 && is_grain_usable(canvas, x, y, inside);
  taken[i] = is_taken ? 1 : 0;
}

// Response of white noise of deviation 1 has deviation 1.
__device__ inline float grain_high_pass(const float* plane, int64_t stride, int32_t x, int32_t y,
                                        int32_t step) {
  const float* above = plane + (y - step) * stride + x;
  const float* here = plane + y * stride + x;
  const float* below = plane + (y + step) * stride + x;
  const float edges = above[0] + here[-step] + here[step] + below[0];
  const float corners = above[-step] + above[step] + below[-step] + below[step];
  return exact::divide(exact::add(exact::subtract(corners, 2.0F * edges), 4.0F * here[0]), 6.0F);
}

__device__ inline float mean_high_pass(const float* plane, int64_t stride, int32_t x, int32_t y,
                                       int32_t step) {
  float sum = 0;
  for (int32_t j = -1; j <= 1; ++j) {
    for (int32_t i = -1; i <= 1; ++i) sum += fabsf(grain_high_pass(plane, stride, x + i, y + j, step));
  }
  return sum / 9.0F;
}

// taken: samples before each pixel; a pixel is one if the next one has more before it.
__global__ __launch_bounds__(kBlockThreads) void write_samples_kernel(Canvas canvas, Rect rect,
                                                                      int32_t colours, const uint32_t* taken,
                                                                      GrainSamples samples) {
  const int64_t i = list_index();
  const int64_t pixels = int64_t{rect.width} * rect.height;
  if (i >= pixels) return;
  const uint32_t next = i + 1 < pixels ? taken[i + 1] : *samples.count;
  const uint32_t to = taken[i];
  if (next == to || to >= kMaximumSamples) return;
  const auto x = static_cast<int32_t>(i % rect.width) + rect.x;
  const auto y = static_cast<int32_t>(i / rect.width) + rect.y;
#pragma unroll
  for (int c = 0; c < kGrainColours; ++c) {
    if (c >= colours) continue;
    const float* plane = plane_of_colour(canvas, c);
    samples.fine[c][to] = mean_high_pass(plane, canvas.stride, x, y, 1);
    samples.coarse[c][to] = mean_high_pass(plane, canvas.stride, x, y, 2);
    samples.response[c][to] = grain_high_pass(plane, canvas.stride, x, y, 1);
  }
}

// The value with `rank` smaller ones before it, of values that are not negative: bits from the top, eight at
// a time. The whole block calls it; every thread has the result.
__device__ inline float select(const float* values, uint32_t count, uint32_t rank, uint32_t* histogram) {
  const auto me = static_cast<uint32_t>(threadIdx.x);
  uint32_t prefix = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    histogram[me] = 0;
    __syncthreads();
    for (uint32_t i = me; i < count; i += kBlockThreads) {
      const auto bits = exact::bits_as<uint32_t>(values[i]);
      // Only those that share the bits found so far.
      if (shift == 24 || bits >> (shift + 8) == prefix) atomicAdd(&histogram[bits >> shift & 255U], 1U);
    }
    __syncthreads();
    uint32_t digit = 0;
    while (rank >= histogram[digit]) rank -= histogram[digit++];
    prefix = prefix << 8U | digit;
    __syncthreads();
  }
  return exact::bits_as<float>(prefix);
}

__device__ inline double grain_deviation(const float* values, uint32_t count, uint32_t* histogram) {
  return count == 0 ? 0.0 : double{select(values, count, count / 4, histogram)} / kQuartileOfNoise;
}

struct GrainProducts {
  double ab, aa, bb;
};

// Correlation between channels, over samples that are flat. The whole block calls it.
__device__ inline double grain_correlation(const GrainSamples& s, uint32_t count, int a, int b,
                                           double deviation_a, double deviation_b, GrainProducts* all) {
  const auto me = static_cast<uint32_t>(threadIdx.x);
  const float* fine_a = a == 0 ? s.fine[0] : a == 1 ? s.fine[1] : s.fine[2];
  const float* fine_b = b == 0 ? s.fine[0] : s.fine[1];
  const float* response_a = a == 0 ? s.response[0] : a == 1 ? s.response[1] : s.response[2];
  const float* response_b = b == 0 ? s.response[0] : s.response[1];
  GrainProducts own = {0, 0, 0};
  for (uint32_t i = me; i < count; i += kBlockThreads) {
    if (!(fine_a[i] <= 1.5 * deviation_a && fine_b[i] <= 1.5 * deviation_b)) continue;
    const double u = response_a[i];
    const double v = response_b[i];
    own.ab += u * v;
    own.aa += u * u;
    own.bb += v * v;
  }
  all[me] = own;
  __syncthreads();
  for (uint32_t step = kBlockThreads / 2; step > 0; step /= 2) {
    if (me < step) {
      all[me].ab += all[me + step].ab;
      all[me].aa += all[me + step].aa;
      all[me].bb += all[me + step].bb;
    }
    __syncthreads();
  }
  const GrainProducts sum = all[0];
  __syncthreads();
  const double norm = sqrt(sum.aa * sum.bb);
  return norm > 0 ? fmin(fmax(sum.ab / norm, -1.0), 1.0) : 0.0;
}

// Variances of the two high-pass responses to white noise under the separable kernel [a 1 a].
__device__ inline double fine_response(double a) {
  const double along = (2 * a * a + 2 * (1 - 2 * a) * (1 - 2 * a) + (2 * a - 2) * (2 * a - 2)) / 6;
  return along * along;
}
__device__ inline double coarse_response(double a) {
  const double along = (2 * a * a + 2 + 2 * a * a + 4) / 6;
  return along * along;
}

// The a whose responses have the measured ratio, between white (0) and a 3-pixel tent (0.5).
__device__ inline double coarseness(double fine_deviation, double coarse_deviation) {
  if (fine_deviation <= 0) return 0;
  const double wanted = (coarse_deviation * coarse_deviation) / (fine_deviation * fine_deviation);
  double low = 0;
  double high = 0.5;
  for (int i = 0; i < 30; ++i) {
    const double a = (low + high) / 2;
    (coarse_response(a) < wanted * fine_response(a) ? low : high) = a;
  }
  return (low + high) / 2;
}

// One block of kBlockThreads: from samples to what is to be added.
__global__ __launch_bounds__(kBlockThreads) void choose_grain_kernel(GrainSamples inside, GrainSamples around,
                                                                     int32_t colours, float strength,
                                                                     Grain* grain) {
  INFILL_SHARED(uint32_t, histogram, [256]);
  INFILL_SHARED(GrainProducts, products, [kBlockThreads]);
  const uint32_t inside_count = min(*inside.count, kMaximumSamples);
  const uint32_t count = min(*around.count, kMaximumSamples);
  double missing[kGrainColours] = {};
  double deviation[kGrainColours] = {};
  double correlation[kGrainColours] = {};  // of channels 1 and 0, 2 and 0, 2 and 1
  double fine_sum = 0;
  double coarse_sum = 0;
#pragma unroll
  for (int c = 0; c < kGrainColours; ++c) {
    if (c >= colours) continue;
    deviation[c] = grain_deviation(around.fine[c], count, histogram);
    const double present = grain_deviation(inside.fine[c], inside_count, histogram);
    const double variance = deviation[c] * deviation[c] - present * present;
    missing[c] = variance > 0 ? strength * sqrt(variance) : 0.0;
    fine_sum += deviation[c];
    coarse_sum += grain_deviation(around.coarse[c], count, histogram);
  }
  if (colours > 1)
    correlation[0] = grain_correlation(around, count, 1, 0, deviation[1], deviation[0], products);
  if (colours > 2) {
    correlation[1] = grain_correlation(around, count, 2, 0, deviation[2], deviation[0], products);
    correlation[2] = grain_correlation(around, count, 2, 1, deviation[2], deviation[1], products);
  }
  if (threadIdx.x != 0) return;
  const double a = coarseness(fine_sum, coarse_sum);
  const double scale = 1 / fine_response(a);
  // Lower triangle L with L Lt = the covariance; a direction that the rest determines gets 0.
  const auto ratio = [](double sum, double by) { return by > 1e-12 ? sum / by : 0.0; };
  const double l00 = missing[0] * sqrt(scale);
  const double l10 = ratio(correlation[0] * missing[1] * missing[0] * scale, l00);
  const double l20 = ratio(correlation[1] * missing[2] * missing[0] * scale, l00);
  const double l11 = sqrt(fmax(missing[1] * missing[1] * scale - l10 * l10, 0.0));
  const double l21 = ratio(correlation[2] * missing[2] * missing[1] * scale - l20 * l10, l11);
  const double l22 = sqrt(fmax(missing[2] * missing[2] * scale - l20 * l20 - l21 * l21, 0.0));
  const bool enough = count >= kMinimumSamples;
  const auto entry = [enough](double value) { return enough ? static_cast<float>(value) : 0.0F; };
  *grain = {static_cast<float>(a),
            {{entry(l00), 0, 0}, {entry(l10), entry(l11), 0}, {entry(l20), entry(l21), entry(l22)}}};
}

// Uniform 64-bit numbers from a counter: src/core/random.h.
__device__ inline uint64_t mixed(uint64_t z) {
  z += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

// Nearly normal, mean 0, deviation 1: the sum of four uniform numbers, at a picture position.
__device__ inline float normal(uint64_t seed, int64_t x, int64_t y, int c) {
  const uint64_t bits = mixed(mixed(mixed(seed + static_cast<uint64_t>(c)) ^ static_cast<uint64_t>(x)) ^
                              static_cast<uint64_t>(y));
  int32_t sum = 0;
#pragma unroll
  for (unsigned part = 0; part < 4; ++part) sum += static_cast<int32_t>(bits >> 16 * part & 0xFFFFU);
  constexpr float kScale = 1.0F / 37837.2F;  // sqrt(4 * 65536^2 / 12)
  return static_cast<float>(sum - 131070) * kScale;
}

__global__ __launch_bounds__(kBlockThreads) void add_grain_kernel(Canvas canvas, Rect box, int32_t colours,
                                                                  uint64_t seed, const Grain* grain) {
  const int32_t column = pixel_x();
  if (column >= box.width) return;
  const float a = grain->a;
  for (int32_t row = pixel_y(); row < box.height; row += rows_of_grid()) {
    const int64_t at = (box.y + row) * canvas.stride + box.x + column;
    if (canvas.label[at] != kHole) continue;
    const int64_t px = int64_t{canvas.x} + box.x + column;
    const int64_t py = int64_t{canvas.y} + box.y + row;
    float white[kGrainColours] = {};
#pragma unroll
    for (int c = 0; c < kGrainColours; ++c) {
      if (c >= colours) continue;
      const auto in_row = [&](int64_t y) {
        return normal(seed, px, y, c) + a * (normal(seed, px - 1, y, c) + normal(seed, px + 1, y, c));
      };
      white[c] = a > 0 ? in_row(py) + a * (in_row(py - 1) + in_row(py + 1)) : normal(seed, px, py, c);
    }
    const float alpha = !canvas.has_alpha      ? 1.0F
                        : canvas.channels == 2 ? canvas.planes[1][at]
                                               : canvas.planes[3][at];
#pragma unroll
    for (int c = 0; c < kGrainColours; ++c) {
      if (c >= colours) continue;
      float noise = 0;
#pragma unroll
      for (int k = 0; k <= c; ++k) noise += grain->mix[c][k] * white[k];
      canvas.planes[c][at] += alpha * noise;
    }
  }
}

}  // namespace infill::cuda
