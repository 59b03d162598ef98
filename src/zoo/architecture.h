// Which network a file of weights belongs to, told by the names and shapes of its tensors.
//
// A table: a new network is one more entry in architecture.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zoo/parameters.h"
#include "zoo/weight_file.h"

namespace infill::zoo {

struct KeyShape {
  std::string key;
  Dims shape;
};

struct Architecture {
  std::string_view name;  // "deepfill-v2"
  std::string_view kind;  // "fill"
  // The parameters that the shapes tell. Throws kInvalidArgument naming the key at fault.
  Parameters (*read_parameters)(const StateDict& weights);
  // All tensors that the network has, in the order of its layers. What read_parameters gives, and no
  // parameters at all (for the names), are understood.
  std::vector<KeyShape> (*keys)(const Parameters& parameters);
};

// deepfill-v2     Free-form inpainting with gated convolution, Yu et al. 2019, as published for PyTorch:
// equal
//                 padding. "width" (48), "padding" "equal", "fuse" (whether the attention layer has its
//                 fuse_weight, which has to be the identity), "fuse_kernel" (3) with it.
// deepfill-v2-tf  The same network converted from TensorFlow. "width", "padding" "same", "fuse" false.
[[nodiscard]] std::span<const Architecture> architectures();

struct Recognised {
  const Architecture* architecture;
  Parameters parameters;
  StateDict weights;  // has exactly the architecture's keys, each a floating-point tensor of the right shape
};

// Finds the state dict in the file, below whatever prefix it stands ("G.", "state_dict.generator.",
// "params_ema."), or below `prefix` alone. The file has to outlive what is returned. When several fit
// equally, the one with "ema" in its prefix is taken, as the averaged weights are the better ones. Throws
// kUnsupported when at least half the keys of no architecture are there ("unknown architecture"), or when
// several state dicts fit; kInvalidArgument for the first key that is missing, unexpected, misshapen or not
// floating-point.
[[nodiscard]] Recognised recognise(const WeightFile& file, const std::optional<std::string>& prefix = {});

}  // namespace infill::zoo
