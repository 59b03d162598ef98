// Work that was given to a stream once, written down, and given again at one stroke: launching a network's
// hundred kernels one by one takes longer than running them on a small picture.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "device/device.h"

namespace infill::device {

// The graphs of one session, the latest kKept. Used by one thread at a time; the device must outlive it.
class Graphs {
 public:
  static constexpr size_t kKept = 8;

  explicit Graphs(const Device& device) : device_(device) {}
  ~Graphs();
  Graphs(const Graphs&) = delete;
  Graphs& operator=(const Graphs&) = delete;

  // Gives the stream what body gives it. key: everything that this depends on: sizes, addresses. A key that
  // comes the second time is recorded, and from then on body is not called for it. body must not wait for the
  // stream.
  void run(std::span<const uint64_t> key, const Stream& stream, const std::function<void()>& body);

  // How often a graph was used again.
  [[nodiscard]] uint64_t hits() const { return hits_; }

 private:
  struct Entry {
    std::vector<uint64_t> key;
    CUgraphExec_st* graph = nullptr;  // null: it came once
  };
  void forget(const Entry& entry) const;
  [[nodiscard]] CUgraphExec_st* record(const Stream& stream, const std::function<void()>& body) const;

  const Device& device_;
  std::vector<Entry> entries_;  // the latest last
  uint64_t hits_ = 0;
};

}  // namespace infill::device
