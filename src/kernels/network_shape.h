// What a feed-forward network is made of, without its weights: maps, and the steps between them. It plans a
// run: which part of each map is computed, and where the maps lie in one block of memory. Whoever executes
// it, on the CPU (kernels/network.h) or on a device, follows the plan.
//
// A run may be asked for a part of the result only (what a hole needs). Then every step computes no more than
// later steps read: the regions are found backwards, by the reach of each step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "kernels/convolution.h"

namespace infill::kernels {

[[nodiscard]] inline int64_t pixels(const Region& region) {
  return region.empty() ? 0 : static_cast<int64_t>(region.y1 - region.y0) * (region.x1 - region.x0);
}

class NetworkShape {
 public:
  // A map of so many channels whose sides are the input's, divided by 2^shift. Returns its number.
  int add_map(int32_t channels, int shift);

  [[nodiscard]] int32_t channels(int map) const { return maps_[static_cast<size_t>(map)].channels; }
  [[nodiscard]] int shift(int map) const { return maps_[static_cast<size_t>(map)].shift; }

  // The region of the input-th map of `from` that a region of `to` needs, when only the pixels of `hole` (a
  // region of the input) are unknown.
  using Needs = std::function<Region(size_t input, const Region& wanted, const Region& hole)>;
  struct Step {
    std::optional<ConvolutionSpec> convolution;  // or a step of another kind, which `needs` describes
    std::vector<int> from;
    int to = 0;
    int32_t first = 0;  // the channel of `to` that a convolution's first one goes to
    Needs needs;
  };
  // Steps run in the order in which they are added.
  void add(Step step) { steps_.push_back(std::move(step)); }
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

  // What a run computes, and where, for inputs of one size.
  struct Plan {
    int32_t height = 0, width = 0;  // multiples of 2^(largest shift)
    std::vector<Region> regions;    // of each map: what is computed (of inputs: what is read)
    std::vector<size_t> offsets;    // of each map in the memory, in values
    size_t values = 0;              // memory of all maps
    double work = 0;                // multiply-adds of the convolutions
    Region hole;
  };
  // wanted: pairs of a map and the region of it that is asked for; these stay readable after the run. inputs:
  // maps that the caller fills. hole: where the input is unknown.
  struct Wanted {
    int map;
    Region region;
  };
  [[nodiscard]] Plan plan(int32_t height, int32_t width, const std::vector<int>& inputs,
                          const std::vector<Wanted>& wanted, const Region& hole) const;

  // All of a map.
  [[nodiscard]] Region whole(const Plan& plan, int map) const;
  // Multiply-adds of a convolution's step; 0 for others.
  [[nodiscard]] static double work(const Plan& plan, const Step& step);

 private:
  struct MapInfo {
    int32_t channels;
    int shift;
  };
  void place(Plan& plan, const std::vector<int>& inputs, const std::vector<Wanted>& wanted) const;

  std::vector<MapInfo> maps_;
  std::vector<Step> steps_;
};

// Values are placed at multiples of this: 64 bytes of float.
[[nodiscard]] constexpr size_t aligned_values(size_t values) {
  constexpr size_t kAlignment = 16;
  return (values + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace infill::kernels
