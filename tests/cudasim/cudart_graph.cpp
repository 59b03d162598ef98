// Host API: stream capture and graphs.
#include <cuda_runtime_api.h>

#include <memory>
#include <utility>

#include "cudasim/api.h"
#include "cudasim/capture.h"
#include "cudasim/handles.h"
#include "cudasim/stream.h"

namespace infill::cudasim {
namespace {

HandleTable<cudaGraph_t, Graph>& graphs() {
  static HandleTable<cudaGraph_t, Graph> table("graph");
  return table;
}

HandleTable<cudaGraphExec_t, Graph>& executables() {
  static HandleTable<cudaGraphExec_t, Graph> table("executable graph");
  return table;
}

cudaError_t instantiate(cudaGraphExec_t* executable, cudaGraph_t handle) {
  const auto graph = graphs().find(handle);
  if (!graph) return cudaErrorInvalidValue;
  *executable = executables().add(std::make_shared<Graph>(*graph));
  return cudaSuccess;
}

cudaError_t launch(cudaGraphExec_t handle, cudaStream_t stream) {
  const auto graph = executables().find(handle);
  if (!graph) return cudaErrorInvalidValue;
  Operation operation;
  operation.kind = OperationKind::kGraph;
  // A copy: the executable may be updated or destroyed while launches of it wait.
  const auto snapshot = std::make_shared<const Graph>(*graph);
  operation.execute = [snapshot] { return snapshot->run(); };
  operation.on_enqueue = [snapshot] {
    for (const Graph::Node& node : snapshot->nodes) {
      if (node.operation.on_enqueue) node.operation.on_enqueue();
    }
  };
  return submit(stream, std::move(operation));
}

cudaError_t update(cudaGraphExec_t executable, cudaGraph_t handle, cudaGraphExecUpdateResultInfo* info) {
  const auto target = executables().find(executable);
  const auto graph = graphs().find(handle);
  if (!target || !graph) return cudaErrorInvalidValue;
  const bool fits = target->same_topology(*graph);
  if (info != nullptr) {
    *info = cudaGraphExecUpdateResultInfo{};
    info->result = fits ? cudaGraphExecUpdateSuccess : cudaGraphExecUpdateErrorTopologyChanged;
  }
  if (!fits) return cudaErrorGraphExecUpdateFailure;
  *target = *graph;
  return cudaSuccess;
}

}  // namespace

size_t live_graphs() {
  return graphs().size() + executables().size();
}

}  // namespace infill::cudasim

using namespace infill::cudasim;  // NOLINT(google-build-using-namespace): the C names below are of no
                                  // namespace

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return call([&] {
    if (handle == nullptr || handle == cudaStreamLegacy) return cudaErrorStreamCaptureUnsupported;
    const auto stream = find_stream(handle);
    return stream ? begin_capture(stream, mode) : cudaErrorInvalidResourceHandle;
  });
}
cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  return call([&] {
    *graph = nullptr;
    const auto stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    std::shared_ptr<Graph> captured;
    const cudaError_t error = end_capture(stream, captured);
    if (error == cudaSuccess) *graph = graphs().add(std::move(captured));
    return error;
  });
}
cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return call([&] {
    const auto stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    *status = !stream->capture           ? cudaStreamCaptureStatusNone
              : stream->capture->invalid ? cudaStreamCaptureStatusInvalidated
                                         : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}
// Captures remember the mode that they began with, so there is nothing to exchange.
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  static thread_local cudaStreamCaptureMode of_thread = cudaStreamCaptureModeGlobal;
  return call([&] {
    std::swap(of_thread, *mode);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned int) {
  return call([&] {
    *graph = graphs().add(std::make_shared<Graph>());
    return cudaSuccess;
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call([&] { return graphs().remove(graph) ? cudaSuccess : cudaErrorInvalidValue; });
}
cudaError_t cudaGraphClone(cudaGraph_t* clone, cudaGraph_t original) {
  return call([&] {
    const auto graph = graphs().find(original);
    if (!graph) return cudaErrorInvalidValue;
    *clone = graphs().add(std::make_shared<Graph>(*graph));
    return cudaSuccess;
  });
}
// Handles of single nodes are not given: `nodes` must be null.
cudaError_t cudaGraphGetNodes(cudaGraph_t handle, cudaGraphNode_t* nodes, size_t* count) {
  return call([&] {
    const auto graph = graphs().find(handle);
    if (!graph) return cudaErrorInvalidValue;
    *count = graph->nodes.size();
    return nodes == nullptr ? cudaSuccess : cudaErrorNotSupported;
  });
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return call([&] { return instantiate(executable, graph); });
}
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph,
                                          unsigned long long) {
  return call([&] { return instantiate(executable, graph); });
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call([&] { return executables().remove(executable) ? cudaSuccess : cudaErrorInvalidValue; });
}
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t executable, cudaGraph_t graph,
                                cudaGraphExecUpdateResultInfo* info) {
  return call([&] { return update(executable, graph, info); });
}
cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t) {
  return call([&] { return executables().find(executable) ? cudaSuccess : cudaErrorInvalidValue; });
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call([&] { return launch(executable, stream); });
}

}  // extern "C"
