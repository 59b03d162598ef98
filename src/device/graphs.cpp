#include "device/graphs.h"

#include <algorithm>

namespace infill::device {

Graphs::~Graphs() {
  for (const Entry& entry : entries_) forget(entry);
}

void Graphs::forget(const Entry& entry) const {
  if (entry.graph != nullptr) device_.runtime().graph_destroy(entry.graph);
}

CUgraphExec_st* Graphs::record(const Stream& stream, const std::function<void()>& body) const {
  const cuda::Runtime& runtime = device_.runtime();
  CUgraphExec_st* graph = nullptr;
  device_.check(runtime.capture_begin(stream.get()), "recording a graph");
  try {
    body();
  } catch (...) {
    runtime.capture_end(stream.get(), &graph);
    if (graph != nullptr) runtime.graph_destroy(graph);
    throw;
  }
  device_.check(runtime.capture_end(stream.get(), &graph), "recording a graph");
  return graph;
}

void Graphs::run(std::span<const uint64_t> key, const Stream& stream, const std::function<void()>& body) {
  const Device::Use use(device_);
  const auto known =
      std::ranges::find_if(entries_, [&](const Entry& entry) { return std::ranges::equal(entry.key, key); });
  if (known == entries_.end()) {
    if (entries_.size() == kKept) {
      forget(entries_.front());
      entries_.erase(entries_.begin());
    }
    entries_.push_back({{key.begin(), key.end()}});
    body();
    return;
  }
  std::rotate(known, known + 1, entries_.end());
  Entry& entry = entries_.back();
  if (entry.graph == nullptr) {
    entry.graph = record(stream, body);
  } else {
    ++hits_;
  }
  device_.check(device_.runtime().graph_launch(entry.graph, stream.get()), "launching a graph");
}

}  // namespace infill::device
