// The pixels that a flow in holes sees, packed: hole pixels and all within two of one, row by row.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "classic/flow.h"
#include "classic/lanes.h"
#include "classic/method.h"

namespace infill::classic {

class FlowNodes {
 public:
  static constexpr int32_t kReach = 2;

  // Takes its memory from the arena; holds for every canvas of this shape.
  static FlowNodes lay_out(const CanvasShape& shape, Arena& arena);
  // Reads the canvas, holes included: their values are the start.
  void load(const Canvas& canvas, Task& task);
  // One step at every hole pixel, from the values before it alone.
  void flow(const FlowStep& step, Work& work);
  void diffuse(Work& work);
  // Writes the holes.
  void store(Canvas& canvas, Work& work) const;

 private:
  // Hole pixels of one row, and the nodes of the rows around at its first pixel.
  struct Strip {
    std::array<int32_t, 5> node;
    int32_t x, y, length;
  };
  // A node with no pixel takes the value of the nearest node that has one: the normal derivative is 0 there.
  struct Ghost {
    int32_t node, source;
  };
  static constexpr int32_t kRows = 2 * kReach + 1;
  static constexpr int32_t kStripLength = 1024;

  // Rows are added from -kReach on; a row is finished when the kReach rows below it were added.
  void add_row(const Canvas& canvas, int32_t y, size_t& first_run);
  void finish_row(const Canvas& canvas, int32_t y, size_t& run);
  [[nodiscard]] int32_t nearest_node(const Canvas& canvas, int32_t x, int32_t y) const;
  template <class Along>
  void advance(Work& work, const Along& along);
  // Of row y in index_, at x = 0.
  [[nodiscard]] int32_t* index_row(int32_t y) const {
    return index_.data() + int64_t{(y + 2 * kRows) % kRows} * index_pitch_ + kReach;
  }

  std::array<std::span<Float4>, 2> values_;
  std::span<Strip> strips_;
  std::span<Ghost> ghosts_;
  std::span<int32_t> index_;  // node of (x, y) in the rows last added, -1: none
  int32_t index_pitch_ = 0;
  int32_t node_count_ = 0;
  size_t strip_count_ = 0, ghost_count_ = 0;
};

}  // namespace infill::classic
