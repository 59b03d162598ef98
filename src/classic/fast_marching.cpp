#include "classic/fast_marching.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/hole_groups.h"
#include "core/meter.h"
#include "core/status.h"

namespace infill::classic {

namespace {

// Hole pixels before the front finds them: later than any time, yet not kNeverReached.
constexpr float kNotYet = std::numeric_limits<float>::max();

// Pixel and time in one number that sorts by time, then position: the bits of floats >= 0 sort like them.
using Entry = uint64_t;
Entry entry_of(float time, uint32_t pixel) {
  return (Entry{std::bit_cast<uint32_t>(time)} << 32) | pixel;
}
float time_of(Entry entry) {
  return std::bit_cast<float>(static_cast<uint32_t>(entry >> 32));
}

// A heap with four children a node: half as deep as a binary one, and the children share a cache line.
class Heap {
 public:
  explicit Heap(std::span<Entry> memory) : at_(memory.data()) {}
  [[nodiscard]] bool empty() const { return size_ == 0; }

  void push(Entry entry) {
    size_t i = size_++;
    while (i > 0 && at_[(i - 1) / 4] > entry) {
      at_[i] = at_[(i - 1) / 4];
      i = (i - 1) / 4;
    }
    at_[i] = entry;
  }

  Entry pop() {
    const Entry top = at_[0];
    const Entry last = at_[--size_];
    size_t i = 0;
    for (size_t child = 1; child < size_; child = 4 * i + 1) {
      size_t least = child;
      const size_t end = std::min(child + 4, size_);
      for (size_t k = child + 1; k < end; ++k) {
        if (at_[k] < at_[least]) least = k;
      }
      if (at_[least] >= last) break;
      at_[i] = at_[least];
      i = least;
    }
    at_[i] = last;
    return top;
  }

 private:
  Entry* at_;
  size_t size_ = 0;
};

struct Arrays {
  std::span<float> times;
  std::span<uint32_t> order;
};

ptrdiff_t stride_of(const MarchShape& shape) {
  return (ptrdiff_t{shape.width} + 2 * ptrdiff_t{shape.margin_x} + 15) / 16 * 16;
}

Arrays take_arrays(const MarchShape& shape, Arena& arena) {
  const auto rows = static_cast<size_t>(int64_t{shape.height} + 2 * int64_t{shape.margin_y});
  return {arena.take<float>(static_cast<size_t>(stride_of(shape)) * rows),
          arena.take<uint32_t>(static_cast<size_t>(shape.hole_pixels))};
}

// A pixel is pushed when it is a seed, and again at most once for each of the 4-neighbour pairs inside the
// hole, of which there are at most two a pixel.
size_t heap_capacity(int64_t hole_pixels) {
  return 3 * static_cast<size_t>(hole_pixels);
}

struct March {
  const Canvas& canvas;
  const MarchShape& shape;
  Plane<float> time;

  [[nodiscard]] float best_of(const float* at) const {
    return eikonal(std::min(at[-1], at[1]), std::min(at[-time.stride], at[time.stride]));
  }

