// before | hole | after, small enough to look at.
#pragma once

#include <filesystem>
#include <vips/vips8>

#include "mask.h"
#include "picture.h"

namespace cli {

class Preview {
 public:
  // Before the fill, which changes the picture's pixels.
  Preview(const Picture& picture, const Mask& mask);
  // After it.
  void write(const Picture& picture, const std::filesystem::path& path) const;

 private:
  vips::VImage before_, hole_;
};

}  // namespace cli
