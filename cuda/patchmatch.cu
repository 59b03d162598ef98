#include <algorithm>

#include "cuda/mask.h"
#include "cuda/patchmatch_vote.cuh"
#include "cuda/scan.h"
#include "cuda/workspace.h"

namespace infill::cuda {

namespace {

// The coarsest scale that is searched lies this many below the one where the last wanted pixel vanishes.
constexpr int32_t kScalesBelowVanishing = 3;
// A scale with fewer sources has too little to choose from.
constexpr unsigned long long kFewSources = 64;
// The coarsest scale is searched exhaustively when that takes no more comparisons.
constexpr unsigned long long kMostComparisons = 1'000'000;
constexpr int32_t kCoarsestIterations = 10;
// Greatest distance of all random candidates but one on finer scales, whose matches start near the best.
constexpr int32_t kWindow = 32;
constexpr int32_t kFarthestNeighbour = 8;
constexpr int kDetailRounds = 2;
constexpr int32_t kMostRounds = 64;
// Rows of blocks that count patches: few enough that their sums do not queue up.
constexpr unsigned kCountingRows = 32;

bool is_canvas(const Canvas& canvas, int32_t channels) {
  if (canvas.width < 1 || canvas.height < 1 || canvas.stride < canvas.width || canvas.channels != channels)
    return false;
  return std::none_of(canvas.planes, canvas.planes + channels,
                      [](const float* plane) { return plane == nullptr; });
}

bool is_valid(const PatchMatchCall& call) {
  const Canvas& canvas = call.canvas;
  const Rect& box = call.box;
  if (canvas.channels < 1 || canvas.channels > 4 || !is_canvas(canvas, canvas.channels) ||
      canvas.label == nullptr) {
    return false;
  }
  if (call.reference.width != 0 && !is_canvas(call.reference, canvas.channels)) return false;
  for (int c = 0; c < canvas.channels; ++c) {
    if ((call.rim[c] == nullptr) != (call.rim[0] == nullptr)) return false;
  }
  const int64_t pitch = std::max(canvas.width, call.reference.width) + int64_t{1};
  const int64_t rows = int64_t{canvas.height} + (call.reference.width > 0 ? call.reference.height : 0) + 1;
  return box.x >= 0 && box.y >= 0 && box.width >= 1 && box.height >= 1 && box.x <= canvas.width - box.width &&
         box.y <= canvas.height - box.height && call.patch_size >= 3 &&
         call.patch_size <= 2 * kMostPatchRadius + 1 && call.iterations >= 1 &&
         call.iterations <= kMostRounds && call.passes >= 1 && call.passes <= kMostRounds &&
         call.detail >= 0 && call.detail <= 1 && pitch * rows < int64_t{kNowhere};
}

Rect grown(const Rect& rect, int32_t by, int32_t width, int32_t height) {
  const int32_t x = std::max(0, rect.x - by);
  const int32_t y = std::max(0, rect.y - by);
  return {x, y, std::min(width, rect.x + rect.width + by) - x,
          std::min(height, rect.y + rect.height + by) - y};
}

// All arrays. The finest level's serve the others, too, where only one is worked on at a time.
struct Pyramid {
  PatchLevel levels[kMostPatchLevels] = {};
  int32_t count = 0;
  ColourMoments *partials, *range;
  ColourCode* code;
  uint8_t* marks;
  uint32_t *numbers, *list, *source_count;
  void* scan;
  uint8_t* unreliable;
  int32_t* squared;
  void* distance;
  float* energy[6];

  Pyramid(Workspace& workspace, const PatchMatchCall& call) {
    int32_t sizes[2][2] = {{call.canvas.width, call.canvas.height},
                           {call.reference.width, call.reference.height}};
    for (;;) {
      PatchLevel& level = levels[count];
      level.picture_count = call.reference.width > 0 ? 2 : 1;
      for (int i = 0; i < level.picture_count; ++i) {
        level.pictures[i] = {sizes[i][0], sizes[i][1], level.rows};
        level.rows += sizes[i][1];
        level.pitch = std::max(level.pitch, sizes[i][0]);
        for (int32_t& side : sizes[i]) side = side / 2 + side % 2;
      }
      ++level.pitch;
      ++level.rows;
      const int64_t pixels = int64_t{level.width()} * level.height();
      level.colour = workspace.take<uint32_t>(level.size());
      level.flags = workspace.take<uint8_t>(level.size());
      level.coverage = workspace.take<uint8_t>(level.size());
      level.match = workspace.take<uint32_t>(pixels);
      level.other = workspace.take<uint32_t>(pixels);
      level.cost = workspace.take<uint32_t>(pixels);
      level.depth = workspace.take<uint8_t>(pixels);
      ++count;
      if (count == kMostPatchLevels || (level.width() == 1 && level.height() == 1)) break;
    }
    const int64_t size = levels[0].size();
    marks = workspace.take<uint8_t>(size);
    for (int32_t i = 0; i < count; ++i) levels[i].marks = marks;
    numbers = workspace.take<uint32_t>(size);
    list = workspace.take<uint32_t>(size);
    source_count = workspace.take<uint32_t>(1);
    scan = workspace.take<uint8_t>(static_cast<int64_t>(exclusive_scan_workspace(size)));
    partials = workspace.take<ColourMoments>(kMomentBlocks);
    range = workspace.take<ColourMoments>(1);
    code = workspace.take<ColourCode>(1);
    const Rect rect = depth_rect(call, 0, kMostPatchRadius);
    const int64_t area = int64_t{rect.width} * rect.height;
    unreliable = workspace.take<uint8_t>(area);
    squared = workspace.take<int32_t>(area);
    distance =
        workspace.take<uint8_t>(static_cast<int64_t>(squared_distance_workspace(rect.width, rect.height)));
    for (float*& plane : energy) plane = workspace.take<float>(int64_t{call.box.width} * call.box.height);
  }

