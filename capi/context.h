// What the opaque handles of <infill.h> are. A handle owns a share of its object; objects keep what they were
// made from alive, so handles may be destroyed in any order.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "boundary.h"
#include "calls.h"
#include "core/memory.h"
#include "core/threads.h"
#include "device/device.h"
#include "infill.h"
#include "pipeline/device_fill.h"
#include "pipeline/fill.h"

namespace infill::capi {

class Model;
class Session;

class Context {
 public:
  // The desc was checked. Throws kOutOfMemory.
  explicit Context(const infill_context_desc& desc, const infill_allocator& allocator);
  ~Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const std::shared_ptr<Calls> calls = std::make_shared<Calls>();
  Memory memory;  // the host's
  Threads threads;

  // Null: the CPU's.
  [[nodiscard]] const device::Device* device() const { return device_ ? &device_->device : nullptr; }
  // Scratch on the device, which there is.
  [[nodiscard]] Memory& device_memory() { return device_->memory; }

  // Whether anybody reads lines of this level: ask before one is put together.
  [[nodiscard]] bool logs(infill_log_level level) const;
  // Only while a Call works: after shutdown nothing is logged.
  void log(infill_log_level level, const char* message) const;

  void add(const std::shared_ptr<Session>& session);
  // Gives back what resting sessions keep. Returns whether there was anything.
  bool trim();

 private:
  struct OnDevice {
    OnDevice(const infill_context_desc& desc)
        : device(desc.device_index, desc.module_dir == nullptr ? "" : desc.module_dir),
          memory(device.allocator(), desc.memory_limit) {}
    device::Device device;
    Memory memory;
  };
  std::unique_ptr<OnDevice> device_;
  infill_log_level log_level_;
  infill_log_fn log_;
  void* log_user_;
  std::mutex sessions_mutex_;
  std::vector<std::weak_ptr<Session>> sessions_;
};

// A caller's function, which may be null, as a task calls it.
[[nodiscard]] Task::Callback task_callback(infill_progress_fn progress, void* user);

// What infill_fill_desc asks for, checked as far as the structs go and owned: nothing points to the caller's
// structs any more.
struct FillCall {
  pipeline::Request request;
  infill_progress_fn progress = nullptr;
  void* progress_user = nullptr;
  CUstream_st* stream = nullptr;
};

class Session {
 public:
  // model: with NEURAL, and only with it.
  Session(std::shared_ptr<Context> owner, const classic::Method& method, classic::Quality quality,
          std::shared_ptr<const Model> model = nullptr);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // A session does one thing at a time. Throws kInvalidState when it is busy or its context is shut down.
  class Use {
   public:
    explicit Use(std::shared_ptr<Session> session);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    Session* operator->() const { return session_.get(); }

   private:
    std::shared_ptr<Session> session_;
  };

  // The following while in use.
  // Throws what fill() would before it reads a pixel.
  void check(const FillCall& fill_call, Call& call);
  void fill(const FillCall& fill_call, Call& call);
  [[nodiscard]] pipeline::DeviceEstimate estimate(const FillCall& fill_call, Call& call);
  [[nodiscard]] const std::optional<infill_result>& result() const { return result_; }

  // Settings: those of the method, then those of the blend stage.
  [[nodiscard]] uint32_t param_count() const;
  [[nodiscard]] infill_param_info param_info(uint32_t which) const;
  void set_param(std::string_view name, double value);

  // At any time. Returns whether there was anything to give back.
  bool trim();

  const std::shared_ptr<Context> context;

 private:
  class Scratch;
  [[nodiscard]] const Parameter& param(uint32_t which) const;
  pipeline::Result run(const FillCall& fill_call, Task& task);
  pipeline::Result run_on_device(const FillCall& fill_call, Scratch& scratch, Task& task);
  // Runs body, and tells the log when it fails.
  void logged(const auto& body) const;

  std::atomic<bool> busy_{false};
  const std::shared_ptr<const Model> model_;
  pipeline::Options options_, defaults_;
  std::optional<infill_result> result_;
  std::mutex cache_mutex_;  // trim comes from other threads
  Block cache_;
  // In a context of a device.
  struct OnDevice {
    explicit OnDevice(const device::Device& device) : stream(device), graphs(device) {}
    // What was given to a caller's stream may still use all of it, and the host's scratch.
    ~OnDevice() { stream.finish(); }
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;
    device::Stream stream;
    device::Graphs graphs;
    Block cache;
  };
  std::unique_ptr<OnDevice> on_device_;
};

class Job {
 public:
  // Takes the session into use and checks the arguments, as infill_fill does.
  Job(const std::shared_ptr<Session>& session, const infill_fill_desc* desc);
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // The job keeps itself alive until its thread is through.
  static void start(const std::shared_ptr<Job>& job);
  // INFILL_PENDING when the time ran out.
  infill_status wait(uint64_t timeout_ns, infill_error* err);
  void cancel();
  [[nodiscard]] ProgressReport report() const;
  // Cancels and waits; from a callback of the context it does not wait.
  void end();

 private:
  void run();

  FillCall fill_call_;
  std::shared_ptr<Context> context_;
  mutable std::mutex mutex_;
  std::condition_variable finished_cv_;
  std::optional<Session::Use> use_;
  std::optional<Call> call_;
  bool finished_ = false;
  ProgressReport last_{Stage::kPlan, 0, 0, 0.0};
  infill_status status_ = INFILL_PENDING;
  infill_error error_{};
  std::thread thread_;
};

}  // namespace infill::capi

struct infill_context {
  std::shared_ptr<infill::capi::Context> context;
};
struct infill_session {
  std::shared_ptr<infill::capi::Session> session;
};
struct infill_job {
  std::shared_ptr<infill::capi::Job> job;
};
