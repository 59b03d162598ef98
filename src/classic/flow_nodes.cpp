#include "classic/flow_nodes.h"

#include <algorithm>
#include <limits>

#include "core/meter.h"
#include "core/status.h"

namespace infill::classic {

namespace {

bool is_there(const Canvas& canvas, int32_t x, int32_t y) {
  return canvas.label.contains(x, y) && canvas.label.at(x, y) != kExcluded;
}

}  // namespace

FlowNodes FlowNodes::lay_out(const CanvasShape& shape, Arena& arena) {
  const int64_t frame = 2 * int64_t{kReach};
  const int64_t all = (shape.width + frame) * (shape.height + frame);
  const int64_t nodes = std::min(all, kRows * (shape.hole_pixels + shape.hole_runs * frame));
  if (nodes > std::numeric_limits<int32_t>::max()) {
    fail(Status::kUnsupported, "canvas: ", shape.hole_pixels,
         " pixels in holes are more than a flow can fill");
  }
  FlowNodes flow;
  for (auto& values : flow.values_) values = arena.take<Float4>(static_cast<size_t>(nodes));
  flow.strips_ = arena.take<Strip>(static_cast<size_t>(shape.hole_runs + shape.hole_pixels / kStripLength));
  flow.ghosts_ = arena.take<Ghost>(static_cast<size_t>(nodes));
  flow.index_pitch_ = shape.width + 2 * kReach;
  flow.index_ = arena.take<int32_t>(static_cast<size_t>(int64_t{kRows} * flow.index_pitch_));
  return flow;
}

void FlowNodes::load(const Canvas& canvas, Task& task) {
  Meter meter(task);
  std::fill(index_.begin(), index_.end(), -1);
  size_t first_run = 0;
  size_t run = 0;
  for (int32_t y = -kReach; y < canvas.height + 2 * kReach; ++y) {
    add_row(canvas, y, first_run);
    if (y >= 0) finish_row(canvas, y - kReach, run);
    meter.add(static_cast<uint64_t>(index_pitch_));
  }
  meter.flush();
}

void FlowNodes::add_row(const Canvas& canvas, int32_t y, size_t& first_run) {
  int32_t* index = index_row(y);
  std::fill(index - kReach, index - kReach + index_pitch_, -1);
  while (first_run < canvas.holes.size() && canvas.holes[first_run].y < y - kReach) ++first_run;
  constexpr int32_t kWanted = 0;
  for (size_t i = first_run; i < canvas.holes.size() && canvas.holes[i].y <= y + kReach; ++i) {
    std::fill(index + canvas.holes[i].x0 - kReach, index + canvas.holes[i].x1 + kReach, kWanted);
  }
  for (int32_t x = -kReach; x < canvas.width + kReach; ++x) {
    if (index[x] != kWanted) continue;
    index[x] = node_count_++;
    Float4 value{};
    if (is_there(canvas, x, y)) {
      for (int32_t c = 0; c < canvas.channels; ++c)
        value[c] = canvas.planes.at(static_cast<size_t>(c)).at(x, y);
    }
    for (auto& values : values_) values[static_cast<size_t>(index[x])] = value;
  }
}

void FlowNodes::finish_row(const Canvas& canvas, int32_t y, size_t& run) {
  const int32_t* index = index_row(y);
  for (int32_t x = -kReach; x < canvas.width + kReach; ++x) {
    if (index[x] < 0 || is_there(canvas, x, y)) continue;
    ghosts_[ghost_count_++] = {index[x], nearest_node(canvas, x, y)};
  }
  for (; run < canvas.holes.size() && canvas.holes[run].y == y; ++run) {
    const Run& hole = canvas.holes[run];
    for (int32_t x = hole.x0; x < hole.x1; x += kStripLength) {
      Strip& strip = strips_[strip_count_++];
      strip.x = x;
      strip.y = y;
      strip.length = std::min(kStripLength, hole.x1 - x);
      for (int32_t k = 0; k < kRows; ++k) strip.node[static_cast<size_t>(k)] = index_row(y + k - kReach)[x];
    }
  }
}

// The first in the order of distance, then rows. Every node is within reach of a hole pixel, so there is one.
int32_t FlowNodes::nearest_node(const Canvas& canvas, int32_t x, int32_t y) const {
  int32_t nearest = -1;
  int32_t least = std::numeric_limits<int32_t>::max();
  for (int32_t dy = -kReach; dy <= kReach; ++dy) {
    for (int32_t dx = -kReach; dx <= kReach; ++dx) {
      const int32_t distance = dx * dx + dy * dy;
      if (distance >= least || !is_there(canvas, x + dx, y + dy)) continue;
      const int32_t node = index_row(y + dy)[x + dx];
      if (node < 0) continue;
      least = distance;
      nearest = node;
    }
  }
  return nearest;
}

void FlowNodes::flow(const FlowStep& step, Work& work) {
  advance(work,
          [&step](const FlowRows& rows, int32_t pixels, float* out) { flow_along(rows, step, pixels, out); });
}

void FlowNodes::diffuse(Work& work) {
  advance(work, diffuse_along);
}

// along(rows, pixels, out): the new values of a strip.
template <class Along>
void FlowNodes::advance(Work& work, const Along& along) {
  Meter meter(work.task);
  for (const Ghost& ghost : ghosts_.first(ghost_count_)) {
    values_[0][static_cast<size_t>(ghost.node)] = values_[0][static_cast<size_t>(ghost.source)];
    meter.add(1);
  }
  meter.flush();
  const auto* from = reinterpret_cast<const float*>(values_[0].data());
  auto* to = reinterpret_cast<float*>(values_[1].data());
  constexpr int64_t kStripsPerPiece = 256;
  work.threads.parallel_for(work.task, static_cast<int64_t>(strip_count_), kStripsPerPiece,
                            [&](int64_t begin, int64_t end) {
                              uint64_t pixels = 0;
                              for (auto s = static_cast<size_t>(begin); s < static_cast<size_t>(end); ++s) {
                                const Strip& strip = strips_[s];
                                FlowRows rows;
                                for (size_t k = 0; k < rows.size(); ++k)
                                  rows.at(k) = from + int64_t{strip.node.at(k)} * 4;
                                along(rows, strip.length, to + int64_t{strip.node[kReach]} * 4);
                                pixels += static_cast<uint64_t>(strip.length);
                              }
                              work.task.advance(pixels);
                            });
  std::swap(values_[0], values_[1]);
}

void FlowNodes::store(Canvas& canvas, Work& work) const {
  Meter meter(work.task);
  for (const Strip& strip : strips_.first(strip_count_)) {
    const Float4* values = values_[0].data() + strip.node[kReach];
    for (int32_t c = 0; c < canvas.channels; ++c) {
      float* out = canvas.planes.at(static_cast<size_t>(c)).row(strip.y) + strip.x;
      for (int32_t x = 0; x < strip.length; ++x) out[x] = values[x][c];
    }
    meter.add(static_cast<uint64_t>(strip.length));
  }
  meter.flush();
}

}  // namespace infill::classic
