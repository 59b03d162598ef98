// What is worked out of b and the mask before keys are compared, by the forward and the backward pass.
#pragma once

#include "cuda/contextual_attention_plan.h"

namespace infill::cuda::attention {

struct PrepareArguments {
  Shape shape;
  Tiling tiling;
  const void* f;
  const void* b;
  FeatureStrides f_strides, b_strides;
  const uint8_t* mask_bytes;
  const float* mask_floats;
  const uint8_t* wanted;
  void* queries;
  void* keys;
  float* inverse;
  float* squares;
  uint8_t* hole;
  uint32_t* valid;
  int32_t valid_words;
  void* cells;
  int64_t cell_pitch;
  int32_t* counters;
  int32_t* flags;
  int32_t* lists;
};

// squares, hole, inverse, valid and the count of masked keys; reads shape, b, the mask and where these lie.
cudaError_t prepare_keys(const PrepareArguments& arguments, Precision precision, cudaStream_t stream);

}  // namespace infill::cuda::attention
