// Streams as queues: work runs when somebody waits for it, not before, so that a missing wait shows.
//
// What a wait must run, it runs; other streams run as late as possible in forward order, before it in reverse
// order, and mixed with it in random order.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace infill::cudasim {

class Stream;
struct Capture;

// The first `count` operations of a stream.
struct Position {
  std::shared_ptr<Stream> stream;
  uint64_t count = 0;

  [[nodiscard]] bool reached() const;
};

enum class OperationKind : uint8_t { kKernel, kCopy, kSet, kHostFunction, kFree, kGraph, kWait };

struct Operation {
  OperationKind kind = OperationKind::kWait;
  std::function<cudaError_t()> execute;
  // When it is put into a stream, also as part of a graph: poisons what it will write on the host.
  std::function<void()> on_enqueue;
  // Host memory that it will read.
  const void* host_source = nullptr;
  size_t host_bytes = 0;
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(int device, bool blocking) : device_(device), blocking_(blocking) {}

  [[nodiscard]] int device() const { return device_; }
  // Whether it waits for the legacy default stream and that one for it.
  [[nodiscard]] bool blocking() const { return blocking_; }
  [[nodiscard]] Position end() { return {shared_from_this(), executed_ + pending_.size()}; }
  [[nodiscard]] bool idle() const { return pending_.empty(); }
  [[nodiscard]] uint64_t executed() const { return executed_; }

  void enqueue(Operation operation, std::vector<Position> after);
  // Runs its next operation, and before it what that waits for.
  void run_one();
  void run_to(uint64_t count);
  void drop();
  // Whether work that waits will read this host memory.
  [[nodiscard]] bool reads(const void* begin, size_t bytes) const;

  std::shared_ptr<Capture> capture;  // of which it is a part
  std::vector<size_t> capture_tail;  // nodes that the next one comes after

 private:
  struct Entry {
    Operation operation;
    std::vector<Position> after;
  };
  int device_;
  bool blocking_;
  std::deque<Entry> pending_;
  uint64_t executed_ = 0;
};

// Null for a handle that is none.
std::shared_ptr<Stream> find_stream(cudaStream_t handle);
cudaStream_t create_stream(bool blocking);
bool destroy_stream(cudaStream_t handle);
size_t live_streams();

// Puts work into a stream, or into the graph that it captures.
cudaError_t submit(cudaStream_t handle, Operation operation);
cudaError_t submit(const std::shared_ptr<Stream>& stream, Operation operation, std::vector<Position> after);

// Runs what a wait for this position has to, and what the schedule adds; returns the device's error.
cudaError_t wait_for(const Position& position);
// All streams of the device.
cudaError_t wait_for_device(int device);
void drop_all_work();
bool any_pending_reads(const void* begin, size_t bytes);

}  // namespace infill::cudasim
