// Between a canvas and a network, on the device: src/pipeline/neural.cpp and src/inference/deepfill.cpp say
// what becomes of a value, and results are the same, bit for bit, in float. Networks see colours of 0..1 as
// sRGB encodes them, not premultiplied; grey stands in all three channels.
//
// Errors and determinism are those of cuda/convert.h.
#pragma once

#include "cuda/picture.h"

namespace infill::cuda {

// The canvas at the network's scale, a whole fraction of its own: width = ceil(canvas.width / scale), rows
// without padding. unknown: 1 where a pixel that is not known, or nothing but transparent ones, went into it.
struct ScaledPicture {
  int32_t scale = 1, width = 0, height = 0;
  float* colours[3] = {};
  uint8_t* unknown = nullptr;
};
// Means over blocks whose pixels are all known, weighted by alpha. The canvas has one or three colours.
struct ReduceCall {
  Canvas canvas;
  ScaledPicture scaled;
};
cudaError_t reduce_canvas(const ReduceCall& call, cudaStream_t stream);

enum class TensorType : int32_t { kFloat, kHalf, kBfloat16 };
// Element (channel, y, x) lies channel * channel_stride + y * row_stride + x * pixel_stride elements after
// data.
struct PictureTensor {
  void* data = nullptr;
  TensorType type = TensorType::kFloat;
  int32_t width = 0, height = 0;
  int64_t channel_stride = 0, row_stride = 0, pixel_stride = 0;
};
// The five channels of DeepFill's input: red, green and blue as -1..1 (0 where unknown), 1, and the mask.
// Sides of the tensor that are longer than the picture's are filled by reflection: 0 1 2 3 2 1 0 1 ...
struct NetworkInputCall {
  ScaledPicture picture;
  PictureTensor tensor;
};
cudaError_t network_input(const NetworkInputCall& call, cudaStream_t stream);

// Fills the canvas's holes with what the network painted: red, green and blue as -1..1, of the scaled
// picture, between the centres of the nearest four pixels. Alpha is there already, in holes too. Known pixels
// that touch a hole (8 neighbours) keep their value, and rim, planes with the canvas's stride, receives what
// they would become; null: not asked for. box, in the canvas, holds all holes.
//   bad: null, or *bad becomes the least y * width + x, in the canvas, of a pixel that is made of a number
//   that is
//        not finite, or kNoBadPixel of cuda/convert.h.
struct EnlargeCall {
  PictureTensor tensor;  // three channels
  int32_t scale = 1;
  Canvas canvas;
  Rect box;
  float* rim[4] = {};
  unsigned long long* bad = nullptr;
};
cudaError_t enlarge_fill(const EnlargeCall& call, cudaStream_t stream);

}  // namespace infill::cuda
