#include <chrono>
#include <cmath>
#include <sstream>

#include "context.h"
#include "model.h"

namespace infill::capi {

namespace {

std::string describe(const infill_result& result, const classic::Method& method) {
  std::ostringstream text;
  text << method.name << ": " << result.hole_pixels << " pixels in " << result.tile_count << " tiles, "
       << static_cast<double>(result.elapsed_ns) * 1e-6 << " ms";
  return text.str();
}

// The commonest mistake of all.
bool is_mostly_hole(const infill_result& result, const Rect& picture) {
  return result.hole_pixels > static_cast<uint64_t>(picture.area() / 2);
}

}  // namespace

Task::Callback task_callback(infill_progress_fn progress, void* user) {
  if (progress == nullptr) return {};
  return [progress, user](const ProgressReport& report) {
    const infill_progress said{INFILL_SIZEOF(infill_progress), static_cast<infill_stage>(report.stage),
                               report.tile, report.tile_count, report.fraction};
    return progress(user, &said) != 0;
  };
}

// Takes the session's cache for the time of a fill, so that trim() never waits for one.
class Session::Scratch {
 public:
  explicit Scratch(Session& session) : session_(session) {
    const std::lock_guard lock(session_.cache_mutex_);
    block = std::move(session_.cache_);
    if (session_.on_device_) device_block = std::move(session_.on_device_->cache);
  }
  ~Scratch() {
    const std::lock_guard lock(session_.cache_mutex_);
    session_.cache_ = std::move(block);
    if (session_.on_device_) session_.on_device_->cache = std::move(device_block);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Block block, device_block;

 private:
  Session& session_;
};

Session::Session(std::shared_ptr<Context> owner, const classic::Method& method, classic::Quality quality,
                 std::shared_ptr<const Model> model)
    : context(std::move(owner)), model_(std::move(model)) {
  if (context->device() != nullptr) on_device_ = std::make_unique<OnDevice>(*context->device());
  defaults_.method = &method;
  if (model_ != nullptr) {
    defaults_.model = model_->network();
    defaults_.device_model = model_->device_network();
  }
  defaults_.method_settings = classic::default_settings(method, quality);
  defaults_.blend_settings = Settings(pipeline::blend_parameters());
  options_ = defaults_;
}

Session::Use::Use(std::shared_ptr<Session> session) : session_(std::move(session)) {
  if (session_->context->calls->is_closed())
    fail(Status::kInvalidState, "session: its context was shut down");
  if (session_->busy_.exchange(true, std::memory_order_acquire)) {
    fail(Status::kInvalidState, "session: another call or a job of it is running");
  }
}

Session::Use::~Use() {
  session_->busy_.store(false, std::memory_order_release);
}

void Session::logged(const auto& body) const {
  try {
    body();
  } catch (const Error& error) {
    if (error.status() != Status::kCancelled) context->log(INFILL_LOG_ERROR, error.what());
    throw;
  } catch (const std::exception& error) {
    context->log(INFILL_LOG_ERROR, error.what());
    throw;
  }
}

void Session::check(const FillCall& fill_call, Call& call) {
  Task task;
  const Call::Working working(call, task);
  logged([&] { pipeline::check(fill_call.request, options_); });
}

void Session::fill(const FillCall& fill_call, Call& call) {
  Task task(task_callback(fill_call.progress, fill_call.progress_user));
  const Call::Working working(call, task);
  const auto start = std::chrono::steady_clock::now();
  logged([&] {
    const pipeline::Result done = run(fill_call, task);
    const std::chrono::nanoseconds elapsed = std::chrono::steady_clock::now() - start;
    infill_result result = INFILL_RESULT_INIT;
    result.method = static_cast<infill_method>(options_.method->id);
    if (context->device() != nullptr) {
      result.device_type = INFILL_DEVICE_CUDA;
      result.device_index = context->device()->index();
    }
    result.tile_count = done.tiles;
    result.bounds = {done.bounds.x, done.bounds.y, done.bounds.width, done.bounds.height};
    result.hole_pixels = done.hole_pixels;
    result.seed = fill_call.request.seed;
    result.elapsed_ns = static_cast<uint64_t>(elapsed.count());
    if (model_ != nullptr) {
      const infill_model_info about = model_->info();
      result.model_name = about.name;
      result.model_sha256 = about.file_sha256;
    }
    result_ = result;
    if (is_mostly_hole(result, fill_call.request.src.bounds())) {
      context->log(INFILL_LOG_WARN, "mask: most of the picture is a hole; is the mask inverted?");
    }
    if (context->logs(INFILL_LOG_INFO)) {
      context->log(INFILL_LOG_INFO, describe(result, *options_.method).c_str());
    }
  });
}

pipeline::Result Session::run(const FillCall& fill_call, Task& task) {
  Scratch scratch(*this);
  const auto attempt = [&] {
    if (on_device_) return run_on_device(fill_call, scratch, task);
    return pipeline::fill(fill_call.request, options_, context->memory, scratch.block, context->threads,
                          task);
  };
  try {
    return attempt();
  } catch (const Error& error) {
    // Nothing was written yet. What other sessions keep for later is worth less than this fill.
    if (error.status() != Status::kMemoryLimit || !context->trim()) throw;
  }
  return attempt();
}

// The fill is given to the session's own stream, which the caller's is made to wait for.
pipeline::Result Session::run_on_device(const FillCall& fill_call, Scratch& scratch, Task& task) {
  const device::Device& device = *context->device();
  const device::Stream& stream = on_device_->stream;
  stream.begin_after(fill_call.stream);
  const pipeline::Result result =
      pipeline::fill_on_device(fill_call.request, options_,
                               {{device, stream, context->device_memory(), &on_device_->graphs},
                                scratch.device_block,
                                context->memory,
                                scratch.block,
                                context->threads,
                                task});
  const auto on_device = [](const Image& image) { return image.device == DeviceType::kCuda; };
  if (fill_call.stream != nullptr && on_device(fill_call.request.src) && on_device(fill_call.request.dst)) {
    stream.end_before(fill_call.stream);
  } else {
    stream.wait();
  }
  return result;
}

pipeline::DeviceEstimate Session::estimate(const FillCall& fill_call, Call& call) {
  Task task;
  const Call::Working working(call, task);
  if (on_device_) {
    Scratch scratch(*this);
    on_device_->stream.begin_after(fill_call.stream);
    return pipeline::estimate_on_device(fill_call.request, options_,
                                        {{*context->device(), on_device_->stream, context->device_memory()},
                                         scratch.device_block,
                                         context->memory,
                                         scratch.block,
                                         context->threads,
                                         task});
  }
  size_t cached = 0;
  {
    const std::lock_guard lock(cache_mutex_);
    cached = cache_.size();
  }
  return {pipeline::estimate(fill_call.request, options_, context->memory, cached, context->threads, task),
          0};
}

bool Session::trim() {
  Block block;
  Block device_block;
  const std::lock_guard lock(cache_mutex_);
  // What was given to a caller's stream may still use both.
  if (on_device_) on_device_->stream.finish();
  std::swap(block, cache_);
  if (on_device_) std::swap(device_block, on_device_->cache);
  return block.size() != 0 || device_block.size() != 0;
}

uint32_t Session::param_count() const {
  return static_cast<uint32_t>(options_.method->parameters.size() + pipeline::blend_parameters().size());
}

const Parameter& Session::param(uint32_t which) const {
  const std::span<const Parameter> of_method = options_.method->parameters;
  return which < of_method.size() ? of_method[which] : pipeline::blend_parameters()[which - of_method.size()];
}

infill_param_info Session::param_info(uint32_t which) const {
  if (which >= param_count()) fail(Status::kInvalidArgument, "which: is ", which, " of ", param_count());
  const size_t of_method = options_.method->parameters.size();
  const auto value_in = [which, of_method](const pipeline::Options& options) {
    return which < of_method ? options.method_settings[which] : options.blend_settings[which - of_method];
  };
  const Parameter& parameter = param(which);
  infill_param_info info = INFILL_PARAM_INFO_INIT;
  info.type = parameter.is_integer ? INFILL_PARAM_INT : INFILL_PARAM_FLOAT;
  info.name = parameter.name;
  info.help = parameter.help;
  info.minimum = parameter.minimum;
  info.maximum = parameter.maximum;
  info.default_value = value_in(defaults_);
  info.value = value_in(options_);
  return info;
}

void Session::set_param(std::string_view name, double value) {
  for (uint32_t which = 0; which < param_count(); ++which) {
    const Parameter& parameter = param(which);
    if (name != parameter.name) continue;
    if (!(value >= parameter.minimum && value <= parameter.maximum)) {
      fail(Status::kInvalidArgument, parameter.name, ": ", value, " does not lie in ", parameter.minimum,
           " .. ", parameter.maximum);
    }
    if (parameter.is_integer && value != std::floor(value)) {
      fail(Status::kInvalidArgument, parameter.name, ": ", value, " is no integer");
    }
    const size_t of_method = options_.method->parameters.size();
    if (which < of_method) {
      options_.method_settings.set(which, value);
    } else {
      options_.blend_settings.set(which - of_method, value);
    }
    return;
  }
  fail(Status::kUnknownParameter, "name: ", options_.method->name, " has no parameter '", name, "'");
}

}  // namespace infill::capi
