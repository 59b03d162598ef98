#include "cudasim/stream.h"

#include <algorithm>

#include "cudasim/capture.h"
#include "cudasim/device_memory.h"
#include "cudasim/driver.h"
#include "cudasim/handles.h"
#include "cudasim/options.h"

namespace infill::cudasim {
namespace {

struct Streams {
  HandleTable<cudaStream_t, Stream> handles{"stream"};
  std::vector<std::shared_ptr<Stream>> defaults;  // legacy, one for each device
  std::vector<std::shared_ptr<Stream>> all;       // in order of creation; destroyed ones until they are done
};

Streams& streams() {
  static Streams the_streams;
  return the_streams;
}

const std::shared_ptr<Stream>& default_stream(int device) {
  auto& defaults = streams().defaults;
  while (defaults.size() <= static_cast<size_t>(device)) {
    defaults.push_back(std::make_shared<Stream>(static_cast<int>(defaults.size()), true));
    streams().all.push_back(defaults.back());
  }
  return defaults[static_cast<size_t>(device)];
}

bool is_default(const Stream& stream) {
  return default_stream(stream.device()).get() == &stream;
}

// What an operation of this stream waits for because of the legacy default stream's rules.
void add_implicit_waits(const Stream& stream, std::vector<Position>& after) {
  if (!stream.blocking()) return;
  if (!is_default(stream)) {
    const auto& other = default_stream(stream.device());
    if (!other->idle()) after.push_back(other->end());
    return;
  }
  for (const auto& other : streams().all) {
    if (other.get() != &stream && other->blocking() && other->device() == stream.device() && !other->idle()) {
      after.push_back(other->end());
    }
  }
}

void run_others_first(const Stream& stream) {
  const auto all = streams().all;
  std::for_each(all.rbegin(), all.rend(), [&](const auto& other) {
    if (other.get() != &stream) other->run_to(other->end().count);
  });
}

void run_mixed(const Position& position) {
  static uint32_t state = options().seed;
  while (!position.reached()) {
    const auto all = streams().all;
    state = state * 1664525u + 1013904223u;
    Stream& chosen = *all[(state >> 16) % all.size()];
    if (!chosen.idle()) chosen.run_one();
  }
}

void forget_finished() {
  auto& all = streams().all;
  all.erase(std::remove_if(all.begin(), all.end(),
                           [](const auto& stream) { return stream.use_count() == 1 && stream->idle(); }),
            all.end());
}

}  // namespace

bool Position::reached() const {
  return stream->executed() >= count;
}

void Stream::enqueue(Operation operation, std::vector<Position> after) {
  if (operation.on_enqueue) operation.on_enqueue();
  pending_.push_back(Entry{std::move(operation), std::move(after)});
}

void Stream::run_one() {
  Entry& front = pending_.front();
  for (const Position& position : front.after) position.stream->run_to(position.count);
  const Entry entry = std::move(front);
  pending_.pop_front();
  ++executed_;
  Device& on = infill::cudasim::device(device_);
  if (on.lost != cudaSuccess || !entry.operation.execute) return;
  const cudaError_t error = entry.operation.execute();
  if (error != cudaSuccess) on.lost = error;
}

void Stream::run_to(uint64_t count) {
  while (executed_ < count && !pending_.empty()) run_one();
}

void Stream::drop() {
  executed_ += pending_.size();
  pending_.clear();
}

bool Stream::reads(const void* begin, size_t bytes) const {
  const auto first = reinterpret_cast<uintptr_t>(begin);
  return std::any_of(pending_.begin(), pending_.end(), [=](const Entry& entry) {
    const auto source = reinterpret_cast<uintptr_t>(entry.operation.host_source);
    return source < first + bytes && first < source + entry.operation.host_bytes;
  });
}

std::shared_ptr<Stream> find_stream(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy || handle == cudaStreamPerThread) {
    return default_stream(current_device());
  }
  return streams().handles.find(handle);
}

cudaStream_t create_stream(bool blocking) {
  auto stream = std::make_shared<Stream>(current_device(), blocking);
  streams().all.push_back(stream);
  return streams().handles.add(std::move(stream));
}

bool destroy_stream(cudaStream_t handle) {
  const auto stream = find_stream(handle);
  if (!stream || is_default(*stream)) return false;
  return streams().handles.remove(handle);
}

size_t live_streams() {
  return streams().handles.size();
}

cudaError_t submit(const std::shared_ptr<Stream>& stream, Operation operation, std::vector<Position> after) {
  if (stream->capture) return add_to_capture(*stream, std::move(operation));
  if (is_default(*stream) && blocks_a_capture(*stream)) return cudaErrorStreamCaptureImplicit;
  default_stream(stream->device());
  add_implicit_waits(*stream, after);
  stream->enqueue(std::move(operation), std::move(after));
  return cudaSuccess;
}

cudaError_t submit(cudaStream_t handle, Operation operation) {
  const auto stream = find_stream(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  return submit(stream, std::move(operation), {});
}

cudaError_t wait_for(const Position& position) {
  const DeviceMemoryOpen open;
  if (options().schedule == Schedule::kReverse) run_others_first(*position.stream);
  if (options().schedule == Schedule::kRandom) run_mixed(position);
  position.stream->run_to(position.count);
  forget_finished();
  return device(position.stream->device()).lost;
}

cudaError_t wait_for_device(int index) {
  const auto all = streams().all;
  for (const auto& stream : all) {
    if (stream->device() == index) wait_for(stream->end());
  }
  return device(index).lost;
}

void drop_all_work() {
  for (const auto& stream : streams().all) stream->drop();
}

bool any_pending_reads(const void* begin, size_t bytes) {
  const auto& all = streams().all;
  return std::any_of(all.begin(), all.end(), [=](const auto& stream) { return stream->reads(begin, bytes); });
}

}  // namespace infill::cudasim
