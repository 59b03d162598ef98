#include <algorithm>

#include "cuda/grain.cuh"
#include "cuda/scan.h"
#include "cuda/workspace.h"

namespace infill::cuda {

namespace {

int32_t colours_of(const Canvas& canvas) {
  return std::min(kGrainColours, canvas.channels - (canvas.has_alpha ? 1 : 0));
}

bool is_valid(const GrainCall& call) {
  const Canvas& canvas = call.canvas;
  const Rect& box = call.box;
  if (canvas.channels < 1 || canvas.channels > 4 || canvas.label == nullptr || canvas.width < 1 ||
      canvas.height < 1 || canvas.stride < canvas.width || call.hole_pixels < 0 || call.hole_runs < 0 ||
      !(call.strength >= 0 && call.strength <= 1)) {
    return false;
  }
  if (std::any_of(canvas.planes, canvas.planes + canvas.channels,
                  [](const float* p) { return p == nullptr; })) {
    return false;
  }
  return box.x >= 0 && box.y >= 0 && box.width >= 0 && box.height >= 0 && box.x <= canvas.width - box.width &&
         box.y <= canvas.height - box.height;
}

// The box and the ring around it.
Rect measured(const GrainCall& call) {
  const Canvas& canvas = call.canvas;
  const Rect& box = call.box;
  const int32_t x = std::max(0, box.x - kGrainRing);
  const int32_t y = std::max(0, box.y - kGrainRing);
  return {x, y, std::min(canvas.width, box.x + box.width + kGrainRing) - x,
          std::min(canvas.height, box.y + box.height + kGrainRing) - y};
}

struct Scratch {
  uint8_t* near;
  uint32_t *number, *taken, *candidates, *counts;
  void* scan;
  GrainSamples samples[2];  // inside, around
  Grain* grain;

  Scratch(Workspace& workspace, const Rect& rect) {
    const int64_t pixels = int64_t{rect.width} * rect.height;
    near = workspace.take<uint8_t>(pixels);
    number = workspace.take<uint32_t>(pixels);
    taken = workspace.take<uint32_t>(pixels);
    candidates = workspace.take<uint32_t>(1);
    counts = workspace.take<uint32_t>(2);
    scan = workspace.take<uint8_t>(static_cast<int64_t>(exclusive_scan_workspace(pixels)));
    const int64_t most = std::min<int64_t>(pixels, kMaximumSamples);
    for (int i = 0; i < 2; ++i) {
      samples[i].count = counts + i;
      for (int c = 0; c < kGrainColours; ++c) {
        samples[i].fine[c] = workspace.take<float>(most);
        samples[i].coarse[c] = workspace.take<float>(most);
        samples[i].response[c] = workspace.take<float>(most);
      }
    }
    grain = workspace.take<Grain>(1);
  }
};

cudaError_t collect(const GrainCall& call, const Scratch& s, bool inside, cudaStream_t stream) {
  const Rect rect = measured(call);
  const int64_t pixels = int64_t{rect.width} * rect.height;
  const int64_t area = int64_t{call.canvas.width} * call.canvas.height;
  const int64_t candidates =
      inside ? call.hole_pixels : std::min(area, call.hole_pixels + int64_t{4} * kGrainRing * call.hole_runs);
  const int64_t every = std::max<int64_t>(1, candidates / kMaximumSamples);
  const dim3 block(kBlockThreads);
  INFILL_LAUNCH(mark_candidates_kernel, pixel_grid(rect.width, rect.height), pixel_block(), 0, stream,
                call.canvas, rect, static_cast<const uint8_t*>(s.near), inside, s.number);
  cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) return error;
  error = exclusive_scan(s.number, pixels, s.candidates, s.scan, stream);
  if (error != cudaSuccess) return error;
  INFILL_LAUNCH(take_samples_kernel, list_grid(pixels), block, 0, stream, call.canvas, rect,
                static_cast<const uint32_t*>(s.number), static_cast<const uint32_t*>(s.candidates), every,
                inside, s.taken);
  error = cudaGetLastError();
  if (error != cudaSuccess) return error;
  error = exclusive_scan(s.taken, pixels, s.counts + (inside ? 0 : 1), s.scan, stream);
  if (error != cudaSuccess) return error;
  INFILL_LAUNCH(write_samples_kernel, list_grid(pixels), block, 0, stream, call.canvas, rect,
                colours_of(call.canvas), static_cast<const uint32_t*>(s.taken), s.samples[inside ? 0 : 1]);
  return cudaGetLastError();
}

}  // namespace

size_t grain_workspace(const GrainCall& call) {
  if (!is_valid(call)) return 0;
  Workspace arrays(nullptr);
  const Scratch scratch(arrays, measured(call));
  return arrays.used();
}

cudaError_t add_grain(const GrainCall& call, void* workspace, cudaStream_t stream) {
  if (!is_valid(call)) return cudaErrorInvalidValue;
  const int32_t colours = colours_of(call.canvas);
  if (call.strength == 0 || colours < 1 || call.box.width == 0 || call.box.height == 0) return cudaSuccess;
  if (workspace == nullptr) return cudaErrorInvalidValue;
  const Rect rect = measured(call);
  Workspace arrays(workspace);
  const Scratch s(arrays, rect);
  INFILL_LAUNCH(mark_ring_rows_kernel, pixel_grid(rect.width, rect.height), pixel_block(), 0, stream,
                call.canvas, rect, s.near);
  cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) return error;
  for (const bool inside : {true, false}) {
    error = collect(call, s, inside, stream);
    if (error != cudaSuccess) return error;
  }
  INFILL_LAUNCH(choose_grain_kernel, dim3(1), dim3(kBlockThreads), 0, stream, s.samples[0], s.samples[1],
                colours, call.strength, s.grain);
  error = cudaGetLastError();
  if (error != cudaSuccess) return error;
  INFILL_LAUNCH(add_grain_kernel, pixel_grid(call.box.width, call.box.height), pixel_block(), 0, stream,
                call.canvas, call.box, colours, call.seed, static_cast<const Grain*>(s.grain));
  return cudaGetLastError();
}

}  // namespace infill::cuda
