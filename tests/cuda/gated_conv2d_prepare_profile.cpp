// What a gated convolution does first, in every type: weights packed, x with its channels first copied. For
// the profile.
#include "cuda/gated_conv2d.h"
#include "profile.h"

int main() {
  using namespace infill::cuda;
  constexpr int32_t kHeight = 8;
  constexpr int32_t kWidth = 64;
  constexpr int32_t kIn = 32;
  constexpr int32_t kOut = 4;
  constexpr size_t kPixels = size_t{kHeight} * kWidth;
  for (const Precision precision : {Precision::kFloat32, Precision::kFloat16, Precision::kBfloat16}) {
    GatedConv2dCall call;
    call.layer.in_channels = kIn;
    call.layer.out_channels = kOut;
    call.layer.precision = precision;
    if (precision != Precision::kBfloat16) call.layer.tile = GatedConv2dTile::kSimt;
    GatedConv2dWeights weights;
    weights.weight = profile::zeros<float>(size_t{2} * kOut * kIn * 9);
    weights.row_stride = int64_t{kIn} * 9;
    weights.channel_stride = 9;
    weights.y_stride = 3;
    weights.x_stride = 1;
    void* packed = profile::zeros<unsigned char>(gated_conv2d_packed_bytes(call.layer));
    profile::check(gated_conv2d_pack(call.layer, weights, packed, nullptr));

    // Who copies does not ask what multiplies. Copies do not know float16 from bfloat16.
    if (precision == Precision::kBfloat16) continue;
    call.in_height = call.out_height = kHeight;
    call.in_width = call.out_width = kWidth;
    call.pad_top = call.pad_left = 1;
    call.x = profile::zeros<float>(kPixels * kIn);
    call.x_strides = channels_first(kIn, kHeight, kWidth);
    call.packed = packed;
    call.y = profile::zeros<float>(kPixels * kOut);
    call.y_strides = channels_last(kHeight, kWidth, kOut);
    call.workspace = profile::zeros<unsigned char>(gated_conv2d_workspace(call));
    profile::check(gated_conv2d(call, nullptr));
  }
  profile::finish();
  return 0;
}
