#include "pipeline/part_canvas.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/mask.h"
#include "core/pixels.h"

namespace infill::pipeline {

namespace {

// Rows that one piece of a parallel loop works on.
constexpr int64_t kRows = 16;

float step_of(PixelType type) {
  switch (type) {
    case PixelType::kU8:
      return 1.0F / 255.0F;
    case PixelType::kU16:
      return 1.0F / 65535.0F;
    case PixelType::kF16:
    case PixelType::kF32:
      return 0.0F;
  }
  return 0.0F;
}

// Calls body(run) for the pieces of the part's runs inside rect.
void for_each_run_in(const Part& part, const Rect& rect, const auto& body) {
  if (intersect(part.bounds, rect).empty()) return;
  for (const Run& run : part.runs) {
    const Run piece{run.y, std::max(run.x0, rect.x), std::min(run.x1, rect.right())};
    if (run.y >= rect.y && run.y < rect.bottom() && piece.x0 < piece.x1) body(piece);
  }
}

}  // namespace

bool closes_seam(const Options& options) {
  return options.method->fills_rim && options.blend_settings[kSeam] > 0;
}

PartCanvas::PartCanvas(Arena& arena, const Part& part, const Request& request, const Options& options,
                       Content content) {
  const Rect& crop = part.crop;
  canvas.width = crop.width;
  canvas.height = crop.height;
  canvas.x = crop.x;
  canvas.y = crop.y;
  canvas.channels = canvas_channels(request.src);
  canvas.linear = request.src.color == Color::kLinear;
  canvas.has_alpha = canvas_has_alpha(request.src);
  canvas.step = step_of(request.src.format->type);
  const auto area = static_cast<size_t>(crop.area());
  canvas.label = {arena.take<uint8_t>(area).data(), crop.width, crop.height, crop.width};
  if (content == Content::kLabels) return;
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
    canvas.planes.at(c) = {arena.take<float>(area).data(), crop.width, crop.height, crop.width};
  }
  if (request.allow) allowed = {arena.take<uint8_t>(area).data(), crop.width, crop.height, crop.width};
  runs = arena.take<Run>(static_cast<size_t>(part.solved_runs));
  if (!closes_seam(options)) return;
  rim = arena.take<Point>(static_cast<size_t>(part.rim_pixels));
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
    canvas.rim_fill.at(c) = arena.take<float>(rim.size());
  }
  row = arena.take<uint8_t>(static_cast<size_t>(crop.width));
}

void for_each_earlier_fill(const PartJob& job, const std::function<void(const Run&)>& body) {
  const Part& part = job.plan.parts[job.which];
  if (!part.is_cut) return;
  constexpr int32_t kChunk = 256;
  std::array<float, kChunk> coverage{};
  for (size_t i = 0; i < job.which; ++i) {
    for_each_run_in(job.plan.parts[i], part.crop, [&](const Run& run) {
      for (int32_t x0 = run.x0; x0 < run.x1; x0 += kChunk) {
        const int32_t n = std::min(kChunk, run.x1 - x0);
        const auto m = std::span(coverage).first(static_cast<size_t>(n));
        read_mask_row(job.request.mask, x0, run.y, m);
        const auto solid = [](float value) { return value >= 1.0F; };
        for (auto at = std::find_if(m.begin(), m.end(), solid); at != m.end();) {
          const auto end = std::find_if_not(at, m.end(), solid);
          body(Run{run.y, x0 + static_cast<int32_t>(at - m.begin()),
                   x0 + static_cast<int32_t>(end - m.begin())});
          at = std::find_if(end, m.end(), solid);
        }
      }
    });
  }
}

void label_canvas(const PartJob& job, Canvas& canvas, Threads& threads, Task& task) {
  const Part& part = job.plan.parts[job.which];
  const Rect solved = part.is_cut ? part.solved : Rect{};
  threads.parallel_for(task, canvas.height, kRows, [&](int64_t begin, int64_t end) {
    constexpr int32_t kChunk = 1024;
    std::array<float, kChunk> coverage{};
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      uint8_t* label = canvas.label.row(y);
      const bool solved_row = canvas.y + y >= solved.y && canvas.y + y < solved.bottom();
      for (int32_t x0 = 0; x0 < canvas.width; x0 += kChunk) {
        const int32_t n = std::min(kChunk, canvas.width - x0);
        read_mask_row(job.request.mask, canvas.x + x0, canvas.y + y,
                      std::span(coverage).first(static_cast<size_t>(n)));
        for (int32_t i = 0; i < n; ++i) {
          const int32_t px = canvas.x + x0 + i;
          const bool solve = solved_row && px >= solved.x && px < solved.right();
          label[x0 + i] = coverage[static_cast<size_t>(i)] > 0.0F ? (solve ? kHole : kExcluded) : kKnown;
        }
      }
      task.advance(static_cast<uint64_t>(canvas.width));
    }
  });
  for_each_earlier_fill(job, [&](const Run& run) {
    std::memset(&canvas.label.at(run.x0 - canvas.x, run.y - canvas.y), kKnown,
                static_cast<size_t>(run.x1 - run.x0));
    task.advance(static_cast<uint64_t>(run.x1 - run.x0));
  });
  for (const Run& run : part.runs) {
    std::memset(&canvas.label.at(run.x0 - canvas.x, run.y - canvas.y), kHole,
                static_cast<size_t>(run.x1 - run.x0));
    task.advance(static_cast<uint64_t>(run.x1 - run.x0));
  }
}

