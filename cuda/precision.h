// How the kernels store numbers and multiply them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace infill::cuda {

// Sums are kept in float32 everywhere. On sm_80 and newer products run on the tensor cores:
//
//   kFloat32   stored as float; an operand is split into two TF32 numbers and three products are added: error
//              like float32's. Infinity may give NaN. (Ootomo, Yokota, "Recovering single precision accuracy
//              from Tensor Cores while surpassing the FP32 theoretical peak performance", 2022)
//   kTf32      stored as float; operands are rounded to TF32 (10 bits of fraction): error of about 1e-3
//   kFloat16   stored as half: error of about 1e-3, largest value 65504
//   kBfloat16  stored as bfloat16: error of about 1e-2. Not on sm_75.
//
// On sm_75, which has none of these tensor core shapes, kFloat32, kTf32 and kFloat16 are computed in float32.
enum class Precision : int32_t { kFloat32, kTf32, kFloat16, kBfloat16 };

constexpr size_t element_bytes(Precision precision) {
  return precision == Precision::kFloat16 || precision == Precision::kBfloat16 ? 2 : 4;
}

}  // namespace infill::cuda
