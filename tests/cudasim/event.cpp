#include "cudasim/event.h"

#include "cudasim/handles.h"

namespace infill::cudasim {
namespace {

HandleTable<cudaEvent_t, Event>& events() {
  static HandleTable<cudaEvent_t, Event> table("event");
  return table;
}

}  // namespace

cudaEvent_t create_event(bool timed) {
  auto event = std::make_shared<Event>();
  event->timed = timed;
  return events().add(std::move(event));
}

bool destroy_event(cudaEvent_t handle) {
  return events().remove(handle);
}
std::shared_ptr<Event> find_event(cudaEvent_t handle) {
  return events().find(handle);
}
size_t live_events() {
  return events().size();
}

}  // namespace infill::cudasim
