#include "zoo/deepfill_model.h"

#include <optional>
#include <string>
#include <variant>

#include "core/status.h"
#include "zoo/text.h"

namespace infill::zoo {

inference::DeepFillVariant deepfill_variant(const Recognised& model) {
  const std::string file = in_quotes(model.weights.file().name());
  inference::DeepFillVariant variant;
  if (model.architecture->name == "deepfill-v2-tf") {
    variant.tensorflow = true;
  } else if (model.architecture->name != "deepfill-v2") {
    fail(Status::kUnsupported, file, ": architecture ", in_quotes(model.architecture->name),
         ": is not DeepFill v2");
  }
  variant.fuse = std::get<bool>(model.parameters.find("fuse")->second);
  const auto kernel = model.parameters.find("fuse_kernel");
  if (kernel != model.parameters.end() && std::get<int64_t>(kernel->second) != 3) {
    fail(Status::kUnsupported, file, ": fuse_kernel: ", std::get<int64_t>(kernel->second),
         ", only 3 is built");
  }
  return variant;
}

namespace {

inference::WeightLookup deepfill_weights(const Recognised& model, const Advance& advance) {
  return [&weights = model.weights, advance](const std::string& key) {
    const Tensor* tensor = weights.find(key);
    if (tensor == nullptr) {
      fail(Status::kInvalidArgument, "key ", in_quotes(weights.prefix() + key), ": is missing");
    }
    inference::Weight weight;
    weight.values.resize(static_cast<size_t>(tensor->elements()));
    tensor->copy_to_float(weight.values);
    if (advance) advance(tensor->size_in_bytes());
    weight.shape.assign(tensor->shape.values().begin(), tensor->shape.values().end());
    return weight;
  };
}

}  // namespace

void with_deepfill(
    const Recognised& model, const Advance& advance,
    const std::function<void(const inference::DeepFillVariant&, const inference::WeightLookup&)>& build) {
  const inference::DeepFillVariant variant = deepfill_variant(model);
  model.weights.require_finite(advance);
  try {
    build(variant, deepfill_weights(model, advance));
  } catch (const Error& error) {
    throw Error(error.status(), in_quotes(model.weights.file().name()) + ": " + error.what(), error.native());
  }
}

inference::DeepFill build_deepfill(const Recognised& model, kernels::Precision precision,
                                   const Advance& advance) {
  std::optional<inference::DeepFill> network;
  with_deepfill(model, advance, [&](const auto& variant, const auto& weights) {
    network.emplace(variant, weights, precision);
  });
  return *std::move(network);
}

}  // namespace infill::zoo
