#include "picture.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

#include "failure.h"
#include "output_file.h"
#include "terminal.h"

namespace cli {
namespace fs = std::filesystem;
using vips::VError;
using vips::VImage;

namespace {

enum class FileType { kPng, kJpeg, kWebp, kTiff };

FileType file_type(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".png") return FileType::kPng;
  if (extension == ".jpg" || extension == ".jpeg") return FileType::kJpeg;
  if (extension == ".webp") return FileType::kWebp;
  if (extension == ".tif" || extension == ".tiff") return FileType::kTiff;
  fail(kUsage, path.string(), ": the extension must be .png, .tif, .webp or .jpg");
}

// libvips' names; those of the readers for files, sources and memory begin with them.
constexpr std::array<const char*, 4> kReaders{"VipsForeignLoadPng", "VipsForeignLoadJpeg",
                                              "VipsForeignLoadWebp", "VipsForeignLoadTiff"};

bool is_allowed(std::string_view reader) {
  return std::any_of(kReaders.begin(), kReaders.end(),
                     [&](const char* allowed) { return reader.starts_with(allowed); });
}

// The first line of what libvips says, which collects lines.
std::string first_line(const VError& error) {
  const std::string_view all = error.what();
  return std::string(all.substr(0, all.find('\n')));
}

// While `image` is computed, a signal stops it.
void stop_when_interrupted(const VImage& image) {
  vips_image_set_progress(image.get_image(), TRUE);
  g_signal_connect(image.get_image(), "eval", G_CALLBACK(+[](VipsImage* each, VipsProgress*, void*) {
                     if (interrupted()) vips_image_set_kill(each, TRUE);
                   }),
                   nullptr);
}

bool is_linear(const VImage& image) {
  return image.format() == VIPS_FORMAT_FLOAT;
}

void ignore_log(const char*, GLogLevelFlags, const char*, void*) {}

}  // namespace

void start_vips(const char* program) {
  if (VIPS_INIT(program) != 0) fail(kFillFailed, "libvips does not start: ", vips_error_buffer());
  g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING, ignore_log, nullptr);  // errors come as exceptions
  vips_block_untrusted_set(TRUE);
  vips_operation_block_set("VipsForeignLoad", TRUE);
  for (const char* reader : kReaders) vips_operation_block_set(reader, FALSE);
  // Fills write into images that libvips takes for constant.
  vips_cache_set_max(0);
}

PictureFile open_picture(const fs::path& path, uint64_t max_pixels) {
  std::error_code error;
  if (!fs::exists(path, error)) fail(kInput, path.string(), ": there is no such file");
  if (!fs::is_regular_file(path, error)) fail(kInput, path.string(), ": is not an ordinary file");
  PictureFile file{path, {}, 1};
  try {
    // A source, because a file name may hold brackets, which libvips would read as options.
    const vips::VSource source = vips::VSource::new_from_file(path.c_str());
    const char* reader = vips_foreign_find_load_source(source.get_source());
    if (reader == nullptr || !is_allowed(reader)) {
      vips_error_clear();
      fail(kInput, path.string(), ": is not a PNG, JPEG, WebP or TIFF file");
    }
    file.image = VImage::new_from_source(
        source, "",
        VImage::option()->set("access", VIPS_ACCESS_SEQUENTIAL)->set("fail_on", VIPS_FAIL_ON_ERROR));
  } catch (const VError& problem) {
    fail(kInput, path.string(), ": cannot be read: ", first_line(problem));
  }
  const uint64_t pixels =
      static_cast<uint64_t>(file.image.width()) * static_cast<uint64_t>(file.image.height());
  if (pixels > max_pixels) {
    fail(kInput, path.string(), ": ", file.image.width(), " x ", file.image.height(), " are ", pixels,
         " pixels, more than --max-pixels ", max_pixels);
  }
  const int pages = vips_image_get_n_pages(file.image.get_image());
  if (pages > 1) {
    fail(kInput, path.string(), ": has ", pages, " pages or frames; only single pictures can be filled");
  }
  file.orientation = std::clamp(vips_image_get_orientation(file.image.get_image()), 1, 8);
  return file;
}

VImage decode(const PictureFile& file, const VImage& image) {
  try {
    stop_when_interrupted(image);
    VImage memory = VImage::new_memory();
    image.write(memory);
    return memory;
  } catch (const VError& problem) {
    check_interrupted();
    fail(kInput, file.path.string(), ": is damaged: ", first_line(problem));
  }
}

