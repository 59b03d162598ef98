// From matches to colours: votes, and the detail that they average away. src/classic/patchmatch_vote.h and
// patchmatch_detail.h for the device.
#pragma once

#include "cuda/patchmatch_search.cuh"

namespace infill::cuda {

// log2(1.5) / 3: trust lost for each third of a pixel of depth, in powers of two.
constexpr float kTrustLost = 0.19498750F;

// Calls body(pixel of the atlas that the patch says, the patch's depth) for the patches over a pixel.
template <class Body>
__device__ inline void for_votes(const PatchLevel& level, int32_t x, int32_t y, const Body& body) {
  const int32_t r = level.radius;
  const uint32_t here = level.at(x, y);
  for (int32_t v = max(y - r, 0); v <= min(y + r, level.height() - 1); ++v) {
    for (int32_t u = max(x - r, 0); u <= min(x + r, level.width() - 1); ++u) {
      const uint32_t match = level.match[level.index(u, v)];
      if (match != kNowhere)
        body(match + here - level.at(u, v), static_cast<int32_t>(level.depth[level.index(u, v)]));
    }
  }
}

// The least depth of a patch over a pixel, or 256: there is none.
__device__ inline int32_t shallowest_vote(const PatchLevel& level, int32_t x, int32_t y) {
  int32_t shallowest = 256;
  for_votes(level, x, y, [&](uint32_t, int32_t depth) { shallowest = min(shallowest, depth); });
  return shallowest;
}

__device__ inline float trust(int32_t depth, int32_t shallowest) {
  return exp2f(static_cast<float>(shallowest - depth) * kTrustLost);
}

// Improves the estimate: the bytes of the canvas's unreliable pixels that a target covers.
__global__ __launch_bounds__(kBlockThreads) void vote_kernel(PatchLevel level, Rect rect) {
  const int32_t column = pixel_x();
  if (column >= rect.width) return;
  for (int32_t row = pixel_y(); row < rect.height; row += rows_of_grid()) {
    const int32_t x = rect.x + column;
    const int32_t y = rect.y + row;
    if ((level.flags[level.at(x, y)] & kReliable) != 0) continue;
    const int32_t shallowest = shallowest_vote(level, x, y);
    if (shallowest > 255) continue;
    float sums[4] = {};
    float total = 0;
    for_votes(level, x, y, [&](uint32_t pixel, int32_t depth) {
      const float weight = trust(depth, shallowest);
      const uint32_t colour = level.colour[pixel];
      total += weight;
#pragma unroll
      for (int c = 0; c < 4; ++c) sums[c] += weight * static_cast<float>(byte_of(colour, c));
    });
    uint32_t colour = 0;
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const auto value = static_cast<uint32_t>(sums[c] / total + 0.5F);
      colour |= (value < 255 ? value : 255) << 8 * c;
    }
    level.colour[level.at(x, y)] = colour;
  }
}

// Chosen, not indexed: an indexed parameter of a kernel would be copied to local memory.
__device__ inline float* plane_of(float* const (&planes)[4], int32_t c) {
  return c == 0 ? planes[0] : c == 1 ? planes[1] : c == 2 ? planes[2] : planes[3];
}

// A channel of a pixel of the finest level's atlas, as the canvas or the reference has it.
__device__ inline float source_value(const PatchLevel& level, const PatchSources& from, uint32_t pixel,
                                     int32_t c) {
  const auto x = static_cast<int32_t>(pixel % static_cast<uint32_t>(level.pitch));
  const auto row = static_cast<int32_t>(pixel / static_cast<uint32_t>(level.pitch));
  if (level.picture_of(row) == 0) return plane_of(from.canvas.planes, c)[row * from.canvas.stride + x];
  return plane_of(from.reference.planes, c)[(row - level.pictures[1].row) * from.reference.stride + x];
}

