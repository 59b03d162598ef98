// infill fill: one picture.
#pragma once

#include <infill.h>

#include <memory>
#include <string>

#include "arguments.h"
#include "failure.h"

namespace cli {

// The exit code for what the library answered.
[[nodiscard]] ExitCode exit_code(infill_status status);

// Throws Failure with the library's message when it did not succeed.
void check(infill_status status, const infill_error& error, const std::string& about);

template <class T, void (*destroy)(T*) noexcept>
struct Destroyer {
  void operator()(T* handle) const noexcept { destroy(handle); }
};
using Context = std::unique_ptr<infill_context, Destroyer<infill_context, infill_context_destroy>>;
using Session = std::unique_ptr<infill_session, Destroyer<infill_session, infill_session_destroy>>;

[[nodiscard]] Context make_context(const EngineArguments& arguments);
// model: may be null. Throws kUsage for a --set that the method does not know.
[[nodiscard]] Session make_session(infill_context* context, const infill_model* model,
                                   const FillArguments& arguments);

// Reads, fills, writes. A terminal gets a progress bar and a line about the result.
void fill_picture(infill_context* context, const infill_model* model, const FillArguments& arguments);

}  // namespace cli
