// What the programs NAME_profile.cpp share: each launches kernels on an aligned shape, and their results are
// looked at by nobody. profile_gates.py counts what they do.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cuda/mask.h"
#include "cuda/picture.h"

namespace infill::cuda::profile {

// Ends the program if something went wrong.
inline void check(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "profile: %s\n", cudaGetErrorString(error));
  std::exit(1);
}

// Waits for all that was launched.
inline void finish() {
  check(cudaDeviceSynchronize());
}

// Memory that nobody frees, aligned to 256 bytes.
template <class T>
T* zeros(size_t count) {
  void* data = nullptr;
  check(cudaMalloc(&data, count * sizeof(T) + 256));
  check(cudaMemset(data, 0, count * sizeof(T) + 256));
  return static_cast<T*>(data);
}
template <class T>
T* upload(const std::vector<T>& values) {
  T* data = zeros<T>(values.size());
  check(cudaMemcpy(data, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
  return data;
}

// Numbers that look random.
inline uint32_t noise(uint32_t i) {
  i = (i ^ 61U) ^ (i >> 16U);
  i *= 9U;
  i ^= i >> 4U;
  i *= 0x27D4EB2DU;
  return i ^ (i >> 15U);
}
inline std::vector<float> noise_floats(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = float(noise(uint32_t(i)) % 1000) / 1000;
  return values;
}

// 1 in an ellipse that leaves an eighth of each side free.
inline std::vector<uint8_t> ellipse(int32_t width, int32_t height) {
  std::vector<uint8_t> inside(size_t(width) * size_t(height));
  for (int32_t y = 0; y < height; ++y) {
    for (int32_t x = 0; x < width; ++x) {
      const double u = (2 * x + 1.0 - width) / (0.75 * width);
      const double v = (2 * y + 1.0 - height) / (0.75 * height);
      inside[size_t(y) * size_t(width) + size_t(x)] = u * u + v * v < 1 ? 1 : 0;
    }
  }
  return inside;
}

// Noise with an ellipse as its hole. Rows are multiples of 32 pixels in memory.
inline Canvas canvas(int32_t width, int32_t height, int32_t channels) {
  Canvas made;
  made.width = width;
  made.height = height;
  made.channels = channels;
  made.stride = (width + 31) / 32 * 32;
  const size_t plane = size_t(made.stride) * size_t(height);
  float* values = upload(noise_floats(plane * size_t(channels)));
  for (int32_t c = 0; c < channels; ++c) made.planes[c] = values + plane * size_t(c);
  std::vector<uint8_t> label(plane, kExcluded);
  const std::vector<uint8_t> inside = ellipse(width, height);
  for (int32_t y = 0; y < height; ++y) {
    for (int32_t x = 0; x < width; ++x) {
      const bool hole = inside[size_t(y) * size_t(width) + size_t(x)] != 0;
      label[size_t(y) * size_t(made.stride) + size_t(x)] = hole ? kHole : kKnown;
    }
  }
  made.label = upload(label);
  return made;
}
inline Rect hole_box(const Canvas& of) {
  return {of.width / 8, of.height / 8, of.width / 4 * 3, of.height / 4 * 3};
}

// A packed picture of bytes like 37, `shift` bytes further than it would be aligned.
inline Picture picture(int32_t width, int32_t height, CellType type, int32_t channels, size_t shift) {
  const int64_t cell = bytes_per_cell(type);
  Picture made;
  made.width = width;
  made.height = height;
  made.type = type;
  made.channels = channels;
  made.channel_stride = cell;
  made.pixel_stride = cell * channels;
  made.row_stride = made.pixel_stride * width;
  const size_t bytes = size_t(made.row_stride) * size_t(height) + shift;
  made.data = upload(std::vector<unsigned char>(bytes, 37)) + shift;
  return made;
}
inline Picture mask_picture(int32_t width, int32_t height) {
  Picture made = picture(width, height, CellType::kU8, 1, 0);
  made.data = upload(ellipse(width, height));
  made.is_mask = true;
  return made;
}

}  // namespace infill::cuda::profile
