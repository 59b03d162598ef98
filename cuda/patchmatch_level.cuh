// One scale of PatchMatch, and the kernels that make it: src/classic/patchmatch_level.h for the device.
#pragma once

#include "cuda/grid.cuh"
#include "cuda/patchmatch.h"
#include "cuda/srgb.cuh"

namespace infill::cuda {

// A patch is named by its centre; the centre of a source is an index into the atlas.
constexpr uint32_t kNowhere = 0xFFFFFFFFU;

constexpr uint8_t kReliable = 1;  // at least half of what this pixel stands for is known
constexpr uint8_t kUsable = 2;    // may be copied from
constexpr uint8_t kWanted = 4;    // to be filled
constexpr uint8_t kSource = 8;    // centre of a patch of usable pixels
constexpr uint8_t kTarget = 16;   // centre of a patch that overlaps a wanted pixel

// Radii, and one beyond: distances from there on are alike.
constexpr int32_t kReachCap = kMostPatchRadius + 1;
// Against smooth fills of textured holes: without it smooth patches match blurred estimates best.
constexpr int32_t kTextureWeight = 4;

// Pictures of the atlas stand below each other: the canvas, then the reference if there is one. Its last
// column and row are never a source.
struct PatchPicture {
  int32_t width, height, row;
};

struct PatchLevel {
  PatchPicture pictures[2];
  int32_t picture_count;
  int32_t pitch, rows;
  int32_t radius;
  Rect targets;  // of the canvas, where targets may be
  uint32_t*
      colour;  // pitch x rows, as are the next three: four bytes; below four channels the last is texture
  uint8_t* flags;
  uint8_t* coverage;  // share that is known, 0..255; then how far sources (low bits) and wanted pixels reach
  uint8_t* marks;     // the same of rows only
  uint32_t* match;    // a pixel of the canvas, as are the next three: the source of a target, or kNowhere
  uint32_t* other;
  uint32_t* cost;
  uint8_t* depth;  // from the known pixels, in thirds of a pixel

  __host__ __device__ int32_t width() const { return pictures[0].width; }
  __host__ __device__ int32_t height() const { return pictures[0].height; }
  __host__ __device__ int64_t size() const { return int64_t{pitch} * rows; }
  __device__ uint32_t at(int32_t x, int32_t y) const {
    return static_cast<uint32_t>(y) * static_cast<uint32_t>(pitch) + static_cast<uint32_t>(x);
  }
  __device__ int64_t index(int32_t x, int32_t y) const { return int64_t{y} * width() + x; }
  // The picture that a row of the atlas belongs to.
  __device__ int picture_of(int32_t row) const { return picture_count > 1 && row >= pictures[1].row ? 1 : 0; }
  // Chosen, not indexed: an indexed parameter of a kernel would be copied to local memory.
  __device__ PatchPicture picture(int which) const {
    const bool first = which == 0;
    return {first ? pictures[0].width : pictures[1].width, first ? pictures[0].height : pictures[1].height,
            first ? pictures[0].row : pictures[1].row};
  }
};

// Maps colours to bytes: byte = (encoded - low) * scale.
struct ColourCode {
  float low, scale;
  bool linear;
  __device__ float encode(float value) const { return linear ? encode_srgb(value) : value; }
  __device__ float decode(float encoded) const { return linear ? decode_srgb(encoded) : encoded; }
  __device__ uint32_t byte(float value) const {
    const float rounded = exact::add(exact::multiply(exact::subtract(encode(value), low), scale), 0.5F);
    return rounded >= 255 ? 255U : rounded > 0 ? static_cast<uint32_t>(rounded) : 0U;
  }
};

struct ColourMoments {
  double count, sum, squares;
  float low, high;
};
constexpr int kMomentBlocks = 64;

__device__ inline bool is_known(const Canvas& canvas, int64_t at) {
  return canvas.label == nullptr || canvas.label[at] == kKnown;
}

// Adds another's moments; extremes too.
__device__ inline void add_moments(ColourMoments& to, const ColourMoments& from) {
  to.count += from.count;
  to.sum += from.sum;
  to.squares += from.squares;
  to.low = fminf(to.low, from.low);
  to.high = fmaxf(to.high, from.high);
}

// Each block sums up rows of the known values within the range; range null: of all.
__global__ __launch_bounds__(kBlockThreads) void measure_colours_kernel(Canvas canvas, Canvas reference,
                                                                        const ColourMoments* range,
                                                                        ColourMoments* partials) {
  INFILL_SHARED(ColourMoments, all, [kBlockThreads]);
  const auto me = static_cast<int>(threadIdx.x);
  ColourMoments own = {0, 0, 0, INFINITY, -INFINITY};
  const float low = range == nullptr ? -FLT_MAX : range->low;
  const float high = range == nullptr ? FLT_MAX : range->high;
  const auto add = [&](const Canvas& picture) {
    for (int32_t y = static_cast<int32_t>(blockIdx.x); y < picture.height; y += kMomentBlocks) {
      for (int32_t x = me; x < picture.width; x += kBlockThreads) {
        const int64_t at = y * picture.stride + x;
        if (!is_known(picture, at)) continue;
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          if (c >= picture.channels) continue;
          const float v = picture.planes[c][at];
          if (v >= low && v <= high) add_moments(own, {1, v, static_cast<double>(v) * v, v, v});
        }
      }
    }
  };
  add(canvas);
  add(reference);
  all[me] = own;
  __syncthreads();
  for (int step = kBlockThreads / 2; step > 0; step /= 2) {
    if (me < step) add_moments(all[me], all[me + step]);
    __syncthreads();
  }
  if (me == 0) partials[blockIdx.x] = all[0];
}

