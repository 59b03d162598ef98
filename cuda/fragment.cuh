// Operands of the tensor cores in four precisions behind one name. A fragment covers 32 bytes of the sum's
// axis: 16 halves (m16n8k16) or 8 floats (m16n8k8); seen as bytes both lie alike, so both are loaded by
// ldmatrix.
#pragma once

#include "cuda/language.h"
#include "cuda/precision.h"

namespace infill::cuda {

template <Precision kPrecision, int kRegisters>
struct Fragment {
  unsigned high[kRegisters];
};
// x = high + low, both TF32.
template <int kRegisters>
struct Fragment<Precision::kFloat32, kRegisters> {
  unsigned high[kRegisters];
  unsigned low[kRegisters];
};

// What ldmatrix gave, from `first` on, as an operand.
template <Precision kPrecision, int kRegisters, int kLoaded>
__device__ __forceinline__ Fragment<kPrecision, kRegisters> fragment_of(const unsigned (&loaded)[kLoaded],
                                                                        int first = 0) {
  Fragment<kPrecision, kRegisters> f;
#pragma unroll
  for (int i = 0; i < kRegisters; ++i) {
    const unsigned bits = loaded[first + i];
    if constexpr (kPrecision == Precision::kFloat32) {
      const float x = __uint_as_float(bits);
      f.high[i] = ptx::to_tf32(x);
      const float rest = x - __uint_as_float(f.high[i]);
      f.low[i] = ptx::to_tf32(rest);
    } else if constexpr (kPrecision == Precision::kTf32) {
      f.high[i] = ptx::to_tf32(__uint_as_float(bits));
    } else {
      f.high[i] = bits;
    }
  }
  return f;
}

// d += a b
template <Precision kPrecision>
__device__ __forceinline__ void multiply_add(float (&d)[4], const Fragment<kPrecision, 4>& a,
                                             const Fragment<kPrecision, 2>& b) {
  if constexpr (kPrecision == Precision::kFloat32) {
    // Small ones first. low * low is below float's last bit.
    ptx::mma_tf32_1688(d, a.low, b.high);
    ptx::mma_tf32_1688(d, a.high, b.low);
    ptx::mma_tf32_1688(d, a.high, b.high);
  } else if constexpr (kPrecision == Precision::kTf32) {
    ptx::mma_tf32_1688(d, a.high, b.high);
  } else if constexpr (kPrecision == Precision::kFloat16) {
    ptx::mma_f16_16816(d, a.high, b.high);
  } else {
    ptx::mma_bf16_16816(d, a.high, b.high);
  }
}

}  // namespace infill::cuda
