// infill.hpp - <infill.h> for C++11 and later: handles that destroy themselves, failures that are exceptions.
//
// No logic: every function is one call of the C interface, whose header is the manual. Structs are those of
// C; start them from INFILL_..._INIT. Callbacks stay C functions and must not throw.
//
//   infill::context context;
//   infill::session session(context, INFILL_METHOD_HARMONIC);
//   infill_fill_desc fill = INFILL_FILL_DESC_INIT;   // src, mask, dst
//   session.fill(fill);
//
// Of the library's own namespace `infill` nothing is visible outside of it, so the names here are free.
#ifndef INFILL_HPP_
#define INFILL_HPP_

#include <memory>
#include <stdexcept>
#include <string>

#include "infill.h"

namespace infill {

// A failed call: what() is "INFILL_ERROR_...: message".
class error : public std::runtime_error {
 public:
  error(infill_status status, const infill_error& details)
      : std::runtime_error(std::string(infill_status_name(status)) + ": " + details.message),
        status_(status),
        details_(details) {}
  infill_status status() const noexcept { return status_; }
  const infill_error& details() const noexcept { return details_; }

 private:
  infill_status status_;
  infill_error details_;
};

namespace detail {

inline infill_status check(infill_status status, const infill_error& details) {
  if (status < 0) throw error(status, details);
  return status;
}

struct destroy {
  void operator()(infill_context* handle) const noexcept { infill_context_destroy(handle); }
  void operator()(infill_model* handle) const noexcept { infill_model_destroy(handle); }
  void operator()(infill_session* handle) const noexcept { infill_session_destroy(handle); }
  void operator()(infill_job* handle) const noexcept { infill_job_destroy(handle); }
};

template <class Handle>
using owned = std::unique_ptr<Handle, destroy>;

}  // namespace detail

// A packed picture, or one with padded rows.
inline infill_image image(infill_format format, int32_t width, int32_t height, void* data,
                          int64_t row_stride = 0) {
  infill_image view = INFILL_IMAGE_INIT;
  view.format = format;
  view.width = width;
  view.height = height;
  view.data = data;
  view.row_stride = row_stride;
  return view;
}

// Bytes from the lowest to the highest address of the view.
inline uint64_t byte_size(const infill_image& view) {
  infill_error details;
  uint64_t size = 0;
  detail::check(infill_image_check(&view, &size, &details), details);
  return size;
}

inline void mask_shape(const infill_image& mask, double grow, double feather, const infill_image& dst) {
  infill_error details;
  detail::check(infill_mask_shape(&mask, grow, feather, &dst, &details), details);
}

inline void fill_classic(const infill_image& src, const infill_image& mask, const infill_image& dst,
                         infill_method method = INFILL_METHOD_AUTO) {
  infill_error details;
  detail::check(infill_fill_classic(&src, &mask, &dst, method, &details), details);
}

class context {
 public:
  context() { create(nullptr); }
  explicit context(const infill_context_desc& desc) { create(&desc); }

  void shutdown() {
    infill_error details;
    detail::check(infill_context_shutdown(get(), &details), details);
  }
  infill_memory_info memory_info() const {
    infill_memory_info info = INFILL_MEMORY_INFO_INIT;
    infill_error details;
    detail::check(infill_context_get_memory_info(get(), &info, &details), details);
    return info;
  }
  void trim() noexcept { infill_context_trim(get()); }
  infill_context* get() const noexcept { return handle_.get(); }

 private:
  void create(const infill_context_desc* desc) {
    infill_context* made = nullptr;
    infill_error details;
    detail::check(infill_context_create(desc, &made, &details), details);
    handle_.reset(made);
  }
  detail::owned<infill_context> handle_;
};

// Give it to a session: infill_session_desc::fill_model.
class model {
 public:
  // A file of weights.
  model(const context& owner, const char* path) {
    infill_model* made = nullptr;
    infill_error details;
    detail::check(infill_model_open_file(owner.get(), path, nullptr, &made, &details), details);
    handle_.reset(made);
  }
  // The bytes of one.
  model(const context& owner, const void* data, size_t size) {
    infill_model* made = nullptr;
    infill_error details;
    detail::check(infill_model_open_memory(owner.get(), data, size, nullptr, &made, &details), details);
    handle_.reset(made);
  }
  // Takes the handle over.
  explicit model(infill_model* handle) noexcept : handle_(handle) {}

