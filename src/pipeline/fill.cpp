#include "pipeline/fill.h"

#include <algorithm>
#include <array>

#include "core/pixels.h"
#include "core/status.h"
#include "pipeline/fill_steps.h"
#include "pipeline/neural.h"
#include "pipeline/part.h"
#include "pipeline/plan.h"

namespace infill::pipeline {

namespace {

constexpr std::array<Parameter, kBlendParameterCount> kBlendParameters{{
    {"blend.seam",
     "How much of the step at the hole's edge is taken out of the fill, 0 (none) to 1 (all); patchmatch "
     "alone leaves one.",
     false, 0, 1, 1},
    {"blend.grain", "How much of the surroundings' missing grain is added to the fill, 0 (none) to 1 (all).",
     false, 0, 1, 0},
}};

void check_same_size(const Image& image, const char* name, const Image& src) {
  if (image.width == src.width && image.height == src.height) return;
  fail(Status::kInvalidArgument, name, ": is ", image.width, " x ", image.height, " pixels, src ", src.width,
       " x ", src.height);
}

// Sums in 64 bits: a roi may say anything.
void check_roi(const Rect& roi, const Image& src) {
  const bool inside = roi.width > 0 && roi.height > 0 && roi.x >= 0 && roi.y >= 0 &&
                      int64_t{roi.x} + roi.width <= src.width && int64_t{roi.y} + roi.height <= src.height;
  if (inside) return;
  fail(Status::kInvalidArgument, "roi: x ", roi.x, ", y ", roi.y, ", ", roi.width, " x ", roi.height,
       " does not lie in src, ", src.width, " x ", src.height);
}

// Bytes of the block that the whole fill works in.
size_t block_size(const Request& request, const Options& options, const Plan& plan, int32_t threads) {
  size_t part_bytes = 0;
  for (const Part& part : plan.parts)
    part_bytes = std::max(part_bytes, part_scratch(part, request, options, threads));
  return reference_scratch(request) + part_bytes;
}

}  // namespace

std::span<const Parameter> blend_parameters() {
  return kBlendParameters;
}

void check(const Request& request, const Options& options) {
  const Image& src = request.src;
  check_same_size(request.mask, "mask", src);
  check_same_size(request.dst, "dst", src);
  if (request.dst.format != src.format || request.dst.color != src.color || request.dst.alpha != src.alpha) {
    fail(Status::kInvalidArgument, "dst: format, color and alpha must be those of src (dst is ",
         request.dst.format->name, ", src ", src.format->name, ")");
  }
  check_roi(request.roi, src);
  if (options.method == &kNeural) check_neural(src);
  const bool copies = options.method->patch != nullptr;
  if (request.allow) {
    check_same_size(*request.allow, "allow", src);
    if (!copies)
      fail(Status::kUnsupported, "allow: ", options.method->name, " copies no pixels; patchmatch does");
  }
  if (request.reference) {
    if (!copies)
      fail(Status::kUnsupported, "reference: ", options.method->name, " copies no pixels; patchmatch does");
    if (canvas_channels(*request.reference) != canvas_channels(src) ||
        canvas_has_alpha(*request.reference) != canvas_has_alpha(src) ||
        request.reference->color != src.color) {
      fail(Status::kInvalidArgument,
           "reference: channels, alpha and color must be those of src (reference is ",
           request.reference->format->name, ", src ", src.format->name, ")");
    }
  }
}

Result fill(const Request& request, const Options& options, Memory& memory, Block& cache, Threads& threads,
            Task& task) {
  check(request, options);
  task.set_range(Stage::kPlan, 0, 0, 0, 0);
  const Plan plan = make_plan(request, options, memory, threads, task);
  const size_t size = block_size(request, options, plan, threads.count());
  make_room(cache, memory, size);
  Arena arena(cache.data(), cache.size());
  copy_roi(request, threads, task);
  const std::optional<Canvas> reference =
      plan.parts.empty() ? std::nullopt : load_reference(request, arena, threads, task);
  for_each_part(request, options, plan, reference,
                [&](const PartJob& job) { fill_part(job, arena, threads, task); });
  task.finish();
  return {plan.hole_pixels, static_cast<uint32_t>(plan.parts.size()), plan.bounds, size, arena.peak()};
}

Estimate estimate(const Request& request, const Options& options, Memory& memory, size_t cached,
                  Threads& threads, Task& task) {
  check(request, options);
  Memory counted(&memory);
  const Plan plan = make_plan(request, options, counted, threads, task);
  const size_t block = std::max(cached, block_size(request, options, plan, threads.count()));
  return {std::max(counted.peak() + cached, counted.used() + block),
          static_cast<uint32_t>(plan.parts.size())};
}

}  // namespace infill::pipeline
