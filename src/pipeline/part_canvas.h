// The canvas of a part: laid out, labelled, loaded from the caller's pixels and stored to them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "core/canvas.h"
#include "core/memory.h"
#include "pipeline/fill.h"
#include "pipeline/plan.h"

namespace infill::pipeline {

// A part in a fill.
struct PartJob {
  const Request& request;
  const Options& options;
  const Plan& plan;
  size_t which;             // of plan.parts
  const Canvas* reference;  // null: none
  double from, to;          // share of the whole call

  [[nodiscard]] const Part& part() const { return plan.parts[which]; }
};

[[nodiscard]] bool closes_seam(const Options& options);

// A canvas and what it points to. The rim is empty when no seam is to be closed.
struct PartCanvas {
  Canvas canvas;
  Plane<uint8_t> allowed;
  std::span<Run> runs;
  std::span<Point> rim;
  std::span<uint8_t> row;

  // kLabels: the canvas has labels only, no values.
  enum class Content { kAll, kLabels };
  PartCanvas(Arena& arena, const Part& part, const Request& request, const Options& options,
             Content content = Content::kAll);
};

// Calls body(run) for what earlier parts wrote and a cut part may learn from: pixels whose mask is 1. Where
// it is less, dst still holds some of src.
void for_each_earlier_fill(const PartJob& job, const std::function<void(const Run&)>& body);

// Unknown pixels are kExcluded but for those that the part solves.
void label_canvas(const PartJob& job, Canvas& canvas, Threads& threads, Task& task);
// After labelling: the runs of holes, and known pixels that touch them.
void list_holes(PartCanvas& own, Task& task);
void list_rim(PartCanvas& own, Task& task);
void load_canvas(const PartJob& job, Canvas& canvas, Threads& threads, Task& task);
void load_allowed(const PartJob& job, PartCanvas& own, Threads& threads, Task& task);
// The part's own holes.
void store_canvas(const PartJob& job, const Canvas& canvas, Threads& threads, Task& task);

}  // namespace infill::pipeline
