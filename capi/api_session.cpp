// <infill.h>: sessions, fills and jobs.
#include "context.h"
#include "fill_desc.h"
#include "methods.h"
#include "model.h"

using namespace infill;
using namespace infill::capi;

namespace {

const std::shared_ptr<Session>& session_of(const infill_session* session) {
  return not_null(session, "session").session;
}

Job& job_of(infill_job* job) {
  return *not_null(job, "job").job;
}

}  // namespace

infill_status infill_session_create(infill_context* context, const infill_session_desc* desc,
                                    infill_session** session, infill_error* err) noexcept {
  return guarded(err, [&] {
    const std::shared_ptr<Context>& owner = not_null(context, "context").context;
    not_null(session, "session");
    infill_session_desc checked = INFILL_SESSION_DESC_INIT;
    if (desc != nullptr) checked = read_struct(desc, "desc");
    check_flags(checked.flags, INFILL_SESSION_DETERMINISTIC, "desc");
    check_reserved("desc", checked.reserved_ptr);
    if (checked.method == INFILL_METHOD_AUTO && checked.fill_model != nullptr)
      checked.method = INFILL_METHOD_NEURAL;
    const classic::Method& method = checked_method(checked.method, "desc.method");
    switch (checked.quality) {
      case INFILL_QUALITY_DEFAULT:
      case INFILL_QUALITY_FAST:
      case INFILL_QUALITY_BALANCED:
      case INFILL_QUALITY_HIGH:
        break;
      default:
        fail(Status::kUnsupported, "desc.quality: ", checked.quality, " is unknown to this library");
    }
    if (owner->calls->is_closed()) fail(Status::kInvalidState, "context: it was shut down");
    std::shared_ptr<const Model> model;
    if (checked.method == INFILL_METHOD_NEURAL) {
      model = not_null(checked.fill_model, "desc.fill_model").model;
      if (model->context != owner)
        fail(Status::kInvalidArgument, "desc.fill_model: was opened in another context");
    }
    const auto made =
        std::make_shared<Session>(owner, method, static_cast<classic::Quality>(checked.quality), model);
    owner->add(made);
    *session = new infill_session{made};
  });
}

void infill_session_destroy(infill_session* session) noexcept {
  if (!is_forked_child()) delete session;
}

uint32_t infill_session_param_count(const infill_session* session) noexcept {
  return session == nullptr ? 0 : session->session->param_count();
}

infill_status infill_session_get_param_info(const infill_session* session, uint32_t which,
                                            infill_param_info* info, infill_error* err) noexcept {
  return guarded(err, [&] {
    const Session::Use use(session_of(session));
    write_struct(info, use->param_info(which), "info");
  });
}

infill_status infill_session_set_param(infill_session* session, const char* name, double value,
                                       infill_error* err) noexcept {
  return guarded(err, [&] {
    const Session::Use use(session_of(session));
    const std::string_view text = &not_null(name, "name");
    if (!is_utf8(text)) fail(Status::kInvalidArgument, "name: is not valid UTF-8");
    use->set_param(text, value);
  });
}

infill_status infill_fill(infill_session* session, const infill_fill_desc* desc, infill_error* err) noexcept {
  return guarded(err, [&] {
    const Session::Use use(session_of(session));
    const FillCall fill_call = read_fill(desc, Data::kRequired, *use->context);
    Call call(use->context->calls);
    use->fill(fill_call, call);
  });
}

infill_status infill_fill_estimate(infill_session* session, const infill_fill_desc* desc,
                                   infill_estimate* estimate, infill_error* err) noexcept {
  return guarded(err, [&] {
    const Session::Use use(session_of(session));
    const FillCall fill_call = read_fill(desc, Data::kOptional, *use->context);
    checked_size(not_null(estimate, "estimate"), "estimate");
    Call call(use->context->calls);
    const pipeline::DeviceEstimate needed = use->estimate(fill_call, call);
    infill_estimate value = INFILL_ESTIMATE_INIT;
    value.tile_count = needed.host.tiles;
    value.host_bytes = needed.host.bytes;
    value.device_bytes = needed.device_bytes;
    write_struct(estimate, value, "estimate");
  });
}

infill_status infill_session_get_result(infill_session* session, infill_result* result,
                                        infill_error* err) noexcept {
  return guarded(err, [&] {
    const Session::Use use(session_of(session));
    not_null(result, "result");
    if (!use->result()) fail(Status::kInvalidState, "session: it has not filled anything yet");
    write_struct(result, *use->result(), "result");
  });
}

infill_status infill_fill_async(infill_session* session, const infill_fill_desc* desc, infill_job** job,
                                infill_error* err) noexcept {
  return guarded(err, [&] {
    const std::shared_ptr<Session>& worked_on = session_of(session);
    not_null(job, "job");
    const auto made = std::make_shared<Job>(worked_on, desc);
    auto handle = std::make_unique<infill_job>(infill_job{made});
    Job::start(made);
    *job = handle.release();
  });
}

infill_status infill_job_wait(infill_job* job, uint64_t timeout_ns, infill_error* err) noexcept {
  infill_status status = INFILL_OK;
  const infill_status failure = guarded(err, [&] { status = job_of(job).wait(timeout_ns, err); });
  return failure != INFILL_OK ? failure : status;
}

void infill_job_cancel(infill_job* job) noexcept {
  if (job != nullptr && !is_forked_child()) job->job->cancel();
}

infill_status infill_job_get_progress(infill_job* job, infill_progress* progress,
                                      infill_error* err) noexcept {
  return guarded(err, [&] {
    const ProgressReport report = job_of(job).report();
    infill_progress value = INFILL_PROGRESS_INIT;
    value.stage = static_cast<infill_stage>(report.stage);
    value.tile = report.tile;
    value.tile_count = report.tile_count;
    value.fraction = report.fraction;
    write_struct(progress, value, "progress");
  });
}

void infill_job_destroy(infill_job* job) noexcept {
  if (job == nullptr || is_forked_child()) return;
  job->job->end();
  delete job;
}
