// Kernels of cuda/mask.h.
#pragma once

#include "cuda/cells.cuh"
#include "cuda/grid.cuh"
#include "cuda/mask.h"

namespace infill::cuda {

constexpr unsigned kWholeWarp = 0xFFFFFFFFU;
// No target in the row.
constexpr int32_t kNone = INT32_MAX;
// Columns that one block of the envelope's kernel goes down.
constexpr int kEnvelopeThreads = 64;
// Up to this radius only so far is looked; else the envelope is built.
constexpr int32_t kMostSearched = 64;

__global__ __launch_bounds__(32) void clear_report_kernel(MaskReport* report, int32_t width, int32_t height) {
  if (threadIdx.x == 0) *report = {0, kNoNan, width, height, 0, 0};
}

// A warp goes down a column of 32 pixels' width and reports once.
__global__ __launch_bounds__(kBlockThreads) void read_mask_kernel(ReadMaskCall call) {
  const int32_t first = static_cast<int32_t>(blockIdx.x) * kBlockColumns;
  const int32_t lane = static_cast<int32_t>(threadIdx.x);
  const int32_t x = first + lane;
  unsigned long long holes = 0;
  int32_t left = call.rect.width;
  int32_t top = call.rect.height;
  int32_t right = 0;
  int32_t bottom = 0;
  for (int32_t y = pixel_y(); y < call.rect.height; y += rows_of_grid()) {
    bool hole = false;
    if (x < call.rect.width) {
      const float m = mask_at(call.mask, call.rect.x + x, call.rect.y + y);
      if (m != m && call.report != nullptr) {
        atomicMin(&call.report->nan,
                  static_cast<unsigned long long>(y) * static_cast<unsigned>(call.rect.width) +
                      static_cast<unsigned>(x));
      }
      hole = call.solid ? m >= 1.0F : m > 0.0F;
      if (call.plane.data != nullptr) call.plane.data[y * call.plane.stride + x] = hole ? 1 : 0;
    }
    const unsigned row = __ballot_sync(kWholeWarp, hole);
    if (row == 0) continue;
    holes += static_cast<unsigned>(__popc(row));
    left = min(left, first + __ffs(static_cast<int>(row)) - 1);
    right = max(right, first + 32 - __clz(static_cast<int>(row)));
    top = min(top, y);
    bottom = y + 1;
  }
  if (lane != 0 || holes == 0 || call.report == nullptr) return;
  atomicAdd(&call.report->holes, holes);
  atomicMin(&call.report->left, left);
  atomicMin(&call.report->top, top);
  atomicMax(&call.report->right, right);
  atomicMax(&call.report->bottom, bottom);
}

// Rounds m in 0..1 to steps of 1 / maximum, but a hole stays a hole.
__device__ inline uint32_t whole(float m, float maximum) {
  if (m <= 0.0F) return 0;
  return static_cast<uint32_t>(clamped(exact::add(exact::multiply(m, maximum), 0.5F), 1.0F, maximum));
}

__device__ inline void store_mask(const Picture& mask, int32_t x, int32_t y, float value) {
  constexpr float kLeastHalf = 0x1p-24F;
  unsigned char* to = pixel_at(mask, x, y);
  const float m = value <= 0.0F ? 0.0F : value >= 1.0F ? 1.0F : value;
  switch (mask.type) {
    case CellType::kU8:
      *to = static_cast<unsigned char>(mask.is_mask ? (m > 0.0F ? 1U : 0U) : whole(m, 255.0F));
      return;
    case CellType::kU16:
      store_cell<uint16_t, false>(to, whole(m, 65535.0F));
      return;
    case CellType::kF16:
      store_cell<uint16_t, false>(to, float_to_half(m > 0.0F && m < kLeastHalf ? kLeastHalf : m));
      return;
    case CellType::kF32:
      store_cell<uint32_t, false>(to, exact::bits_as<uint32_t>(m));
  }
}

__global__ __launch_bounds__(kBlockThreads) void write_mask_kernel(WriteMaskCall call) {
  const int32_t x = pixel_x();
  if (x >= call.mask.width) return;
  const int32_t column = x - call.rect.x;
  for (int32_t y = pixel_y(); y < call.mask.height; y += rows_of_grid()) {
    const int32_t row = y - call.rect.y;
    const bool inside = column >= 0 && column < call.rect.width && row >= 0 && row < call.rect.height;
    store_mask(call.mask, x, y, inside ? call.values[row * call.stride + column] : 0.0F);
  }
}

// The distance of each pixel to the nearest target in its row, or kNone: a warp for each row, 32 pixels at a
// time, to the right and then back.
__global__ __launch_bounds__(kBlockThreads) void row_distances_kernel(MaskPlane mask, bool holes,
                                                                      int32_t* distance) {
  const int32_t lane = static_cast<int32_t>(threadIdx.x);
  const int32_t groups = (mask.width + 31) / 32;
  for (int32_t y = pixel_y(); y < mask.height; y += rows_of_grid()) {
    const uint8_t* from = mask.data + y * mask.stride;
    int32_t* row = distance + int64_t{y} * mask.width;
    int32_t last = -1;  // target to the left of the 32
    for (int32_t group = 0; group < groups; ++group) {
      const int32_t x = 32 * group + lane;
      const bool is_target = x < mask.width && (from[x] != 0) == holes;
      const unsigned targets = __ballot_sync(kWholeWarp, is_target);
      const unsigned before = targets & (kWholeWarp >> (31 - lane));
      const int32_t nearest = before != 0 ? 32 * group + 31 - __clz(static_cast<int>(before)) : last;
      if (x < mask.width) row[x] = nearest < 0 ? kNone : x - nearest;
      if (targets != 0) last = 32 * group + 31 - __clz(static_cast<int>(targets));
    }
    int32_t next = -1;  // target to the right of the 32
    for (int32_t group = groups - 1; group >= 0; --group) {
      const int32_t x = 32 * group + lane;
      const int32_t behind = x < mask.width ? row[x] : kNone;
      const unsigned targets = __ballot_sync(kWholeWarp, behind == 0);
      const unsigned after = targets & (kWholeWarp << lane);
      const int32_t nearest = after != 0 ? 32 * group + __ffs(static_cast<int>(after)) - 1 : next;
      if (x < mask.width && nearest >= 0 && nearest - x < behind) row[x] = nearest - x;
      if (targets != 0) next = 32 * group + __ffs(static_cast<int>(targets)) - 1;
    }
  }
}

struct Distances {
  int32_t width, height;
  const int32_t* in_row;  // width x height
  int32_t* squared;
  int64_t stride;
};

// Squared distances up to limit, radius^2 <= limit < (radius + 1)^2; kFarAway where there is none so near.
__global__ __launch_bounds__(kBlockThreads) void search_columns_kernel(Distances d, int32_t radius,
                                                                       int32_t limit) {
  const int32_t x = pixel_x();
  if (x >= d.width) return;
  for (int32_t y = pixel_y(); y < d.height; y += rows_of_grid()) {
    const int32_t* column = d.in_row + x;
    int32_t best = limit + 1;
    const auto consider = [&](int32_t row, int32_t step) {
      const int32_t beside = column[int64_t{row} * d.width];
      if (beside <= radius) best = min(best, beside * beside + step * step);
    };
    consider(y, 0);
    for (int32_t step = 1; step <= radius && step * step < best; ++step) {
      if (y >= step) consider(y - step, step);
      if (y + step < d.height) consider(y + step, step);
    }
    d.squared[y * d.stride + x] = best <= limit ? best : kFarAway;
  }
}

__device__ inline int64_t square(int64_t v) {
  return v * v;
}

// The lower envelope of the parabolas (y - site)^2 + beside(site)^2 of a column: a thread for each, so that
// the warp's accesses lie side by side. site, start: scratch of width x height each.
__global__ __launch_bounds__(kEnvelopeThreads) void envelope_kernel(Distances d, int32_t* site,
                                                                    int32_t* start) {
  const int32_t x = pixel_x();
  if (x >= d.width) return;
  const auto at = [&](int32_t row) { return int64_t{row} * d.width + x; };
  int32_t count = 0;
  int64_t top_site = 0;  // of the parabola on top of the stack
  int64_t top_start = 0;
  int64_t top_beside = 0;
  for (int32_t u = 0; u < d.height; ++u) {
    const int64_t beside = d.in_row[at(u)];
    if (beside == kNone) continue;
    while (count > 0 &&
           square(top_start - top_site) + square(top_beside) > square(top_start - u) + square(beside)) {
      if (--count == 0) break;
      top_site = site[at(count - 1)];
      top_start = start[at(count - 1)];
      top_beside = d.in_row[at(static_cast<int32_t>(top_site))];
    }
    int64_t from = 0;
    if (count > 0) {
      // Beyond the last pixel that is no farther from the site before. The sum is not negative: at the top's
      // start that one is no farther.
      from = (square(u) - square(top_site) + square(beside) - square(top_beside)) / (2 * (u - top_site)) + 1;
    }
    if (from >= d.height) continue;
    site[at(count)] = u;
    start[at(count)] = static_cast<int32_t>(from);
    ++count;
    top_site = u;
    top_start = from;
    top_beside = beside;
  }
  if (count == 0) {
    for (int32_t y = 0; y < d.height; ++y) d.squared[y * d.stride + x] = kFarAway;
    return;
  }
  int32_t k = 0;
  int64_t nearest = site[at(0)];
  int64_t beside = d.in_row[at(static_cast<int32_t>(nearest))];
  int32_t end = count > 1 ? start[at(1)] : d.height;
  for (int32_t y = 0; y < d.height; ++y) {
    while (y >= end) {
      ++k;
      nearest = site[at(k)];
      beside = d.in_row[at(static_cast<int32_t>(nearest))];
      end = k + 1 < count ? start[at(k + 1)] : d.height;
    }
    const int64_t value = square(y - nearest) + square(beside);
    d.squared[y * d.stride + x] = value < kFarAway ? static_cast<int32_t>(value) : kFarAway;
  }
}

// Pixels not farther than `most` become `value`.
__global__ __launch_bounds__(kBlockThreads) void set_near_kernel(MaskPlane mask, const int32_t* squared,
                                                                 int32_t most, uint8_t value) {
  const int32_t x = pixel_x();
  if (x >= mask.width) return;
  for (int32_t y = pixel_y(); y < mask.height; y += rows_of_grid()) {
    if (squared[int64_t{y} * mask.width + x] <= most) mask.data[y * mask.stride + x] = value;
  }
}

__global__ __launch_bounds__(kBlockThreads) void feather_kernel(FeatherCall call, const int32_t* squared) {
  const int32_t x = pixel_x();
  if (x >= call.mask.width) return;
  for (int32_t y = pixel_y(); y < call.mask.height; y += rows_of_grid()) {
    const int32_t s = squared[int64_t{y} * call.mask.width + x];
    const double ramp = sqrt(static_cast<double>(s)) / (call.width + 1);
    call.soft[y * call.stride + x] = s == kFarAway || ramp > 1 ? 1.0F : static_cast<float>(ramp);
  }
}

}  // namespace infill::cuda
