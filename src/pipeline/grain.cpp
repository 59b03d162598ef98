#include "pipeline/grain.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/random.h"

namespace infill::pipeline {

namespace {

constexpr size_t kMinimumSamples = 64;
constexpr size_t kMaximumSamples = 1 << 14;
// What a sample looks at: 3 x 3 responses, two pixels apart at the most.
constexpr int32_t kReach = 3;
// The lower quartile of the mean of nine |responses| to noise of deviation 1, by simulation: 0.57 for white
// noise, 0.62 for coarse.
constexpr double kQuartileOfNoise = 0.6;

constexpr int kColors = 3;
using Matrix = std::array<std::array<double, kColors>, kColors>;

// Samples of the high-pass response, one array a colour channel, at the same pixels.
struct Samples {
  std::array<std::span<float>, kColors> fine,
      coarse;  // mean of |response| over 3 x 3 pixels, at each of two scales
  std::array<std::span<float>, kColors> response;  // of the middle one, at the fine scale
  size_t count = 0;
};

struct Scratch {
  Plane<uint8_t> ring;  // 1: known and near a hole
  Samples samples;
  std::span<float> sorted;

  Scratch(Arena& arena, const CanvasShape& shape) {
    const size_t area = static_cast<size_t>(shape.width) * static_cast<size_t>(shape.height);
    ring = {arena.take<uint8_t>(area).data(), shape.width, shape.height, shape.width};
    const size_t most = std::min(area, kMaximumSamples);
    for (int c = 0; c < std::min(shape.channels, kColors); ++c) {
      samples.fine.at(static_cast<size_t>(c)) = arena.take<float>(most);
      samples.coarse.at(static_cast<size_t>(c)) = arena.take<float>(most);
      samples.response.at(static_cast<size_t>(c)) = arena.take<float>(most);
    }
    sorted = arena.take<float>(most);
  }
};

// Response of white noise of deviation 1 has deviation 1.
float high_pass(const Plane<float>& plane, int32_t x, int32_t y, int32_t step) {
  const float* above = plane.row(y - step) + x;
  const float* here = plane.row(y) + x;
  const float* below = plane.row(y + step) + x;
  const float edges = above[0] + here[-step] + here[step] + below[0];
  const float corners = above[-step] + above[step] + below[-step] + below[step];
  return (corners - 2.0F * edges + 4.0F * here[0]) / 6.0F;
}

float mean_high_pass(const Plane<float>& plane, int32_t x, int32_t y, int32_t step) {
  float sum = 0;
  for (int32_t j = -1; j <= 1; ++j) {
    for (int32_t i = -1; i <= 1; ++i) sum += std::fabs(high_pass(plane, x + i, y + j, step));
  }
  return sum / 9.0F;
}

int color_channels(const Canvas& canvas) {
  return std::min(kColors, canvas.colour_channels());
}

void mark_ring(const Canvas& canvas, const Plane<uint8_t>& ring, Task& task) {
  std::memset(ring.data, 0, static_cast<size_t>(ring.width) * static_cast<size_t>(ring.height));
  for (const Run& run : canvas.holes) {
    const int32_t x0 = std::max(0, run.x0 - kGrainRing);
    const int32_t x1 = std::min(canvas.width, run.x1 + kGrainRing);
    const int32_t y1 = std::min(canvas.height, run.y + kGrainRing + 1);
    for (int32_t y = std::max(0, run.y - kGrainRing); y < y1; ++y) {
      std::memset(ring.row(y) + x0, 1, static_cast<size_t>(x1 - x0));
      task.advance(static_cast<uint64_t>(x1 - x0));
    }
  }
}

// Every pixel that a sample at (x, y) looks at is known (outside), or filled or known (inside).
bool is_usable(const Canvas& canvas, int32_t x, int32_t y, bool inside) {
  for (int32_t j = y - kReach; j <= y + kReach; ++j) {
    const uint8_t* label = canvas.label.row(j);
    for (int32_t i = x - kReach; i <= x + kReach; ++i) {
      if (label[i] == kExcluded || (!inside && label[i] != kKnown)) return false;
    }
  }
  return true;
}

// Samples the hole, or the ring; every n-th pixel where there are more than fit.
void collect(const Canvas& canvas, const Plane<uint8_t>& ring, bool inside, Samples& samples, Task& task) {
  const int64_t candidates =
      inside ? canvas.hole_pixels
             : std::min<int64_t>(int64_t{canvas.width} * canvas.height,
                                 canvas.hole_pixels + int64_t{4} * kGrainRing * std::ssize(canvas.holes));
  const auto every = std::max<int64_t>(1, candidates / static_cast<int64_t>(kMaximumSamples));
  const auto colors = static_cast<size_t>(color_channels(canvas));
  const size_t most = samples.fine[0].size();
  int64_t seen = 0;
  samples.count = 0;
  for (int32_t y = kReach; y < canvas.height - kReach; ++y) {
    task.advance(static_cast<uint64_t>(canvas.width));
    for (int32_t x = kReach; x < canvas.width - kReach; ++x) {
      const uint8_t label = canvas.label.at(x, y);
      const bool candidate = inside ? label == kHole : label == kKnown && ring.at(x, y) != 0;
      if (!candidate || seen++ % every != 0 || !is_usable(canvas, x, y, inside)) continue;
      if (samples.count == most) return;
      for (size_t c = 0; c < colors; ++c) {
        samples.fine.at(c)[samples.count] = mean_high_pass(canvas.planes.at(c), x, y, 1);
        samples.coarse.at(c)[samples.count] = mean_high_pass(canvas.planes.at(c), x, y, 2);
        samples.response.at(c)[samples.count] = high_pass(canvas.planes.at(c), x, y, 1);
      }
      ++samples.count;
    }
  }
}

// Of the noise, read off where the picture is flattest: edges and texture only ever add.
double deviation(std::span<const float> means, std::span<float> sorted) {
  if (means.empty()) return 0;
  std::copy(means.begin(), means.end(), sorted.begin());
  const auto end = sorted.begin() + static_cast<ptrdiff_t>(means.size());
  const auto quartile = sorted.begin() + static_cast<ptrdiff_t>(means.size() / 4);
  std::nth_element(sorted.begin(), quartile, end);
  return double{*quartile} / kQuartileOfNoise;
}

// Correlation between channels, over samples that are flat.
double correlation(const Samples& s, size_t a, size_t b, const std::array<double, kColors>& deviations) {
  double product = 0;
  double squares_a = 0;
  double squares_b = 0;
  for (size_t i = 0; i < s.count; ++i) {
    const bool is_flat =
        s.fine.at(a)[i] <= 1.5 * deviations.at(a) && s.fine.at(b)[i] <= 1.5 * deviations.at(b);
    if (!is_flat) continue;
    const double u = s.response.at(a)[i];
    const double v = s.response.at(b)[i];
    product += u * v;
    squares_a += u * u;
    squares_b += v * v;
  }
  const double norm = std::sqrt(squares_a * squares_b);
  return norm > 0 ? std::clamp(product / norm, -1.0, 1.0) : 0.0;
}

// Noise is white noise under the separable kernel [a 1 a]; these are the variances of the two high-pass
// responses to it.
struct Response {
  double fine, coarse;
};

Response response(double a) {
  // Along one axis: [1 0.. -2 0.. 1]/sqrt(6) convolved with [a 1 a].
  const double fine = (2 * a * a + 2 * (1 - 2 * a) * (1 - 2 * a) + (2 * a - 2) * (2 * a - 2)) / 6;
  const double coarse = (2 * a * a + 2 * 1 + 2 * (a - 2 * a) * (a - 2 * a) + 4) / 6;
  return {fine * fine, coarse * coarse};
}

// The a whose responses have the measured ratio, between white (0) and a 3-pixel tent (0.5).
double coarseness(double fine_deviation, double coarse_deviation) {
  if (fine_deviation <= 0) return 0;
  const double wanted = (coarse_deviation * coarse_deviation) / (fine_deviation * fine_deviation);
  double low = 0;
  double high = 0.5;
  for (int i = 0; i < 30; ++i) {
    const double a = (low + high) / 2;
    const Response r = response(a);
    (r.coarse < wanted * r.fine ? low : high) = a;
  }
  return (low + high) / 2;
}

// Lower triangle L with L Lt = m; a direction that the rest determines gets 0.
Matrix cholesky(const Matrix& m, int n) {
  Matrix lower{};
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = m.at(i).at(j);
      for (size_t k = 0; k < j; ++k) sum -= lower.at(i).at(k) * lower.at(j).at(k);
      if (i == j) {
        lower.at(i).at(j) = std::sqrt(std::max(sum, 0.0));
      } else {
        lower.at(i).at(j) = lower.at(j).at(j) > 1e-12 ? sum / lower.at(j).at(j) : 0.0;
      }
    }
  }
  return lower;
}

