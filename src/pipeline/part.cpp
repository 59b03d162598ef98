#include "pipeline/part.h"

#include <algorithm>

#include "core/pixels.h"
#include "pipeline/grain.h"
#include "pipeline/neural.h"
#include "pipeline/seam.h"

namespace infill::pipeline {

namespace {

// How far a part's progress is when its method is done, and when its seam is closed.
constexpr double kMethodShare = 0.9;
constexpr double kSeamShare = 0.97;

CanvasShape shape_of(const Part& part, const Request& request, int32_t threads) {
  const Rect reference = request.reference ? request.reference->bounds() : Rect{};
  return {part.crop.width,    part.crop.height, canvas_channels(request.src),
          part.solved_pixels, part.solved_runs, threads,
          reference.width,    reference.height};
}

}  // namespace

int32_t scale_of(const Part& part, const Options& options) {
  return neural_scale(options.method_settings, part.solved, part.solved_pixels);
}

double set_method_range(const PartJob& job, Task& task) {
  const double end = job.from + kMethodShare * (job.to - job.from);
  task.set_range(Stage::kRefine, static_cast<uint32_t>(job.which),
                 static_cast<uint32_t>(job.plan.parts.size()), job.from, end);
  return end;
}

size_t part_scratch(const Part& part, const Request& request, const Options& options, int32_t threads) {
  Arena arena = Arena::measuring();
  const PartCanvas own(arena, part, request, options);
  const CanvasShape shape = shape_of(part, request, threads);
  size_t stage = options.model != nullptr ? neural_scratch(*options.model, scale_of(part, options), shape)
                                          : options.method->scratch(shape, options.method_settings);
  if (closes_seam(options)) {
    stage = std::max(stage, seam_scratch(shape, static_cast<size_t>(part.rim_pixels)));
  }
  if (options.blend_settings[kGrain] > 0) stage = std::max(stage, grain_scratch(shape));
  return arena.peak() + stage;
}

void fill_canvas(const PartJob& job, PartCanvas& own, Arena& arena, Threads& threads, Task& task) {
  Canvas& canvas = own.canvas;
  const auto tile = static_cast<uint32_t>(job.which);
  const auto tiles = static_cast<uint32_t>(job.plan.parts.size());
  const double grain_from = job.from + kSeamShare * (job.to - job.from);

  load_allowed(job, own, threads, task);
  list_holes(own, task);
  if (closes_seam(job.options)) list_rim(own, task);
  canvas.reference = job.reference;
  const double seam_from = set_method_range(job, task);
  classic::Work work{threads, task, arena, job.request.seed};
  {
    const ArenaScope method_scope(arena);
    if (job.options.model != nullptr) {
      neural_fill(*job.options.model, scale_of(job.part(), job.options), canvas, work);
    } else {
      job.options.method->fill(canvas, job.options.method_settings, work);
    }
  }

  task.set_range(Stage::kBlend, tile, tiles, seam_from, grain_from);
  close_seam(canvas, job.options.blend_settings[kSeam], work);
  task.set_range(Stage::kBlend, tile, tiles, grain_from, job.to);
  add_grain(canvas, job.options.blend_settings[kGrain], work);
}

void fill_part(const PartJob& job, Arena& arena, Threads& threads, Task& task) {
  const ArenaScope scope(arena);
  PartCanvas own(arena, job.part(), job.request, job.options);
  label_canvas(job, own.canvas, threads, task);
  load_canvas(job, own.canvas, threads, task);
  fill_canvas(job, own, arena, threads, task);
  store_canvas(job, own.canvas, threads, task);
}

}  // namespace infill::pipeline
