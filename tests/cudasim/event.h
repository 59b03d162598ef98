// Events: positions in streams.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <optional>
#include <vector>

#include "cudasim/capture.h"
#include "cudasim/stream.h"

namespace infill::cudasim {

struct Event {
  bool timed = true;
  std::optional<Position> position;  // recorded
  std::shared_ptr<Capture> capture;  // recorded into a capture, behind these nodes
  std::vector<size_t> nodes;
};

cudaEvent_t create_event(bool timed);
bool destroy_event(cudaEvent_t handle);
// Null, with a finding, for a handle that is none.
std::shared_ptr<Event> find_event(cudaEvent_t handle);
size_t live_events();

}  // namespace infill::cudasim