// Nearly normal, mean 0, deviation 1: the sum of four uniform numbers, at a picture position.
float normal(uint64_t seed, int64_t x, int64_t y, size_t channel) {
  const uint64_t bits =
      mix_bits(mix_bits(mix_bits(seed + channel) ^ static_cast<uint64_t>(x)) ^ static_cast<uint64_t>(y));
  int32_t sum = 0;
  for (unsigned part = 0; part < 4; ++part) sum += static_cast<int32_t>((bits >> (16 * part)) & 0xFFFFU);
  constexpr float kScale = 1.0F / 37837.2F;  // sqrt(4 * 65536^2 / 12)
  return static_cast<float>(sum - 131070) * kScale;
}

struct Grain {
  int colors = 0;
  float a = 0;  // kernel [a 1 a] in both directions
  std::array<std::array<float, kColors>, kColors> mix{};
};

void add_noise(Canvas& canvas, const Grain& grain, classic::Work& work) {
  const auto colored = static_cast<size_t>(grain.colors);
  work.threads.parallel_for(
      work.task, static_cast<int64_t>(canvas.holes.size()), 64, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          const Run& run = canvas.holes[static_cast<size_t>(r)];
          const int64_t py = canvas.y + run.y;
          for (int32_t x = run.x0; x < run.x1; ++x) {
            const int64_t px = canvas.x + x;
            std::array<float, kColors> white{};
            for (size_t c = 0; c < colored; ++c) {
              const auto at = [&](int64_t dx, int64_t dy) { return normal(work.seed, px + dx, py + dy, c); };
              const auto row = [&](int64_t dy) { return at(0, dy) + grain.a * (at(-1, dy) + at(1, dy)); };
              white.at(c) = grain.a > 0 ? row(0) + grain.a * (row(-1) + row(1)) : at(0, 0);
            }
            const float alpha = canvas.has_alpha
                                    ? canvas.planes.at(static_cast<size_t>(canvas.channels - 1)).at(x, run.y)
                                    : 1.0F;
            for (size_t c = 0; c < colored; ++c) {
              float noise = 0;
              for (size_t k = 0; k <= c; ++k) noise += grain.mix.at(c).at(k) * white.at(k);
              canvas.planes.at(c).at(x, run.y) += alpha * noise;
            }
          }
          work.task.advance(static_cast<uint64_t>(run.x1 - run.x0));
        }
      });
}

}  // namespace

