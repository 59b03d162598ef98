// From a canvas to the input of a network, and from its result back, in every type, for the profile.
#include "cuda/neural.h"
#include "profile.h"

int main() {
  using namespace infill::cuda;
  constexpr int32_t kWidth = 64;
  constexpr int32_t kHeight = 32;
  constexpr size_t kPixels = size_t{kWidth} * kHeight;
  NetworkPicture picture;
  picture.scale = 2;
  picture.width = kWidth;
  picture.height = kHeight;
  for (float*& colour : picture.colours) colour = profile::zeros<float>(kPixels);
  picture.unknown = profile::zeros<uint8_t>(kPixels);
  const Canvas canvas = profile::canvas(2 * kWidth, 2 * kHeight, 3);
  profile::check(reduce_canvas({canvas, picture}, nullptr));

  const MapRegion all = {0, 0, kHeight, kWidth};
  for (const Precision precision : {Precision::kFloat32, Precision::kFloat16, Precision::kBfloat16}) {
    const auto map = [&](int32_t channels) {
      return NetworkMap{profile::zeros<float>(kPixels * size_t(channels)), kHeight, kWidth, channels,
                        precision};
    };
    const NetworkMap input = map(5);
    const NetworkMap mixed = map(3);
    const NetworkMap deep = map(96);
    profile::check(network_input({picture, input}, nullptr));
    profile::check(network_mix({input, map(3), mixed, all}, nullptr));
    profile::check(network_mask({input, profile::zeros<uint8_t>(kPixels)}, nullptr));
    auto* bad = profile::zeros<int32_t>(1);
    profile::check(find_overflow({deep, all, bad}, nullptr));
    profile::check(cudaMemset(bad, 1, sizeof *bad));
    profile::check(spread_overflow({deep, all, bad}, nullptr));
    profile::check(network_output({mixed, all, picture}, nullptr));
  }
  profile::check(mark_wanted({profile::zeros<uint8_t>(kPixels), kHeight, kWidth, all}, nullptr));
  EnlargeCall enlarge;
  enlarge.picture = picture;
  enlarge.canvas = canvas;
  profile::check(enlarge_picture(enlarge, nullptr));
  profile::finish();
  return 0;
}
