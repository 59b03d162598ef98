#include "help.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

#include "arguments.h"

namespace cli {

void print_help() {
  std::fputs(R"(infill fills holes in pictures: it removes objects, scratches and text.

  infill fill photo.jpg --mask mask.png --output result.png

The mask is a picture of the same size as the photo: white is filled, black is kept.

Commands
  fill        fill one picture, or many
  info        methods and their settings, devices, build; infill info FILE: what is in a picture
  model       infill model info FILE: what a file of weights for --model holds
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
  constexpr size_t kColumn = 24;
  for (const Option& option : options()) {
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
  std::fputs(R"(
Exit codes
  0 done   1 this picture cannot be filled   2 wrong arguments   3 a file cannot be read, or mask and picture differ in
  size   4 the result cannot be written   5 not enough memory   6 some pictures of many failed   130 Ctrl-C
When a fill fails or is interrupted, no result is written.
)",
             stdout);
}

}  // namespace cli
