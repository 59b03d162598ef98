// The types that numbers are stored in, and moving several at once. All arithmetic is in float.
#pragma once

#include <type_traits>

#include "cuda/language.h"
#include "cuda/precision.h"

namespace infill::cuda {

template <Precision kPrecision>
struct StorageOf {
  using Type = float;
};
template <>
struct StorageOf<Precision::kFloat16> {
  using Type = __half;
};
template <>
struct StorageOf<Precision::kBfloat16> {
  using Type = __nv_bfloat16;
};
template <Precision kPrecision>
using Storage = typename StorageOf<kPrecision>::Type;

__device__ __forceinline__ float to_float(float value) {
  return value;
}
__device__ __forceinline__ float to_float(__half value) {
  return __half2float(value);
}
__device__ __forceinline__ float to_float(__nv_bfloat16 value) {
  return __bfloat162float(value);
}

// Rounds to nearest, ties to even.
template <class T>
__device__ __forceinline__ T from_float(float value) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return value;
  } else if constexpr (std::is_same_v<T, __half>) {
    return __float2half_rn(value);
  } else {
    return __float2bfloat16_rn(value);
  }
}

// kCount neighbours that one instruction loads or stores.
template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T values[kCount];
};

// The most neighbours of n that fit one access: a power of two that divides n, 16 bytes at most.
template <class T>
__host__ __device__ constexpr int pack_of(int n) {
  int count = 1;
  while (n % (2 * count) == 0 && 2 * count * int(sizeof(T)) <= 16) count *= 2;
  return count;
}

template <class T, int kCount>
__device__ __forceinline__ void load_packed(const T* from, float (&values)[kCount]) {
  constexpr int kPack = pack_of<T>(kCount);
#pragma unroll
  for (int i = 0; i < kCount; i += kPack) {
    const auto pack = *reinterpret_cast<const Pack<T, kPack>*>(from + i);
#pragma unroll
    for (int j = 0; j < kPack; ++j) values[i + j] = to_float(pack.values[j]);
  }
}

template <class T, int kCount>
__device__ __forceinline__ void store_packed(T* to, const float (&values)[kCount]) {
  constexpr int kPack = pack_of<T>(kCount);
#pragma unroll
  for (int i = 0; i < kCount; i += kPack) {
    Pack<T, kPack> pack;
#pragma unroll
    for (int j = 0; j < kPack; ++j) pack.values[j] = from_float<T>(values[i + j]);
    *reinterpret_cast<Pack<T, kPack>*>(to + i) = pack;
  }
}

}  // namespace infill::cuda
