// Tensor core instructions. Fragment layouts: PTX ISA, "Matrix Fragments for mma" and "ldmatrix".
#pragma once

#include <cstdint>

#include "cudasim/site.h"

namespace infill::cudasim {

enum class MatrixElement : uint8_t { kHalf, kBfloat16 };

// d = a (16x16) b (16x8) + c; the products of a row and a column are summed in double and rounded once.
void mma_m16n8k16(float* d, const uint32_t* a, const uint32_t* b, const float* c, MatrixElement element,
                  const Site& site);
// d = a (16x8) b (8x8) + c; the lowest 13 bits of operands are ignored.
void mma_m16n8k8_tf32(float* d, const uint32_t* a, const uint32_t* b, const float* c, const Site& site);
// `matrices` 1, 2 or 4.
void ldmatrix(uint32_t* result, int matrices, bool transposed, const void* row, const Site& site);

float half_value(uint16_t bits);
float bfloat16_value(uint16_t bits);

}  // namespace infill::cudasim
