#include "model.h"

#include <cinttypes>
#include <cstdio>
#include <system_error>

#include "info.h"
#include "output_file.h"
#include "terminal.h"

namespace cli {
namespace fs = std::filesystem;
namespace {

int32_t on_progress(void* user, const infill_progress* progress) {
  static_cast<ProgressBar*>(user)->show(*progress);
  return interrupted() ? 1 : 0;
}

void check_files(const RunArguments& arguments) {
  std::error_code error;
  const fs::path& inputs = arguments.inputs;
  if (!fs::exists(inputs, error)) fail(kInput, inputs.string(), ": there is no such file");
  if (!fs::is_regular_file(inputs, error)) fail(kInput, inputs.string(), ": is not an ordinary file");
  for (const auto& [other, what] :
       {std::pair(inputs, "the inputs"), std::pair(arguments.model, "the model")}) {
    if (fs::equivalent(arguments.outputs, other, error))
      fail(kUsage, "--outputs: ", arguments.outputs.string(), " is ", what);
  }
}

// The library's message begins with the field that it is about: the user gave a file instead.
[[noreturn]] void fail_run(const RunArguments& arguments, const infill_error& error) {
  if (interrupted()) fail(kInterrupted, "interrupted; nothing was written");
  constexpr std::string_view kInputs = "desc.inputs: ";
  constexpr std::string_view kOutputs = "desc.outputs: ";
  std::string_view message = error.message;
  const bool writing = message.starts_with(kOutputs);
  if (writing) message.remove_prefix(kOutputs.size());
  if (message.starts_with(kInputs)) message.remove_prefix(kInputs.size());
  ExitCode code = exit_code(error.status);
  if (error.status == INFILL_ERROR_INVALID_ARGUMENT) code = kInput;
  if (error.status == INFILL_ERROR_IO && writing) code = kOutput;
  fail(code, (writing ? arguments.outputs : arguments.inputs).string(), ": ", message);
}

}  // namespace

Model open_model(infill_context* context, const EngineArguments& arguments) {
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

void print_model_info(const fs::path& path) {
  EngineArguments arguments;
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
  std::puts("  settings that --set changes:");
  print_settings(make_session(context.get(), model.get(), {}).get());
}

void run_model(const RunArguments& arguments) {
  check_files(arguments);
  OutputFile output(arguments.outputs);
  const Context context = make_context(arguments);
  const Model model = open_model(context.get(), arguments);
  {
    ProgressBar bar(arguments.inputs.filename().string());
    infill_model_run_desc desc = INFILL_MODEL_RUN_DESC_INIT;
    desc.inputs = arguments.inputs.c_str();
    desc.outputs = output.temporary().c_str();
    desc.progress = on_progress;
    desc.progress_user = &bar;
    infill_error error = INFILL_ERROR_INIT;
    if (infill_model_run_file(model.get(), &desc, &error) != INFILL_OK) fail_run(arguments, error);
  }
  output.commit();
  if (stderr_is_terminal())
    say(text(arguments.outputs.string(), ": coarse, refined and composite were written"));
}

}  // namespace cli
