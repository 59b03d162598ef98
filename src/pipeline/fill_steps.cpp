#include "pipeline/fill_steps.h"

#include <algorithm>

#include "core/pixels.h"

namespace infill::pipeline {

namespace {

Canvas lay_out(Arena& arena, const Image& image) {
  Canvas canvas;
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.channels = canvas_channels(image);
  canvas.has_alpha = canvas_has_alpha(image);
  canvas.linear = image.color == Color::kLinear;
  const auto area = static_cast<size_t>(image.bounds().area());
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
    canvas.planes.at(c) = {arena.take<float>(area).data(), image.width, image.height, image.width};
  }
  canvas.label = {arena.take<uint8_t>(area).data(), image.width, image.height, image.width};
  return canvas;
}

}  // namespace

void make_room(Block& block, Memory& memory, size_t size) {
  if (block.size() >= size) return;
  block = Block();  // before the new one is taken, so that the two are never held together
  block = Block(memory, size);
}

void copy_roi(const Request& request, Threads& threads, Task& task) {
  if (request.src.data == request.dst.data) return;  // in place
  threads.parallel_for(task, request.roi.height, 16, [&](int64_t begin, int64_t end) {
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      copy_row(request.src, request.dst, {request.roi.y + y, request.roi.x, request.roi.right()});
      task.advance(static_cast<uint64_t>(request.roi.width));
    }
  });
}

std::optional<Canvas> load_reference(const Request& request, Arena& arena, Threads& threads, Task& task) {
  if (!request.reference) return std::nullopt;
  const Image& image = *request.reference;
  Canvas canvas = lay_out(arena, image);
  threads.parallel_for(task, canvas.height, 16, [&](int64_t begin, int64_t end) {
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      std::fill_n(canvas.label.row(y), canvas.width, uint8_t{kKnown});
      load_reference_row(image, canvas, y);
      task.advance(static_cast<uint64_t>(canvas.width));
    }
  });
  return canvas;
}

size_t reference_scratch(const Request& request) {
  Arena arena = Arena::measuring();
  if (request.reference) static_cast<void>(lay_out(arena, *request.reference));
  return arena.peak();
}

void for_each_part(const Request& request, const Options& options, const Plan& plan,
                   const std::optional<Canvas>& reference, const std::function<void(const PartJob&)>& body) {
  // The last hundredth is reported by finish() alone: only a whole fill is at 1.
  const auto share_of = [&plan](int64_t pixels) {
    return 0.99 * static_cast<double>(pixels) / static_cast<double>(plan.hole_pixels);
  };
  int64_t pixels = 0;
  for (size_t i = 0; i < plan.parts.size(); ++i) {
    const int64_t before = pixels;
    pixels += plan.parts[i].hole_pixels;
    body({request, options, plan, i, reference ? &*reference : nullptr, share_of(before), share_of(pixels)});
  }
}

}  // namespace infill::pipeline
