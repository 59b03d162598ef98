#include "context.h"

#include <algorithm>

#include "core/simd.h"

namespace infill::capi {

namespace {

constexpr int kMostThreadsByDefault = 16;

int thread_count(int32_t wanted) {
  if (wanted > 0) return wanted;
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreadsByDefault);
}

}  // namespace

Context::Context(const infill_context_desc& desc, const infill_allocator& allocator)
    : memory({allocator.user, allocator.alloc, allocator.free},
             desc.device_type == INFILL_DEVICE_CPU ? desc.memory_limit : 0),
      threads(thread_count(desc.num_threads)),
      device_(desc.device_type == INFILL_DEVICE_CUDA ? std::make_unique<OnDevice>(desc) : nullptr),
      log_level_(desc.log_level == INFILL_LOG_DEFAULT ? INFILL_LOG_WARN : desc.log_level),
      log_(desc.log),
      log_user_(desc.log_user) {
  apply_simd_environment();
  register_calls(calls);
}

bool Context::logs(infill_log_level level) const {
  return log_ != nullptr && level <= log_level_;
}

void Context::log(infill_log_level level, const char* message) const {
  if (logs(level)) log_(log_user_, level, message);
}

void Context::add(const std::shared_ptr<Session>& session) {
  const std::lock_guard lock(sessions_mutex_);
  std::erase_if(sessions_, [](const std::weak_ptr<Session>& each) { return each.expired(); });
  sessions_.push_back(session);
}

bool Context::trim() {
  const std::lock_guard lock(sessions_mutex_);
  bool any = false;
  for (const std::weak_ptr<Session>& each : sessions_) {
    if (const std::shared_ptr<Session> session = each.lock()) any = session->trim() || any;
  }
  return any;
}

}  // namespace infill::capi
