#include "preview.h"

#include <vector>

#include "failure.h"

namespace cli {
using vips::VImage;

namespace {

constexpr int kPanel = 800;  // longest side, pixels
constexpr int kGap = 8;

// As displayed, in memory.
VImage small(const VImage& image, int orientation) {
  VImage turned = image.copy();
  turned.set("orientation", orientation);
  return turned.thumbnail_image(kPanel, VImage::option()->set("height", kPanel)->set("size", VIPS_SIZE_DOWN));
}

VImage small_picture(const Picture& picture) {
  VImage image = small(picture.pixels(), picture.orientation());
  if (image.format() == VIPS_FORMAT_FLOAT) {  // linear light, 1 is white; alpha does not show
    const VImage first = image.extract_band(0);
    image = image.bands() < 3 ? first.bandjoin(first).bandjoin(first)
                              : image.extract_band(0, VImage::option()->set("n", 3));
    image = image.copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_scRGB));
  }
  image = image.colourspace(VIPS_INTERPRETATION_sRGB);
  if (image.has_alpha()) image = image.flatten(VImage::option()->set("background", std::vector<double>{128}));
  return image.cast(VIPS_FORMAT_UCHAR).copy_memory();
}

}  // namespace

Preview::Preview(const Picture& picture, const Mask& mask) : before_(small_picture(picture)) {
  VImage weight = small(mask.pixels(), picture.orientation()).colourspace(VIPS_INTERPRETATION_B_W);
  weight = weight.cast(VIPS_FORMAT_UCHAR) * (0.8 / 255);
  const VImage magenta = before_.new_from_image(std::vector<double>{255, 0, 160});
  hole_ = (magenta * weight + before_ * (weight * -1.0 + 1.0)).cast(VIPS_FORMAT_UCHAR).copy_memory();
}

void Preview::write(const Picture& picture, const std::filesystem::path& path) const {
  const std::vector<VImage> panels{before_, hole_, small_picture(picture)};
  const VImage joined = VImage::arrayjoin(
      panels, VImage::option()->set("shim", kGap)->set("background", std::vector<double>{255}));
  write_image(joined, path, 90);
}

}  // namespace cli
