// Kernels of cuda/neural.h: a thread for each pixel.
#pragma once

#include <cfloat>

#include "cuda/grid.cuh"
#include "cuda/neural.h"
#include "cuda/srgb.cuh"
#include "cuda/storage.cuh"

namespace infill::cuda {

__device__ inline int32_t colour_channels(const Canvas& canvas) {
  return canvas.channels - (canvas.has_alpha ? 1 : 0);
}

// The plane of a colour, of which there may be one only. A choice of constants: planes are no array in
// memory.
__device__ inline const float* colour_plane(const Canvas& canvas, int c) {
  if (c == 0 || colour_channels(canvas) == 1) return canvas.planes[0];
  return c == 1 ? canvas.planes[1] : canvas.planes[2];
}

__device__ inline const float* alpha_plane(const Canvas& canvas) {
  if (!canvas.has_alpha) return nullptr;
  return canvas.channels == 2 ? canvas.planes[1] : canvas.planes[3];
}

// What networks see of a colour: not premultiplied, encoded as sRGB, 0..1.
__device__ inline float seen(const Canvas& canvas, float value, float alpha) {
  const float straight = fmaxf(exact::divide(value, alpha), 0.0F);
  return fminf(canvas.linear ? encode_srgb(straight) : straight, 1.0F);
}

__global__ __launch_bounds__(kBlockThreads) void reduce_kernel(ReduceCall call) {
  const Canvas& canvas = call.canvas;
  const NetworkPicture& picture = call.picture;
  const int32_t x = pixel_x();
  if (x >= picture.width) return;
  const float* alphas = alpha_plane(canvas);
  for (int32_t y = pixel_y(); y < picture.height; y += rows_of_grid()) {
    const int32_t x1 = min((x + 1) * picture.scale, canvas.width);
    const int32_t y1 = min((y + 1) * picture.scale, canvas.height);
    float sums[3] = {};
    float weight = 0;
    bool unknown = false;
    for (int32_t i = y * picture.scale; i < y1 && !unknown; ++i) {
      for (int32_t j = x * picture.scale; j < x1 && !unknown; ++j) {
        const int64_t at = i * canvas.stride + j;
        unknown = canvas.label[at] != kKnown;
        const float alpha = alphas == nullptr ? 1.0F : alphas[at];
        if (!(alpha > 0)) continue;
        weight = exact::add(weight, alpha);
#pragma unroll
        for (int c = 0; c < 3; ++c) {
          sums[c] =
              exact::add(sums[c], exact::multiply(alpha, seen(canvas, colour_plane(canvas, c)[at], alpha)));
        }
      }
    }
    unknown = unknown || weight == 0;
    const int64_t to = int64_t{y} * picture.width + x;
    picture.unknown[to] = unknown ? 1 : 0;
#pragma unroll
    for (int c = 0; c < 3; ++c) picture.colours[c][to] = unknown ? 0.0F : exact::divide(sums[c], weight);
  }
}

// The two nearest pixels of a picture along an axis, and how near the second is.
struct Between {
  int32_t low, high;
  float share;

