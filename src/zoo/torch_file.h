// What torch.save writes: a zip archive (since torch 1.6), or before that a row of pickles and the bytes
// after it.
//
// Zip: NAME/data.pkl is one pickle, NAME/data/KEY the bytes of the storages that it names, NAME/byteorder
// "little" when it is there. Legacy: the pickles of a magic number, the version 1001, a description of the
// machine, the object and a list of keys; then, for every key, its number of elements in 8 bytes and the
// elements. Source of both: torch/serialization.py. TorchScript archives have the form of the first kind; the
// weights in them are found by their attributes' names.
#pragma once

#include <cstddef>
#include <span>

#include "zoo/weight_file.h"

namespace infill::zoo {

// Fill tensors (in no order) and ignored.
void read_torch_zip(std::span<const std::byte> bytes, Contents& contents);
void read_torch_legacy(std::span<const std::byte> bytes, Contents& contents);

}  // namespace infill::zoo
