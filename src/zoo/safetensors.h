// The safetensors container: 8 bytes little-endian length of the header, the header in JSON, the tensors'
// bytes. https://huggingface.co/docs/safetensors
//
// Read strictly: names differ, every tensor's bytes fit its type and shape, and the tensors follow each other
// from the first byte of the data to the last without a gap. Duplicate keys are errors at every level. A
// tensor may start at any address.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "zoo/weight_file.h"

namespace infill::zoo {

// Fills tensors (in the header's order), metadata and data.
void read_safetensors(std::span<const std::byte> bytes, Contents& contents);

// Writes tensors (of any strides) and metadata, the same bytes for the same input: tensors by falling element
// size, then by name; metadata by name. The file appears whole or not at all: it is written beside `path` and
// then renamed. A file of that name is replaced. Throws kInvalidArgument for names that repeat or are not
// UTF-8 and for what read_safetensors would refuse, kIo when writing fails.
void write_safetensors(const std::filesystem::path& path, std::span<const Tensor> tensors,
                       const Metadata& metadata);

// Of the tensors' bytes in the file that write_safetensors would write: the SHA-256 of its Contents::data.
[[nodiscard]] std::string sha256_of_data(std::span<const Tensor> tensors);

}  // namespace infill::zoo