  // Where targets of a level may be.
  [[nodiscard]] Rect target_rect(const PatchMatchCall& call, int32_t level, int32_t radius) const {
    const Rect& box = call.box;
    const int32_t x = box.x >> level;
    const int32_t y = box.y >> level;
    const Rect holes = {x, y, ((box.x + box.width - 1) >> level) - x + 1,
                        ((box.y + box.height - 1) >> level) - y + 1};
    return grown(holes, radius, levels[level].width(), levels[level].height());
  }
  // The same and what is around them.
  [[nodiscard]] Rect depth_rect(const PatchMatchCall& call, int32_t level, int32_t radius) const {
    return grown(target_rect(call, level, radius), 2, levels[level].width(), levels[level].height());
  }
};

// Random numbers of one pass.
uint64_t key_of(uint64_t seed, int32_t level, int32_t iteration, int32_t pass) {
  const uint64_t counter = (static_cast<uint64_t>(level) * 256 + static_cast<uint64_t>(iteration)) * 256 +
                           static_cast<uint64_t>(pass);
  return seed * 0x9E3779B97F4A7C15U + counter * 0xD1B54A32D192ED03U;
}

PatchSources sources_of(const PatchMatchCall& call) {
  return {call.canvas, call.reference, call.allowed};
}

// Launches; remembers the first error and does nothing after it.
class Launcher {
 public:
  explicit Launcher(cudaStream_t stream) : stream_(stream) {}

  template <class Kernel, class... Arguments>
  void over(int32_t width, int32_t height, Kernel kernel, const Arguments&... arguments) {
    launch(pixel_grid(width, height), pixel_block(), kernel, arguments...);
  }
  template <class Kernel, class... Arguments>
  void launch(dim3 grid, dim3 block, Kernel kernel, const Arguments&... arguments) {
    if (error_ != cudaSuccess) return;
    INFILL_LAUNCH(kernel, grid, block, 0, stream_, arguments...);
    error_ = cudaGetLastError();
  }
  void note(cudaError_t error) {
    if (error_ == cudaSuccess) error_ = error;
  }
  [[nodiscard]] cudaStream_t stream() const { return stream_; }
  [[nodiscard]] cudaError_t error() const { return error_; }

 private:
  cudaStream_t stream_;
  cudaError_t error_ = cudaSuccess;
};

class Fill {
 public:
  Fill(const PatchMatchCall& call, const PatchMatchPlan& plan, Pyramid& pyramid, cudaStream_t stream)
      : call_(call), plan_(plan), pyramid_(pyramid), run_(stream) {}

  cudaError_t all() {
    for (int32_t i = 0; i <= plan_.coarsest; ++i) {
      level(i).radius = plan_.radius;
      level(i).targets = pyramid_.target_rect(call_, i, plan_.radius);
      run_.over(level(i).pitch, level(i).rows, mark_patches_kernel, level(i));
    }
    for (int32_t i = pyramid_.count - 1; i > plan_.coarsest; --i) expand_colours(i);
    for (int32_t i = plan_.coarsest; i >= 0; --i) {
      start(i);
      improve(i);
    }
    finish();
    return run_.error();
  }

 private:
  PatchLevel& level(int32_t i) { return pyramid_.levels[i]; }

  // From level i to the next finer one.
  void expand_colours(int32_t i) {
    const PatchLevel& finer = level(i - 1);
    run_.over(finer.width(), finer.height(), expand_colours_kernel, level(i), finer);
  }

