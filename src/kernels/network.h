// A feed-forward network compiled for inference on the CPU: steps over maps that share one block of memory
// (kernels/network_shape.h).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/convolution.h"
#include "kernels/network_shape.h"
#include "kernels/parallel.h"

namespace infill::kernels {

class Network {
 public:
  using Wanted = NetworkShape::Wanted;

  int add_map(int32_t channels, int shift) { return shape_.add_map(channels, shift); }
  [[nodiscard]] int32_t channels(int map) const { return shape_.channels(map); }
  [[nodiscard]] int shift(int map) const { return shape_.shift(map); }

  // Steps run in the order in which they are added.
  // `from` -> channels first .. of `to`.
  void add(Convolution convolution, int from, int to, int32_t first = 0);
  // Any other step. run() writes the region of `to`.
  struct Custom {
    std::vector<int> from;
    int to;
    NetworkShape::Needs needs;
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
  struct Plan : NetworkShape::Plan {
    size_t floats = 0;   // memory in all: the maps, then scratch
    size_t scratch = 0;  // of a custom step, or of all threads in a convolution
    size_t slot = 0;     // of one thread in a convolution
    int threads = 0;
  };
  // See NetworkShape::plan.
  [[nodiscard]] Plan plan(int32_t height, int32_t width, const std::vector<int>& inputs,
                          const std::vector<Wanted>& wanted, const Region& hole, int threads) const;

  // A map's place in the memory of a plan, aligned to 64 bytes.
  [[nodiscard]] Map map(const Plan& plan, int number, float* memory) const;
  // Runs all steps. progress(share of the work done) is called after each.
  void run(const Plan& plan, float* memory, Parallel& parallel,
           const std::function<void(double)>& progress) const;

  [[nodiscard]] size_t weight_bytes() const;  // packed

 private:
  using Step = NetworkShape::Step;
  void convolve(const Plan& plan, const Step& step, const Convolution& convolution, float* memory,
                Parallel& parallel) const;
  void run(const Plan& plan, const Step& step, const Custom& custom, float* memory, Parallel& parallel) const;

  NetworkShape shape_;
  // Of each step: its number among the convolutions, or among the others.
  std::vector<size_t> numbers_;
  std::vector<Convolution> convolutions_;
  std::vector<Custom> customs_;
};

}  // namespace infill::kernels