void list_holes(PartCanvas& own, Task& task) {
  Canvas& canvas = own.canvas;
  size_t count = 0;
  for (int32_t y = 0; y < canvas.height; ++y) {
    const uint8_t* label = canvas.label.row(y);
    const uint8_t* end = label + canvas.width;
    for (const uint8_t* at = std::find(label, end, kHole); at != end; at = std::find(at, end, kHole)) {
      const uint8_t* last = std::find_if(at, end, [](uint8_t l) { return l != kHole; });
      own.runs[count++] = {y, static_cast<int32_t>(at - label), static_cast<int32_t>(last - label)};
      canvas.hole_pixels += last - at;
      at = last;
    }
    task.advance(static_cast<uint64_t>(canvas.width));
  }
  canvas.holes = own.runs.first(count);
}

void list_rim(PartCanvas& own, Task& task) {
  Canvas& canvas = own.canvas;
  size_t count = 0;
  size_t first = 0;  // the first run of row y - 1 or later
  for (int32_t y = 0; y < canvas.height; ++y) {
    while (first < canvas.holes.size() && canvas.holes[first].y < y - 1) ++first;
    int32_t left = canvas.width;
    int32_t right = 0;
    for (size_t r = first; r < canvas.holes.size() && canvas.holes[r].y <= y + 1; ++r) {
      const int32_t x0 = std::max(0, canvas.holes[r].x0 - 1);
      const int32_t x1 = std::min(canvas.width, canvas.holes[r].x1 + 1);
      if (left > right) std::memset(own.row.data(), 0, own.row.size());
      std::memset(own.row.data() + x0, 1, static_cast<size_t>(x1 - x0));
      left = std::min(left, x0);
      right = std::max(right, x1);
    }
    for (int32_t x = left; x < right; ++x) {
      if (own.row[static_cast<size_t>(x)] != 0 && canvas.label.at(x, y) == kKnown) own.rim[count++] = {x, y};
    }
    task.advance(static_cast<uint64_t>(canvas.width));
  }
  canvas.rim = own.rim.first(count);
  for (auto& fill : canvas.rim_fill) fill = fill.first(std::min(count, fill.size()));
}

void load_canvas(const PartJob& job, Canvas& canvas, Threads& threads, Task& task) {
  threads.parallel_for(task, canvas.height, kRows, [&](int64_t begin, int64_t end) {
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      load_row(job.request.src, job.request.mask, canvas, y);
      task.advance(static_cast<uint64_t>(canvas.width));
    }
  });
  for_each_earlier_fill(job, [&](const Run& run) {
    load_run(job.request.dst, run, canvas);
    task.advance(static_cast<uint64_t>(run.x1 - run.x0));
  });
}

void load_allowed(const PartJob& job, PartCanvas& own, Threads& threads, Task& task) {
  if (!job.request.allow) return;
  const Canvas& canvas = own.canvas;
  threads.parallel_for(task, canvas.height, kRows, [&](int64_t begin, int64_t end) {
    constexpr int32_t kChunk = 1024;
    std::array<float, kChunk> coverage{};
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      uint8_t* row = own.allowed.row(y);
      for (int32_t x0 = 0; x0 < canvas.width; x0 += kChunk) {
        const int32_t n = std::min(kChunk, canvas.width - x0);
        read_mask_row(*job.request.allow, canvas.x + x0, canvas.y + y,
                      std::span(coverage).first(static_cast<size_t>(n)));
        for (int32_t i = 0; i < n; ++i) row[x0 + i] = coverage[static_cast<size_t>(i)] > 0.0F ? 1 : 0;
      }
      task.advance(static_cast<uint64_t>(canvas.width));
    }
  });
  own.canvas.allowed = {own.allowed.data, own.allowed.width, own.allowed.height, own.allowed.stride};
}

void store_canvas(const PartJob& job, const Canvas& canvas, Threads& threads, Task& task) {
  const RunVector& runs = job.plan.parts[job.which].runs;
  threads.parallel_for(task, static_cast<int64_t>(runs.size()), 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Run& run = runs[static_cast<size_t>(i)];
      store_run(job.request.src, job.request.mask, job.request.dst, run, canvas);
      task.advance(static_cast<uint64_t>(run.x1 - run.x0));
    }
  });
}

}  // namespace infill::pipeline
