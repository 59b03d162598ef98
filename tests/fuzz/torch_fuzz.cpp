// libFuzzer target: the readers of .pth files: zip archives, legacy files and the pickles in them.
//
// An input is a file; and once more the object's pickle in a legacy file, so that inputs of any length reach
// the pickle machine.
#include <string>
#include <string_view>

#include "fuzz/weights_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  infill::zoo::read_and_touch(bytes);
  // Magic number, version 1001, an empty description of the machine.
  constexpr std::string_view kStart(
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02", 27);
  std::string file(kStart);
  file.append(reinterpret_cast<const char*>(data), size);
  infill::zoo::read_and_touch(std::as_bytes(std::span(file)));
  return 0;
}
