// Host API: streams and events.
#include <cuda_runtime_api.h>

#include "cudasim/api.h"
#include "cudasim/capture.h"
#include "cudasim/driver.h"
#include "cudasim/event.h"
#include "cudasim/stream.h"

namespace infill::cudasim {
namespace {

// Runs `body` with the stream of a handle.
template <class Body>
cudaError_t with_stream(cudaStream_t handle, Body body) {
  return call([&] {
    const auto stream = find_stream(handle);
    return stream ? body(stream) : cudaErrorInvalidResourceHandle;
  });
}

template <class Body>
cudaError_t with_event(cudaEvent_t handle, Body body) {
  return call([&] {
    const auto event = find_event(handle);
    return event ? body(*event) : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t fail_capture(const std::shared_ptr<Stream>& stream) {
  stream->capture->invalid = true;
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t create(cudaStream_t* stream, unsigned int flags) {
  return call([&] {
    *stream = create_stream((flags & cudaStreamNonBlocking) == 0);
    return cudaSuccess;
  });
}

cudaError_t record(Event& event, const std::shared_ptr<Stream>& stream) {
  event.capture = stream->capture;
  event.nodes = stream->capture_tail;
  event.position.reset();
  if (!stream->capture) event.position = stream->end();
  return cudaSuccess;
}

cudaError_t wait_event(const std::shared_ptr<Stream>& stream, const Event& event) {
  if (event.capture) return join_capture(stream, event.capture, event.nodes);
  if (!event.position) return cudaSuccess;
  if (stream->capture) {
    stream->capture->invalid = true;
    return cudaErrorStreamCaptureIsolation;
  }
  return submit(stream, Operation(), {*event.position});
}

// A query runs one operation, so that a loop of queries ends.
cudaError_t query(const Position& position) {
  if (position.reached()) return device(position.stream->device()).lost;
  wait_for(Position{position.stream, position.stream->executed() + 1});
  return cudaErrorNotReady;
}

}  // namespace
}  // namespace infill::cudasim

using namespace infill::cudasim;  // NOLINT(google-build-using-namespace): the C names below are of no
                                  // namespace

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return create(stream, cudaStreamDefault);
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int flags) {
  return create(stream, flags);
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned int flags, int) {
  return create(stream, flags);
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return call([&] {
    if (least != nullptr) *least = 0;
    if (greatest != nullptr) *greatest = -5;
    return cudaSuccess;
  });
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call([&] { return destroy_stream(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}
cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned int* flags) {
  return with_stream(handle, [&](const auto& stream) {
    *flags = stream->blocking() ? cudaStreamDefault : cudaStreamNonBlocking;
    return cudaSuccess;
  });
}
cudaError_t cudaStreamGetDevice(cudaStream_t handle, int* index) {
  return with_stream(handle, [&](const auto& stream) {
    *index = stream->device();
    return cudaSuccess;
  });
}
cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return with_stream(handle, [](const auto& stream) {
    if (stream->capture) return fail_capture(stream);
    return is_unsafe_now() ? cudaErrorStreamCaptureUnsupported : wait_for(stream->end());
  });
}
cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return with_stream(handle, [](const auto& stream) {
    return stream->capture ? fail_capture(stream) : query(stream->end());
  });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned int) {
  return with_stream(handle, [&](const auto& stream) {
    const auto found = find_event(event);
    return found ? wait_event(stream, *found) : cudaErrorInvalidResourceHandle;
  });
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return call([&] {
    Operation operation;
    operation.kind = OperationKind::kHostFunction;
    operation.execute = [=] {
      const InHostFunction in_host_function;
      function(data);
      return cudaSuccess;
    };
    return submit(stream, std::move(operation));
  });
}
cudaError_t cudaDeviceSynchronize() {
  return call(
      [] { return is_unsafe_now() ? cudaErrorStreamCaptureUnsupported : wait_for_device(current_device()); });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  return call([&] {
    *event = create_event((flags & cudaEventDisableTiming) == 0);
    return cudaSuccess;
  });
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call([&] { return destroy_event(event) ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return with_stream(handle, [&](const auto& stream) {
    const auto found = find_event(event);
    return found ? record(*found, stream) : cudaErrorInvalidResourceHandle;
  });
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned int) {
  return cudaEventRecord(event, stream);
}
cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return with_event(handle, [](const Event& event) {
    if (event.capture) return cudaErrorStreamCaptureUnsupported;
    return event.position ? wait_for(*event.position) : cudaSuccess;
  });
}
cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return with_event(handle, [](const Event& event) {
    if (event.capture) return cudaErrorStreamCaptureUnsupported;
    return event.position ? query(*event.position) : cudaSuccess;
  });
}
// Nothing takes time here.
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return with_event(start, [&](const Event& first) {
    const auto second = find_event(end);
    if (!second || !first.timed || !second->timed || !first.position || !second->position) {
      return cudaErrorInvalidResourceHandle;
    }
    if (!first.position->reached() || !second->position->reached()) return cudaErrorNotReady;
    *milliseconds = 0.0F;
    return cudaSuccess;
  });
}

}  // extern "C"
