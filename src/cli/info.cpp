#include "info.h"

#include <infill.h>

#include <cstdio>
#include <limits>
#include <string>

#include "fill.h"
#include "picture.h"

namespace cli {
namespace {

void print_devices() {
  std::puts("\nDevices");
  for (uint32_t i = 0; i < infill_device_count(); ++i) {
    infill_device_info info = INFILL_DEVICE_INFO_INIT;
    infill_error error = INFILL_ERROR_INIT;
    check(infill_device_get_info(i, &info, &error), error, text("device ", i));
    const std::string name = info.type == INFILL_DEVICE_CUDA ? text("cuda:", info.index) : "cpu";
    std::printf("  %s: %s, %.1f GiB memory\n", name.c_str(), info.name,
                static_cast<double>(info.total_memory) / (1 << 30));
  }
}

void print_methods() {
  const Context context = make_context({});
  std::puts("\nMethods, with the settings that --set changes");
  for (uint32_t i = 0; i < infill_method_count(); ++i) {
    infill_method_info info = INFILL_METHOD_INFO_INIT;
    infill_error error = INFILL_ERROR_INIT;
    check(infill_method_get_info(i, &info, &error), error, text("method ", i));
    std::printf("  %s: %s\n", info.name, info.summary);
    FillArguments arguments;
    arguments.method = info.method;
    print_settings(make_session(context.get(), nullptr, arguments).get());
  }
}

void print_size_of(const PictureFile& file, const char* field, const char* name) {
  if (file.image.get_typeof(field) != VIPS_TYPE_BLOB) return;
  size_t size = 0;
  (void)file.image.get_blob(field, &size);
  std::printf("  %s: %zu bytes\n", name, size);
}

}  // namespace

void print_settings(infill_session* session) {
  for (uint32_t i = 0; i < infill_session_param_count(session); ++i) {
    infill_param_info info = INFILL_PARAM_INFO_INIT;
    infill_error error = INFILL_ERROR_INIT;
    check(infill_session_get_param_info(session, i, &info, &error), error, text("setting ", i));
    std::printf("      %s = %g (%g to %g): %s\n", info.name, info.default_value, info.minimum, info.maximum,
                info.help);
  }
}

void print_library_info() {
  std::printf("%s\nlibvips %s\n", infill_build_info(), vips_version_string());
  print_devices();
  print_methods();
}

void print_file_info(const std::filesystem::path& path) {
  const PictureFile file = open_picture(path, std::numeric_limits<uint64_t>::max());
  const vips::VImage& image = file.image;
  const std::string reader = image.get_string("vips-loader");
  const auto name = [](GType type, int value) { return vips_enum_nick(type, value); };
  std::printf("%s\n", path.c_str());
  std::printf("  size as displayed: %d x %d\n", file.width(), file.height());
  std::printf("  EXIF orientation: %d%s\n", file.orientation, file.orientation > 1 ? " (stored turned)" : "");
  std::printf("  file format: %s\n", reader.substr(0, reader.find("load")).c_str());
  std::printf("  channels: %d%s of %s, %s\n", image.bands(), image.has_alpha() ? " (alpha included)" : "",
              name(VIPS_TYPE_BAND_FORMAT, image.format()),
              name(VIPS_TYPE_INTERPRETATION, image.interpretation()));
  print_size_of(file, VIPS_META_ICC_NAME, "ICC profile");
  print_size_of(file, VIPS_META_EXIF_NAME, "EXIF");
  print_size_of(file, VIPS_META_XMP_NAME, "XMP");
  print_size_of(file, VIPS_META_IPTC_NAME, "IPTC");
}

}  // namespace cli