  __device__ Between(int32_t scale, int32_t side, int32_t i) {
    const float centre =
        exact::subtract(exact::divide(static_cast<float>(i) + 0.5F, static_cast<float>(scale)), 0.5F);
    const float below = floorf(centre);
    const auto first = static_cast<int32_t>(below);
    low = min(max(first, 0), side - 1);
    high = min(max(first + 1, 0), side - 1);
    share = exact::subtract(centre, below);
  }
  __device__ float mix(float a, float b) const {
    return exact::add(a, exact::multiply(share, exact::subtract(b, a)));
  }
};

__global__ __launch_bounds__(kBlockThreads) void enlarge_kernel(EnlargeCall call) {
  const Canvas& canvas = call.canvas;
  const NetworkPicture& picture = call.picture;
  const int32_t x = pixel_x();
  if (x >= canvas.width) return;
  const float* alphas = alpha_plane(canvas);
  const int32_t colours = colour_channels(canvas);
  const auto is_hole = [&](int32_t px, int32_t py) {
    return px >= 0 && py >= 0 && px < canvas.width && py < canvas.height &&
           canvas.label[py * canvas.stride + px] == kHole;
  };
  for (int32_t y = pixel_y(); y < canvas.height; y += rows_of_grid()) {
    const int64_t at = y * canvas.stride + x;
    const bool hole = canvas.label[at] == kHole;
    const bool rim = call.rim[0] != nullptr && canvas.label[at] == kKnown &&
                     (is_hole(x - 1, y) || is_hole(x + 1, y) || is_hole(x, y - 1) || is_hole(x, y + 1));
    if (!hole && !rim) continue;
    const Between across(picture.scale, picture.width, x);
    const Between down(picture.scale, picture.height, y);
    const int64_t above = int64_t{down.low} * picture.width;
    const int64_t below = int64_t{down.high} * picture.width;
    float rgb[3];
#pragma unroll
    for (int c = 0; c < 3; ++c) {
      const float* plane = picture.colours[c];
      rgb[c] = down.mix(across.mix(plane[above + across.low], plane[above + across.high]),
                        across.mix(plane[below + across.low], plane[below + across.high]));
    }
    if (colours == 1) rgb[0] = exact::divide(exact::add(exact::add(rgb[0], rgb[1]), rgb[2]), 3.0F);
    const float alpha = alphas == nullptr ? 1.0F : alphas[at];
#pragma unroll
    for (int c = 0; c < 3; ++c) {
      if (c >= colours) continue;
      const float light = canvas.linear ? decode_srgb(rgb[c]) : rgb[c];
      (hole ? canvas.planes[c] : call.rim[c])[at] = exact::multiply(alpha, light);
    }
    if (rim && alphas != nullptr) (canvas.channels == 2 ? call.rim[1] : call.rim[3])[at] = alpha;
  }
}

// Where pixel i of a mirrored side of n pixels comes from: 0 1 2 3 2 1 0 1 ...
__device__ inline int32_t mirrored(int32_t i, int32_t n) {
  if (n == 1) return 0;
  const int32_t period = 2 * (n - 1);
  const int32_t phase = i % period;
  return min(phase, period - phase);
}

constexpr int kInputChannels = 5;

template <class T>
__global__ __launch_bounds__(kBlockThreads) void network_input_kernel(NetworkInputCall call) {
  const NetworkPicture& picture = call.picture;
  const int32_t x = pixel_x();
  if (x >= call.input.width) return;
  const int32_t from_x = mirrored(x, picture.width);
  for (int32_t y = pixel_y(); y < call.input.height; y += rows_of_grid()) {
    const int64_t from = int64_t{mirrored(y, picture.height)} * picture.width + from_x;
    const bool unknown = picture.unknown[from] != 0;
    T* to = static_cast<T*>(call.input.data) + (int64_t{y} * call.input.width + x) * kInputChannels;
#pragma unroll
    for (int c = 0; c < 3; ++c) {
      const float value = exact::subtract(exact::multiply(picture.colours[c][from], 2.0F), 1.0F);
      to[c] = from_float<T>(unknown ? 0.0F : value);
    }
    to[3] = from_float<T>(1.0F);
    to[4] = from_float<T>(unknown ? 1.0F : 0.0F);
  }
}

template <class T>
__global__ __launch_bounds__(kBlockThreads) void network_mix_kernel(NetworkMixCall call) {
  const int32_t x = call.region.x0 + pixel_x();
  if (x >= call.region.x1) return;
  for (int32_t y = call.region.y0 + pixel_y(); y < call.region.y1; y += rows_of_grid()) {
    const int64_t at = int64_t{y} * call.input.width + x;
    const T* known = static_cast<const T*>(call.input.data) + at * kInputChannels;
    const bool unknown = to_float(known[4]) > 0;
    const T* from = unknown ? static_cast<const T*>(call.coarse.data) + at * 3 : known;
    T* to = static_cast<T*>(call.mixed.data) + at * 3;
#pragma unroll
    for (int c = 0; c < 3; ++c) to[c] = from[c];
  }
}

template <class T>
__global__ __launch_bounds__(kBlockThreads) void network_mask_kernel(NetworkMaskCall call) {
  const int32_t x = pixel_x();
  if (x >= call.input.width) return;
  for (int32_t y = pixel_y(); y < call.input.height; y += rows_of_grid()) {
    const int64_t at = int64_t{y} * call.input.width + x;
    call.mask[at] = to_float(static_cast<const T*>(call.input.data)[at * kInputChannels + 4]) > 0 ? 1 : 0;
  }
}

__global__ __launch_bounds__(kBlockThreads) void mark_wanted_kernel(MarkWantedCall call) {
  const MapRegion& region = call.region;
  const int32_t x = pixel_x();
  if (x >= call.width) return;
  for (int32_t y = pixel_y(); y < call.height; y += rows_of_grid()) {
    const bool inside = y >= region.y0 && y < region.y1 && x >= region.x0 && x < region.x1;
    call.wanted[int64_t{y} * call.width + x] = inside ? 1 : 0;
  }
}

__global__ __launch_bounds__(32) void forget_overflow_kernel(int32_t* bad) {
  if (threadIdx.x == 0) *bad = 0;
}

template <class T>
__global__ __launch_bounds__(kBlockThreads) void find_overflow_kernel(FindOverflowCall call) {
  const int32_t x = call.region.x0 + pixel_x();
  if (x >= call.region.x1) return;
  for (int32_t y = call.region.y0 + pixel_y(); y < call.region.y1; y += rows_of_grid()) {
    const T* pixel =
        static_cast<const T*>(call.map.data) + (int64_t{y} * call.map.width + x) * call.map.channels;
    float squares = 0;
    for (int32_t c = 0; c < call.map.channels; ++c) {
      const float value = to_float(pixel[c]);
      squares = exact::add(squares, exact::multiply(value, value));
    }
    if (!(squares <= FLT_MAX)) atomicMax(call.bad, 1);
  }
}

template <class T>
__global__ __launch_bounds__(kBlockThreads) void spread_overflow_kernel(SpreadOverflowCall call) {
  if (*call.bad == 0) return;
  const int32_t x = call.region.x0 + pixel_x();
  if (x >= call.region.x1) return;
  for (int32_t y = call.region.y0 + pixel_y(); y < call.region.y1; y += rows_of_grid()) {
    T* pixel = static_cast<T*>(call.map.data) + (int64_t{y} * call.map.width + x) * call.map.channels;
    for (int32_t c = 0; c < call.map.channels; ++c) pixel[c] = from_float<T>(nanf(""));
  }
}

template <class T>
__global__ __launch_bounds__(kBlockThreads) void network_output_kernel(NetworkOutputCall call) {
  const int32_t x = call.region.x0 + pixel_x();
  if (x >= call.region.x1) return;
  for (int32_t y = call.region.y0 + pixel_y(); y < call.region.y1; y += rows_of_grid()) {
    const T* from = static_cast<const T*>(call.map.data) + (int64_t{y} * call.map.width + x) * 3;
    const int64_t to = int64_t{y} * call.picture.width + x;
#pragma unroll
    for (int c = 0; c < 3; ++c) {
      call.picture.colours[c][to] = exact::add(exact::multiply(to_float(from[c]), 0.5F), 0.5F);
    }
  }
}

}  // namespace infill::cuda
