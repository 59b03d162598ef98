#include <algorithm>

#include "cuda/membrane.cuh"
#include "cuda/workspace.h"

namespace infill::cuda {

namespace {

constexpr int kMostLevels = 16;
// Below this side a level is coarse enough.
constexpr int32_t kCoarsestSide = 3;
// Steps after which the residual is formed anew.
constexpr int32_t kStepsBetween = 8;
// Rows of blocks that sum up: one block adds up what each of them found.
constexpr unsigned kSummingRows = 16;

Rect grown(const Rect& box, const Canvas& canvas) {
  const int32_t x = std::max(0, box.x - 1);
  const int32_t y = std::max(0, box.y - 1);
  return {x, y, std::min(canvas.width, box.x + box.width + 1) - x,
          std::min(canvas.height, box.y + box.height + 1) - y};
}

dim3 summing_grid(const MembraneLevel& level) {
  dim3 grid = pixel_grid(level.width, level.height);
  grid.y = std::min(grid.y, kSummingRows);
  return grid;
}

// All arrays, for a box that is grown already.
struct Solver {
  MembraneLevel levels[kMostLevels];
  uint8_t* labels[kMostLevels];
  int count = 0;
  float4 *solution, *direction;
  MembranePartial* partials;
  unsigned partial_count;
  MembraneState* state;

  Solver(Workspace& workspace, int32_t width, int32_t height) {
    for (;;) {
      const int64_t pixels = int64_t{width} * height;
      MembraneLevel& level = levels[count];
      labels[count] = count == 0 ? nullptr : workspace.take<uint8_t>(pixels);
      level = {width,
               height,
               labels[count],
               width,
               workspace.take<uint8_t>(pixels),
               workspace.take<float4>(pixels),
               workspace.take<float4>(pixels),
               workspace.take<float4>(pixels)};
      ++count;
      if (count == kMostLevels || std::max(width, height) <= kCoarsestSide) break;
      width = width / 2 + width % 2;
      height = height / 2 + height % 2;
    }
    const int64_t pixels = int64_t{levels[0].width} * levels[0].height;
    solution = workspace.take<float4>(pixels);
    direction = workspace.take<float4>(pixels);
    const dim3 grid = summing_grid(levels[0]);
    partial_count = grid.x * grid.y;
    partials = workspace.take<MembranePartial>(partial_count);
    state = workspace.take<MembraneState>(1);
  }
};

class Solve {
 public:
  Solve(const Solver& solver, const MembraneFine& fine, cudaStream_t stream)
      : s_(solver), fine_(fine), stream_(stream) {}

  cudaError_t all(const MembraneCall& call) {
    start(static_cast<float>(call.tolerance), call.step, call.rim[0] != nullptr);
    for (int32_t i = 0; i < call.iterations; ++i) {
      const bool restart = i % kStepsBetween == 0;
      if (restart) over_finest(form_residual_kernel, fine_, state());
      cycle();
      sum(measure_kernel, fine_.level, s_.partials, state());
      one_block(choose_direction_kernel, partials(), s_.partial_count, restart, s_.state);
      over_finest(turn_kernel, fine_, state());
      sum(image_kernel, fine_, s_.partials, state());
      one_block(choose_step_kernel, partials(), s_.partial_count, s_.state);
      over_finest(step_kernel, fine_, state());
      launched(cudaSuccess);
      INFILL_LAUNCH(judge_kernel, dim3(1), dim3(32), 0, stream_, s_.state, call.report);
      launched(cudaGetLastError());
      if (error_ != cudaSuccess) return error_;
    }
    over_finest(write_solution_kernel, fine_, call.strength);
    return error_;
  }

 private:
  [[nodiscard]] const MembraneState* state() const { return s_.state; }
  [[nodiscard]] const MembranePartial* partials() const { return s_.partials; }
  void launched(cudaError_t error) {
    if (error_ == cudaSuccess) error_ = error;
  }
  template <class Kernel, class... Arguments>
  void over(const MembraneLevel& level, Kernel kernel, const Arguments&... arguments) {
    INFILL_LAUNCH(kernel, pixel_grid(level.width, level.height), pixel_block(), 0, stream_, arguments...);
    launched(cudaGetLastError());
  }
  template <class Kernel, class... Arguments>
  void over_finest(Kernel kernel, const Arguments&... arguments) {
    over(fine_.level, kernel, arguments...);
  }
  template <class Kernel, class... Arguments>
  void sum(Kernel kernel, const Arguments&... arguments) {
    INFILL_LAUNCH(kernel, summing_grid(fine_.level), pixel_block(), 0, stream_, arguments...);
    launched(cudaGetLastError());
  }
  template <class Kernel, class... Arguments>
  void one_block(Kernel kernel, const Arguments&... arguments) {
    INFILL_LAUNCH(kernel, dim3(1), pixel_block(), 0, stream_, arguments...);
    launched(cudaGetLastError());
  }

