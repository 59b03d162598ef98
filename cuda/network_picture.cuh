// Kernels of cuda/network_picture.h.
#pragma once

#include "cuda/convert.h"
#include "cuda/grid.cuh"
#include "cuda/network_picture.h"
#include "cuda/srgb.cuh"

namespace infill::cuda {

__device__ inline float to_float(float value) {
  return value;
}
__device__ inline float to_float(__half value) {
  return __half2float(value);
}
__device__ inline float to_float(__nv_bfloat16 value) {
  return __bfloat162float(value);
}
__device__ inline void from_float(float value, float& to) {
  to = value;
}
__device__ inline void from_float(float value, __half& to) {
  to = __float2half_rn(value);
}
__device__ inline void from_float(float value, __nv_bfloat16& to) {
  to = __float2bfloat16_rn(value);
}

__device__ inline int64_t element(const PictureTensor& tensor, int32_t channel, int32_t y, int32_t x) {
  return channel * tensor.channel_stride + y * tensor.row_stride + x * tensor.pixel_stride;
}

// Chosen, not indexed: an indexed parameter of a kernel would be copied to local memory.
__device__ inline float alpha_at(const Canvas& canvas, int64_t at) {
  if (!canvas.has_alpha) return 1;
  return canvas.channels == 2 ? canvas.planes[1][at] : canvas.planes[3][at];
}

// What networks see of a colour: not premultiplied, encoded as sRGB, 0..1.
__device__ inline float encoded(const Canvas& canvas, float value, float alpha) {
  const float straight = exact::divide(value, alpha);
  const float shown = canvas.linear ? encode_srgb(straight) : straight;
  return shown < 0.0F ? 0.0F : shown > 1.0F ? 1.0F : shown;
}

__global__ __launch_bounds__(kBlockThreads) void reduce_canvas_kernel(ReduceCall call) {
  const Canvas& canvas = call.canvas;
  const ScaledPicture& scaled = call.scaled;
  const int32_t x = pixel_x();
  if (x >= scaled.width) return;
  const bool grey = canvas.channels < 3;
  for (int32_t y = pixel_y(); y < scaled.height; y += rows_of_grid()) {
    const int32_t x0 = x * scaled.scale;
    const int32_t y0 = y * scaled.scale;
    const int32_t x1 = min(x0 + scaled.scale, canvas.width);
    const int32_t y1 = min(y0 + scaled.scale, canvas.height);
    float sums[3] = {};
    float weight = 0;
    bool unknown = false;
    for (int32_t i = y0; i < y1 && !unknown; ++i) {
      for (int32_t j = x0; j < x1 && !unknown; ++j) {
        const int64_t at = i * canvas.stride + j;
        unknown = canvas.label[at] != kKnown;
        const float alpha = alpha_at(canvas, at);
        if (!(alpha > 0)) continue;
        weight = exact::add(weight, alpha);
#pragma unroll
        for (int c = 0; c < 3; ++c) {
          const float value = grey ? canvas.planes[0][at] : canvas.planes[c][at];
          sums[c] = exact::add(sums[c], exact::multiply(alpha, encoded(canvas, value, alpha)));
        }
      }
    }
    unknown = unknown || weight == 0;
    const int64_t to = int64_t{y} * scaled.width + x;
    scaled.unknown[to] = unknown ? 1 : 0;
#pragma unroll
    for (int c = 0; c < 3; ++c) scaled.colours[c][to] = unknown ? 0.0F : exact::divide(sums[c], weight);
  }
}

// Where pixel i of a mirrored side of n pixels comes from.
__device__ inline int32_t mirrored(int32_t i, int32_t n) {
  if (n == 1) return 0;
  const int32_t period = 2 * (n - 1);
  const int32_t phase = i % period;
  return min(phase, period - phase);
}

template <class T>
__global__ __launch_bounds__(kBlockThreads) void network_input_kernel(NetworkInputCall call) {
  const PictureTensor& tensor = call.tensor;
  const ScaledPicture& picture = call.picture;
  const int32_t x = pixel_x();
  if (x >= tensor.width) return;
  auto* data = static_cast<T*>(tensor.data);
  for (int32_t y = pixel_y(); y < tensor.height; y += rows_of_grid()) {
    const int64_t from = int64_t{mirrored(y, picture.height)} * picture.width + mirrored(x, picture.width);
    const bool unknown = picture.unknown[from] != 0;
#pragma unroll
    for (int c = 0; c < 5; ++c) {
      float value = c == 3 ? 1.0F : unknown ? 1.0F : 0.0F;
      if (c < 3)
        value = unknown ? 0.0F : exact::subtract(exact::multiply(picture.colours[c][from], 2.0F), 1.0F);
      from_float(value, data[element(tensor, c, y, x)]);
    }
  }
}

// Between which two pixels of a side the centre of pixel i lies.
struct Place {
  int32_t low, high;
  float share;
  __device__ Place(int32_t scale, int32_t side, int32_t i) {
    const float centre = exact::subtract(
        exact::divide(exact::add(static_cast<float>(i), 0.5F), static_cast<float>(scale)), 0.5F);
    const float below = floorf(centre);
    const auto at = static_cast<int32_t>(below);
    low = max(0, min(at, side - 1));
    high = max(0, min(at + 1, side - 1));
    share = exact::subtract(centre, below);
  }
};

__device__ inline float mix(float a, float b, float share) {
  return exact::add(a, exact::multiply(share, exact::subtract(b, a)));
}

__device__ inline bool is_next_to_hole(const Canvas& canvas, int32_t x, int32_t y) {
  for (int32_t v = max(y - 1, 0); v <= min(y + 1, canvas.height - 1); ++v) {
    for (int32_t u = max(x - 1, 0); u <= min(x + 1, canvas.width - 1); ++u) {
      if (canvas.label[v * canvas.stride + u] == kHole) return true;
    }
  }
  return false;
}

// rect: the box and one pixel around.
template <class T>
__global__ __launch_bounds__(kBlockThreads) void enlarge_kernel(EnlargeCall call, Rect rect) {
  const Canvas& canvas = call.canvas;
  const PictureTensor& tensor = call.tensor;
  const auto* data = static_cast<const T*>(tensor.data);
  const int32_t column = pixel_x();
  if (column >= rect.width) return;
  const int32_t colours = canvas.channels - (canvas.has_alpha ? 1 : 0);
  for (int32_t row = pixel_y(); row < rect.height; row += rows_of_grid()) {
    const int32_t x = rect.x + column;
    const int32_t y = rect.y + row;
    const int64_t at = y * canvas.stride + x;
    const bool hole = canvas.label[at] == kHole;
    if (!hole && (call.rim[0] == nullptr || canvas.label[at] != kKnown || !is_next_to_hole(canvas, x, y)))
      continue;
    const Place px(call.scale, tensor.width, x);
    const Place py(call.scale, tensor.height, y);
    float rgb[3];
    bool finite = true;
#pragma unroll
    for (int c = 0; c < 3; ++c) {
      const auto painted = [&](int32_t v, int32_t u) {
        const float value = to_float(data[element(tensor, c, v, u)]);
        return exact::add(exact::multiply(value, 0.5F), 0.5F);
      };
      const float above = mix(painted(py.low, px.low), painted(py.low, px.high), px.share);
      const float below = mix(painted(py.high, px.low), painted(py.high, px.high), px.share);
      rgb[c] = mix(above, below, py.share);
      finite = finite && fabsf(rgb[c]) <= FLT_MAX;
    }
    if (!finite && call.bad != nullptr) {
      atomicMin(call.bad, static_cast<unsigned long long>(y) * static_cast<unsigned>(canvas.width) +
                              static_cast<unsigned>(x));
    }
    if (colours == 1) rgb[0] = exact::divide(exact::add(exact::add(rgb[0], rgb[1]), rgb[2]), 3.0F);
    const float alpha = alpha_at(canvas, at);
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      if (c >= canvas.channels) continue;
      float value = alpha;
      if (c < 3 && c < colours) value = exact::multiply(alpha, canvas.linear ? decode_srgb(rgb[c]) : rgb[c]);
      if (!hole) {
        call.rim[c][at] = value;
      } else if (c < colours) {
        canvas.planes[c][at] = value;
      }
    }
  }
}

__global__ __launch_bounds__(32) void forget_bad_pixel_kernel(unsigned long long* bad) {
  if (threadIdx.x == 0) *bad = kNoBadPixel;
}

}  // namespace infill::cuda
