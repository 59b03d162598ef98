// <infill.h>: contexts.
#include "context.h"
#include "fill_desc.h"
#include "methods.h"

using namespace infill;
using namespace infill::capi;

namespace {

infill_allocator read_allocator(const infill_allocator* given) {
  if (given == nullptr) return INFILL_ALLOCATOR_INIT;
  const infill_allocator allocator = read_struct(given, "allocator");
  check_reserved("allocator", allocator.reserved);
  if ((allocator.alloc == nullptr) != (allocator.free == nullptr)) {
    fail(Status::kInvalidArgument, "allocator.", allocator.alloc == nullptr ? "alloc" : "free",
         ": is NULL; give both functions or neither");
  }
  return allocator;
}

infill_context_desc read_desc(const infill_context_desc* given) {
  constexpr int32_t kMostThreads = 256;
  if (given == nullptr) return INFILL_CONTEXT_DESC_INIT;
  const infill_context_desc desc = read_struct(given, "desc");
  // A newer patch release has the same interface.
  if (desc.api_version / 1000 > INFILL_VERSION / 1000) {
    fail(Status::kTooNew, "desc.api_version: the program was built for infill ", desc.api_version / 1'000'000,
         '.', desc.api_version / 1000 % 1000, ", this is ", INFILL_VERSION_MAJOR, '.', INFILL_VERSION_MINOR);
  }
  if (desc.device_type != INFILL_DEVICE_CPU && desc.device_type != INFILL_DEVICE_CUDA) {
    fail(Status::kUnsupported, "desc.device_type: ", desc.device_type, " is unknown to this library");
  }
  if (desc.device_type == INFILL_DEVICE_CPU && desc.device_index != 0) {
    fail(Status::kNoDevice, "desc.device_index: is ", desc.device_index, ", the CPU has only 0");
  }
  if (desc.module_dir != nullptr && !is_utf8(desc.module_dir)) {
    fail(Status::kInvalidArgument, "desc.module_dir: is not valid UTF-8");
  }
  if (desc.num_threads < 0 || desc.num_threads > kMostThreads) {
    fail(Status::kInvalidArgument, "desc.num_threads: ", desc.num_threads, " does not lie in 0 .. ",
         kMostThreads);
  }
  if (desc.log_level < INFILL_LOG_DEFAULT || desc.log_level > INFILL_LOG_DEBUG) {
    fail(Status::kUnsupported, "desc.log_level: ", desc.log_level, " is unknown to this library");
  }
  return desc;
}

}  // namespace

infill_status infill_context_create(const infill_context_desc* desc, infill_context** context,
                                    infill_error* err) noexcept {
  return guarded(err, [&] {
    not_null(context, "context");
    const infill_context_desc checked = read_desc(desc);
    const infill_allocator allocator = read_allocator(checked.allocator);
    *context = new infill_context{std::make_shared<Context>(checked, allocator)};
  });
}

void infill_context_destroy(infill_context* context) noexcept {
  if (!is_forked_child()) delete context;
}

infill_status infill_context_shutdown(infill_context* context, infill_error* err) noexcept {
  return guarded(err, [&] {
    const std::shared_ptr<Context> alive = not_null(context, "context").context;
    if (alive->calls->is_inside())
      fail(Status::kInvalidState, "context: shutdown in a callback would last for ever");
    alive->calls->close();
  });
}

infill_status infill_context_get_memory_info(infill_context* context, infill_memory_info* info,
                                             infill_error* err) noexcept {
  return guarded(err, [&] {
    Context& asked = *not_null(context, "context").context;
    const Call call(asked.calls);
    infill_memory_info value = INFILL_MEMORY_INFO_INIT;
    value.host_used = asked.memory.used();
    value.host_peak = asked.memory.peak();
    if (asked.device() != nullptr) {
      value.device_used = asked.device_memory().used();
      value.device_peak = asked.device_memory().peak();
    }
    write_struct(info, value, "info");
  });
}

void infill_context_trim(infill_context* context) noexcept {
  if (context != nullptr && !is_forked_child()) context->context->trim();
}

int32_t infill_context_supports(const infill_context* context, infill_method method,
                                infill_format format) noexcept {
  if (context == nullptr || find_method(method) == nullptr) return 0;
  const FormatInfo* info = format_info(static_cast<Format>(format));
  if (info == nullptr || info->is_mask) return 0;
  const bool is_colour = info->channels - (info->alpha >= 0 ? 1 : 0) != 2;
  return static_cast<int32_t>(is_colour || method != INFILL_METHOD_NEURAL);
}

infill_status infill_fill_classic(const infill_image* src, const infill_image* mask, const infill_image* dst,
                                  infill_method method, infill_error* err) noexcept {
  return guarded(err, [&] {
    const FillCall fill_call = read_fill(src, mask, dst);
    if (method == INFILL_METHOD_NEURAL)
      fail(Status::kUnsupported, "method: NEURAL needs a model, so a session");
    const classic::Method& chosen = checked_method(method, "method");
    const auto context = std::make_shared<Context>(infill_context_desc INFILL_CONTEXT_DESC_INIT,
                                                   infill_allocator INFILL_ALLOCATOR_INIT);
    Session session(context, chosen, classic::Quality::kDefault);
    Call call(context->calls);
    session.fill(fill_call, call);
  });
}