  void start(int32_t i) {
    const PatchLevel& own = level(i);
    const Rect rect = pyramid_.depth_rect(call_, i, plan_.radius);
    run_.over(rect.width, rect.height, mark_unreliable_kernel, own, rect, pyramid_.unreliable);
    const DistanceCall distance = {{pyramid_.unreliable, rect.width, rect.height, rect.width},
                                   Target::kKept,
                                   pyramid_.squared,
                                   rect.width};
    run_.note(squared_distance(distance, pyramid_.distance, run_.stream()));
    run_.over(rect.width, rect.height, measure_depth_kernel, own, rect,
              static_cast<const int32_t*>(pyramid_.squared));

    const dim3 block(kBlockThreads);
    run_.launch(list_grid(own.size()), block, count_sources_kernel, own, pyramid_.numbers);
    run_.note(
        exclusive_scan(pyramid_.numbers, own.size(), pyramid_.source_count, pyramid_.scan, run_.stream()));
    run_.launch(list_grid(own.size()), block, list_sources_kernel, own,
                static_cast<const uint32_t*>(pyramid_.numbers), pyramid_.list);
    if (i == plan_.coarsest) {
      run_.over(own.width(), own.height(), forget_matches_kernel, own);
    } else {
      expand_colours(i + 1);
      run_.over(own.width(), own.height(), expand_matches_kernel, level(i + 1), own);
    }
  }

  void improve(int32_t i) {
    const bool is_coarsest = i == plan_.coarsest;
    const int32_t iterations =
        is_coarsest ? std::max(kCoarsestIterations, call_.iterations) : call_.iterations;
    PatchSearch search{0, call_.canvas.x >> i, call_.canvas.y >> i, is_coarsest ? INT32_MAX : kWindow};
    for (int32_t iteration = 0; iteration < iterations; ++iteration) {
      if (is_coarsest && plan_.exhaustive) {
        search_all(i);
      } else {
        search.key = key_of(call_.seed, i, iteration, 0);
        over_targets(i, measure_matches_kernel, search, list(), plan_.sources[i]);
        for (int32_t pass = 0; pass < call_.passes; ++pass) {
          search.key = key_of(call_.seed, i, iteration, pass + 1);
          search_pass(i, search);
        }
      }
      if (i > 0 || iteration + 1 < iterations) {
        const Rect rect = grown(level(i).targets, plan_.radius, level(i).width(), level(i).height());
        run_.over(rect.width, rect.height, vote_kernel, level(i), rect);
      }
    }
  }

  void search_all(int32_t i) {
    const Rect& targets = level(i).targets;
    const int64_t pixels = int64_t{targets.width} * targets.height;
    const auto blocks =
        static_cast<unsigned>(std::min<int64_t>((pixels + kBlockRows - 1) / kBlockRows, 65535));
    run_.launch(dim3(blocks), pixel_block(), search_all_kernel, level(i), list(), plan_.sources[i]);
  }

  void search_pass(int32_t i, const PatchSearch& search) {
    for (int32_t step = kFarthestNeighbour; step >= 1; step /= 2) {
      over_targets(i, propagate_kernel, step);
      std::swap(level(i).match, level(i).other);
    }
    over_targets(i, search_randomly_kernel, search);
  }

  void finish() {
    const PatchLevel& finest = level(0);
    PatchResult result{sources_of(call_),  call_.box, {},          pyramid_.energy[0],
                       pyramid_.energy[1], {},        call_.detail};
    std::copy(call_.rim, call_.rim + 4, result.rim);
    std::copy(pyramid_.energy + 2, pyramid_.energy + 6, result.change);
    if (plan_.radius == 0) std::fill(result.rim, result.rim + 4, nullptr);
    const Rect rect = grown(call_.box, 1, finest.width(), finest.height());
    run_.over(rect.width, rect.height, vote_result_kernel, finest, result, rect,
              static_cast<const ColourCode*>(pyramid_.code));
    if (call_.detail == 0 || plan_.radius == 0) return;
    for (int round = 0; round < kDetailRounds; ++round) {
      run_.over(call_.box.width, call_.box.height, measure_energy_kernel, finest, result);
      run_.over(call_.box.width, call_.box.height, measure_change_kernel, result);
      run_.over(call_.box.width, call_.box.height, apply_change_kernel, result);
    }
  }

  template <class Kernel, class... Arguments>
  void over_targets(int32_t i, Kernel kernel, const Arguments&... arguments) {
    run_.over(level(i).targets.width, level(i).targets.height, kernel, level(i), arguments...);
  }
  [[nodiscard]] const uint32_t* list() const { return pyramid_.list; }

