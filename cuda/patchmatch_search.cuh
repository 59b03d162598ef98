// The nearest-neighbour field of PatchMatch: src/classic/patchmatch_search.h for the device. A thread for
// each target.
#pragma once

#include "cuda/patchmatch_level.cuh"

namespace infill::cuda {

struct PatchSearch {
  uint64_t key;    // random numbers come from this and the position
  int32_t x, y;    // of the canvas in its picture
  int32_t window;  // random candidates: one of all sources, the others at most this far from the best so far
};

// Uniform 64-bit numbers from a counter: src/core/random.h.
__device__ inline uint64_t mix_bits(uint64_t z) {
  z += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

__device__ inline uint64_t hash(const PatchSearch& search, int32_t x, int32_t y) {
  const auto column = static_cast<uint64_t>(static_cast<uint32_t>(search.x + x));
  const auto row = static_cast<uint64_t>(static_cast<uint32_t>(search.y + y));
  return mix_bits(search.key ^ (row << 32U | column));
}

// Distance of two patches, the sum of squared differences of their bytes: exact when below limit, otherwise
// something not below limit. (a - b)^2 = a^2 + b^2 - 2 a b, four bytes at a time.
__device__ inline uint32_t patch_distance(const PatchLevel& level, uint32_t a, uint32_t b, uint32_t limit) {
  const int32_t diameter = 2 * level.radius + 1;
  const uint32_t corner = (static_cast<uint32_t>(level.pitch) + 1) * static_cast<uint32_t>(level.radius);
  const uint32_t* pa = level.colour + (a - corner);
  const uint32_t* pb = level.colour + (b - corner);
  uint32_t sum = 0;
  for (int32_t row = 0; row < diameter && sum < limit; ++row) {
    for (int32_t i = 0; i < diameter; ++i) {
      const uint32_t ca = pa[i];
      const uint32_t cb = pb[i];
      sum = __dp4a(ca, ca, __dp4a(cb, cb, sum)) - 2 * __dp4a(ca, cb, 0U);
    }
    pa += level.pitch;
    pb += level.pitch;
  }
  return sum;
}

// Whether this thread's pixel of the rectangle is a target; then where it is.
__device__ inline bool is_target(const PatchLevel& level, int32_t column, int32_t row) {
  return column < level.targets.width &&
         (level.flags[level.at(level.targets.x + column, level.targets.y + row)] & kTarget) != 0;
}

// 1 for sources.
__global__ __launch_bounds__(kBlockThreads) void count_sources_kernel(PatchLevel level, uint32_t* number) {
  const int64_t i = list_index();
  if (i < level.size()) number[i] = (level.flags[i] & kSource) != 0 ? 1 : 0;
}

// number: of the sources before each pixel of the atlas.
__global__ __launch_bounds__(kBlockThreads) void list_sources_kernel(PatchLevel level, const uint32_t* number,
                                                                     uint32_t* list) {
  const int64_t i = list_index();
  if (i < level.size() && (level.flags[i] & kSource) != 0) list[number[i]] = static_cast<uint32_t>(i);
}

// Sets cost from match; a target without a match gets a random source.
__global__ __launch_bounds__(kBlockThreads) void measure_matches_kernel(PatchLevel level, PatchSearch search,
                                                                        const uint32_t* list,
                                                                        uint32_t sources) {
  const int32_t column = pixel_x();
  for (int32_t row = pixel_y(); row < level.targets.height; row += rows_of_grid()) {
    if (!is_target(level, column, row)) continue;
    const int32_t x = level.targets.x + column;
    const int32_t y = level.targets.y + row;
    const int64_t at = level.index(x, y);
    uint32_t match = level.match[at];
    if (match == kNowhere) {
      const uint64_t random = hash(search, x, y) >> 32U;
      match = list[random * sources >> 32U];
      level.match[at] = match;
    }
    level.cost[at] = patch_distance(level, level.at(x, y), match, 0xFFFFFFFFU);
  }
}

// The best source of a target so far.
struct BestMatch {
  uint32_t here, match, cost;

  // Takes the candidate (x, y) of the atlas if it is a source and better.
  __device__ bool consider(const PatchLevel& level, int32_t x, int32_t y) {
    if (x < 0 || y < 0 || x >= level.pitch || y >= level.rows) return false;
    const uint32_t candidate = level.at(x, y);
    if (candidate == match || (level.flags[candidate] & kSource) == 0) return false;
    const uint32_t distance = patch_distance(level, here, candidate, cost);
    if (distance >= cost) return false;
    match = candidate;
    cost = distance;
    return true;
  }
};

// level.other = the better of level.match and what the neighbours `step` pixels away have, moved along.
__global__ __launch_bounds__(kBlockThreads) void propagate_kernel(PatchLevel level, int32_t step) {
  const int32_t column = pixel_x();
  for (int32_t row = pixel_y(); row < level.targets.height; row += rows_of_grid()) {
    if (!is_target(level, column, row)) continue;
    const int32_t x = level.targets.x + column;
    const int32_t y = level.targets.y + row;
    const int64_t at = level.index(x, y);
    BestMatch best = {level.at(x, y), level.match[at], level.cost[at]};
    for (int k = 0; k < 4; ++k) {
      const int32_t dx = k == 0 ? -step : k == 1 ? step : 0;
      const int32_t dy = k == 2 ? -step : k == 3 ? step : 0;
      if (x + dx < 0 || y + dy < 0 || x + dx >= level.width() || y + dy >= level.height()) continue;
      const uint32_t match = level.match[level.index(x + dx, y + dy)];
      if (match == kNowhere) continue;
      best.consider(level, static_cast<int32_t>(match % static_cast<uint32_t>(level.pitch)) - dx,
                    static_cast<int32_t>(match / static_cast<uint32_t>(level.pitch)) - dy);
    }
    level.other[at] = best.match;
    level.cost[at] = best.cost;
  }
}

__global__ __launch_bounds__(kBlockThreads) void search_randomly_kernel(PatchLevel level,
                                                                        PatchSearch search) {
  const int32_t column = pixel_x();
  for (int32_t row = pixel_y(); row < level.targets.height; row += rows_of_grid()) {
    if (!is_target(level, column, row)) continue;
    const int32_t x = level.targets.x + column;
    const int32_t y = level.targets.y + row;
    const int64_t at = level.index(x, y);
    BestMatch best = {level.at(x, y), level.match[at], level.cost[at]};
    if (best.cost == 0) continue;
    uint64_t random = hash(search, x, y);
    auto best_x = static_cast<int32_t>(best.match % static_cast<uint32_t>(level.pitch));
    auto best_y = static_cast<int32_t>(best.match / static_cast<uint32_t>(level.pitch));
    for (int32_t window = max(level.pitch, level.rows); window >= 1;
         window = min(search.window, window / 2)) {
      random = random * 6364136223846793005U + 1442695040888963407U;
      const auto draw = [window](uint64_t bits, int32_t most) {
        const int32_t side = min(window, most);
        return static_cast<int32_t>((bits & 0xFFFFFFU) * static_cast<uint64_t>(2 * side + 1) >> 24U) - side;
      };
      const int32_t u = best_x + draw(random >> 40U, level.pitch);
      const int32_t v = best_y + draw(random >> 16U, level.rows);
      if (!best.consider(level, u, v)) continue;
      best_x = u;
      best_y = v;
    }
    level.match[at] = best.match;
    level.cost[at] = best.cost;
  }
}

// Compares every target with every source, a warp for each target: exact, the first of equals.
__global__ __launch_bounds__(kBlockThreads) void search_all_kernel(PatchLevel level, const uint32_t* list,
                                                                   uint32_t sources) {
  const auto warps = static_cast<int64_t>(gridDim.x) * kBlockRows;
  const int64_t pixels = int64_t{level.targets.width} * level.targets.height;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kBlockRows + threadIdx.y; i < pixels; i += warps) {
    const auto column = static_cast<int32_t>(i % level.targets.width);
    const auto row = static_cast<int32_t>(i / level.targets.width);
    if (!is_target(level, column, row)) continue;  // the whole warp
    const int32_t x = level.targets.x + column;
    const int32_t y = level.targets.y + row;
    uint64_t best = ~uint64_t{0};
    for (uint32_t k = threadIdx.x; k < sources; k += 32) {
      const uint32_t source = list[k];
      const auto cost = static_cast<uint32_t>(best >> 32U);
      const uint32_t distance = patch_distance(level, level.at(x, y), source, cost);
      if (distance < cost) best = static_cast<uint64_t>(distance) << 32U | source;
    }
#pragma unroll
    for (unsigned step = 16; step > 0; step /= 2) {
      const uint64_t other = __shfl_xor_sync(0xFFFFFFFFU, best, static_cast<int>(step));
      best = other < best ? other : best;
    }
    if (threadIdx.x != 0) continue;
    level.match[level.index(x, y)] = static_cast<uint32_t>(best);
    level.cost[level.index(x, y)] = static_cast<uint32_t>(best >> 32U);
  }
}

}  // namespace infill::cuda
