// libFuzzer target: the safetensors reader, and what looks at its tensors afterwards.
//
// An input is a file; and once more, without its first byte, a header whose length is right, in front of as
// many bytes of data as that byte says: so that inputs of any length get past the length of the header.
#include <string>

#include "fuzz/weights_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  infill::zoo::read_and_touch(bytes);
  if (size > 0) {
    const uint64_t length = size - 1;
    std::string file(reinterpret_cast<const char*>(&length), sizeof(length));
    file.append(reinterpret_cast<const char*>(data) + 1, length);
    file.append(data[0], 'd');
    infill::zoo::read_and_touch(std::as_bytes(std::span(file)));
  }
  return 0;
}