Picture::Picture(const PictureFile& file) : orientation_(file.orientation) {
  VImage image = file.image;
  const char* reason = nullptr;
  switch (image.interpretation()) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB16:
    case VIPS_INTERPRETATION_scRGB:
    case VIPS_INTERPRETATION_MULTIBAND:
      break;
    case VIPS_INTERPRETATION_CMYK:
      reason = "is CMYK; convert it to RGB first, so that you decide about the colours";
      break;
    default:
      reason = "is neither grey nor RGB; convert it to RGB first";
  }
  const VipsBandFormat format = image.format();
  if (format != VIPS_FORMAT_UCHAR && format != VIPS_FORMAT_USHORT && format != VIPS_FORMAT_FLOAT) {
    reason = "has pixels that are neither 8-bit, 16-bit nor 32-bit float";
  } else if (image.bands() > 4) {
    reason = "has more than four channels";
  } else if (reason == nullptr && image.bands() % 2 == 0 && !image.has_alpha()) {
    reason = "has a second or fourth channel that is not marked as alpha";
  }
  if (reason != nullptr) fail(kInput, file.path.string(), ": ", reason);

  if (image.bands() == 2) {
    gray_alpha_ = true;
    const VImage gray = image.extract_band(0);
    image = gray.bandjoin(gray).bandjoin(gray).bandjoin(image.extract_band(1));
  }
  pixels_ = decode(file, image);
  // EXIF carries a small copy of the picture, which would keep showing what was removed.
  pixels_.remove("jpeg-thumbnail-data");
  pixels_.remove("photoshop-data");
}

infill_image Picture::view() {
  infill_image view = INFILL_IMAGE_INIT;
  const bool rgb = pixels_.bands() == 3;
  const bool rgba = pixels_.bands() == 4;
  switch (pixels_.format()) {
    case VIPS_FORMAT_UCHAR:
      view.format = rgba ? INFILL_FORMAT_RGBA8 : rgb ? INFILL_FORMAT_RGB8 : INFILL_FORMAT_GRAY8;
      break;
    case VIPS_FORMAT_USHORT:
      view.format = rgba ? INFILL_FORMAT_RGBA16 : rgb ? INFILL_FORMAT_RGB16 : INFILL_FORMAT_GRAY16;
      break;
    default:
      view.format = rgba ? INFILL_FORMAT_RGBA32F : rgb ? INFILL_FORMAT_RGB32F : INFILL_FORMAT_GRAY32F;
  }
  view.color = is_linear(pixels_) ? INFILL_COLOR_LINEAR : INFILL_COLOR_SRGB;
  view.width = pixels_.width();
  view.height = pixels_.height();
  view.data = VIPS_IMAGE_ADDR(pixels_.get_image(), 0, 0);
  return view;
}

void Picture::write(const fs::path& path, int jpeg_quality) const {
  VImage image = pixels_;
  if (gray_alpha_) {
    const bool deep = image.format() == VIPS_FORMAT_USHORT;
    image = image.extract_band(0)
                .bandjoin(image.extract_band(3))
                .copy(VImage::option()->set("interpretation",
                                            deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W));
  }
  write_image(image, path, jpeg_quality);
}

void check_output(const fs::path& path, const PictureFile* file) {
  const FileType type = file_type(path);
  check_output_place(path);
  if (file == nullptr || type == FileType::kTiff) return;
  const VImage& image = file->image;
  if (is_linear(image))
    fail(kUsage, path.string(), ": the picture has float pixels, which only .tif can hold");
  if (type == FileType::kPng) return;
  const char* name = type == FileType::kJpeg ? "JPEG" : "WebP";
  if (image.format() == VIPS_FORMAT_USHORT) {
    fail(kUsage, path.string(), ": the picture has 16 bits, ", name, " only 8; write .png or .tif");
  }
  if (image.has_alpha() && type == FileType::kJpeg) {
    fail(kUsage, path.string(), ": the picture has alpha, JPEG has none; write .png, .tif or .webp");
  }
}

void write_image(const VImage& image, const fs::path& path, int jpeg_quality) {
  const FileType type = file_type(path);
  OutputFile output(path);
  const char* name = output.temporary().c_str();
  try {
    // A copy, so that the signal handler stays with this use.
    const VImage out = image.copy();
    stop_when_interrupted(out);
    switch (type) {
      case FileType::kPng:
        out.pngsave(name);
        break;
      case FileType::kJpeg:
        out.jpegsave(name, VImage::option()->set("Q", jpeg_quality)->set("optimize_coding", true));
        break;
      case FileType::kWebp:
        out.webpsave(name, VImage::option()->set("lossless", true));
        break;
      case FileType::kTiff: {
        const bool floats = is_linear(out);
        const uint64_t bytes = VIPS_IMAGE_SIZEOF_IMAGE(out.get_image());
        out.tiffsave(name, VImage::option()
                               ->set("compression", VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE)
                               ->set("predictor", floats ? VIPS_FOREIGN_TIFF_PREDICTOR_FLOAT
                                                         : VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL)
                               ->set("bigtiff", bytes > 3'500'000'000U));
        break;
      }
    }
  } catch (const VError& problem) {
    check_interrupted();
    fail(kOutput, path.string(), ": cannot be written: ", first_line(problem));
  }
  check_interrupted();
  output.commit();
}

int inverse_orientation(int orientation) {
  // 6 and 8 are quarter turns; the others are mirrors and half turns, which undo themselves.
  return orientation == 6 ? 8 : orientation == 8 ? 6 : orientation;
}

VImage turn(const VImage& image, int orientation) {
  VImage turned = image.copy();
  turned.set("orientation", orientation);
  return turned.autorot().copy_memory();
}

}  // namespace cli
