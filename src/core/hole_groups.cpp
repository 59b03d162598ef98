#include "core/hole_groups.h"

#include <algorithm>

#include "core/meter.h"

namespace infill {

namespace {

struct Arrays {
  std::span<Run> runs;
  std::span<int64_t> first_run, first_pixel;
  std::span<int64_t> parent;  // of the disjoint sets; a root is its own and the set's first run
};

Arrays take_arrays(size_t runs, Arena& arena) {
  return {arena.take<Run>(runs), arena.take<int64_t>(runs + 1), arena.take<int64_t>(runs + 1),
          arena.take<int64_t>(runs)};
}

int64_t root_of(std::span<int64_t> parent, int64_t run) {
  while (parent[static_cast<size_t>(run)] != run) {
    int64_t& up = parent[static_cast<size_t>(run)];
    up = parent[static_cast<size_t>(up)];
    run = up;
  }
  return run;
}

void join(std::span<int64_t> parent, int64_t a, int64_t b) {
  a = root_of(parent, a);
  b = root_of(parent, b);
  parent[static_cast<size_t>(std::max(a, b))] = std::min(a, b);
}

// Joins every run with the runs `rows` rows above that it reaches (rows 0: those on its left).
void join_rows(std::span<const Run> holes, int32_t rows, int32_t reach, std::span<int64_t> parent,
               Meter& meter) {
  size_t first = 0;  // of the runs that the current one, or a later one, may reach
  for (size_t i = 0; i < holes.size(); ++i) {
    const Run& run = holes[i];
    const int32_t y = run.y - rows;
    while (first < i &&
           (holes[first].y < y || (holes[first].y == y && int64_t{holes[first].x1} - 1 + reach < run.x0))) {
      ++first;
    }
    uint64_t seen = 1;
    for (size_t k = first; k < i && holes[k].y == y && holes[k].x0 <= int64_t{run.x1} - 1 + reach; ++k) {
      join(parent, static_cast<int64_t>(k), static_cast<int64_t>(i));
      ++seen;
    }
    meter.add(seen);
  }
}

}  // namespace

HoleGroups group_holes(std::span<const Run> holes, int32_t reach, Arena& arena, Task& task) {
  const Arrays a = take_arrays(holes.size(), arena);
  Meter meter(task);
  for (size_t i = 0; i < holes.size(); ++i) {
    a.parent[i] = static_cast<int64_t>(i);
    a.first_run[i + 1] = 0;
    a.first_pixel[i + 1] = 0;
    meter.add(1);
  }
  a.first_run[0] = 0;
  a.first_pixel[0] = 0;
  for (int32_t rows = 0; rows <= reach; ++rows) join_rows(holes, rows, reach, a.parent, meter);

  // Counting sort by group. A root comes before the rest of its set, so its slot can hold the group's number
  // as -1 - number when the others ask for it.
  int64_t count = 0;
  for (size_t i = 0; i < holes.size(); ++i) {
    int64_t up = a.parent[i];
    while (up >= 0 && up != static_cast<int64_t>(i)) up = a.parent[static_cast<size_t>(up)];
    a.parent[i] = up < 0 ? up : -1 - count++;
    const auto group = static_cast<size_t>(-1 - a.parent[i]);
    ++a.first_run[group + 1];
    a.first_pixel[group + 1] += holes[i].x1 - holes[i].x0;
    meter.add(1);
  }
  const auto groups = static_cast<size_t>(count);
  for (size_t group = 0; group < groups; ++group) {
    a.first_run[group + 1] += a.first_run[group];
    a.first_pixel[group + 1] += a.first_pixel[group];
    meter.add(1);
  }
  for (size_t i = 0; i < holes.size(); ++i) {
    const auto group = static_cast<size_t>(-1 - a.parent[i]);
    a.runs[static_cast<size_t>(a.first_run[group]++)] = holes[i];
    meter.add(1);
  }
  for (size_t group = groups; group > 0; --group) {
    a.first_run[group] = a.first_run[group - 1];
    meter.add(1);
  }
  a.first_run[0] = 0;
  meter.flush();
  return {a.runs, a.first_run.first(groups + 1), a.first_pixel.first(groups + 1)};
}

void measure_hole_groups(int64_t hole_runs, Arena& arena) {
  (void)take_arrays(static_cast<size_t>(hole_runs), arena);
}

}  // namespace infill
