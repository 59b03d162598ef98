#include <chrono>

#include "context.h"
#include "fill_desc.h"

namespace infill::capi {

Job::Job(const std::shared_ptr<Session>& session, const infill_fill_desc* desc) : context_(session->context) {
  use_.emplace(session);
  fill_call_ = read_fill(desc, Data::kRequired, *context_);
  call_.emplace(context_->calls);
  (*use_)->check(fill_call_, *call_);
}

void Job::start(const std::shared_ptr<Job>& job) {
  job->thread_ = std::thread([job] { job->run(); });
}

void Job::run() {
  infill_error error{};
  const infill_status status = guarded(&error, [this] { (*use_)->fill(fill_call_, *call_); });
  const std::lock_guard lock(mutex_);
  last_ = call_->report();
  status_ = status;
  error_ = error;
  finished_ = true;
  // The session is free before anyone hears that the job is finished; shutdown waits for the call's end,
  // which is last.
  use_.reset();
  finished_cv_.notify_all();
  call_.reset();
}

infill_status Job::wait(uint64_t timeout_ns, infill_error* err) {
  constexpr uint64_t kForever = 1'000'000'000'000'000'000;  // 31 years; the clock overflows beyond 292
  std::unique_lock lock(mutex_);
  const auto is_finished = [this] { return finished_; };
  if (!finished_ && timeout_ns != 0 && context_->calls->is_inside()) {
    fail(Status::kInvalidState, "job: waiting for it in a callback would last for ever");
  }
  if (timeout_ns >= kForever) {
    finished_cv_.wait(lock, is_finished);
  } else if (!finished_cv_.wait_for(lock, std::chrono::nanoseconds(timeout_ns), is_finished)) {
    return INFILL_PENDING;
  }
  if (status_ != INFILL_OK && err != nullptr) *err = error_;
  return status_;
}

void Job::cancel() {
  const std::lock_guard lock(mutex_);
  if (call_) call_->cancel();
}

ProgressReport Job::report() const {
  const std::lock_guard lock(mutex_);
  return call_ ? call_->report() : last_;
}

void Job::end() {
  cancel();
  if (context_->calls->is_inside()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

}  // namespace infill::capi
