#include "core/components.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

namespace infill {

namespace {

template <class T>
using Vector = std::vector<T, StdAllocator<T>>;

// Sets that grow together. The least member stands for its set, so that the order of joining does not matter.
class Sets {
 public:
  Sets(size_t count, Memory& memory) : parent_(count, 0, StdAllocator<uint32_t>(memory)) {
    std::iota(parent_.begin(), parent_.end(), 0U);
  }
  [[nodiscard]] uint32_t find(uint32_t member) {
    while (parent_[member] != member) {
      parent_[member] = parent_[parent_[member]];
      member = parent_[member];
    }
    return member;
  }
  void join(uint32_t a, uint32_t b) {
    a = find(a);
    b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  Vector<uint32_t> parent_;
};

// Tells the task of single steps in larger portions.
class Steps {
 public:
  explicit Steps(Task& task) : task_(task) {}
  void operator()(uint64_t count) {
    pending_ += count;
    if (pending_ < kPortion) return;
    task_.advance(std::exchange(pending_, 0));
  }

 private:
  static constexpr uint64_t kPortion = 1 << 16;
  Task& task_;
  uint64_t pending_ = 0;
};

Rect unite(const Rect& a, const Rect& b) {
  const int32_t x = std::min(a.x, b.x);
  const int32_t y = std::min(a.y, b.y);
  return {x, y, std::max(a.right(), b.right()) - x, std::max(a.bottom(), b.bottom()) - y};
}

// Joins every run of one row with those of a row above that it reaches; both from left to right.
void join_rows(std::span<const Run> runs, std::pair<uint32_t, uint32_t> lower,
               std::pair<uint32_t, uint32_t> upper, int32_t reach, Sets& sets) {
  uint32_t first = upper.first;
  for (uint32_t i = lower.first; i < lower.second; ++i) {
    while (first < upper.second && runs[first].x1 <= runs[i].x0 - reach) ++first;
    for (uint32_t j = first; j < upper.second && runs[j].x0 < runs[i].x1 + reach; ++j) sets.join(i, j);
  }
}

void join_neighbours(std::span<const Run> runs, int32_t reach, Sets& sets, Memory& memory, Task& task) {
  const int32_t top = runs.front().y;
  const int32_t rows = runs.back().y - top + 1;
  // Runs of row top + r: [first[r], first[r + 1]).
  Vector<uint32_t> first(static_cast<size_t>(rows) + 1, 0, StdAllocator<uint32_t>(memory));
  for (const Run& run : runs) ++first[static_cast<size_t>(run.y - top) + 1];
  std::partial_sum(first.begin(), first.end(), first.begin());
  const auto row = [&first](int32_t r) {
    return std::pair{first[static_cast<size_t>(r)], first[static_cast<size_t>(r) + 1]};
  };
  Steps steps(task);
  for (int32_t r = 0; r < rows; ++r) {
    const auto [begin, end] = row(r);
    steps(1 + end - begin);
    if (begin == end) continue;
    for (uint32_t i = begin + 1; i < end; ++i) {
      if (runs[i].x0 - runs[i - 1].x1 < reach) sets.join(i - 1, i);
    }
    for (int32_t above = std::max(0, r - reach); above < r; ++above) {
      join_rows(runs, row(r), row(above), reach, sets);
      steps(end - begin + row(above).second - row(above).first);
    }
  }
}

// One sweep from top to bottom over rectangles sorted by y. What the line crosses is kept as intervals of x
// without overlap: whatever meets one of them is joined with it, and the interval becomes that of both.
class Sweep {
 public:
  Sweep(std::span<Rect> boxes, Sets& sets, Memory& memory)
      : boxes_(boxes), sets_(sets), crossed_(std::less<>(), StdAllocator<Entry>(memory)) {}

  // Returns whether it was joined with others.
  bool add(uint32_t which) {
    Rect box = boxes_[which];
    const int32_t line = box.y;
    bool joined = false;
    for (;;) {
      auto at = crossed_.lower_bound(box.x);
      if (at != crossed_.begin() && boxes_[std::prev(at)->second].right() > box.x) --at;
      if (at == crossed_.end() || at->first >= box.right()) break;
      const uint32_t other = at->second;
      crossed_.erase(at);
      if (boxes_[other].bottom() <= line) continue;  // the line has left it
      box = unite(box, boxes_[other]);
      sets_.join(which, other);
      joined = true;
    }
    const uint32_t root = sets_.find(which);
    boxes_[root] = box;
    crossed_.emplace(box.x, root);
    return joined;
  }