  const PatchMatchCall& call_;
  const PatchMatchPlan& plan_;
  Pyramid& pyramid_;
  Launcher run_;
};

}  // namespace

int32_t patchmatch_levels(const PatchMatchCall& call) {
  if (!is_valid(call)) return 0;
  Workspace arrays(nullptr);
  return Pyramid(arrays, call).count;
}

size_t patchmatch_workspace(const PatchMatchCall& call) {
  if (!is_valid(call)) return 0;
  Workspace arrays(nullptr);
  const Pyramid pyramid(arrays, call);
  return arrays.used();
}

cudaError_t patchmatch_prepare(const PatchMatchCall& call, PatchMatchCounts* counts, void* workspace,
                               cudaStream_t stream) {
  if (!is_valid(call) || counts == nullptr || workspace == nullptr) return cudaErrorInvalidValue;
  Workspace arrays(workspace);
  const Pyramid pyramid(arrays, call);
  Launcher run(stream);
  const dim3 one(1);
  const dim3 warp(32);
  const dim3 block(kBlockThreads);
  run.launch(one, warp, clear_counts_kernel, counts, pyramid.count);
  for (int pass = 0; pass < 2; ++pass) {
    run.launch(dim3(kMomentBlocks), block, measure_colours_kernel, call.canvas, call.reference,
               static_cast<const ColourMoments*>(pass == 0 ? nullptr : pyramid.range), pyramid.partials);
    run.launch(one, warp, choose_range_kernel, static_cast<const ColourMoments*>(pyramid.partials),
               call.canvas.linear, pyramid.range, pyramid.code);
  }
  const PatchLevel& finest = pyramid.levels[0];
  run.over(finest.pitch, finest.rows, load_level_kernel, finest, sources_of(call),
           static_cast<const ColourCode*>(pyramid.code));
  if (call.canvas.channels < 4)
    run.over(finest.pitch, finest.rows, mark_texture_kernel, finest, call.canvas.channels);
  for (int32_t i = 0; i < pyramid.count; ++i) {
    const PatchLevel& level = pyramid.levels[i];
    if (i + 1 < pyramid.count) {
      const PatchLevel& coarser = pyramid.levels[i + 1];
      run.over(coarser.pitch, coarser.rows, reduce_level_kernel, level, coarser);
    }
    run.over(level.pitch, level.rows, mark_rows_kernel, level);
    dim3 grid = pixel_grid(level.pitch, level.rows);
    grid.y = std::min(grid.y, kCountingRows);
    run.launch(grid, pixel_block(), mark_reach_kernel, level, counts + i);
  }
  return run.error();
}

PatchMatchPlan patchmatch_plan(const PatchMatchCall& call, const PatchMatchCounts* counts) {
  PatchMatchPlan plan;
  const int32_t levels = patchmatch_levels(call);
  int32_t vanishing = 1;
  for (int32_t i = 1; i < levels; ++i) {
    if (counts[i].wanted > 0) vanishing = i + 1;
  }
  // The largest radius up to the one asked for with enough sources, otherwise with any.
  for (int32_t radius = call.patch_size / 2; radius >= 0; --radius) {
    const PatchMatchCounts& finest = counts[0];
    if (finest.targets[radius] == 0 || finest.sources[radius] == 0) continue;
    if (finest.sources[radius] >= kFewSources) {
      plan.radius = radius;
      break;
    }
    plan.radius = std::max(plan.radius, radius);
  }
  // Patches of one pixel are worth it only where blending is no choice.
  if (plan.radius == 0 && call.allowed == nullptr && call.reference.width == 0) plan.radius = -1;
  if (plan.radius < 0) return plan;
  const auto sources = [&](int32_t i) { return counts[i].sources[plan.radius]; };
  const auto targets = [&](int32_t i) { return counts[i].targets[plan.radius]; };
  while (plan.coarsest + 1 + kScalesBelowVanishing <= vanishing && targets(plan.coarsest + 1) > 0 &&
         sources(plan.coarsest + 1) >= kFewSources) {
    ++plan.coarsest;
  }
  plan.exhaustive = targets(plan.coarsest) * sources(plan.coarsest) <= kMostComparisons;
  for (int32_t i = 0; i <= plan.coarsest; ++i) plan.sources[i] = static_cast<uint32_t>(sources(i));
  return plan;
}

cudaError_t patchmatch_fill(const PatchMatchCall& call, const PatchMatchPlan& plan, void* workspace,
                            cudaStream_t stream) {
  if (!is_valid(call) || workspace == nullptr || plan.radius < 0 || plan.radius > call.patch_size / 2 ||
      plan.coarsest < 0) {
    return cudaErrorInvalidValue;
  }
  Workspace arrays(workspace);
  Pyramid pyramid(arrays, call);
  if (plan.coarsest >= pyramid.count) return cudaErrorInvalidValue;
  for (int32_t i = 0; i <= plan.coarsest; ++i) {
    if (plan.sources[i] == 0) return cudaErrorInvalidValue;
  }
  return Fill(call, plan, pyramid, stream).all();
}

}  // namespace infill::cuda
