// ldmatrix and mma.sync. Fragments as the PTX manual draws them: lane = 4 g + t; a 32-bit register of A holds
// two 16-bit (or one tf32) elements of row g or g + 8, one of B elements of column g, the sums lie in rows g
// and g + 8, columns 2 t and 2 t + 1.
#pragma once

#include <algorithm>
#include <array>

#include "cudasim/matrix.h"
#include "cudasim/ptx/isa/half.h"
#include "cudasim/ptx/isa/memory.h"
#include "cudasim/site.h"
#include "cudasim/warp.h"

namespace infill::cudasim::ptx {

template <int count>
void load_matrices(b32 (&loaded)[count], bool transposed, b64 address, const Site& site) {
  ldmatrix(loaded, count, transposed, pointer_to(address), site);
}

// Element i of a register.
template <class T>
inline constexpr unsigned kElements = sizeof(T) == 2 ? 2 : 1;  // in a register
inline f32 element(f16, b32 content, unsigned i) {
  return widen(as<f16>(content >> 16 * i));
}
inline f32 element(bf16, b32 content, unsigned i) {
  return widen(as<bf16>(content >> 16 * i));
}
inline f32 element(tf32, b32 content, unsigned) {
  return as<f32>(content & 0xFFFFE000u);
}

// sums(16×8) += left(16×depth)·right(depth×8): products exact, their sum in f64, rounded once to f32. Devices
// sum in an order and a precision of their own, so results agree within a few units of the largest product's
// last place.
template <class T, unsigned depth, size_t left_count, size_t right_count>
void multiply_matrices(f32 (&sums)[4], const b32 (&left)[left_count], const b32 (&right)[right_count],
                       const Site& site) {
  struct Lane {
    std::array<b32, left_count> left;
    std::array<b32, right_count> right;
    std::array<f32, 4> sums;
  };
  Lane mine;
  std::copy(left, left + left_count, mine.left.begin());
  std::copy(right, right + right_count, mine.right.begin());
  std::copy(sums, sums + 4, mine.sums.begin());
  const Completion complete = [](Warp& warp, uint32_t) {
    constexpr unsigned step = 4 * kElements<T>;  // columns of A that one register of four lanes covers
    f64 a[16][depth], b[8][depth];
    for (unsigned lane = 0; lane < 32; ++lane) {
      const Lane& in = warp.in[lane].as<Lane>();
      const unsigned g = lane / 4, t = lane % 4;
      for (unsigned r = 0; r < left_count; ++r) {
        for (unsigned i = 0; i < kElements<T>; ++i) {
          a[g + 8 * (r % 2)][step * (r / 2) + kElements<T> * t + i] = element(T{}, in.left[r], i);
        }
      }
      for (unsigned r = 0; r < right_count; ++r) {
        for (unsigned i = 0; i < kElements<T>; ++i) {
          b[g][step * r + kElements<T> * t + i] = element(T{}, in.right[r], i);
        }
      }
    }
    for (unsigned lane = 0; lane < 32; ++lane) {
      for (unsigned i = 0; i < 4; ++i) {
        const unsigned row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
        f64 sum = warp.in[lane].as<Lane>().sums[i];
        for (unsigned k = 0; k < depth; ++k) sum += a[row][k] * b[column][k];
        warp.out[lane].as<std::array<f32, 4>>()[i] = static_cast<f32>(sum);
      }
    }
  };
  const auto& result = meet(Collective::kMatrixProduct, ~0u, &mine, sizeof mine, complete, site)
                           .template as<std::array<f32, 4>>();
  std::copy(result.begin(), result.end(), sums);
}

}  // namespace infill::cudasim::ptx
