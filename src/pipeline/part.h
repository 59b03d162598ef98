// One part of a plan: made into a canvas, filled, blended and stored.
#pragma once

#include "core/memory.h"
#include "pipeline/fill.h"
#include "pipeline/part_canvas.h"

namespace infill::pipeline {

// Most bytes of arena that fill_part takes.
[[nodiscard]] size_t part_scratch(const Part& part, const Request& request, const Options& options,
                                  int32_t threads);

// neural_scale() of the part.
[[nodiscard]] int32_t scale_of(const Part& part, const Options& options);

// The share of the whole call that the method's work on the part stands for. Returns where it ends.
double set_method_range(const PartJob& job, Task& task);

// A canvas that is labelled and loaded: runs the method on it and blends.
void fill_canvas(const PartJob& job, PartCanvas& own, Arena& arena, Threads& threads, Task& task);

void fill_part(const PartJob& job, Arena& arena, Threads& threads, Task& task);

}  // namespace infill::pipeline
