// Modules whose parameters have the dotted names of a checkpoint.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <string>

namespace infill::models {

// "a.b.weight" becomes the parameter "weight" of the child "b" of the child "a" of root. Children are made
// where there are none. Returns what was registered.
at::Tensor register_parameter(torch::nn::Module& root, const std::string& key, const at::Tensor& value);
at::Tensor register_buffer(torch::nn::Module& root, const std::string& key, const at::Tensor& value);

// Evenly distributed between ±1 / √fan_in, as torch.nn.Conv2d starts.
at::Tensor initial(at::IntArrayRef shape, int64_t fan_in);

}  // namespace infill::models
