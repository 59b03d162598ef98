#include "zoo/deepfill_model.h"

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

inference::DeepFill build_deepfill(const Recognised& model, kernels::Precision precision,
                                   const Advance& advance) {
  const StateDict& weights = model.weights;
  const inference::DeepFillVariant variant = deepfill_variant(model);
  weights.require_finite(advance);
  try {
    return {variant,
            [&](const std::string& key) {
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
            },
            precision};
  } catch (const Error& error) {
    fail(error.status(), in_quotes(weights.file().name()), ": ", error.what());
  }
}

}  // namespace infill::zoo
