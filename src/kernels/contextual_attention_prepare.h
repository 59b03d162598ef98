// What is prepared once per image before contextual attention's tiles are computed.
#pragma once

#include <cstdint>
#include <span>

#include "core/memory.h"
#include "kernels/contextual_attention.h"
#include "kernels/contextual_attention_problem.h"

namespace infill::kernels::attention {

struct Prepared {
  Problem problem;
  // The pixels of f, b and of the mask that stand for a position's row and column.
  std::span<int32_t> row, column, mask_row, mask_column;
  std::span<uint8_t> hole;   // [h, w]: the mask at positions
  std::span<uint8_t> valid;  // [h, w]: no hole in the key's patch
  std::span<float> square;   // [h, w]: squared length of b's pixels at positions
  std::span<float> lane_data;
};

// Takes the arrays; the sizes in problem are set.
[[nodiscard]] Prepared lay_out(Arena& arena, const ContextualAttention& attention);

// Fills them.
void prepare(const ContextualAttention& attention, const float* f, const float* b, const AttentionMask& mask,
             Prepared& prepared, Parallel& parallel);

// The pixel that stands for position i of n, of a side of `size` pixels: every step-th one, or with corners
// aligned as TensorFlow's float arithmetic has it.
[[nodiscard]] int32_t sampled_pixel(int32_t i, int32_t n, int32_t size, int32_t step, bool align_corners);

}  // namespace infill::kernels::attention