// The range that counts: rare extremes, beyond 8 standard deviations, are cut off. One thread.
__global__ __launch_bounds__(32) void choose_range_kernel(const ColourMoments* partials, bool linear,
                                                          ColourMoments* range, ColourCode* code) {
  if (threadIdx.x != 0) return;
  ColourMoments all = partials[0];
  for (int i = 1; i < kMomentBlocks; ++i) add_moments(all, partials[i]);
  if (all.count > 0) {
    const double mean = all.sum / all.count;
    const double variance = all.squares / all.count - mean * mean;
    const double deviation = sqrt(variance > 0 ? variance : 0.0);
    range->low = fmaxf(all.low, static_cast<float>(mean - 8 * deviation));
    range->high = fminf(all.high, static_cast<float>(mean + 8 * deviation));
  } else {
    range->low = range->high = 0;
  }
  code->linear = linear;
  code->low = code->encode(range->low);
  const float width = code->encode(range->high) - code->low;
  code->scale = width > 0 ? 255 / width : 0;
}

struct PatchSources {
  Canvas canvas, reference;
  const uint8_t* allowed;
};

// Pixel `at` of the atlas, from a pixel of the canvas or the reference.
__device__ inline void load_pixel(const PatchLevel& level, uint32_t at, const Canvas& from, int64_t pixel,
                                  const uint8_t* allowed, const ColourCode& code) {
  const uint8_t label = from.label == nullptr ? kKnown : from.label[pixel];
  if (label == kHole) level.flags[at] = kWanted;
  if (label != kKnown) return;
  uint32_t colour = 0;
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    if (c < from.channels) colour |= code.byte(from.planes[c][pixel]) << 8 * c;
  }
  const bool usable = allowed == nullptr || allowed[pixel] != 0;
  level.colour[at] = colour;
  level.flags[at] = usable ? kReliable | kUsable : kReliable;
  level.coverage[at] = 255;
}

// The finest level's colours and flags, margins included.
__global__ __launch_bounds__(kBlockThreads) void load_level_kernel(PatchLevel level, PatchSources from,
                                                                   const ColourCode* code) {
  const int32_t x = pixel_x();
  if (x >= level.pitch) return;
  for (int32_t row = pixel_y(); row < level.rows; row += rows_of_grid()) {
    const uint32_t at = level.at(x, row);
    const int which = level.picture_of(row);
    const PatchPicture picture = level.picture(which);
    const int32_t y = row - picture.row;
    level.colour[at] = 0;
    level.flags[at] = 0;
    level.coverage[at] = 0;
    if (x >= picture.width || y >= picture.height) continue;
    if (which == 0) {
      load_pixel(level, at, from.canvas, y * from.canvas.stride + x, from.allowed, *code);
    } else {
      load_pixel(level, at, from.reference, y * from.reference.stride + x, nullptr, *code);
    }
  }
}

__device__ inline uint32_t byte_of(uint32_t colour, int32_t channel) {
  return colour >> 8U * static_cast<unsigned>(channel) & 255U;
}

