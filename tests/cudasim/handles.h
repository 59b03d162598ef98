// Handles of the host API: pointers that nobody follows.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "cudasim/report.h"

namespace infill::cudasim {

template <class Handle, class Object>
class HandleTable {
 public:
  explicit HandleTable(const char* noun) : noun_(noun) {}

  Handle add(std::shared_ptr<Object> object) {
    auto* const handle = reinterpret_cast<Handle>(object.get());
    objects_.emplace(handle, std::move(object));
    return handle;
  }

  // Null, with a finding, for a handle that is none.
  std::shared_ptr<Object> find(Handle handle) const {
    const auto found = objects_.find(handle);
    if (found != objects_.end()) return found->second;
    report(Rule::kHostUse, Site(), std::string("a ") + noun_ + " that does not exist, or not any more");
    return nullptr;
  }

  bool remove(Handle handle) { return find(handle) != nullptr && objects_.erase(handle) != 0; }
  [[nodiscard]] size_t size() const { return objects_.size(); }

 private:
  const char* noun_;
  std::unordered_map<Handle, std::shared_ptr<Object>> objects_;
};

}  // namespace infill::cudasim
