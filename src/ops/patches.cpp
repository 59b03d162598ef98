#include "ops/patches.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace infill::ops {
namespace {

constexpr int64_t kGrain = 64;  // patches that a thread gathers at least

// Calls body(pixel, entry) for each pixel of the patch at `position` that the image has: the index of its
// first channel, and that of its first entry in the patch.
template <class Body>
void for_pixels(const at::Tensor& image, const PatchShape& shape, int64_t position, const Body& body) {
  const int64_t height = image.size(0);
  const int64_t width = image.size(1);
  const int64_t channels = image.size(2);
  const int64_t top = shape.stride * (position / shape.columns) + shape.first;
  const int64_t left = shape.stride * (position % shape.columns) + shape.first;
  for (int64_t y = std::max<int64_t>(0, -top); y < std::min(shape.size, height - top); ++y) {
    for (int64_t x = std::max<int64_t>(0, -left); x < std::min(shape.size, width - left); ++x) {
      body(((top + y) * width + left + x) * channels, (y * shape.size + x) * channels);
    }
  }
}

template <class T>
void gather(const at::Tensor& image, const PatchShape& shape, std::span<const int64_t> positions,
            at::Tensor& patches) {
  const int64_t channels = image.size(2);
  const int64_t length = patches.size(1);
  const T* from = image.const_data_ptr<T>();
  T* to = patches.mutable_data_ptr<T>();
  at::parallel_for(0, static_cast<int64_t>(positions.size()), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t position = positions[static_cast<size_t>(i)];
      if (position < 0) continue;
      for_pixels(image, shape, position, [&](int64_t pixel, int64_t entry) {
        std::copy_n(from + pixel, channels, to + i * length + entry);
      });
    }
  });
}

template <class T>
void scatter(const at::Tensor& patches, const PatchShape& shape, std::span<const int64_t> positions,
             at::Tensor& image) {
  const int64_t channels = image.size(2);
  const int64_t length = patches.size(1);
  const T* from = patches.const_data_ptr<T>();
  T* to = image.mutable_data_ptr<T>();
  for (size_t i = 0; i < positions.size(); ++i) {
    if (positions[i] < 0) continue;
    const T* patch = from + static_cast<int64_t>(i) * length;
    for_pixels(image, shape, positions[i], [&](int64_t pixel, int64_t entry) {
      for (int64_t c = 0; c < channels; ++c) to[pixel + c] += patch[entry + c];
    });
  }
}

}  // namespace

at::Tensor gather_patches(const at::Tensor& image, const PatchShape& shape,
                          std::span<const int64_t> positions) {
  at::Tensor patches = at::zeros(
      {static_cast<int64_t>(positions.size()), shape.size * shape.size * image.size(2)}, image.options());
  if (image.scalar_type() == at::kDouble) {
    gather<double>(image, shape, positions, patches);
  } else {
    gather<float>(image, shape, positions, patches);
  }
  return patches;
}

void scatter_patches(const at::Tensor& patches, const PatchShape& shape, std::span<const int64_t> positions,
                     at::Tensor& image) {
  const at::Tensor rows = patches.contiguous();
  if (image.scalar_type() == at::kDouble) {
    scatter<double>(rows, shape, positions, image);
  } else {
    scatter<float>(rows, shape, positions, image);
  }
}

}  // namespace infill::ops