struct PatchResult {
  PatchSources from;
  Rect box;  // of the holes
  float* rim[4];
  float* wanted;   // of the box, as are the following: energy of the high-pass of the sources,
  float* present;  // and of the fill
  float* change[4];
  float detail;
};

__device__ inline bool touches_hole(const Canvas& canvas, int32_t x, int32_t y) {
  for (int32_t v = max(y - 1, 0); v <= min(y + 1, canvas.height - 1); ++v) {
    for (int32_t u = max(x - 1, 0); u <= min(x + 1, canvas.width - 1); ++u) {
      if (canvas.label[v * canvas.stride + u] == kHole) return true;
    }
  }
  return false;
}

// The result, from the canvas's own values: holes and, with patches larger than a pixel, the rim. rect is the
// box and one pixel around. Without the 1 in its bounds ptxas keeps to 32 registers and spills.
__global__ __launch_bounds__(kBlockThreads, 1) void vote_result_kernel(PatchLevel level, PatchResult result,
                                                                       Rect rect, const ColourCode* code) {
  const Canvas& canvas = result.from.canvas;
  const int32_t column = pixel_x();
  if (column >= rect.width) return;
  for (int32_t row = pixel_y(); row < rect.height; row += rows_of_grid()) {
    const int32_t x = rect.x + column;
    const int32_t y = rect.y + row;
    const int64_t at = y * canvas.stride + x;
    const bool hole = canvas.label[at] == kHole;
    if (!hole && (result.rim[0] == nullptr || canvas.label[at] != kKnown || !touches_hole(canvas, x, y)))
      continue;
    const int32_t shallowest = shallowest_vote(level, x, y);
    // Not unrolled: four times the code for what happens once, on the finest level.
#pragma unroll 1
    for (int32_t c = 0; c < canvas.channels; ++c) {
      // Differences from the first vote are averaged, so that equal votes give exactly their value.
      float first = 0;
      float base = 0;
      float sum = 0;
      float total = 0;
      for_votes(level, x, y, [&](uint32_t pixel, int32_t depth) {
        const float value = source_value(level, result.from, pixel, c);
        const float weight = trust(depth, shallowest);
        if (total == 0) {
          first = value;
          base = code->encode(value);
        }
        total += weight;
        if (value != first) sum += weight * (code->encode(value) - base);
      });
      const float value = sum == 0 ? first : code->decode(base + sum / total);
      float* plane = plane_of(canvas.planes, c);
      if (hole) {
        plane[at] = value;
      } else {
        // A rim pixel that no patch covers has no step.
        plane_of(result.rim, c)[at] = total > 0 ? value : plane[at];
      }
    }
  }
}

// What is left of the middle of 3 x 3 values when the binomial mean (1 2 1)/4 in both directions is taken
// out.
template <class At>
__device__ inline float high_pass(const At& at) {
  const float edges = (at(-1, 0) + at(1, 0)) + (at(0, -1) + at(0, 1));
  const float corners = (at(-1, -1) + at(1, -1)) + (at(-1, 1) + at(1, 1));
  return 0.75F * at(0, 0) - 0.125F * edges - 0.0625F * corners;
}

__device__ inline float high_pass_at(const Canvas& canvas, int32_t c, int64_t at) {
  const float* plane = plane_of(canvas.planes, c) + at;
  return high_pass([&](int32_t dx, int32_t dy) { return plane[dy * canvas.stride + dx]; });
}

// Whether the pixel and its eight neighbours have values.
__device__ inline bool has_high_pass(const Canvas& canvas, int32_t x, int32_t y) {
  if (x < 1 || y < 1 || x + 1 >= canvas.width || y + 1 >= canvas.height) return false;
  for (int32_t v = y - 1; v <= y + 1; ++v) {
    for (int32_t u = x - 1; u <= x + 1; ++u) {
      if (canvas.label[v * canvas.stride + u] == kExcluded) return false;
    }
  }
  return true;
}