size_t grain_scratch(const CanvasShape& shape) {
  Arena arena = Arena::measuring();
  const Scratch scratch(arena, shape);
  return arena.peak();
}

void add_grain(Canvas& canvas, double strength, classic::Work& work) {
  const int colors = color_channels(canvas);
  if (strength <= 0 || colors < 1 || canvas.holes.empty()) return;
  const ArenaScope scope(work.arena);
  Scratch s(work.arena, {canvas.width, canvas.height, canvas.channels, canvas.hole_pixels,
                         static_cast<int64_t>(canvas.holes.size()), work.threads.count()});
  const auto measure = [&](bool inside, std::array<double, kColors>& fine,
                           std::array<double, kColors>& coarse) {
    collect(canvas, s.ring, inside, s.samples, work.task);
    for (size_t c = 0; c < static_cast<size_t>(colors); ++c) {
      fine.at(c) = deviation(s.samples.fine.at(c).first(s.samples.count), s.sorted);
      coarse.at(c) = deviation(s.samples.coarse.at(c).first(s.samples.count), s.sorted);
    }
  };
  std::array<double, kColors> inside{};
  std::array<double, kColors> around{};
  std::array<double, kColors> coarse{};
  measure(true, inside, coarse);
  mark_ring(canvas, s.ring, work.task);
  measure(false, around, coarse);
  if (s.samples.count < kMinimumSamples) return;

  double fine_sum = 0;
  double coarse_sum = 0;
  std::array<double, kColors> missing{};
  for (size_t c = 0; c < static_cast<size_t>(colors); ++c) {
    fine_sum += around.at(c);
    coarse_sum += coarse.at(c);
    const double variance = around.at(c) * around.at(c) - inside.at(c) * inside.at(c);
    missing.at(c) = variance > 0 ? strength * std::sqrt(variance) : 0.0;
  }
  const double a = coarseness(fine_sum, coarse_sum);
  Matrix covariance{};
  for (size_t i = 0; i < static_cast<size_t>(colors); ++i) {
    for (size_t j = 0; j <= i; ++j) {
      const double rho = i == j ? 1.0 : correlation(s.samples, i, j, around);
      covariance.at(i).at(j) = rho * missing.at(i) * missing.at(j) / response(a).fine;
    }
  }
  const Matrix lower = cholesky(covariance, colors);
  Grain grain{colors, static_cast<float>(a), {}};
  for (size_t i = 0; i < kColors; ++i) {
    for (size_t j = 0; j < kColors; ++j) grain.mix.at(i).at(j) = static_cast<float>(lower.at(i).at(j));
  }
  add_noise(canvas, grain, work);
}

}  // namespace infill::pipeline
