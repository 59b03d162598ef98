// <infill.h>: models.
#include "model_run.h"

using namespace infill;
using namespace infill::capi;

namespace {

struct Wanted {
  infill_precision precision = INFILL_PRECISION_AUTO;
  std::optional<std::string> sha256;
};

std::string read_sha256(const char* text) {
  constexpr size_t kDigits = 64;
  std::string digits = text;
  for (char& c : digits) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  if (digits.size() != kDigits || digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
    fail(Status::kInvalidArgument, "desc.sha256: has ", digits.size(),
         " characters or others than 64 hexadecimal digits");
  }
  return digits;
}

Wanted read_desc(const infill_model_desc* given, const Context& context) {
  Wanted wanted;
  if (given == nullptr) return wanted;
  const infill_model_desc desc = read_struct(given, "desc");
  check_reserved("desc", desc.reserved_ptr);
  check_precision(desc.precision, context);
  wanted.precision = desc.precision;
  if (desc.sha256 != nullptr) wanted.sha256 = read_sha256(desc.sha256);
  return wanted;
}

std::filesystem::path read_path(const char* given, const char* name) {
  const std::string_view text = &not_null(given, name);
  if (!is_utf8(text)) fail(Status::kInvalidArgument, name, ": is not valid UTF-8");
  if (text.empty()) fail(Status::kInvalidArgument, name, ": is empty");
  return text;
}

// Opens while the context is in use: shutdown cancels it.
template <class Source>
void open(infill_context* context, const Source& source, const infill_model_desc* desc,
          infill_model** model) {
  const std::shared_ptr<Context>& owner = not_null(context, "context").context;
  not_null(model, "model");
  const Wanted wanted = read_desc(desc, *owner);
  Call call(owner->calls);
  Task task;
  const Call::Working working(call, task);
  *model = new infill_model{std::make_shared<Model>(owner, source, wanted.precision, wanted.sha256, task)};
}

}  // namespace

infill_status infill_model_open_file(infill_context* context, const char* path, const infill_model_desc* desc,
                                     infill_model** model, infill_error* err) noexcept {
  return guarded(err, [&] { open(context, read_path(path, "path"), desc, model); });
}

infill_status infill_model_open_memory(infill_context* context, const void* data, size_t size,
                                       const infill_model_desc* desc, infill_model** model,
                                       infill_error* err) noexcept {
  return guarded(err, [&] {
    const std::byte& first = not_null(static_cast<const std::byte*>(data), "data");
    open(context, std::span(&first, size), desc, model);
  });
}

void infill_model_destroy(infill_model* model) noexcept {
  if (!is_forked_child()) delete model;
}

infill_status infill_model_get_info(const infill_model* model, infill_model_info* info,
                                    infill_error* err) noexcept {
  return guarded(err, [&] { write_struct(info, not_null(model, "model").model->info(), "info"); });
}

infill_status infill_model_run_file(const infill_model* model, const infill_model_run_desc* desc,
                                    infill_error* err) noexcept {
  return guarded(err, [&] {
    const std::shared_ptr<Model> running = not_null(model, "model").model;
    const infill_model_run_desc given = read_struct(desc, "desc");
    check_flags(given.flags, 0, "desc");
    check_reserved("desc", given.reserved_ptr);
    const ModelRun run{read_path(given.inputs, "desc.inputs"), read_path(given.outputs, "desc.outputs")};
    Call call(running->context->calls);
    Task task(task_callback(given.progress, given.progress_user));
    const Call::Working working(call, task);
    run_model(*running, run, task);
  });
}
