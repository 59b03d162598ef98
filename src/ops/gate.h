// The gate of a gated convolution, act(f)·sigmoid(g), and its gradient: one pass over memory, no torch.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace infill::ops {

enum class Activation : uint8_t { kNone, kElu, kRelu, kLeakyRelu };

inline constexpr double kLeakySlope = 0.2;  // of the published gated networks; PyTorch's default is 0.01

// `rows` rows of `length` values. A row of features, of gates and of their gradients starts every z_stride
// values, a row of the result and of its gradient every y_stride. With channels last a row is a pixel: length
// C, z_stride 2·C, y_stride C.
struct GateRows {
  int64_t rows;
  int64_t length;
  int64_t z_stride;
  int64_t y_stride;
};

// y = act(f)·sigmoid(g). T: float, double or c10::BFloat16 (computed in float, rounded once to nearest even).
// NaN in either operand gives NaN. y must not overlap f or g. Single-threaded; throws nothing.
template <class T>
void gate(Activation activation, const T* f, const T* g, T* y, const GateRows& rows);

// df = dy·act'(f)·sigmoid(g), dg = dy·act(f)·sigmoid'(g). In place is allowed: df == f and dg == g.
template <class T>
void gate_backward(Activation activation, const T* f, const T* g, const T* dy, T* df, T* dg,
                   const GateRows& rows);

}  // namespace infill::ops
