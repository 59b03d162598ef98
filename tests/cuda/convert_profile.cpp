// Loading, storing and copying pictures of every cell type, for the profile. Usage: convert_profile ACCESS
// (the enumerator's number: 0 misaligned, 1 three cells a pixel, 2 four cells a pixel, packed and aligned)
#include "cuda/convert.h"
#include "profile.h"

int main(int argc, char** argv) {
  using namespace infill::cuda;
  if (argc != 2) return 2;
  const int access = std::atoi(argv[1]);
  constexpr int32_t kWidth = 64;
  constexpr int32_t kHeight = 32;
  for (const CellType type : {CellType::kU8, CellType::kU16, CellType::kF16, CellType::kF32}) {
    // One byte has no misaligned address: its view is one of three cells there, too, and has another kernel.
    const auto view = [&] {
      return profile::picture(kWidth, kHeight, type, access == 2 ? 4 : 3, access == 0 ? 1 : 0);
    };
    LoadCall load;
    load.src = view();
    load.mask = profile::mask_picture(kWidth, kHeight);
    load.canvas = profile::canvas(kWidth, kHeight, load.src.channels);
    load.bad = profile::zeros<unsigned long long>(1);
    profile::check(load_canvas(load, nullptr));
    const StoreCall store = {load.src, load.mask, view(), load.canvas, nullptr};
    profile::check(store_canvas(store, nullptr));
    const CopyCall copy = {load.src, view(), {0, 0, kWidth, kHeight}};
    profile::check(copy_pixels(copy, nullptr));
    profile::finish();
  }
  return 0;
}