__global__ __launch_bounds__(kBlockThreads) void measure_energy_kernel(PatchLevel level, PatchResult result) {
  const Canvas& canvas = result.from.canvas;
  const int32_t column = pixel_x();
  if (column >= result.box.width) return;
  const int32_t colours = canvas.channels - (canvas.has_alpha ? 1 : 0);
  for (int32_t row = pixel_y(); row < result.box.height; row += rows_of_grid()) {
    const int32_t x = result.box.x + column;
    const int32_t y = result.box.y + row;
    const int64_t at = y * canvas.stride + x;
    float wanted = 0;
    float present = 0;
    if (canvas.label[at] == kHole && has_high_pass(canvas, x, y)) {
      const uint32_t source = level.match[level.index(x, y)];
      for (int32_t c = 0; source != kNowhere && c < colours; ++c) {
        const float there = high_pass([&](int32_t dx, int32_t dy) {
          const uint32_t pixel = source + static_cast<uint32_t>(dy * level.pitch + dx);
          return source_value(level, result.from, pixel, c);
        });
        const float here = high_pass_at(canvas, c, at);
        wanted += there * there;
        present += here * here;
      }
    }
    const int64_t to = int64_t{row} * result.box.width + column;
    result.wanted[to] = wanted;
    result.present[to] = present;
  }
}

// How much of its high-pass each pixel gets on top, so that windows of 7 x 7 have the energy of the sources.
__global__ __launch_bounds__(kBlockThreads) void measure_change_kernel(PatchResult result) {
  constexpr int32_t kReach = 3;
  constexpr float kWorthwhile = 1.1F;  // less is what chance does to a window
  constexpr float kMostGain = 2;       // more would raise rounding and seams between patches
  const Canvas& canvas = result.from.canvas;
  const int32_t column = pixel_x();
  if (column >= result.box.width) return;
  const int32_t colours = canvas.channels - (canvas.has_alpha ? 1 : 0);
  for (int32_t row = pixel_y(); row < result.box.height; row += rows_of_grid()) {
    const int64_t to = int64_t{row} * result.box.width + column;
    float gain = 0;
    if (result.present[to] > 0) {
      float wanted = 0;
      float present = 0;
      for (int32_t v = max(row - kReach, 0); v <= min(row + kReach, result.box.height - 1); ++v) {
        for (int32_t u = max(column - kReach, 0); u <= min(column + kReach, result.box.width - 1); ++u) {
          wanted += result.wanted[int64_t{v} * result.box.width + u];
          present += result.present[int64_t{v} * result.box.width + u];
        }
      }
      if (wanted > kWorthwhile * present)
        gain = result.detail * (fminf(sqrtf(wanted / present), kMostGain) - 1);
    }
    const int64_t at = (result.box.y + row) * canvas.stride + result.box.x + column;
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      if (c < colours) result.change[c][to] = gain > 0 ? gain * high_pass_at(canvas, c, at) : 0.0F;
    }
  }
}

__global__ __launch_bounds__(kBlockThreads) void apply_change_kernel(PatchResult result) {
  const Canvas& canvas = result.from.canvas;
  const int32_t column = pixel_x();
  if (column >= result.box.width) return;
  const int32_t colours = canvas.channels - (canvas.has_alpha ? 1 : 0);
  for (int32_t row = pixel_y(); row < result.box.height; row += rows_of_grid()) {
    const int64_t at = (result.box.y + row) * canvas.stride + result.box.x + column;
    if (canvas.label[at] != kHole) continue;
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      if (c >= colours) continue;
      float& value = canvas.planes[c][at];
      // Neither beyond black nor, being premultiplied, beyond its alpha.
      const float most =
          canvas.has_alpha ? fmaxf(value, plane_of(canvas.planes, canvas.channels - 1)[at]) : INFINITY;
      const float changed = value + result.change[c][int64_t{row} * result.box.width + column];
      value = fminf(fmaxf(changed, fminf(value, 0.0F)), most);
    }
  }
}

}  // namespace infill::cuda
