#include "fill.h"

#include <filesystem>
#include <iomanip>
#include <optional>
#include <system_error>

#include "mask.h"
#include "picture.h"
#include "preview.h"
#include "terminal.h"

namespace cli {
namespace {

int32_t on_progress(void* user, const infill_progress* progress) {
  static_cast<ProgressBar*>(user)->show(*progress);
  return interrupted() ? 1 : 0;
}

// The commonest mistakes with masks, which a fill cannot know to be mistakes.
void give_hints(const Mask& mask, const FillArguments& arguments, uint64_t pixels) {
  const std::string name = arguments.mask.empty() ? "the box" : arguments.mask.string();
  if (mask.holes() == 0) {
    const int brightest = mask.brightest();
    std::string more;
    if (brightest > 0 && brightest < arguments.threshold && !arguments.soft_mask) {
      more = text(" Its brightest value is ", brightest, " of 255: try --threshold ", brightest, ".");
    } else if (mask.had_alpha()) {
      more = " What is transparent in it counts as black.";
    }
    say(text("hint: nothing was filled: ", name, " marks no pixel; white is filled, black is kept.", more));
  } else if (!arguments.mask.empty() && mask.holes() > pixels / 2) {
    const char* remedy = arguments.invert_mask ? "Is --invert-mask right?"
                                               : "If it is the other way round, add --invert-mask.";
    say(text("hint: ", name, " marks ", mask.holes() * 100 / pixels,
             " % of the picture to be filled; white is filled, black is kept. ", remedy));
  }
}

// Slips of the keyboard that would cost a file.
void check_names(const FillArguments& arguments) {
  const auto refuse_same = [](const char* option, const std::filesystem::path& written,
                              const std::filesystem::path& other, const char* what) {
    std::error_code error;
    const bool same = written == other || std::filesystem::equivalent(written, other, error);
    if (!written.empty() && !other.empty() && same)
      fail(kUsage, option, ": ", written.string(), " is ", what);
  };
  refuse_same("--output", arguments.output, arguments.mask, "the mask");
  refuse_same("--preview", arguments.preview, arguments.output, "the output");
  refuse_same("--preview", arguments.preview, arguments.mask, "the mask");
  refuse_same("--preview", arguments.preview, arguments.image, "the picture");
}

void tell_result(infill_session* session, const FillArguments& arguments) {
  infill_result result = INFILL_RESULT_INIT;
  if (!stderr_is_terminal() || infill_session_get_result(session, &result, nullptr) != INFILL_OK) return;
  const char* method = result.model_name != nullptr ? result.model_name : "";
  for (uint32_t i = 0; i < infill_method_count(); ++i) {
    infill_method_info info = INFILL_METHOD_INFO_INIT;
    if (infill_method_get_info(i, &info, nullptr) == INFILL_OK && info.method == result.method)
      method = info.name;
  }
  say(text(arguments.output.string(), ": ", result.hole_pixels, " pixels filled in ", std::fixed,
           std::setprecision(2), static_cast<double>(result.elapsed_ns) * 1e-9, " s (", method, ")"));
}

}  // namespace

ExitCode exit_code(infill_status status) {
  switch (status) {
    case INFILL_ERROR_MEMORY_LIMIT:
    case INFILL_ERROR_OUT_OF_MEMORY:
      return kMemory;
    case INFILL_ERROR_UNKNOWN_PARAMETER:
      return kUsage;
    case INFILL_ERROR_IO:
    case INFILL_ERROR_BAD_MODEL:
    case INFILL_ERROR_WRONG_MODEL:
      return kInput;
    case INFILL_ERROR_CANCELLED:
      return kInterrupted;
    default:
      return kFillFailed;
  }
}

void check(infill_status status, const infill_error& error, const std::string& about) {
  if (status == INFILL_OK) return;
  check_interrupted();
  fail(exit_code(status), about, ": ", error.message);
}

Context make_context(const EngineArguments& arguments) {
  infill_context_desc desc = INFILL_CONTEXT_DESC_INIT;
  desc.api_version = INFILL_VERSION;
  desc.device_type = arguments.device_type;
  desc.device_index = arguments.device_index;
  desc.num_threads = arguments.threads;
  desc.memory_limit = arguments.memory_limit;
  infill_error error = INFILL_ERROR_INIT;
  infill_context* context = nullptr;
  const infill_status status = infill_context_create(&desc, &context, &error);
  if (status == INFILL_ERROR_NO_DEVICE) fail(kUsage, "--device: ", error.message);
  check(status, error, "cannot start");
  return Context(context);
}

Session make_session(infill_context* context, const infill_model* model, const FillArguments& arguments) {
  infill_session_desc desc = INFILL_SESSION_DESC_INIT;
  desc.method = arguments.method;
  desc.quality = arguments.quality;
  desc.fill_model = model;
  infill_error error = INFILL_ERROR_INIT;
  infill_session* handle = nullptr;
  check(infill_session_create(context, &desc, &handle, &error), error, "cannot start");
  Session session(handle);
  for (const auto& [name, value] : arguments.parameters) {
    if (infill_session_set_param(handle, name.c_str(), value, &error) != INFILL_OK) {
      fail(kUsage, "--set ", name, ": ", error.message,
           model != nullptr ? "; see infill model info FILE" : "; see infill info");
    }
  }
  return session;
}

void fill_picture(infill_context* context, const infill_model* model, const FillArguments& arguments) {
  const Session session = make_session(context, model, arguments);
  const PictureFile file = open_picture(arguments.image, arguments.max_pixels);
  check_names(arguments);
  check_output(arguments.output, &file);
  if (!arguments.preview.empty()) check_output(arguments.preview, nullptr);
  Mask mask(file, arguments);
  Picture picture(file);
  give_hints(mask, arguments, static_cast<uint64_t>(file.width()) * static_cast<uint64_t>(file.height()));
  std::optional<Preview> preview;
  if (!arguments.preview.empty()) preview.emplace(picture, mask);

  const infill_image pixels = picture.view();
  const infill_image holes = mask.view();
  {
    ProgressBar bar(arguments.image.filename().string());
    infill_fill_desc desc = INFILL_FILL_DESC_INIT;
    desc.src = desc.dst = &pixels;
    desc.mask = &holes;
    desc.seed = arguments.seed;
    desc.progress = on_progress;
    desc.progress_user = &bar;
    infill_error error = INFILL_ERROR_INIT;
    check(infill_fill(session.get(), &desc, &error), error, arguments.image.string());
  }
  // The result comes last: when it is there, all is done.
  if (preview) preview->write(picture, arguments.preview);
  picture.write(arguments.output, arguments.jpeg_quality);
  tell_result(session.get(), arguments);
}

}  // namespace cli
