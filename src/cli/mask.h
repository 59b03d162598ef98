// Which pixels are filled, from a mask file, boxes and the options that change it.
#pragma once

#include <infill.h>

#include <cstdint>
#include <vips/vips8>

#include "arguments.h"
#include "picture.h"

namespace cli {

class Mask {
 public:
  // For a picture whose header was read; the mask is as the picture is displayed and is turned to how it is
  // stored. Throws kInput when the file cannot be read or has another size, kUsage for a box outside the
  // picture.
  Mask(const PictureFile& picture, const FillArguments& arguments);

  [[nodiscard]] infill_image view();
  [[nodiscard]] vips::VImage pixels() const { return pixels_; }
  [[nodiscard]] uint64_t holes() const { return holes_; }
  // The brightest value of the mask file, 0..255: a mask of 0 and 1 is a common mistake.
  [[nodiscard]] int brightest() const { return brightest_; }
  [[nodiscard]] bool had_alpha() const { return had_alpha_; }

 private:
  vips::VImage pixels_;  // one band of 8 or 16 bits in memory, as the picture is stored
  uint64_t holes_ = 0;
  int brightest_ = 255;
  bool had_alpha_ = false;
};

}  // namespace cli