  void label_rows(int64_t begin, int64_t end, Task& task) const;
  void stamp_distances(Task& task) const;
  size_t advance_front(std::span<const Run> runs, std::span<Entry> memory, std::span<uint32_t> order,
                       Task& task) const;
};

// Sets T to its start on rows begin .. end, which count from the top of the margin.
void March::label_rows(int64_t begin, int64_t end, Task& task) const {
  Meter meter(task);
  const auto far = static_cast<float>(-shape.reach);
  for (int64_t row = begin; row < end; ++row) {
    const int64_t y = row - shape.margin_y;
    float* line = time.data + y * time.stride;
    std::fill(line - shape.margin_x, line - shape.margin_x + time.stride, kNeverReached);
    if (y >= 0 && y < shape.height) {
      const uint8_t* label = canvas.label.row(static_cast<int32_t>(y));
      for (int32_t x = 0; x < shape.width; ++x) {
        line[x] = label[x] == kKnown ? far : label[x] == kHole ? kNotYet : kNeverReached;
      }
    }
    meter.add(static_cast<uint64_t>(time.stride));
  }
  meter.flush();
}

// Raises T of the known pixels around every run to 1 - (distance to the run). What is not known is later than
// any of these and keeps its value.
void March::stamp_distances(Task& task) const {
  Meter meter(task);
  const int32_t reach = shape.reach;
  for (const Run& run : canvas.holes) {
    const int32_t y0 = std::max(run.y - reach, 0);
    const int32_t y1 = std::min(run.y + reach, shape.height - 1);
    const int32_t left = std::max(run.x0 - reach, 0);
    const int32_t right = std::min(run.x1 - 1 + reach, shape.width - 1);
    for (int32_t y = y0; y <= y1; ++y) {
      float* line = time.row(y);
      const auto rows = static_cast<float>(std::abs(y - run.y));
      const auto raise = [line, rows](int32_t x, int32_t columns) {
        const auto dx = static_cast<float>(columns);
        line[x] = std::max(line[x], 1.0F - std::sqrt(dx * dx + rows * rows));
      };
      for (int32_t x = left; x < run.x0; ++x) raise(x, run.x0 - x);
      for (int32_t x = run.x0; x < run.x1; ++x) line[x] = std::max(line[x], 1.0F - rows);
      for (int32_t x = run.x1; x <= right; ++x) raise(x, x - run.x1 + 1);
      meter.add(uint64_t{1} + static_cast<uint64_t>(right) - static_cast<uint64_t>(left));
    }
  }
  meter.flush();
}

// Returns how many pixels were reached.
size_t March::advance_front(std::span<const Run> runs, std::span<Entry> memory, std::span<uint32_t> order,
                            Task& task) const {
  Meter meter(task);
  Heap heap(memory);
  for (const Run& run : runs) {
    float* line = time.row(run.y);
    for (int32_t x = run.x0; x < run.x1; ++x) {
      const float* at = line + x;
      const float before = std::min(std::min(at[-1], at[1]), std::min(at[-time.stride], at[time.stride]));
      if (before > 0) continue;
      // Only known neighbours count here: a seed on the left has a time already, but is not final.
      const auto known = [](float t) { return t <= 0 ? t : kNeverReached; };
      line[x] = eikonal(std::min(known(at[-1]), known(at[1])),
                        std::min(known(at[-time.stride]), known(at[time.stride])));
      heap.push(entry_of(line[x], static_cast<uint32_t>(at - time.data)));
    }
    meter.add(static_cast<uint64_t>(run.x1 - run.x0));
  }
  size_t reached = 0;
  while (!heap.empty()) {
    const Entry entry = heap.pop();
    const auto pixel = static_cast<uint32_t>(entry);
    const float now = time_of(entry);
    float* at = time.data + pixel;
    if (now != *at) continue;  // it was reached earlier
    order[reached++] = pixel;
    const float soonest = std::nextafter(now, kNeverReached);
    for (const ptrdiff_t step : {ptrdiff_t{-1}, ptrdiff_t{1}, -time.stride, time.stride}) {
      float* next = at + step;
      if (*next <= now || *next == kNeverReached) continue;
      const float t = std::max(best_of(next), soonest);
      if (t >= *next) continue;
      *next = t;
      heap.push(entry_of(t, static_cast<uint32_t>(next - time.data)));
    }
    meter.add(5);
  }
  for (const Run& run : runs) {
    float* line = time.row(run.y);
    for (int32_t x = run.x0; x < run.x1; ++x) {
      if (line[x] == kNotYet) line[x] = kNeverReached;
    }
    meter.add(static_cast<uint64_t>(run.x1 - run.x0));
  }
  meter.flush();
  return reached;
}

}  // namespace

float eikonal(float x_neighbour, float y_neighbour) {
  const float near = std::min(x_neighbour, y_neighbour);
  const float apart = std::max(x_neighbour, y_neighbour) - near;
  if (!(apart < 1.0F)) return near + 1.0F;  // one neighbour alone, or the other too late to matter
  return near + 0.5F * (apart + std::sqrt(2.0F - apart * apart));
}

void measure_march(const MarchShape& shape, Arena& arena) {
  (void)take_arrays(shape, arena);
  const ArenaScope scope(arena);
  measure_hole_groups(shape.hole_runs, arena);
  (void)arena.take<Entry>(heap_capacity(shape.hole_pixels));
  (void)arena.take<size_t>(static_cast<size_t>(shape.hole_runs));
}

ArrivalTimes march(const Canvas& canvas, const MarchShape& shape, Arena& arena, Threads& threads,
                   Task& task) {
  const Arrays arrays = take_arrays(shape, arena);
  if (arrays.times.size() > std::numeric_limits<uint32_t>::max()) {
    fail(Status::kUnsupported, "canvas: ", shape.width, " x ", shape.height,
         " pixels around a hole are more than a front can march over");
  }
  const ptrdiff_t stride = stride_of(shape);
  const March march{
      canvas,
      shape,
      {arrays.times.data() + shape.margin_y * stride + shape.margin_x, shape.width, shape.height, stride}};
  constexpr int64_t kPixelsPerPiece = 1 << 16;
  threads.parallel_for(task, int64_t{shape.height} + 2 * int64_t{shape.margin_y},
                       std::max<int64_t>(1, kPixelsPerPiece / stride),
                       [&](int64_t begin, int64_t end) { march.label_rows(begin, end, task); });
  march.stamp_distances(task);

  const ArenaScope scope(arena);
  const HoleGroups groups = group_holes(canvas.holes, shape.reach, arena, task);
  const std::span<Entry> heaps = arena.take<Entry>(heap_capacity(shape.hole_pixels));
  const std::span<size_t> reached = arena.take<size_t>(static_cast<size_t>(shape.hole_runs));
  constexpr int64_t kPieces = 64;
  threads.parallel_for(
      task, groups.count(), std::max<int64_t>(1, groups.count() / kPieces), [&](int64_t begin, int64_t end) {
        for (auto g = static_cast<size_t>(begin); g < static_cast<size_t>(end); ++g) {
          const auto run = static_cast<size_t>(groups.first_run[g]);
          const auto runs = static_cast<size_t>(groups.first_run[g + 1]) - run;
          const auto pixel = static_cast<size_t>(groups.first_pixel[g]);
          const auto pixels = static_cast<size_t>(groups.first_pixel[g + 1]) - pixel;
          reached[g] = march.advance_front(groups.runs.subspan(run, runs),
                                           heaps.subspan(heap_capacity(static_cast<int64_t>(pixel)),
                                                         heap_capacity(static_cast<int64_t>(pixels))),
                                           arrays.order.subspan(pixel, pixels), task);
        }
      });
  // Closes the gaps that pixels out of reach left.
  Meter meter(task);
  size_t total = 0;
  for (size_t g = 0; g < static_cast<size_t>(groups.count()); ++g) {
    const auto first = static_cast<size_t>(groups.first_pixel[g]);
    if (first == total) {
      total += reached[g];
      continue;
    }
    for (size_t i = first; i < first + reached[g]; ++i) {
      arrays.order[total++] = arrays.order[i];
      meter.add(1);
    }
  }
  meter.flush();
  return {march.time, shape.margin_x, shape.margin_y, arrays.order.first(total)};
}

}  // namespace infill::classic
