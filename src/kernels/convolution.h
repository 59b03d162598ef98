// Convolutions for inference: channels last, float32, weights packed once, bias, activation and gate in the
// same pass. What the two halves of a gated convolution were before the gate never exists for more than a few
// pixels.
//
// 3x3 with stride 1 is Winograd's F(4x4, 3x3) (Lavin, Gray: Fast Algorithms for Convolutional Neural
// Networks, CVPR 2016): 36 products where 144 are published. A dilated one is the same on every d-th pixel.
// Others are matrix products of the pixels' neighbourhoods. Results differ from a plain sum by about 1e-6 of
// the largest; in bfloat16, which rounds the operands of the products alone, by about 1e-2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/bfloat16.h"

namespace infill::kernels {

enum class Activation : uint8_t { kNone, kElu, kRelu, kLeakyRelu, kTanh };  // leaky: slope 0.2

struct ConvolutionSpec {
  int32_t in_channels = 0;
  int32_t out_channels = 0;  // of the result
  int32_t kernel = 3;        // kernel x kernel taps
  int32_t stride = 1;
  int32_t dilation = 1;
  int32_t pad_top = 1, pad_left = 1;  // zeros; below and right as far as the result reaches
  int32_t upsample = 1;  // 2: of the picture with every pixel repeated twice in both directions first
  bool gated = true;     // act(features) * sigmoid(gates): weights of 2 out_channels rows, features first
  Activation activation = Activation::kElu;
  Precision precision = Precision::kFloat32;
};

// Pixels of `channels` floats, row by row. pitch: floats from one pixel to the next, at least channels; so a
// result may be a part of the channels of a wider map.
template <class Float>
struct MapOf {
  Float* data = nullptr;
  int32_t height = 0, width = 0;
  int32_t channels = 0, pitch = 0;

  [[nodiscard]] Float* at(int32_t y, int32_t x) const {
    return data + (static_cast<ptrdiff_t>(y) * width + x) * pitch;
  }
};
using Map = MapOf<float>;
using ConstMap = MapOf<const float>;

// Rows y0 <= y < y1 and columns x0 <= x < x1.
struct Region {
  int32_t y0 = 0, x0 = 0, y1 = 0, x1 = 0;
  [[nodiscard]] bool empty() const { return y0 >= y1 || x0 >= x1; }
};

// One convolution with its weights. Holds no reference to what it was made from. Const functions may be
// called from several threads at once.
class Convolution {
 public:
  // weight: [rows, in_channels, kernel, kernel], contiguous, rows = out_channels or, gated, twice that.
  // bias: one per row, or null.
  Convolution(const ConvolutionSpec& spec, const float* weight, const float* bias);
  ~Convolution();
  Convolution(Convolution&&) noexcept;
  Convolution& operator=(Convolution&&) noexcept;

  [[nodiscard]] const ConvolutionSpec& spec() const { return spec_; }
  // The work on a region of the result is cut into this many jobs.
  [[nodiscard]] int64_t jobs(const Region& region) const;
  // Floats that a job needs, aligned to 64 bytes.
  [[nodiscard]] size_t scratch() const;
  // Writes the pixels of job `job` of `region` of out; in and out must not overlap. known: the region of `in`
  // that holds values; all around it counts as zeros and is not read.
  void run(const ConstMap& in, const Region& known, const Map& out, const Region& region, int64_t job,
           float* scratch) const;
  [[nodiscard]] size_t weight_bytes() const;

  struct Packed;

 private:
  ConvolutionSpec spec_;
  std::unique_ptr<Packed> packed_;
};

}  // namespace infill::kernels
