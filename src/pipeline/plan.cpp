#include "pipeline/plan.h"

#include <algorithm>
#include <array>
#include <span>

#include "core/mask.h"
#include "core/status.h"
#include "pipeline/grain.h"
#include "pipeline/sources.h"

namespace infill::pipeline {

namespace {

// Crops up to this size are not worth cutting.
constexpr int64_t kSmallCrop = int64_t{256} * 256;
// A crop may be this many times the area that its holes and their surroundings need.
constexpr int64_t kSlack = 8;
// Known pixels around a hole that the blend stage looks at.
constexpr int64_t kSurroundings = kGrainRing + 4;

struct Node {
  explicit Node(RunVector own_runs) : runs(std::move(own_runs)) {}
  RunVector runs;
  bool is_cut = false;
};

// Passes over many runs give cancellation its chance, too.
void for_each_run(const RunVector& runs, Task& task, const auto& body) {
  constexpr size_t kStep = Task::kPollEvery / 2;
  for (size_t i = 0; i < runs.size(); i += kStep) {
    const size_t end = std::min(runs.size(), i + kStep);
    for (size_t r = i; r < end; ++r) body(runs[r]);
    task.advance(end - i);
  }
}

Rect bounds_of(const RunVector& runs, Task& task) {
  int32_t left = INT32_MAX;
  int32_t right = 0;
  for_each_run(runs, task, [&](const Run& run) {
    left = std::min(left, run.x0);
    right = std::max(right, run.x1);
  });
  return {left, runs.front().y, right - left, runs.back().y + 1 - runs.front().y};
}

int64_t pixels_of(const RunVector& runs, Task& task) {
  int64_t pixels = 0;
  for_each_run(runs, task, [&](const Run& run) { pixels += run.x1 - run.x0; });
  return pixels;
}

struct Extent {
  Rect bounds;
  int64_t pixels;
  int64_t context;
};

// How far the method looks goes by the hole's thickness, not by its length: a scratch across the picture is
// thin.
Extent extent_of(const RunVector& runs, const Options& options, Task& task) {
  Extent extent{bounds_of(runs, task), pixels_of(runs, task), 0};
  const Rect& b = extent.bounds;
  const int64_t along = std::max(b.width, b.height);
  const auto thickness = static_cast<int32_t>(
      std::min<int64_t>(std::min(b.width, b.height), (extent.pixels + along - 1) / along));
  extent.context = options.method->context(options.method_settings, thickness, thickness);
  extent.context = std::max<int64_t>(extent.context, kSurroundings);
  return extent;
}

struct Gap {
  int32_t begin = 0, width = 0;
};

// Columns of a box: how many have holes, and the widest stretch of others between them.
struct Columns {
  int32_t covered = 0;
  Gap gap;
};

Columns columns_of(const RunVector& runs, const Rect& bounds, Memory& memory, Task& task) {
  // +1 where a run begins, -1 where it ends
  std::vector<int32_t, StdAllocator<int32_t>> ends(static_cast<size_t>(bounds.width) + 1, 0,
                                                   StdAllocator<int32_t>(memory));
  for_each_run(runs, task, [&](const Run& run) {
    ++ends[static_cast<size_t>(run.x0 - bounds.x)];
    --ends[static_cast<size_t>(run.x1 - bounds.x)];
  });
  Columns columns;
  int32_t depth = 0;
  int32_t begin = 0;
  for (int32_t i = 0; i < bounds.width; ++i) {
    const int32_t before = depth;
    depth += ends[static_cast<size_t>(i)];
    if (depth > 0) ++columns.covered;
    if (before > 0 && depth == 0) begin = i;
    if (before == 0 && depth > 0 && i > 0 && i - begin > columns.gap.width)
      columns.gap = {begin + bounds.x, i - begin};
  }
  task.advance(static_cast<uint64_t>(bounds.width));
  return columns;
}

Gap widest_gap_in_rows(const RunVector& runs) {
  Gap best;
  for (size_t i = 1; i < runs.size(); ++i) {
    const int32_t width = runs[i].y - runs[i - 1].y - 1;
    if (width > best.width) best = {runs[i - 1].y + 1, width};
  }
  return best;
}

// About the area of the holes and of what lies within the context of them: beside every run, or above and
// below every column. A hole that fills its box needs at least half of its crop.
int64_t area_needed(const RunVector& runs, const Extent& extent, const Columns& columns) {
  const int64_t beside = 2 * static_cast<int64_t>(runs.size());
  const int64_t above_and_below = columns.covered + 2 * extent.context;
  return extent.pixels + 2 * extent.context * std::max(beside, above_and_below);
}

struct Cut {
  bool in_rows;  // y < at | y >= at, else the same with x
  int32_t at;
  bool through_hole;
};

// Both sides get pixels of a hole; the box has more than one pixel.
Cut choose_cut(const RunVector& runs, const Rect& b, const Gap& columns, int32_t coupling) {
  const Gap rows = widest_gap_in_rows(runs);
  if (std::max(rows.width, columns.width) >= std::max(coupling, 1)) {
    if (rows.width >= columns.width) return {true, rows.begin + rows.width / 2, false};
    return {false, columns.begin + columns.width / 2, false};
  }
  if (b.height >= b.width) return {true, b.y + b.height / 2, true};
  return {false, b.x + b.width / 2, true};
}

// Moves what lies at or beyond the cut out of the node.
RunVector split(RunVector& runs, const Cut& cut, Memory& memory, Task& task) {
  RunVector beyond{StdAllocator<Run>(memory)};
  RunVector before{StdAllocator<Run>(memory)};
  for_each_run(runs, task, [&](const Run& run) {
    if (cut.in_rows) {
      (run.y < cut.at ? before : beyond).push_back(run);
      return;
    }
    if (run.x0 < cut.at) before.push_back({run.y, run.x0, std::min(run.x1, cut.at)});
    if (run.x1 > cut.at) beyond.push_back({run.y, std::max(run.x0, cut.at), run.x1});
  });
  runs = std::move(before);
  return beyond;
}

// A mask without data (an estimate's) is all hole.
RunVector runs_of(const Image& mask, const Rect& rect, Memory& memory, Threads& threads, Task& task) {
  if (mask.data != nullptr) return read_runs(mask, rect, memory, threads, task);
  RunVector runs{StdAllocator<Run>(memory)};
  runs.reserve(static_cast<size_t>(rect.height));
  for (int32_t y = rect.y; y < rect.bottom(); ++y) runs.push_back({y, rect.x, rect.right()});
  task.advance(static_cast<uint64_t>(rect.height));
  return runs;
}

bool has_known_pixel(const Rect& rect, const Image& mask, Task& task) {
  constexpr int32_t kChunk = 4096;
  std::array<float, kChunk> coverage{};
  for (int32_t y = rect.y; y < rect.bottom(); ++y) {
    for (int32_t x = rect.x; x < rect.right(); x += kChunk) {
      const int32_t n = std::min(kChunk, rect.right() - x);
      read_mask_row(mask, x, y, std::span(coverage).first(static_cast<size_t>(n)));
      task.advance(static_cast<uint64_t>(n));
      if (std::find(coverage.begin(), coverage.begin() + n, 0.0F) != coverage.begin() + n) return true;
    }
  }
  return false;
}

// A crop inside a hole teaches nothing: look further out.
Rect with_known_pixel(Rect crop, const Image& mask, Task& task) {
  if (mask.data == nullptr) return crop;
  const Rect picture = mask.bounds();
  while (!has_known_pixel(crop, mask, task)) {
    if (crop == picture) {
      fail(Status::kInvalidArgument, "mask: every one of its ", picture.width, " x ", picture.height,
           " pixels is a hole, so there is nothing to learn from (is it inverted?)");
    }
    crop = grow(crop, std::max(crop.width, crop.height), picture);
  }
  return crop;
}

// Runs of pixels that are holes wholly (mask 1): how often a row of rect changes between known and solved at
// most.
int64_t count_solid_runs(const Image& mask, const Rect& rect, Task& task) {
  if (mask.data == nullptr) return rect.height;
  int64_t count = 0;
  constexpr int32_t kChunk = 256;
  std::array<float, kChunk> coverage{};
  for (int32_t y = rect.y; y < rect.bottom(); ++y) {
    for (int32_t x = rect.x; x < rect.right(); x += kChunk) {
      const int32_t n = std::min(kChunk, rect.right() - x);
      read_mask_row(mask, x, y, std::span(coverage).first(static_cast<size_t>(n)));
      bool before = false;
      for (int32_t i = 0; i < n; ++i) {
        const bool solid = coverage.at(static_cast<size_t>(i)) >= 1.0F;
        if (solid && !before) ++count;
        before = solid;
      }
    }
    task.advance(static_cast<uint64_t>(rect.width));
  }
  return count;
}

// The pixels around the runs (8 neighbours) that are in none of them.
int64_t count_rim(const RunVector& runs, Task& task) {
  int64_t count = 0;
  std::array<size_t, 4> row{};  // where the runs of y - 1, y, y + 1 begin, and where the last ones end
  const auto skip = [&](size_t from, int32_t y) {
    while (from < runs.size() && runs[from].y < y) ++from;
    return from;
  };
  for (int32_t y = runs.front().y - 1; y <= runs.back().y + 1; ++y) {
    row[0] = skip(row[0], y - 1);
    row[1] = skip(row[0], y);
    row[2] = skip(row[1], y + 1);
    row[3] = skip(row[2], y + 2);
    std::array<size_t, 3> next{row[0], row[1], row[2]};
    int32_t end = INT32_MIN;
    for (size_t left = row[3] - row[0]; left > 0; --left) {
      size_t first = 3;
      for (size_t k = 0; k < 3; ++k) {
        if (next[k] < row[k + 1] && (first == 3 || runs[next[k]].x0 < runs[next[first]].x0)) first = k;
      }
      const Run& run = runs[next[first]++];
      count += std::max(0, run.x1 + 1 - std::max(end, run.x0 - 1));
      end = std::max(end, run.x1 + 1);
      if (first == 1) count -= run.x1 - run.x0;
    }
    task.advance(3 * (row[3] - row[0]));
  }
  return count;
}

void solve_beyond_the_cut(Part& part, const Plan& plan, const Request& request, Memory& memory,
                          Threads& threads, Task& task) {
  part.solved = intersect(grow(part.bounds, Part::kOverlap, part.crop), request.roi);
  const RunVector runs = runs_of(request.mask, part.solved, memory, threads, task);
  part.solved_pixels = pixels_of(runs, task);
  part.solved_runs = static_cast<int64_t>(runs.size()) + count_solid_runs(request.mask, part.solved, task);
  for (const Part& earlier : plan.parts) {
    if (!intersect(earlier.bounds, part.solved).empty())
      part.solved_runs += static_cast<int64_t>(earlier.runs.size());
  }
  // Known pixels lie in the rows above and below a run, one further on each side, and at its ends.
  part.rim_pixels = std::min(2 * part.solved_pixels + 6 * part.solved_runs, part.crop.area());
}

}  // namespace

Plan make_plan(const Request& request, const Options& options, Memory& memory, Threads& threads, Task& task) {
  Plan plan(memory);
  std::vector<Node, StdAllocator<Node>> open{StdAllocator<Node>(memory)};
  open.emplace_back(runs_of(request.mask, request.roi, memory, threads, task));
  if (open.back().runs.empty()) return plan;
  plan.hole_pixels = static_cast<uint64_t>(pixels_of(open.back().runs, task));
  plan.bounds = bounds_of(open.back().runs, task);

  Sources sources(request, options, memory, threads, task);
  while (!open.empty()) {
    Node node = std::move(open.back());
    open.pop_back();
    const Extent extent = extent_of(node.runs, options, task);
    const Rect crop = grow(extent.bounds, extent.context, request.src.bounds());
    if (crop.area() > kSmallCrop) {
      const Columns columns = columns_of(node.runs, extent.bounds, memory, task);
      if (crop.area() / kSlack > area_needed(node.runs, extent, columns)) {
        const Cut cut = choose_cut(node.runs, extent.bounds, columns.gap, options.method->coupling);
        Node beyond(split(node.runs, cut, memory, task));
        node.is_cut = beyond.is_cut = node.is_cut || cut.through_hole;
        open.push_back(std::move(beyond));
        open.push_back(std::move(node));  // the upper or left piece comes first
        continue;
      }
    }
    Part part(std::move(node.runs));
    part.bounds = part.solved = extent.bounds;
    part.hole_pixels = part.solved_pixels = extent.pixels;
    part.solved_runs = static_cast<int64_t>(part.runs.size());
    part.is_cut = node.is_cut;
    part.crop = sources.widen(with_known_pixel(crop, request.mask, task), extent.bounds, extent.context,
                              extent.pixels);
    part.rim_pixels = count_rim(part.runs, task);
    if (part.is_cut) solve_beyond_the_cut(part, plan, request, memory, threads, task);
    plan.parts.push_back(std::move(part));
  }
  return plan;
}

}  // namespace infill::pipeline