// The fourth byte: mean difference between a known pixel and its known neighbours, times kTextureWeight. Only
// that byte is written and only the others are read.
__global__ __launch_bounds__(kBlockThreads) void mark_texture_kernel(PatchLevel level, int32_t channels) {
  const int32_t x = pixel_x();
  auto* bytes = reinterpret_cast<uint8_t*>(level.colour);
  for (int32_t row = pixel_y(); row < level.rows; row += rows_of_grid()) {
    const PatchPicture picture = level.picture(level.picture_of(row));
    const int32_t y = row - picture.row;
    if (x >= picture.width || y >= picture.height) continue;
    const uint32_t at = level.at(x, row);
    int32_t sum = 0;
    int32_t count = 0;
    const auto add = [&](int32_t dx, int32_t dy) {
      if (x + dx < 0 || y + dy < 0 || x + dx >= picture.width || y + dy >= picture.height) return;
      const uint32_t next = level.at(x + dx, row + dy);
      if ((level.flags[next] & kReliable) == 0) return;
      for (int32_t c = 0; c < channels; ++c) {
        const int32_t difference = int32_t{bytes[size_t{at} * 4 + c]} - int32_t{bytes[size_t{next} * 4 + c]};
        sum += difference < 0 ? -difference : difference;
      }
      count += channels;
    };
    if ((level.flags[at] & kReliable) != 0) {
      add(-1, 0);
      add(1, 0);
      add(0, -1);
      add(0, 1);
    }
    const int32_t texture = count == 0 ? 0 : kTextureWeight * sum / count;
    bytes[size_t{at} * 4 + 3] = static_cast<uint8_t>(texture < 255 ? texture : 255);
  }
}

// Halves colours and coverage: averages of what is known with weights 1 3 3 1.
__global__ __launch_bounds__(kBlockThreads) void reduce_level_kernel(PatchLevel finer, PatchLevel coarser) {
  const int32_t x = pixel_x();
  if (x >= coarser.pitch) return;
  for (int32_t row = pixel_y(); row < coarser.rows; row += rows_of_grid()) {
    const int which = coarser.picture_of(row);
    const PatchPicture own = coarser.picture(which);
    const PatchPicture picture = finer.picture(which);
    const int32_t y = row - own.row;
    const uint32_t to = coarser.at(x, row);
    if (x >= own.width || y >= own.height) {
      coarser.colour[to] = 0;
      coarser.flags[to] = 0;
      coarser.coverage[to] = 0;
      continue;
    }
    uint32_t sums[4] = {};
    uint32_t known = 0;
    uint32_t total = 0;
    uint8_t all = 0xFF;
    uint8_t any = 0;
    for (int32_t j = 0; j < 4; ++j) {
      const int32_t v = 2 * y - 1 + j;
      if (v < 0 || v >= picture.height) continue;
      for (int32_t i = 0; i < 4; ++i) {
        const int32_t u = 2 * x - 1 + i;
        if (u < 0 || u >= picture.width) continue;
        const uint32_t at = finer.at(u, picture.row + v);
        const bool middle = (i == 1 || i == 2) && (j == 1 || j == 2);
        const uint32_t weight = (i == 1 || i == 2 ? 3U : 1U) * (j == 1 || j == 2 ? 3U : 1U);
        const uint32_t share = weight * finer.coverage[at];
        const uint32_t colour = finer.colour[at];
        total += weight;
        known += share;
#pragma unroll
        for (int c = 0; c < 4; ++c) sums[c] += share * byte_of(colour, c);
        if (!middle) continue;
        any |= finer.flags[at];
        // Unknown pixels lend no colour, so only known ones must be allowed.
        if (finer.coverage[at] != 0) all &= finer.flags[at];
      }
    }
    uint32_t colour = 0x80808080U;
    if (known != 0) {
      colour = 0;
#pragma unroll
      for (int c = 0; c < 4; ++c) colour |= (sums[c] + known / 2) / known << 8 * c;
    }
    const uint32_t coverage = (known + total / 2) / total;
    const bool reliable = coverage >= 128;
    coarser.colour[to] = colour;
    coarser.coverage[to] = static_cast<uint8_t>(coverage);
    coarser.flags[to] = static_cast<uint8_t>(reliable ? kReliable | (all & kUsable) : any & kWanted);
  }
}

// How far in its row a pixel is from one that is not usable (or outside), and from a wanted one; both capped.
__global__ __launch_bounds__(kBlockThreads) void mark_rows_kernel(PatchLevel level) {
  const int32_t x = pixel_x();
  if (x >= level.pitch) return;
  for (int32_t row = pixel_y(); row < level.rows; row += rows_of_grid()) {
    const uint8_t* flags = level.flags + level.at(0, row);
    const int32_t width = level.picture(level.picture_of(row)).width;
    int32_t usable = kReachCap;
    int32_t wanted = kReachCap;
    for (int32_t step = kReachCap - 1; step >= 0; --step) {
      const bool left = x - step >= 0;
      const bool right = x + step < width;
      if (!left || !right || (flags[x - step] & flags[x + step] & kUsable) == 0) usable = step;
      if ((left && x - step < width && (flags[x - step] & kWanted) != 0) ||
          (right && (flags[x + step] & kWanted) != 0))
        wanted = step;
    }
    level.marks[level.at(x, row)] = static_cast<uint8_t>(usable | wanted << 4);
  }
}

