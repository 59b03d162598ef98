// Stream capture, and the graphs that it makes.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "cudasim/stream.h"

namespace infill::cudasim {

struct Graph {
  struct Node {
    Operation operation;
    std::vector<size_t> after;
  };
  std::vector<Node> nodes;  // in an order that respects `after`

  // Whether another graph has the same nodes in the same relations.
  [[nodiscard]] bool same_topology(const Graph& other) const;
  // Runs all nodes, in the order of capture or any other that respects `after`, as the schedule says.
  [[nodiscard]] cudaError_t run() const;
};

struct Capture {
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  std::weak_ptr<Stream> origin;
  std::vector<std::weak_ptr<Stream>> streams;
  std::shared_ptr<Graph> graph;
  bool invalid = false;
};

cudaError_t begin_capture(const std::shared_ptr<Stream>& stream, cudaStreamCaptureMode mode);
// Null graph with an error when the capture failed.
cudaError_t end_capture(const std::shared_ptr<Stream>& stream, std::shared_ptr<Graph>& graph);
cudaError_t add_to_capture(Stream& stream, Operation operation);
// The stream goes on after these nodes too, and becomes part of the capture.
cudaError_t join_capture(const std::shared_ptr<Stream>& stream, const std::shared_ptr<Capture>& capture,
                         const std::vector<size_t>& nodes);

// For work on the legacy default stream: a blocking stream of the device captures. The capture fails.
bool blocks_a_capture(const Stream& default_stream);
// For calls that must not happen during a capture of this thread, or of any thread in global mode. The
// capture fails.
bool is_unsafe_now();

}  // namespace infill::cudasim
