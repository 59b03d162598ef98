// What fills on the CPU and on a device have in common beside their parts.
#pragma once

#include <functional>
#include <optional>

#include "core/canvas.h"
#include "core/memory.h"
#include "pipeline/fill.h"
#include "pipeline/part_canvas.h"
#include "pipeline/plan.h"

namespace infill::pipeline {

// Makes a block that is kept between calls at least so large. What it held is lost.
void make_room(Block& block, Memory& memory, size_t size);

// Copies the roi of src to dst, on the host, unless they are the same picture.
void copy_roi(const Request& request, Threads& threads, Task& task);

// The whole reference picture as a canvas without holes, if there is one.
[[nodiscard]] std::optional<Canvas> load_reference(const Request& request, Arena& arena, Threads& threads,
                                                   Task& task);
// Bytes of arena that it takes.
[[nodiscard]] size_t reference_scratch(const Request& request);

// Calls body for every part, in order, with its share of the whole call.
void for_each_part(const Request& request, const Options& options, const Plan& plan,
                   const std::optional<Canvas>& reference, const std::function<void(const PartJob&)>& body);

}  // namespace infill::pipeline
