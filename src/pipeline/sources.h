// How far around a hole to look when the caller says where may be copied from (Request::allow).
#pragma once

#include <cstdint>
#include <optional>

#include "core/memory.h"
#include "core/task.h"
#include "core/threads.h"
#include "pipeline/fill.h"

namespace infill::pipeline {

// A crop has enough to copy from when as many whole patches fit into its allowed known pixels as the hole has
// pixels, and kFewest at least; those of a reference count, too.
class Sources {
 public:
  static constexpr int64_t kFewest = 64;

  // A request with allow comes with a method that copies. All arguments outlive this.
  Sources(const Request& request, const Options& options, Memory& memory, Threads& threads, Task& task);

  // Returns the crop of a hole with these bounds, as it is if it has enough. Otherwise context, the distance
  // looked at around the bounds, is doubled until there is enough or no more in the picture; what was found
  // then lies in the crop. Without the data of allow or mask that is the whole picture. Throws
  // kInvalidArgument when there is nothing to copy from, here or in a reference.
  [[nodiscard]] Rect widen(const Rect& crop, const Rect& bounds, int64_t context, int64_t hole_pixels);

 private:
  struct Found {
    int64_t patches = 0;
    Rect bounds;  // of the allowed known pixels
  };
  [[nodiscard]] Found look(const Rect& rect) const;
  // The bounds of all allowed known pixels; read once, when a crop has too little.
  [[nodiscard]] const Rect& everywhere();

  const Request& request_;
  Memory& memory_;
  Threads& threads_;
  Task& task_;
  int32_t patch_ = 0;
  int64_t patches_of_reference_ = 0;
  std::optional<Rect> everywhere_;
};

}  // namespace infill::pipeline
