#include "calls.h"

#include <algorithm>

#include "core/status.h"

namespace infill::capi {

void Calls::close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  for (Call* call : running_) {
    call->cancelled_ = true;
    if (call->task_ != nullptr) call->task_->cancel();
  }
  const auto is_mine = [self = std::this_thread::get_id()](const Call* call) {
    return call->worker_ == self;
  };
  call_ended_.wait(lock, [&] { return std::all_of(running_.begin(), running_.end(), is_mine); });
}

bool Calls::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool Calls::is_inside() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(running_.begin(), running_.end(),
                     [self = std::this_thread::get_id()](const Call* call) { return call->worker_ == self; });
}

Call::Call(std::shared_ptr<Calls> calls) : calls_(std::move(calls)) {
  const std::lock_guard lock(calls_->mutex_);
  if (calls_->closed_) fail(Status::kInvalidState, "context: it was shut down");
  calls_->running_.push_back(this);
}

Call::~Call() {
  const std::lock_guard lock(calls_->mutex_);
  std::erase(calls_->running_, this);
  calls_->call_ended_.notify_all();
}

Call::Working::Working(Call& call, Task& task) : call_(call) {
  const std::lock_guard lock(call_.calls_->mutex_);
  call_.task_ = &task;
  call_.worker_ = std::this_thread::get_id();
  if (call_.cancelled_) task.cancel();
}

Call::Working::~Working() {
  const std::lock_guard lock(call_.calls_->mutex_);
  call_.last_ = call_.task_->report();
  call_.task_ = nullptr;
  call_.worker_ = {};
}

void Call::cancel() {
  const std::lock_guard lock(calls_->mutex_);
  cancelled_ = true;
  if (task_ != nullptr) task_->cancel();
}

ProgressReport Call::report() const {
  const std::lock_guard lock(calls_->mutex_);
  return task_ != nullptr ? task_->report() : last_;
}

}  // namespace infill::capi