 private:
  using Entry = std::pair<const int32_t, uint32_t>;
  std::span<Rect> boxes_;  // of each set's least member: around the whole set
  Sets& sets_;
  std::map<int32_t, uint32_t, std::less<>, StdAllocator<Entry>> crossed_;  // left end to set
};

}  // namespace

Components find_components(std::span<const Run> runs, int32_t reach, Memory& memory, Task& task) {
  Components components(memory);
  if (runs.empty()) return components;
  const auto count = static_cast<uint32_t>(runs.size());
  Sets sets(count, memory);
  join_neighbours(runs, reach, sets, memory, task);

  // A set's least run comes first: it gets the next number.
  Steps steps(task);
  Vector<uint32_t> number(count, 0, StdAllocator<uint32_t>(memory));
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t root = sets.find(i);
    const Run& run = runs[i];
    const Rect box{run.x0, run.y, run.x1 - run.x0, 1};
    if (root == i) {
      number[i] = static_cast<uint32_t>(components.list.size());
      components.list.push_back({.bounds = box});
    }
    number[i] = number[root];
    Component& component = components.list[number[i]];
    component.bounds = unite(component.bounds, box);
    component.pixels += box.width;
    ++component.run_count;
    steps(1);
  }
  size_t first = 0;
  for (Component& component : components.list) {
    component.first_run = first;
    first += std::exchange(component.run_count, 0);
  }
  components.runs.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    Component& component = components.list[number[i]];
    components.runs[component.first_run + component.run_count++] = runs[i];
    steps(1);
  }
  return components;
}

Crops make_crops(std::span<const Rect> rects, int32_t margin, const Rect& picture, Memory& memory,
                 Task& task) {
  Crops crops(memory);
  const auto count = static_cast<uint32_t>(rects.size());
  Sets sets(count, memory);
  Vector<Rect> boxes{StdAllocator<Rect>(memory)};
  boxes.reserve(count);
  for (const Rect& rect : rects) {
    const int64_t x0 = std::max<int64_t>(picture.x, int64_t{rect.x} - margin);
    const int64_t y0 = std::max<int64_t>(picture.y, int64_t{rect.y} - margin);
    const int64_t x1 = std::min<int64_t>(picture.right(), int64_t{rect.right()} + margin);
    const int64_t y1 = std::min<int64_t>(picture.bottom(), int64_t{rect.bottom()} + margin);
    boxes.push_back({static_cast<int32_t>(x0), static_cast<int32_t>(y0), static_cast<int32_t>(x1 - x0),
                     static_cast<int32_t>(y1 - y0)});
  }
  Vector<uint32_t> open(count, 0, StdAllocator<uint32_t>(memory));  // least members of sets
  std::iota(open.begin(), open.end(), 0U);
  const auto by_place = [&boxes](uint32_t a, uint32_t b) {
    return std::tuple(boxes[a].y, boxes[a].x, a) < std::tuple(boxes[b].y, boxes[b].x, b);
  };
  Steps steps(task);
  // A box that grew upwards may meet one that the line had left: sweep again.
  for (bool joined = true; joined;) {
    joined = false;
    std::sort(open.begin(), open.end(), by_place);
    Sweep sweep(boxes, sets, memory);
    for (const uint32_t which : open) {
      joined |= sweep.add(which);
      steps(1);
    }
    std::erase_if(open, [&sets](uint32_t member) { return sets.find(member) != member; });
  }
  std::sort(open.begin(), open.end(), by_place);
  Vector<uint32_t> number(count, 0, StdAllocator<uint32_t>(memory));
  for (const uint32_t root : open) {
    number[root] = static_cast<uint32_t>(crops.list.size());
    crops.list.push_back(boxes[root]);
  }
  crops.crop_of.reserve(count);
  for (uint32_t i = 0; i < count; ++i) crops.crop_of.push_back(number[sets.find(i)]);
  return crops;
}

}  // namespace infill
