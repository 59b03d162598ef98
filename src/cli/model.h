// --model, infill model info and infill model run.
#pragma once

#include <infill.h>

#include <filesystem>
#include <memory>

#include "arguments.h"
#include "fill.h"

namespace cli {

using Model = std::unique_ptr<infill_model, Destroyer<infill_model, infill_model_destroy>>;

// Null without --model. Throws kInput when the file is damaged or for no network that infill knows.
[[nodiscard]] Model open_model(infill_context* context, const EngineArguments& arguments);

// infill model info FILE
void print_model_info(const std::filesystem::path& path);

// infill model run. A terminal gets a progress bar and a line about the result.
void run_model(const RunArguments& arguments);

}  // namespace cli