  void start(float tolerance, float step, bool is_seam) {
    over_finest(start_level_kernel, fine_.level);
    for (int l = 1; l < s_.count; ++l) {
      const MembraneLevel& finer = level(l - 1);
      over(level(l), coarsen_labels_kernel, finer, level(l).width, level(l).height, s_.labels[l]);
      over(level(l), start_level_kernel, level(l));
    }
    sum(measure_range_kernel, fine_, s_.partials);
    one_block(start_solver_kernel, partials(), s_.partial_count, tolerance, step, is_seam, s_.state);
    over_finest(start_solution_kernel, fine_, state());
  }

  [[nodiscard]] const MembraneLevel& level(int l) const { return l <= 0 ? fine_.level : s_.levels[l]; }

  // x of the finest level = M right.
  void cycle() {
    for (int l = 0; l < s_.count; ++l) {
      over(level(l), smooth_zero_kernel, level(l), state());
      if (l + 1 == s_.count) break;
      over(level(l), residual_kernel, level(l), state());
      over(level(l + 1), restrict_kernel, level(l), level(l + 1), state());
    }
    for (int l = s_.count - 1; l >= 0; --l) {
      if (l + 1 < s_.count) over(level(l), prolong_kernel, level(l), level(l + 1), state());
      // The second step writes over the first one's start.
      MembraneLevel back = level(l);
      std::swap(back.x, back.other);
      over(level(l), smooth_kernel, level(l), kFirstStep, 0.0F, state());
      over(level(l), smooth_kernel, back, kSecondStep, kMomentum, state());
    }
  }

  const Solver& s_;
  const MembraneFine& fine_;
  cudaStream_t stream_;
  cudaError_t error_ = cudaSuccess;
};

bool is_valid(const MembraneCall& call) {
  const Canvas& canvas = call.canvas;
  const Rect& box = call.box;
  if (canvas.channels < 1 || canvas.channels > kLanes || canvas.label == nullptr || canvas.width < 1 ||
      canvas.height < 1 || canvas.stride < canvas.width || !(call.tolerance > 0) || call.iterations < 1 ||
      !(call.step >= 0)) {
    return false;
  }
  for (int c = 0; c < canvas.channels; ++c) {
    if (canvas.planes[c] == nullptr || (call.rim[c] == nullptr) != (call.rim[0] == nullptr)) return false;
  }
  return box.x >= 0 && box.y >= 0 && box.width >= 0 && box.height >= 0 && box.x <= canvas.width - box.width &&
         box.y <= canvas.height - box.height;
}

}  // namespace

size_t membrane_workspace(const Rect& box) {
  Workspace arrays(nullptr);
  const Solver solver(arrays, box.width + 2, box.height + 2);
  return arrays.used();
}

cudaError_t membrane(const MembraneCall& call, void* workspace, cudaStream_t stream) {
  if (!is_valid(call)) return cudaErrorInvalidValue;
  if (call.box.width == 0 || call.box.height == 0) return cudaSuccess;
  if (workspace == nullptr) return cudaErrorInvalidValue;
  const Rect box = grown(call.box, call.canvas);
  Workspace arrays(workspace);
  const Solver solver(arrays, box.width, box.height);
  MembraneFine fine;
  fine.level = solver.levels[0];
  fine.level.label = call.canvas.label + box.y * call.canvas.stride + box.x;
  fine.level.label_stride = call.canvas.stride;
  fine.canvas = call.canvas;
  fine.box = box;
  std::copy(call.rim, call.rim + kLanes, fine.rim);
  fine.solution = solver.solution;
  fine.direction = solver.direction;
  return Solve(solver, fine, stream).all(call);
}

}  // namespace infill::cuda
