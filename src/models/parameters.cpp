#include "models/parameters.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <memory>

namespace infill::models {
namespace {

class Branch : public torch::nn::Module {};

struct Place {
  torch::nn::Module* module;
  std::string name;
};

Place place_of(torch::nn::Module& root, const std::string& key) {
  Place place{&root, key};
  for (size_t dot = key.find('.'); dot != std::string::npos; dot = place.name.find('.')) {
    const std::string child = place.name.substr(0, dot);
    const auto children = place.module->named_children();
    if (const auto* found = children.find(child)) {
      place.module = found->get();
    } else {
      place.module = place.module->register_module(child, std::make_shared<Branch>()).get();
    }
    place.name = place.name.substr(dot + 1);
  }
  return place;
}

}  // namespace

at::Tensor register_parameter(torch::nn::Module& root, const std::string& key, const at::Tensor& value) {
  const Place place = place_of(root, key);
  return place.module->register_parameter(place.name, value);
}

at::Tensor register_buffer(torch::nn::Module& root, const std::string& key, const at::Tensor& value) {
  const Place place = place_of(root, key);
  return place.module->register_buffer(place.name, value);
}

at::Tensor initial(at::IntArrayRef shape, int64_t fan_in) {
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  return at::empty(shape, at::kFloat).uniform_(-bound, bound);
}

}  // namespace infill::models
