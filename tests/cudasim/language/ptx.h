// The wrappers of cuda/language.h: what they do is said there.
#pragma once

#include <cstdint>
#include <cstring>

#include "cudasim/async_copy.h"
#include "cudasim/language/keywords.h"
#include "cudasim/matrix.h"

namespace infill::cuda::ptx {

template <int kBytes>
void cp_async(void* shared, const void* global, int valid_bytes, cudasim::Site site = cudasim::Site::here()) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16, "cp.async copies 4, 8 or 16 bytes");
  cudasim::issue_async_copy(shared, global, kBytes, static_cast<unsigned>(valid_bytes), site);
}

inline void cp_async_commit() {
  cudasim::commit_async_copies();
}

template <int kGroups>
void cp_async_wait() {
  cudasim::wait_async_copies(kGroups);
}

inline void ldmatrix_x4(unsigned (&r)[4], const void* shared, cudasim::Site site = cudasim::Site::here()) {
  cudasim::ldmatrix(r, 4, false, shared, site);
}
inline void ldmatrix_x2(unsigned (&r)[2], const void* shared, cudasim::Site site = cudasim::Site::here()) {
  cudasim::ldmatrix(r, 2, false, shared, site);
}
inline void ldmatrix_x4_trans(unsigned (&r)[4], const void* shared,
                              cudasim::Site site = cudasim::Site::here()) {
  cudasim::ldmatrix(r, 4, true, shared, site);
}
inline void ldmatrix_x2_trans(unsigned (&r)[2], const void* shared,
                              cudasim::Site site = cudasim::Site::here()) {
  cudasim::ldmatrix(r, 2, true, shared, site);
}

inline void mma_bf16_16816(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                           cudasim::Site site = cudasim::Site::here()) {
  cudasim::mma_m16n8k16(d, a, b, d, cudasim::MatrixElement::kBfloat16, site);
}
inline void mma_f16_16816(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                          cudasim::Site site = cudasim::Site::here()) {
  cudasim::mma_m16n8k16(d, a, b, d, cudasim::MatrixElement::kHalf, site);
}
inline void mma_tf32_1688(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                          cudasim::Site site = cudasim::Site::here()) {
  cudasim::mma_m16n8k8_tf32(d, a, b, d, site);
}

inline unsigned to_tf32(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7f800000u) == 0x7f800000u) return bits & 0xffffe000u;  // NaN and infinities stay
  return (bits + 0x1000u) & 0xffffe000u;
}

}  // namespace infill::cuda::ptx