// The same in both directions (the larger of the distances in x and y), into coverage, and the counts.
__global__ __launch_bounds__(kBlockThreads) void mark_reach_kernel(PatchLevel level,
                                                                   PatchMatchCounts* counts) {
  const int32_t x = pixel_x();
  uint32_t wanted_count = 0;
  uint32_t sources[kReachCap] = {};
  uint32_t targets[kReachCap] = {};
  for (int32_t row = pixel_y(); row < level.rows; row += rows_of_grid()) {
    const PatchPicture picture = level.picture(level.picture_of(row));
    const int32_t y = row - picture.row;
    const bool inside = x < picture.width && y < picture.height;
    int32_t usable = 0;
    int32_t wanted = kReachCap;
    int32_t border = 0;
    if (inside) {
      const int32_t across = min(x, picture.width - 1 - x);
      border = min(across, min(y, picture.height - 1 - y));
      usable = kReachCap;
      for (int32_t step = kReachCap - 1; step >= 0; --step) {
        for (int sign = -1; sign <= 1; sign += 2) {
          const int32_t v = y + sign * step;
          if (v < 0 || v >= picture.height) {
            usable = min(usable, step);
            continue;
          }
          const int32_t mark = level.marks[level.at(x, picture.row + v)];
          usable = min(usable, max(step, mark & 15));
          wanted = min(wanted, max(step, mark >> 4));
        }
      }
    }
    if (x < level.pitch) level.coverage[level.at(x, row)] = static_cast<uint8_t>(usable | wanted << 4);
    const bool is_wanted = inside && (level.flags[level.at(x, row)] & kWanted) != 0;
    wanted_count += static_cast<uint32_t>(__popc(__ballot_sync(0xFFFFFFFFU, is_wanted)));
#pragma unroll
    for (int32_t r = 0; r < kReachCap; ++r) {
      sources[r] += static_cast<uint32_t>(__popc(__ballot_sync(0xFFFFFFFFU, usable > r)));
      targets[r] += static_cast<uint32_t>(__popc(__ballot_sync(0xFFFFFFFFU, wanted <= r && border >= r)));
    }
  }
  if (threadIdx.x != 0) return;
  if (wanted_count != 0) atomicAdd(&counts->wanted, wanted_count);
#pragma unroll
  for (int32_t r = 0; r < kReachCap; ++r) {
    if (sources[r] != 0) atomicAdd(&counts->sources[r], sources[r]);
    if (targets[r] != 0) atomicAdd(&counts->targets[r], targets[r]);
  }
}

__global__ __launch_bounds__(32) void clear_counts_kernel(PatchMatchCounts* counts, int32_t levels) {
  for (auto i = static_cast<int32_t>(threadIdx.x); i < levels; i += 32) counts[i] = {};
}

// Sources and targets of the level's radius.
__global__ __launch_bounds__(kBlockThreads) void mark_patches_kernel(PatchLevel level) {
  const int32_t x = pixel_x();
  if (x >= level.pitch) return;
  const int32_t r = level.radius;
  for (int32_t row = pixel_y(); row < level.rows; row += rows_of_grid()) {
    const uint32_t at = level.at(x, row);
    const int32_t usable = level.coverage[at] & 15;
    const int32_t wanted = level.coverage[at] >> 4;
    const bool fits = x >= r && row >= r && x + r < level.width() && row + r < level.height();
    const uint8_t flags = level.flags[at] & (kReliable | kUsable | kWanted);
    level.flags[at] =
        static_cast<uint8_t>(flags | (usable > r ? kSource : 0) | (fits && wanted <= r ? kTarget : 0));
  }
}

