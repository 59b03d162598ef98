#include "mask.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "failure.h"
#include "terminal.h"

namespace cli {
using vips::VImage;

namespace {

// Luminance as displayed, 8 or 16 bits, decoded.
VImage read_luminance(const PictureFile& file) {
  VImage image = file.image;
  if (image.format() == VIPS_FORMAT_FLOAT && image.bands() == 1) {
    image = (image * 255)
                .cast(VIPS_FORMAT_UCHAR)
                .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_B_W));
  }
  if (image.has_alpha()) image = image.flatten();  // on black: what is transparent is kept
  const bool deep = image.format() == VIPS_FORMAT_USHORT;
  image = image.colourspace(deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W);
  if (image.bands() > 1) image = image.extract_band(0);
  if (image.format() != VIPS_FORMAT_UCHAR && image.format() != VIPS_FORMAT_USHORT) {
    fail(kInput, file.path.string(), ": masks have 8 or 16 bits a channel, or one channel of float");
  }
  return turn(decode(file, image), file.orientation);
}

// Values in memory that may be changed.
template <class T>
std::span<T> values(const VImage& image) {
  const size_t count = static_cast<size_t>(image.width()) * static_cast<size_t>(image.height());
  return {reinterpret_cast<T*>(VIPS_IMAGE_ADDR(image.get_image(), 0, 0)), count};
}

VImage blank(int width, int height) {
  return VImage::black(width, height).copy_memory();
}

void paint(const VImage& image, const infill_rect& box) {
  const auto mask = values<uint8_t>(image);
  for (int y = box.y; y < box.y + box.height; ++y) {
    const size_t start =
        static_cast<size_t>(y) * static_cast<size_t>(image.width()) + static_cast<size_t>(box.x);
    std::fill_n(mask.begin() + static_cast<ptrdiff_t>(start), box.width, uint8_t{255});
  }
}

VImage boxes_of(const PictureFile& picture, const std::vector<infill_rect>& boxes) {
  VImage image = blank(picture.width(), picture.height());
  for (const infill_rect& box : boxes) {
    if (box.width > picture.width() - box.x || box.height > picture.height() - box.y) {
      fail(kUsage, "--box: ", box.x, ",", box.y, ",", box.width, ",", box.height,
           " leaves the picture, which is ", picture.width(), " x ", picture.height());
    }
    paint(image, box);
  }
  return image;
}

template <class T>
void clip(const VImage& image, const VImage& boxes) {
  const auto mask = values<T>(image);
  const auto inside = values<uint8_t>(boxes);
  for (size_t i = 0; i < mask.size(); ++i) {
    if (inside[i] == 0) mask[i] = 0;
  }
}

infill_image view_of(const VImage& image) {
  infill_image view = INFILL_IMAGE_INIT;
  view.format = image.format() == VIPS_FORMAT_USHORT ? INFILL_FORMAT_GRAY16 : INFILL_FORMAT_GRAY8;
  view.width = image.width();
  view.height = image.height();
  view.data = VIPS_IMAGE_ADDR(image.get_image(), 0, 0);
  return view;
}

void shape(const VImage& image, int grow, int feather) {
  if (grow == 0 && feather == 0) return;
  const infill_image view = view_of(image);
  infill_error error = INFILL_ERROR_INIT;
  const SignalsEndTheProgram at_once;
  check_interrupted();
  const infill_status status = infill_mask_shape(&view, grow, feather, &view, &error);
  if (status == INFILL_OK) return;
  fail(status == INFILL_ERROR_OUT_OF_MEMORY ? kMemory : kFillFailed, "the mask: ", error.message);
}

template <class T>
uint64_t count_holes(const VImage& image) {
  const auto mask = values<T>(image);
  return static_cast<uint64_t>(std::count_if(mask.begin(), mask.end(), [](T m) { return m != 0; }));
}

}  // namespace

Mask::Mask(const PictureFile& picture, const FillArguments& arguments) {
  VImage image;
  if (arguments.mask.empty()) {
    image = boxes_of(picture, arguments.boxes);
  } else {
    const PictureFile file = open_picture(arguments.mask, arguments.max_pixels);
    if (file.width() != picture.width() || file.height() != picture.height()) {
      fail(kInput, arguments.mask.string(), ": the mask is ", file.width(), " x ", file.height(), ", ",
           picture.path.string(), " is ", picture.width(), " x ", picture.height(),
           " as displayed; they must have one size");
    }
    had_alpha_ = file.image.has_alpha();
    image = read_luminance(file);
    if (image.format() == VIPS_FORMAT_USHORT && !arguments.soft_mask) {
      image = (image >> 8).cast(VIPS_FORMAT_UCHAR).copy_memory();
    }
  }
  const bool deep = image.format() == VIPS_FORMAT_USHORT;
  brightest_ = static_cast<int>(image.max()) / (deep ? 257 : 1);
  if (arguments.invert_mask) image = image.invert().copy_memory();
  if (!arguments.soft_mask) {
    const auto mask = values<uint8_t>(image);
    for (uint8_t& m : mask) m = m >= arguments.threshold ? 255 : 0;
    shape(image, arguments.grow, 0);
  }
  if (!arguments.mask.empty() && !arguments.boxes.empty()) {
    const VImage boxes = boxes_of(picture, arguments.boxes);
    deep ? clip<uint16_t>(image, boxes) : clip<uint8_t>(image, boxes);
  }
  if (!arguments.soft_mask) shape(image, 0, arguments.feather);
  holes_ = deep ? count_holes<uint16_t>(image) : count_holes<uint8_t>(image);
  pixels_ = turn(image, inverse_orientation(picture.orientation));
}

infill_image Mask::view() {
  return view_of(pixels_);
}

}  // namespace cli
