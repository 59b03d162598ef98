// <infill.h>: masks.
#include <algorithm>
#include <array>
#include <cmath>

#include "context.h"
#include "core/distance.h"
#include "core/mask.h"
#include "fill_desc.h"
#include "overlap.h"

using namespace infill;
using namespace infill::capi;

namespace {

constexpr double kMostPixels = 10000;

struct Shape {
  double grow, feather;
};

void check_shape(const Shape& shape) {
  if (!(std::fabs(shape.grow) <= kMostPixels)) {
    fail(Status::kInvalidArgument, "grow: ", shape.grow, " does not lie in ", -kMostPixels, " .. ",
         kMostPixels);
  }
  if (!(shape.feather >= 0 && shape.feather <= kMostPixels)) {
    fail(Status::kInvalidArgument, "feather: ", shape.feather, " does not lie in 0 .. ", kMostPixels);
  }
}

Image read_target(const infill_image* given, const Image& mask, double feather) {
  const Image dst = read_image(given, Role::kMask, "dst");
  if ((given->flags & INFILL_IMAGE_READ_ONLY) != 0) fail(Status::kInvalidArgument, "dst.flags: READ_ONLY");
  if (dst.width != mask.width || dst.height != mask.height) {
    fail(Status::kInvalidArgument, "dst: is ", dst.width, " x ", dst.height, " pixels, mask ", mask.width,
         " x ", mask.height);
  }
  if (dst.format->is_mask && feather > 0) {
    fail(Status::kInvalidArgument, "dst.format: ", dst.format->name, " holds no soft edge, and feather is ",
         feather);
  }
  if (mask.data == nullptr || dst.data == nullptr) {
    fail(Status::kInvalidArgument, mask.data == nullptr ? "mask" : "dst", ".data: is NULL");
  }
  if (!same_view(dst, mask)) check_apart(dst, mask, "mask, but is not the same view");
  return dst;
}

// What the shaped holes can touch, with one more pixel around: distances beyond it change nothing.
Rect area_of(const RunVector& runs, double grow, const Rect& picture) {
  if (runs.empty()) return {};
  int32_t left = runs.front().x0;
  int32_t right = runs.front().x1;
  for (const Run& run : runs) {
    left = std::min(left, run.x0);
    right = std::max(right, run.x1);
  }
  const int32_t margin = static_cast<int32_t>(std::max(grow, 0.0)) + 1;
  const Rect area{left - margin, runs.front().y - margin, right - left + 2 * margin,
                  runs.back().y + 1 - runs.front().y + 2 * margin};
  return intersect(area, picture);
}

// The part of a mask that has holes, being shaped.
struct Holes {
  Rect area;
  Plane<uint8_t> hole;
  Plane<float> soft;

  Holes(Arena& arena, const Rect& where) : area(where) {
    const auto pixels = static_cast<size_t>(area.area());
    hole = {arena.take<uint8_t>(pixels).data(), area.width, area.height, area.width};
    soft = {arena.take<float>(pixels).data(), area.width, area.height, area.width};
  }
};

void shape_holes(Holes& holes, const RunVector& runs, const Shape& shape, Arena& arena, Threads& threads,
                 Task& task) {
  std::fill_n(holes.hole.data, holes.area.area(), uint8_t{0});
  for (const Run& run : runs) {
    std::fill_n(&holes.hole.at(run.x0 - holes.area.x, run.y - holes.area.y), run.x1 - run.x0, uint8_t{1});
  }
  if (shape.grow > 0) dilate(holes.hole, shape.grow, arena, threads, task);
  if (shape.grow < 0) erode(holes.hole, -shape.grow, arena, threads, task);
  const Plane<const uint8_t> hole{holes.hole.data, holes.hole.width, holes.hole.height, holes.hole.stride};
  feather(hole, shape.feather, holes.soft, arena, threads, task);
}

void write(const Holes& holes, const Image& dst, Threads& threads, Task& task) {
  constexpr std::array<float, 1024> kZeros{};
  threads.parallel_for(task, dst.height, 16, [&](int64_t begin, int64_t end) {
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      for (int32_t x = 0; x < dst.width; x += static_cast<int32_t>(kZeros.size())) {
        const auto n = std::min(kZeros.size(), static_cast<size_t>(dst.width - x));
        write_mask_row(dst, x, y, std::span(kZeros).first(n));
      }
      task.advance(static_cast<uint64_t>(dst.width));
      if (y < holes.area.y || y >= holes.area.bottom()) continue;
      const float* row = holes.soft.row(y - holes.area.y);
      write_mask_row(dst, holes.area.x, y, {row, static_cast<size_t>(holes.area.width)});
    }
  });
}

}  // namespace

infill_status infill_mask_shape(const infill_image* mask, double grow, double feather,
                                const infill_image* dst, infill_error* err) noexcept {
  return guarded(err, [&] {
    const Shape shape{grow, feather};
    check_shape(shape);
    const Image from = read_image(mask, Role::kMask, "mask");
    const Image to = read_target(dst, from, feather);
    Context context(infill_context_desc INFILL_CONTEXT_DESC_INIT, infill_allocator INFILL_ALLOCATOR_INIT);
    Call call(context.calls);
    Task task;
    const Call::Working working(call, task);

    const RunVector runs = read_runs(from, from.bounds(), context.memory, context.threads, task);
    const Rect area = area_of(runs, grow, from.bounds());
    Arena measure = Arena::measuring();
    const Holes measured(measure, area);
    const size_t scratch = morphology_scratch(area.width, area.height, context.threads.count());
    const Block block(context.memory, measure.peak() + scratch);
    Arena arena(block.data(), block.size());
    Holes holes(arena, area);
    shape_holes(holes, runs, shape, arena, context.threads, task);
    write(holes, to, context.threads, task);
  });
}
