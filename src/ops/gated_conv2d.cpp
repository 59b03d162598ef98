// gated_conv2d on the CPU: LibTorch's convolution (oneDNN) band by band, and the gate of each band while it
// is in the cache.
#include "ops/gated_conv2d.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "core/simd.h"
#include "ops/fork.h"
#include "ops/gate.h"
#include "ops/gated_conv2d_padding.h"

namespace infill::ops {
namespace {

// A band of z, the convolution's result, is about this large: in the last cache, and large enough that
// starting oneDNN and the rows that two bands both read cost nothing.
constexpr int64_t kBandBytes = int64_t{16} << 20;
// The backward works on whole pictures, as many at a time as stay below this (at least one).
constexpr int64_t kBackwardBytes = int64_t{64} << 20;
constexpr int64_t kGrain = 1 << 14;  // values that a thread gates at least

// oneDNN emulates bfloat16 elsewhere, which is slower than float32.
bool computes_bfloat16() {
  static const bool supported = __builtin_cpu_supports("avx512bf16") != 0;
  return supported;
}

at::ScalarType compute_type(at::ScalarType type) {
  const bool as_is =
      type == at::kFloat || type == at::kDouble || (type == at::kBFloat16 && computes_bfloat16());
  return as_is ? type : at::kFloat;
}

// Calls body(first value of z, first value of y, rows) on all threads.
template <class Body>
void parallel_rows(const GateRows& rows, const Body& body) {
  if (rows.length >= 2 * kGrain) {
    const int64_t pieces = at::divup(rows.length, kGrain);
    at::parallel_for(0, rows.rows * pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t row = piece / pieces;
        const int64_t first = piece % pieces * kGrain;
        body(row * rows.z_stride + first, row * rows.y_stride + first,
             GateRows{1, std::min(kGrain, rows.length - first), rows.z_stride, rows.y_stride});
      }
    });
    return;
  }
  at::parallel_for(0, rows.rows, std::max<int64_t>(1, kGrain / rows.length), [&](int64_t begin, int64_t end) {
    body(begin * rows.z_stride, begin * rows.y_stride,
         GateRows{end - begin, rows.length, rows.z_stride, rows.y_stride});
  });
}

// The rows of z [n, 2·C, h, w], dense in `format`, of which y has the first h rows of pictures of y_height
// rows (n = 1 unless h = y_height).
struct GateLayout {
  GateRows rows;
  int64_t gates;  // first gate, counted from the first feature
};

GateLayout layout_of(const at::Tensor& z, at::MemoryFormat format, int64_t y_height) {
  const int64_t n = z.size(0);
  const int64_t c = z.size(1) / 2;
  const int64_t h = z.size(2);
  const int64_t w = z.size(3);
  if (format == at::MemoryFormat::ChannelsLast) return {{n * h * w, c, 2 * c, c}, c};
  if (h == y_height) return {{n, c * h * w, 2 * c * h * w, c * h * w}, c * h * w};
  return {{c, h * w, h * w, y_height * w}, c * h * w};
}

template <class T>
void gate_band(const at::Tensor& z, at::Tensor& y, at::MemoryFormat format, int64_t y_height,
               Activation activation) {
  const auto layout = layout_of(z, format, y_height);
  const T* f = z.const_data_ptr<T>();
  T* to = y.mutable_data_ptr<T>();
  parallel_rows(layout.rows, [&](int64_t in, int64_t out, const GateRows& rows) {
    gate<T>(activation, f + in, f + in + layout.gates, to + out, rows);
  });
}

// z becomes its own gradient.
template <class T>
void gate_backward_in_place(at::Tensor& z, const at::Tensor& grad, at::MemoryFormat format,
                            Activation activation) {
  const auto layout = layout_of(z, format, z.size(2));
  T* f = z.mutable_data_ptr<T>();
  const T* dy = grad.const_data_ptr<T>();
  parallel_rows(layout.rows, [&](int64_t in, int64_t out, const GateRows& rows) {
    T* g = f + in + layout.gates;
    gate_backward<T>(activation, f + in, g, dy + out, f + in, g, rows);
  });
}

template <class Run>
void with_type(at::ScalarType type, const Run& run) {
  switch (type) {
    case at::kDouble:
      return run(double{});
    case at::kBFloat16:
      return run(c10::BFloat16{});
    default:
      return run(float{});
  }
}

std::optional<at::Tensor> converted(const std::optional<at::Tensor>& bias, at::ScalarType type) {
  if (!bias.has_value() || !bias->defined()) return std::nullopt;
  return bias->to(type);
}

}  // namespace