  infill_model_info info() const {
    infill_model_info value = INFILL_MODEL_INFO_INIT;
    infill_error details;
    detail::check(infill_model_get_info(get(), &value, &details), details);
    return value;
  }
  // The network by itself, from one file of tensors to another: infill_model_run_file.
  void run(const char* inputs, const char* outputs) const {
    infill_model_run_desc desc = INFILL_MODEL_RUN_DESC_INIT;
    desc.inputs = inputs;
    desc.outputs = outputs;
    infill_error details;
    detail::check(infill_model_run_file(get(), &desc, &details), details);
  }
  infill_model* get() const noexcept { return handle_.get(); }

 private:
  detail::owned<infill_model> handle_;
};

class job {
 public:
  // Takes the handle over.
  explicit job(infill_job* handle) noexcept : handle_(handle) {}

  // False when the time ran out; throws what the fill would have thrown.
  bool wait(uint64_t timeout_ns = UINT64_MAX) {
    infill_error details;
    return detail::check(infill_job_wait(get(), timeout_ns, &details), details) == INFILL_OK;
  }
  void cancel() noexcept { infill_job_cancel(get()); }
  infill_progress progress() const {
    infill_progress value = INFILL_PROGRESS_INIT;
    infill_error details;
    detail::check(infill_job_get_progress(get(), &value, &details), details);
    return value;
  }
  infill_job* get() const noexcept { return handle_.get(); }

 private:
  detail::owned<infill_job> handle_;
};

class session {
 public:
  explicit session(const context& owner, infill_method method = INFILL_METHOD_AUTO,
                   infill_quality quality = INFILL_QUALITY_DEFAULT) {
    infill_session_desc desc = INFILL_SESSION_DESC_INIT;
    desc.method = method;
    desc.quality = quality;
    create(owner, desc);
  }
  session(const context& owner, const model& fill_model, infill_quality quality = INFILL_QUALITY_DEFAULT) {
    infill_session_desc desc = INFILL_SESSION_DESC_INIT;
    desc.method = INFILL_METHOD_NEURAL;
    desc.quality = quality;
    desc.fill_model = fill_model.get();
    create(owner, desc);
  }
  session(const context& owner, const infill_session_desc& desc) { create(owner, desc); }

  uint32_t param_count() const noexcept { return infill_session_param_count(get()); }
  infill_param_info param_info(uint32_t which) const {
    infill_param_info info = INFILL_PARAM_INFO_INIT;
    infill_error details;
    detail::check(infill_session_get_param_info(get(), which, &info, &details), details);
    return info;
  }
  void set_param(const char* name, double value) {
    infill_error details;
    detail::check(infill_session_set_param(get(), name, value, &details), details);
  }
  void fill(const infill_fill_desc& desc) {
    infill_error details;
    detail::check(infill_fill(get(), &desc, &details), details);
  }
  job fill_async(const infill_fill_desc& desc) {
    infill_job* made = nullptr;
    infill_error details;
    detail::check(infill_fill_async(get(), &desc, &made, &details), details);
    return job(made);
  }
  infill_estimate estimate(const infill_fill_desc& desc) {
    infill_estimate value = INFILL_ESTIMATE_INIT;
    infill_error details;
    detail::check(infill_fill_estimate(get(), &desc, &value, &details), details);
    return value;
  }
  infill_result result() const {
    infill_result value = INFILL_RESULT_INIT;
    infill_error details;
    detail::check(infill_session_get_result(get(), &value, &details), details);
    return value;
  }
  infill_session* get() const noexcept { return handle_.get(); }

 private:
  void create(const context& owner, const infill_session_desc& desc) {
    infill_session* made = nullptr;
    infill_error details;
    detail::check(infill_session_create(owner.get(), &desc, &made, &details), details);
    handle_.reset(made);
  }
  detail::owned<infill_session> handle_;
};

}  // namespace infill

#endif
