// LibTorch's convolution with four borders of their own.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution.h>

#include <array>
#include <optional>

#include "ops/gated_conv2d.h"

namespace infill::ops {

struct Borders {
  int64_t top;
  int64_t bottom;
  int64_t left;
  int64_t right;
};

// The convolution pads both sides of an axis alike; an axis that differs is padded here.
struct Padded {
  at::Tensor x;
  int64_t top;  // rows and columns added by hand
  int64_t left;
  std::array<int64_t, 2> implicit;  // what is left to the convolution
};

inline Padded pad(const at::Tensor& x, const Borders& borders) {
  const bool rows = borders.top != borders.bottom;
  const bool columns = borders.left != borders.right;
  if (!rows && !columns) return {x, 0, 0, {borders.top, borders.left}};
  const int64_t top = rows ? borders.top : 0;
  const int64_t bottom = rows ? borders.bottom : 0;
  const int64_t left = columns ? borders.left : 0;
  const int64_t right = columns ? borders.right : 0;
  return {at::constant_pad_nd(x, {left, right, top, bottom}),
          top,
          left,
          {rows ? 0 : borders.top, columns ? 0 : borders.left}};
}

inline at::Tensor convolve(const Padded& padded, const at::Tensor& weight,
                           const std::optional<at::Tensor>& bias, const GatedConv2dOptions& options) {
  return at::convolution(padded.x, weight, bias, options.stride, padded.implicit, options.dilation,
                         /*transposed=*/false, /*output_padding=*/{0, 0}, /*groups=*/1);
}

}  // namespace infill::ops
