// Picture files: what may be read, how it lies in memory, how it is written.
#pragma once

#include <infill.h>

#include <cstdint>
#include <filesystem>
#include <vips/vips8>

namespace cli {

// Starts libvips: only its PNG, JPEG, WebP and TIFF readers may run.
void start_vips(const char* program);

// A file whose header was read. Everything that can be refused without decoding was checked.
struct PictureFile {
  std::filesystem::path path;
  vips::VImage image;   // decoded when its pixels are asked for, from top to bottom, once
  int orientation = 1;  // EXIF, 1..8

  // As displayed: turned by the orientation.
  [[nodiscard]] int width() const { return orientation >= 5 ? image.height() : image.width(); }
  [[nodiscard]] int height() const { return orientation >= 5 ? image.width() : image.height(); }
};

// Throws kInput: missing, not one of the four formats, several pages, more than max_pixels. The file's
// content decides the format, not its name.
[[nodiscard]] PictureFile open_picture(const std::filesystem::path& path, uint64_t max_pixels);

// Decodes into memory, pixels as stored. Throws kInput when the file is damaged, kInterrupted.
[[nodiscard]] vips::VImage decode(const PictureFile& file, const vips::VImage& image);

// Pixels that a fill works on in place, with everything else that was in the file (ICC, EXIF, XMP, …). Pixels
// are as stored, not turned.
class Picture {
 public:
  // Throws kInput for what the library has no format for: CMYK, Lab, 32-bit integers, …
  explicit Picture(const PictureFile& file);

  [[nodiscard]] infill_image view();
  [[nodiscard]] vips::VImage pixels() const { return pixels_; }
  [[nodiscard]] int orientation() const { return orientation_; }

  // Throws kOutput.
  void write(const std::filesystem::path& path, int jpeg_quality) const;

 private:
  vips::VImage pixels_;  // 1, 3 or 4 bands in memory of its own
  int orientation_;
  bool gray_alpha_ = false;  // grey with alpha is filled as RGBA
};

// Before the work: the folder is there (else kOutput), the extension is one of ours and, where `file` is not
// null, can hold its depth and alpha (else kUsage).
void check_output(const std::filesystem::path& path, const PictureFile* file);

// `image` written whole or not at all, in the format of the extension.
void write_image(const vips::VImage& image, const std::filesystem::path& path, int jpeg_quality);

// The EXIF orientation that undoes `orientation`.
[[nodiscard]] int inverse_orientation(int orientation);
// Turns `image`, in memory, by an EXIF orientation.
[[nodiscard]] vips::VImage turn(const vips::VImage& image, int orientation);

}  // namespace cli