// Gives unreliable pixels of the canvas the colours of the next coarser level, bilinearly.
__global__ __launch_bounds__(kBlockThreads) void expand_colours_kernel(PatchLevel coarser, PatchLevel finer) {
  const int32_t x = pixel_x();
  if (x >= finer.width()) return;
  for (int32_t y = pixel_y(); y < finer.height(); y += rows_of_grid()) {
    const uint32_t at = finer.at(x, y);
    if ((finer.flags[at] & kReliable) != 0) continue;
    const int32_t near_x = x / 2;
    const int32_t near_y = y / 2;
    const int32_t far_x = max(0, min(near_x + (x % 2 != 0 ? 1 : -1), coarser.width() - 1));
    const int32_t far_y = max(0, min(near_y + (y % 2 != 0 ? 1 : -1), coarser.height() - 1));
    const uint32_t a = coarser.colour[coarser.at(near_x, near_y)];
    const uint32_t b = coarser.colour[coarser.at(far_x, near_y)];
    const uint32_t c = coarser.colour[coarser.at(near_x, far_y)];
    const uint32_t d = coarser.colour[coarser.at(far_x, far_y)];
    uint32_t colour = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      colour |= (9 * byte_of(a, i) + 3 * byte_of(b, i) + 3 * byte_of(c, i) + byte_of(d, i) + 8) / 16 << 8 * i;
    }
    finer.colour[at] = colour;
  }
}

// No target has a match.
__global__ __launch_bounds__(kBlockThreads) void forget_matches_kernel(PatchLevel level) {
  const int32_t x = pixel_x();
  if (x >= level.width()) return;
  for (int32_t y = pixel_y(); y < level.height(); y += rows_of_grid()) {
    level.match[level.index(x, y)] = kNowhere;
    level.other[level.index(x, y)] = kNowhere;
  }
}

// Matches of the next coarser level, twice as far; where that is no source, one at most two pixels away, and
// otherwise none.
__global__ __launch_bounds__(kBlockThreads) void expand_matches_kernel(PatchLevel coarser, PatchLevel finer) {
  const int32_t x = pixel_x();
  if (x >= finer.width()) return;
  const int32_t r = coarser.radius;
  for (int32_t y = pixel_y(); y < finer.height(); y += rows_of_grid()) {
    uint32_t found = kNowhere;
    if ((finer.flags[finer.at(x, y)] & kTarget) != 0) {
      // At the border of the canvas the nearest patch lies further inside.
      const int32_t near_x = max(r, min(x / 2, coarser.width() - 1 - r));
      const int32_t near_y = max(r, min(y / 2, coarser.height() - 1 - r));
      const uint32_t from = coarser.match[coarser.index(near_x, near_y)];
      if (from != kNowhere) {
        const auto from_x = static_cast<int32_t>(from % static_cast<uint32_t>(coarser.pitch));
        const auto from_y = static_cast<int32_t>(from / static_cast<uint32_t>(coarser.pitch));
        const int which = coarser.picture_of(from_y);
        const PatchPicture picture = finer.picture(which);
        const int32_t to_x = 2 * from_x + x - 2 * near_x;
        const int32_t to_y = 2 * (from_y - coarser.picture(which).row) + y - 2 * near_y;
        for (int k = 0; k < 25 && found == kNowhere; ++k) {
          // 0, 1, -1, 2, -2
          const auto step = [](int32_t i) { return i % 2 != 0 ? (i + 1) / 2 : -i / 2; };
          const int32_t u = to_x + step(k % 5);
          const int32_t v = to_y + step(k / 5);
          if (u < 0 || v < 0 || u >= picture.width || v >= picture.height) continue;
          const uint32_t at = finer.at(u, picture.row + v);
          if ((finer.flags[at] & kSource) != 0) found = at;
        }
      }
    }
    finer.match[finer.index(x, y)] = found;
    finer.other[finer.index(x, y)] = found;
  }
}

// 1 for pixels of the rectangle that are not reliable.
__global__ __launch_bounds__(kBlockThreads) void mark_unreliable_kernel(PatchLevel level, Rect rect,
                                                                        uint8_t* mask) {
  const int32_t x = pixel_x();
  if (x >= rect.width) return;
  for (int32_t y = pixel_y(); y < rect.height; y += rows_of_grid()) {
    const bool reliable = (level.flags[level.at(rect.x + x, rect.y + y)] & kReliable) != 0;
    mask[int64_t{y} * rect.width + x] = reliable ? 0 : 1;
  }
}

__global__ __launch_bounds__(kBlockThreads) void measure_depth_kernel(PatchLevel level, Rect rect,
                                                                      const int32_t* squared) {
  const int32_t x = pixel_x();
  if (x >= rect.width) return;
  for (int32_t y = pixel_y(); y < rect.height; y += rows_of_grid()) {
    const float thirds = 3 * sqrtf(static_cast<float>(squared[int64_t{y} * rect.width + x])) + 0.5F;
    level.depth[level.index(rect.x + x, rect.y + y)] = static_cast<uint8_t>(thirds < 255 ? thirds : 255);
  }
}

}  // namespace infill::cuda
