// Instruction sets. The library runs on x86-64-v2 (SSE4.2) and picks AVX2 or AVX-512 when it runs.
//
// A file with hot loops is compiled once per instruction set through Highway's foreach_target:
//
//   #undef HWY_TARGET_INCLUDE
//   #define HWY_TARGET_INCLUDE "classic/example.cpp"   // this very file
//   #include <hwy/foreach_target.h>                    // before highway.h
//   #include <hwy/highway.h>
//   HWY_BEFORE_NAMESPACE();
//   namespace infill::HWY_NAMESPACE { void scale(float* row, int n) { ... } }   // plain loops vectorise
//   here, too HWY_AFTER_NAMESPACE(); #if HWY_ONCE namespace infill { HWY_EXPORT(scale);  ...
//   HWY_DYNAMIC_DISPATCH(scale)(row, n); } #endif
//
// Bytes are the same on all of them. So: no fused multiply-add (hn::MulAdd and friends, std::fma), no
// approximate reciprocals, and a sum over pixels has one order that does not depend on the vector's length
// (for example sixteen partial sums, added up in order at the end). The build has -ffp-contract=off.
#pragma once

#include <string_view>

namespace infill {

// The name of what is in use: "sse4", "avx2" or "avx512".
[[nodiscard]] std::string_view simd_name();

// Applies the environment variable INFILL_ISA (sse4 | avx2 | avx512: use nothing above it), once per process,
// before anything is dispatched. It is there for tests and for comparing machines. Throws kInvalidArgument on
// another value.
void apply_simd_environment();

}  // namespace infill
