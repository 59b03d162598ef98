#include "help.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "arguments.h"

namespace cli {

namespace {

void print_options(const auto& options) {
  constexpr size_t kColumn = 24;
  for (const auto& option : options) {
    std::string left = "  ";
    if (option.letter != 0) left.append("-").append(1, option.letter).append(", ");
    left.append(option.name);
    if (option.value != nullptr) left.append(" ").append(option.value);
    left += std::string(left.size() < kColumn ? kColumn - left.size() : 2, ' ');
    std::string_view help = option.help;
    while (!help.empty()) {
      const size_t end = help.find('\n');
      std::printf("%s%.*s\n", left.c_str(), static_cast<int>(std::min(end, help.size())), help.data());
      help.remove_prefix(end == std::string_view::npos ? help.size() : end + 1);
      left.assign(kColumn, ' ');
    }
  }
}

}  // namespace

void print_help() {
  std::fputs(R"(infill fills holes in pictures: it removes objects, scratches and text.

  infill fill photo.jpg --mask mask.png --output result.png

The mask is a picture of the same size as the photo: white is filled, black is kept.

Commands
  fill        fill one picture, or many
  info        methods and their settings, devices, build; infill info FILE: what is in a picture
  model       infill model info FILE: what --model FILE would open; infill model run FILE: its bare numbers
  --help      this text; infill fill --help: all options
  --version
)",
             stdout);
}

void print_fill_help() {
  std::fputs(R"(infill fill IN --mask MASK --output OUT [options]
infill fill FOLDER --mask FOLDER --output FOLDER [options]
infill fill --manifest LIST.jsonl [options]

Fills what is white in MASK. IN and MASK are PNG, JPEG, WebP or TIFF files of one size, as a viewer displays them.
Everything outside the hole stays exactly as it is, with colour profile, EXIF and XMP, except in a .jpg: JPEG files are
compressed anew, which changes every pixel a little. Write .png to avoid that.
Of folders, the mask of a picture is the file of the same name up to the extension; results that are newer than picture
and mask are left alone, so that the same command resumes what was interrupted.

)",
             stdout);
  print_options(options());
  std::fputs(R"(
Exit codes
  0 done   1 this picture cannot be filled   2 wrong arguments   3 a file cannot be read, or mask and picture differ in
  size   4 the result cannot be written   5 not enough memory   6 some pictures of many failed   130 Ctrl-C
When a fill fails or is interrupted, no result is written.
)",
             stdout);
}

void print_model_help() {
  std::fputs(R"(infill model info FILE
infill model run FILE --inputs IN --outputs OUT [options]

info prints what a file of weights holds: name, architecture, licence, SHA-256.

run puts pictures through the network itself, without the crop, the scale and the blending of a fill, so that its
numbers can be compared with another program's. IN is a safetensors file with exactly two tensors: image [N, 3, H, W],
red, green and blue of 0..1 in floating point, and mask [N, 1, H, W], 1 = hole, 0 = known. OUT gets coarse, refined
(both as the network gives them) and composite (refined in the hole, image elsewhere), [N, 3, H, W] of 0..1, float32.
Sides that are no multiple of 8 are continued by reflection and cut off again.

)",
             stdout);
  print_options(run_options());
  std::fputs(R"(
Exit codes
  0 done   1 the network's numbers overflow   2 wrong arguments   3 FILE or IN cannot be read, or holds something else
  4 OUT cannot be written   5 not enough memory   130 Ctrl-C
When a run fails or is interrupted, nothing is written.
)",
             stdout);
}

}  // namespace cli
