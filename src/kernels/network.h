// A feed-forward network compiled for inference: steps over maps that share one block of memory.
//
// A run may be asked for a part of the result only (what a hole needs). Then every step computes no more than
// later steps read: the regions are found backwards, by the reach of each step.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/convolution.h"
#include "kernels/parallel.h"

namespace infill::kernels {

class Network {
 public:
  // A map of so many channels whose sides are the input's, divided by 2^shift. Returns its number.
  int add_map(int32_t channels, int shift);

  [[nodiscard]] int32_t channels(int map) const { return maps_[static_cast<size_t>(map)].channels; }
  [[nodiscard]] int shift(int map) const { return maps_[static_cast<size_t>(map)].shift; }

  // Steps run in the order in which they are added.
  // `from` -> channels first .. of `to`.
  void add(Convolution convolution, int from, int to, int32_t first = 0);
  // Any other step. needs(): the region of the input-th map of `from` that a region of `to` needs, when only
  // the pixels of `hole` (a region of the input) are unknown. run() writes the region of `to`.
  struct Custom {
    std::vector<int> from;
    int to;
    std::function<Region(size_t input, const Region& wanted, const Region& hole)> needs;
    // Floats that run() needs beside the maps, for inputs of a size.
    std::function<size_t(int32_t height, int32_t width, int threads)> scratch;
    struct Call {
      const std::vector<ConstMap>& in;
      Map out;
      Region region;
      float* scratch;  // aligned to 64 bytes
      size_t scratch_floats;
    };
    std::function<void(const Call& call, Parallel& parallel)> run;
  };
  void add(Custom step);

  // What a run does and needs, for inputs of one size.
  struct Plan {
    int32_t height = 0, width = 0;  // multiples of 2^(largest shift)
    std::vector<Region> regions;    // of each map: what is computed (of inputs: what is read)
    std::vector<size_t> offsets;    // of each map in the memory, in floats
    size_t floats = 0;              // memory in all: the maps, then scratch
    size_t scratch = 0;             // of a custom step, or of all threads in a convolution
    size_t slot = 0;                // of one thread in a convolution
    int threads = 0;
    double work = 0;  // multiply-adds
    Region hole;
  };
  // wanted: pairs of a map and the region of it that is asked for; these stay readable after the run. inputs:
  // maps that the caller fills. hole: where the input is unknown.
  struct Wanted {
    int map;
    Region region;
  };
  [[nodiscard]] Plan plan(int32_t height, int32_t width, const std::vector<int>& inputs,
                          const std::vector<Wanted>& wanted, const Region& hole, int threads) const;

  // A map's place in the memory of a plan, aligned to 64 bytes.
  [[nodiscard]] Map map(const Plan& plan, int number, float* memory) const;
  // Runs all steps. progress(share of the work done) is called after each.
  void run(const Plan& plan, float* memory, Parallel& parallel,
           const std::function<void(double)>& progress) const;

  [[nodiscard]] size_t weight_bytes() const;  // packed

 private:
  struct MapInfo {
    int32_t channels;
    int shift;
  };
  struct Step {
    int convolution;  // or -1: custom
    int custom;
    std::vector<int> from;
    int to;
    int32_t first;
  };
  [[nodiscard]] Region whole(const Plan& plan, int map) const;
  [[nodiscard]] Region needs(const Plan& plan, const Step& step, size_t input) const;
  void convolve(const Plan& plan, const Step& step, float* memory, Parallel& parallel) const;
  void place(Plan& plan, const std::vector<int>& inputs, const std::vector<Wanted>& wanted) const;

  std::vector<MapInfo> maps_;
  std::vector<Step> steps_;
  std::vector<Convolution> convolutions_;
  std::vector<Custom> customs_;
};

}  // namespace infill::kernels
