// Reading, writing, growing, shrinking and feathering a mask, for the profile.
#include "cuda/mask.h"
#include "profile.h"

int main() {
  using namespace infill::cuda;
  constexpr int32_t kWidth = 128;
  constexpr int32_t kHeight = 64;
  constexpr size_t kPixels = size_t{kWidth} * kHeight;
  ReadMaskCall read;
  read.mask = profile::mask_picture(kWidth, kHeight);
  read.rect = {0, 0, kWidth, kHeight};
  read.plane = {profile::zeros<uint8_t>(kPixels), kWidth, kHeight, kWidth};
  read.report = profile::zeros<MaskReport>(1);
  profile::check(read_mask(read, nullptr));

  auto* distance_space = profile::zeros<unsigned char>(squared_distance_workspace(kWidth, kHeight));
  auto* squared = profile::zeros<int32_t>(kPixels);
  profile::check(squared_distance({read.plane, Target::kKept, squared, kWidth}, distance_space, nullptr));

  auto* space = profile::zeros<unsigned char>(morphology_workspace(kWidth, kHeight));
  FeatherCall soft;
  soft.mask = read.plane;
  soft.width = 6;
  soft.soft = profile::zeros<float>(kPixels);
  soft.stride = kWidth;
  profile::check(feather(soft, space, nullptr));
  profile::check(dilate(read.plane, 8, space, nullptr));

  WriteMaskCall write;
  write.mask = profile::mask_picture(kWidth, kHeight);
  write.rect = read.rect;
  write.values = soft.soft;
  write.stride = kWidth;
  profile::check(write_mask(write, nullptr));
  profile::finish();
  return 0;
}
