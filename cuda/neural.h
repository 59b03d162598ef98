// The canvas of a fill as a network sees it, and what the network paints, back in the canvas:
// src/pipeline/neural.h and src/inference/deepfill.h on the device, kernel by kernel.
//
// Launchers: no allocation, no synchronisation, no state. Same arguments, same bytes. cudaErrorInvalidValue
// for sides or channels that do not fit; work on no pixels is no error.
#pragma once

#include <cstdint>

#include "cuda/picture.h"
#include "cuda/precision.h"

namespace infill::cuda {

// Red, green and blue of 0..1, as sRGB encodes them, at a whole fraction of a canvas's scale; planes without
// gaps. Pixel (x, y) stands for the canvas's pixels scale * x .. scale * x + scale - 1, as far as there are
// some.
struct NetworkPicture {
  int32_t scale = 1, width = 0, height = 0;
  float* colours[3] = {};
  uint8_t* unknown = nullptr;  // 0: known
};

// picture = means of what is known, weighted by alpha; a pixel is unknown when any that it stands for is, or
// when all are transparent. One colour of the canvas stands for all three.
struct ReduceCall {
  Canvas canvas;
  NetworkPicture picture;
};
cudaError_t reduce_canvas(const ReduceCall& call, cudaStream_t stream);

// The canvas's holes = picture, between the centres of the nearest four pixels, times alpha, which is there
// already. rim: null, or planes with the canvas's stride that get the same at known pixels with a hole above,
// below or beside them (with alpha: the canvas's in the last one).
struct EnlargeCall {
  NetworkPicture picture;  // unknown is not read
  Canvas canvas;
  float* rim[4] = {};
};
cudaError_t enlarge_picture(const EnlargeCall& call, cudaStream_t stream);

// A map of a network: [height, width, channels], channels innermost, without gaps.
struct NetworkMap {
  void* data = nullptr;
  int32_t height = 0, width = 0, channels = 0;
  Precision precision = Precision::kFloat32;
};

// Rows y0 <= y < y1, columns x0 <= x < x1 of a map.
struct MapRegion {
  int32_t y0 = 0, x0 = 0, y1 = 0, x1 = 0;
};

// The input of DeepFill v2: red, green and blue in -1..1 with 0 where they are unknown, 1, and the mask, 1 =
// unknown. Sides of the map are at least the picture's; the picture is continued by reflection.
struct NetworkInputCall {
  NetworkPicture picture;
  NetworkMap input;  // 5 channels
};
cudaError_t network_input(const NetworkInputCall& call, cudaStream_t stream);

// mixed = the colours of input where they are known, else coarse, in the region.
struct NetworkMixCall {
  NetworkMap input, coarse, mixed;  // of one size: 5, 3 and 3 channels
  MapRegion region;
};
cudaError_t network_mix(const NetworkMixCall& call, cudaStream_t stream);

// mask[y, x] = 1 where the input is unknown, else 0: what contextual attention reads.
struct NetworkMaskCall {
  NetworkMap input;  // 5 channels
  uint8_t* mask = nullptr;
};
cudaError_t network_mask(const NetworkMaskCall& call, cudaStream_t stream);

// wanted[y, x] = 1 in the region, else 0: the queries that contextual attention answers. [height, width].
struct MarkWantedCall {
  uint8_t* wanted = nullptr;
  int32_t height = 0, width = 0;
  MapRegion region;
};
cudaError_t mark_wanted(const MarkWantedCall& call, cudaStream_t stream);

// *bad = whether the sum of any pixel's squares, in the region, is no finite number. Beyond float16's range
// values are infinite, and so are the sums.
struct FindOverflowCall {
  NetworkMap map;
  MapRegion region;
  int32_t* bad = nullptr;
};
cudaError_t find_overflow(const FindOverflowCall& call, cudaStream_t stream);

// Where *bad is not 0, the region becomes NaN: a softmax made numbers of what overflowed.
struct SpreadOverflowCall {
  NetworkMap map;
  MapRegion region;
  const int32_t* bad = nullptr;
};
cudaError_t spread_overflow(const SpreadOverflowCall& call, cudaStream_t stream);

// picture = the map's three channels, from -1..1 to 0..1, in the region.
struct NetworkOutputCall {
  NetworkMap map;    // 3 channels; at least as large as the picture
  MapRegion region;  // inside of the picture
  NetworkPicture picture;
};
cudaError_t network_output(const NetworkOutputCall& call, cudaStream_t stream);

}  // namespace infill::cuda
