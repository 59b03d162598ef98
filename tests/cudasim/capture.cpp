#include "cudasim/capture.h"

#include <algorithm>

#include "cudasim/options.h"

namespace infill::cudasim {
namespace {

std::vector<std::shared_ptr<Capture>>& captures() {
  static std::vector<std::shared_ptr<Capture>> active;
  return active;
}

void merge(std::vector<size_t>& nodes, const std::vector<size_t>& more) {
  for (const size_t node : more) {
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
  }
}

// Nodes from which one of `tail` is reached, those included.
std::vector<bool> nodes_before(const Graph& graph, const std::vector<size_t>& tail) {
  std::vector<bool> before(graph.nodes.size(), false);
  for (const size_t node : tail) before[node] = true;
  for (size_t node = graph.nodes.size(); node-- > 0;) {
    if (!before[node]) continue;
    for (const size_t earlier : graph.nodes[node].after) before[earlier] = true;
  }
  return before;
}

}  // namespace

bool Graph::same_topology(const Graph& other) const {
  return std::equal(nodes.begin(), nodes.end(), other.nodes.begin(), other.nodes.end(),
                    [](const Node& a, const Node& b) {
                      return a.operation.kind == b.operation.kind && a.after == b.after;
                    });
}

cudaError_t Graph::run() const {
  std::vector<bool> done(nodes.size(), false);
  static uint32_t state = options().seed;
  for (size_t left = nodes.size(); left > 0; --left) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < nodes.size(); ++i) {
      const auto& after = nodes[i].after;
      if (!done[i] && std::all_of(after.begin(), after.end(), [&](size_t n) { return done[n]; }))
        ready.push_back(i);
    }
    size_t chosen = ready.front();
    if (options().schedule == Schedule::kReverse) chosen = ready.back();
    if (options().schedule == Schedule::kRandom) {
      state = state * 1664525u + 1013904223u;
      chosen = ready[(state >> 16) % ready.size()];
    }
    done[chosen] = true;
    const auto& execute = nodes[chosen].operation.execute;
    const cudaError_t error = execute ? execute() : cudaSuccess;
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

cudaError_t begin_capture(const std::shared_ptr<Stream>& stream, cudaStreamCaptureMode mode) {
  if (stream->capture) return cudaErrorIllegalState;
  auto capture = std::make_shared<Capture>();
  capture->mode = mode;
  capture->thread = std::this_thread::get_id();
  capture->origin = stream;
  capture->graph = std::make_shared<Graph>();
  captures().push_back(capture);
  return join_capture(stream, capture, {});
}

cudaError_t end_capture(const std::shared_ptr<Stream>& stream, std::shared_ptr<Graph>& graph) {
  const std::shared_ptr<Capture> capture = stream->capture;
  if (!capture) return cudaErrorIllegalState;
  if (capture->origin.lock() != stream) return cudaErrorStreamCaptureUnmatched;
  const std::vector<bool> joined = nodes_before(*capture->graph, stream->capture_tail);
  bool all_joined = true;
  for (const auto& weak : capture->streams) {
    const auto part = weak.lock();
    if (!part || part->capture != capture) continue;
    for (const size_t node : part->capture_tail) all_joined = all_joined && joined[node];
    part->capture.reset();
    part->capture_tail.clear();
  }
  captures().erase(std::remove(captures().begin(), captures().end(), capture), captures().end());
  if (capture->invalid) return cudaErrorStreamCaptureInvalidated;
  if (!all_joined) return cudaErrorStreamCaptureUnjoined;
  graph = capture->graph;
  return cudaSuccess;
}

cudaError_t add_to_capture(Stream& stream, Operation operation) {
  Capture& capture = *stream.capture;
  if (capture.invalid) return cudaErrorStreamCaptureInvalidated;
  capture.graph->nodes.push_back(Graph::Node{std::move(operation), stream.capture_tail});
  stream.capture_tail = {capture.graph->nodes.size() - 1};
  return cudaSuccess;
}

cudaError_t join_capture(const std::shared_ptr<Stream>& stream, const std::shared_ptr<Capture>& capture,
                         const std::vector<size_t>& nodes) {
  if (stream->capture && stream->capture != capture) return cudaErrorStreamCaptureMerge;
  if (!stream->capture) {
    stream->capture = capture;
    capture->streams.push_back(stream);
  }
  merge(stream->capture_tail, nodes);
  return cudaSuccess;
}

bool blocks_a_capture(const Stream& default_stream) {
  bool found = false;
  for (const auto& capture : captures()) {
    for (const auto& weak : capture->streams) {
      const auto stream = weak.lock();
      if (!stream || !stream->blocking() || stream->device() != default_stream.device()) continue;
      capture->invalid = true;
      found = true;
    }
  }
  return found;
}

bool is_unsafe_now() {
  bool found = false;
  for (const auto& capture : captures()) {
    const bool concerns_us =
        capture->mode == cudaStreamCaptureModeGlobal ||
        (capture->mode == cudaStreamCaptureModeThreadLocal && capture->thread == std::this_thread::get_id());
    if (!concerns_us) continue;
    capture->invalid = true;
    found = true;
  }
  return found;
}

}  // namespace infill::cudasim
