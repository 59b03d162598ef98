#include "model.h"

#include <cinttypes>
#include <cstdio>

namespace cli {

Model open_model(infill_context* context, const FillArguments& arguments) {
  if (arguments.model.empty()) return nullptr;
  infill_model_desc desc = INFILL_MODEL_DESC_INIT;
  desc.precision = arguments.precision;
  infill_error error = INFILL_ERROR_INIT;
  infill_model* model = nullptr;
  const infill_status status =
      infill_model_open_file(context, arguments.model.c_str(), &desc, &model, &error);
  if (status == INFILL_ERROR_UNSUPPORTED) fail(kUsage, "--precision: ", error.message);
  if (status == INFILL_ERROR_INVALID_ARGUMENT) fail(kUsage, "--model: ", error.message);
  check(status, error, "--model");
  return Model(model);
}

void print_model_info(const std::filesystem::path& path) {
  FillArguments arguments;
  arguments.model = path;
  const Context context = make_context(arguments);
  const Model model = open_model(context.get(), arguments);
  infill_model_info info = INFILL_MODEL_INFO_INIT;
  infill_error error = INFILL_ERROR_INIT;
  check(infill_model_get_info(model.get(), &info, &error), error, path.string());
  std::printf("%s\n", path.c_str());
  std::printf("  name: %s\n", info.name);
  std::printf("  kind: %s\n", info.kind == INFILL_MODEL_FILL ? "fill" : "unknown");
  std::printf("  architecture: %s %s\n", info.architecture, info.parameters);
  std::printf("  licence: %s\n", info.license);
  std::printf("  parameters: %" PRIu64 ", %.1f MB in memory\n", info.parameter_count,
              static_cast<double>(info.weight_bytes) * 1e-6);
  std::printf("  SHA-256 of the weights: %s\n", info.weights_sha256);
  std::printf("  SHA-256 of the file: %s\n", info.file_sha256);
}

}  // namespace cli