INFILL_GATED_CONV2D(gated_conv2d_cpu) {
  apply_simd_environment();
  refuse_after_fork("gated_conv2d");
  const auto options = check_gated_conv2d(x, weight, bias, stride, padding, dilation, activation);
  const auto shape =
      C10_AS_INTARRAYREF_SLOW(c10::SymIntArrayRef(gated_conv2d_shape(x, weight, options))).vec();
  const auto format = x.suggest_memory_format();
  at::Tensor y = at::empty(shape, x.options(), format);
  if (y.numel() == 0) return y;

  const auto type = compute_type(x.scalar_type());
  const at::Tensor filters = weight.to(type).contiguous(format);
  const auto offset = converted(bias, type);
  const int64_t pictures = shape[0];
  const int64_t rows = shape[2];
  const int64_t row_bytes = 2 * shape[1] * shape[3] * static_cast<int64_t>(c10::elementSize(type));
  const int64_t bands = std::min(rows, at::divup(rows * row_bytes, kBandBytes));
  const int64_t band_rows = at::divup(rows, bands);
  const int64_t band_pictures = bands > 1 ? 1 : std::max<int64_t>(1, kBandBytes / (rows * row_bytes));

  for (int64_t n = 0; n < pictures; n += band_pictures) {
    const int64_t count = std::min(band_pictures, pictures - n);
    for (int64_t first = 0; first < rows; first += band_rows) {
      const int64_t last = std::min(first + band_rows, rows);
      // Rows of x that the band reaches; those outside x are padding.
      const int64_t from = first * options.stride[0] - options.padding[0];
      const int64_t to = (last - 1) * options.stride[0] - options.padding[0] +
                         (weight.size(2) - 1) * options.dilation[0] + 1;
      const int64_t begin = std::clamp<int64_t>(from, 0, x.size(2));
      const int64_t end = std::clamp<int64_t>(to, begin, x.size(2));
      const int64_t above = begin == end ? to - from : begin - from;
      const int64_t below = begin == end ? 0 : to - end;
      const at::Tensor part = x.narrow(0, n, count).narrow(2, begin, end - begin).to(type);
      const auto padded = pad(part, {above, below, options.padding[2], options.padding[3]});
      const at::Tensor z = convolve(padded, filters, offset, options).contiguous(format);
      at::Tensor band = y.narrow(0, n, count).narrow(2, first, last - first);
      if (type == y.scalar_type()) {
        with_type(type, [&](auto t) { gate_band<decltype(t)>(z, band, format, rows, options.activation); });
      } else {
        at::Tensor wide = at::empty(band.sizes(), band.options().dtype(type), format);
        gate_band<float>(z, wide, format, last - first, options.activation);
        band.copy_(wide);
      }
    }
  }
  return y;
}

INFILL_GATED_CONV2D_BACKWARD(gated_conv2d_backward_cpu) {
  apply_simd_environment();
  refuse_after_fork("gated_conv2d");
  const auto options = check_gated_conv2d(x, weight, bias, stride, padding, dilation, activation);
  const auto symbolic_shape = gated_conv2d_shape(x, weight, options);
  check_gated_conv2d_gradient(grad, x, symbolic_shape);
  const auto shape = C10_AS_INTARRAYREF_SLOW(c10::SymIntArrayRef(symbolic_shape)).vec();
  const auto format = x.suggest_memory_format();
  const bool with_bias = bias.has_value() && bias->defined();
  const std::array<bool, 3> wanted = {output_mask[0], output_mask[1], output_mask[2] && with_bias};
  const auto result_like = [](bool needed, const at::Tensor& of) {
    return needed ? at::zeros_like(of, of.options(), of.suggest_memory_format()) : at::Tensor();
  };
  at::Tensor grad_x = result_like(wanted[0], x);
  at::Tensor grad_weight = result_like(wanted[1], weight);
  at::Tensor grad_bias = wanted[2] ? result_like(true, *bias) : at::Tensor();
  const int64_t picture_values = 2 * shape[1] * shape[2] * shape[3];
  if (shape[0] * picture_values == 0 || (!wanted[0] && !wanted[1] && !wanted[2])) {
    return {grad_x, grad_weight, grad_bias};
  }

  const auto type = compute_type(x.scalar_type());
  const at::Tensor filters = weight.to(type).contiguous(format);
  const auto offset = converted(bias, type);
  const int64_t count =
      std::max<int64_t>(1, kBackwardBytes / (picture_values * static_cast<int64_t>(c10::elementSize(type))));
  const bool several = shape[0] > count;
  const auto sum_type = several && type != at::kDouble ? at::kFloat : type;
  at::Tensor weight_sum;
  at::Tensor bias_sum;
  const auto add = [&](at::Tensor& sum, const at::Tensor& part) {
    if (sum.defined()) {
      sum.add_(part);
    } else {
      sum = part.to(sum_type);
    }
  };
  for (int64_t n = 0; n < shape[0]; n += count) {
    const int64_t pictures = std::min(count, shape[0] - n);
    const at::Tensor part = x.narrow(0, n, pictures).to(type);
    const auto padded =
        pad(part, {options.padding[0], options.padding[1], options.padding[2], options.padding[3]});
    at::Tensor z = convolve(padded, filters, offset, options).contiguous(format);
    const at::Tensor dy = grad.narrow(0, n, pictures).to(type).contiguous(format);
    with_type(type, [&](auto t) { gate_backward_in_place<decltype(t)>(z, dy, format, options.activation); });
    const auto [dx, dw, db] =
        at::convolution_backward(z, padded.x, filters, at::OptionalIntArrayRef(weight.size(0)),
                                 options.stride, padded.implicit, options.dilation, false, {0, 0}, 1, wanted);
    if (wanted[0]) {
      grad_x.narrow(0, n, pictures)
          .copy_(dx.narrow(2, padded.top, x.size(2)).narrow(3, padded.left, x.size(3)));
    }
    if (wanted[1]) add(weight_sum, dw);
    if (wanted[2]) add(bias_sum, db);
  }
  if (wanted[1]) grad_weight.copy_(weight_sum);
  if (wanted[2]) grad_bias.copy_(bias_sum);
  return {grad_x, grad_weight, grad_bias};
}

}  // namespace infill::ops
