// LibTorch's intra-op threads behind what kernels ask of threads.
#pragma once

#include <ATen/Parallel.h>

#include <cstdint>

#include "kernels/parallel.h"

namespace infill::ops {

class TorchParallel final : public kernels::Parallel {
 public:
  [[nodiscard]] int count() const override { return at::in_parallel_region() ? 1 : at::get_num_threads(); }

  void run(int64_t n, kernels::FunctionRef<void(int64_t)> body) override {
    at::parallel_for(0, n, 1, [body](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) body(i);
    });
  }

  // An operator is neither cancelled nor watched.
  void advance(uint64_t /*pixel_operations*/) override {}
};

}  // namespace infill::ops
