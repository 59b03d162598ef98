#include "classic/patchmatch.h"

#include <algorithm>
#include <array>

#include "classic/patchmatch_colour.h"
#include "classic/patchmatch_detail.h"
#include "classic/patchmatch_level.h"
#include "classic/patchmatch_search.h"
#include "classic/patchmatch_vote.h"
#include "classic/push_pull.h"
#include "core/status.h"

namespace infill::classic {

namespace {

using namespace patchmatch;  // NOLINT(google-build-using-namespace): this file drives its parts

constexpr size_t kMaximumLevels = 32;
// The coarsest scale that is searched lies this many below the one where the last wanted pixel vanishes.
constexpr size_t kScalesBelowVanishing = 3;
// A scale with fewer sources has too little to choose from.
constexpr int64_t kFewSources = 64;
// The coarsest scale is searched exhaustively when that takes no more comparisons.
constexpr int64_t kMostComparisons = 1'000'000;
constexpr int kCoarsestIterations = 10;
// Greatest distance of all random candidates but one on finer scales, whose matches start near the best.
constexpr int32_t kWindow = 32;

// Known pixels looked at around a hole.
constexpr int32_t kMostContext = 512;

struct Pyramid {
  std::array<Level, kMaximumLevels> levels;
  size_t count = 0;
  DetailScratch detail;

  Pyramid(const CanvasShape& shape, const CopyRange& copies, Arena& arena) : detail(shape, arena) {
    levels[0] = finest_shape(shape, copies);
    for (count = 1; next_shape(levels[count - 1], copies, levels[count]);) ++count;
    for (size_t i = 0; i < count; ++i) allocate(levels[i], arena);
  }
};

CopyRange copies_of(const Settings& settings) {
  return {settings[kRotation], settings[kScale]};
}

size_t scratch(const CanvasShape& shape, const Settings& settings) {
  Arena arena = Arena::measuring();
  const Pyramid pyramid(shape, copies_of(settings), arena);
  return std::max(arena.peak(), push_pull_scratch(shape));
}

int32_t context(const Settings& /*settings*/, int32_t width, int32_t height) {
  const int32_t size = std::min(std::max(width, height), kMostContext);
  return std::clamp(6 * size, 32, std::max(64, size));
}

// An even size counts as the next odd one.
int32_t patch(const Settings& settings) {
  return settings.integer(kPatchSize) / 2 * 2 + 1;
}

// Random numbers of one pass.
uint64_t key_of(uint64_t seed, size_t level, int iteration, int pass) {
  const auto counter = (level * 256 + static_cast<uint64_t>(iteration)) * 256 + static_cast<uint64_t>(pass);
  return seed * 0x9E3779B97F4A7C15U + counter * 0xD1B54A32D192ED03U;
}

// The largest radius up to the one asked for with enough sources, otherwise with any; -1: there are none.
// Marks the finest level's patches.
int32_t choose_radius(Level& level, int32_t wanted, Threads& threads, Task& task) {
  int32_t best = -1;
  for (int32_t radius = wanted; radius >= 0; --radius) {
    mark_patches(level, radius, threads, task);
    if (level.targets > 0 && level.sources() >= kFewSources) return radius;
    if (level.targets > 0 && level.sources() > 0 && best < 0) best = radius;
  }
  if (best >= 0) mark_patches(level, best, threads, task);
  return best;
}

class Fill {
 public:
  Fill(Canvas& canvas, const Settings& settings, Work& work, Pyramid& pyramid)
      : canvas_(canvas), settings_(settings), work_(work), pyramid_(pyramid) {}

  // False when there is nothing that patches could be copied from.
  bool run() {
    code_ = measure_colours(canvas_, work_.threads, work_.task);
    load(pyramid_.levels[0], canvas_, code_, work_.threads, work_.task);
    if (!choose_scales()) return false;
    for (size_t i = pyramid_.count - 1; i > coarsest_; --i) {
      expand_colours(pyramid_.levels[i], pyramid_.levels[i - 1], work_.threads, work_.task);
    }
    double work = 0;
    for (size_t i = 0; i <= coarsest_; ++i) {
      work += static_cast<double>(iterations(i)) * static_cast<double>(pyramid_.levels[i].targets);
    }
    for (size_t i = coarsest_ + 1; i-- > 0;) {
      start(i);
      improve(i, static_cast<double>(pyramid_.levels[i].targets) / work);
    }
    vote_result(pyramid_.levels[0], canvas_, code_, work_.threads, work_.task);
    restore_detail(pyramid_.levels[0], canvas_, settings_[kDetail], pyramid_.detail, work_.threads,
                   work_.task);
    return true;
  }

 private:
  bool choose_scales() {
    auto& levels = pyramid_.levels;
    size_t vanishing = 1;
    for (size_t i = 1; i < pyramid_.count; ++i) {
      if (reduce(levels[i - 1], levels[i], work_.threads, work_.task) > 0) vanishing = i + 1;
    }
    draw_copies(levels[0], work_.threads, work_.task);
    const int32_t radius = choose_radius(levels[0], patch(settings_) / 2, work_.threads, work_.task);
    const bool may_blend = canvas_.allowed.data == nullptr && canvas_.reference == nullptr;
    if (radius < 0 || (radius == 0 && may_blend)) return false;
    while (coarsest_ + 1 + kScalesBelowVanishing <= vanishing) {
      Level& next = levels[coarsest_ + 1];
      draw_copies(next, work_.threads, work_.task);
      mark_patches(next, radius, work_.threads, work_.task);
      if (next.targets == 0 || next.sources() < kFewSources) break;
      ++coarsest_;
    }
    return true;
  }

  // First matches and colours of a scale.
  void start(size_t i) {
    Level& level = pyramid_.levels[i];
    measure_depth(level, work_.task);
    if (i == coarsest_) {
      forget_matches(level, work_.threads, work_.task);
    } else {
      expand_colours(pyramid_.levels[i + 1], level, work_.threads, work_.task);
      expand_matches(pyramid_.levels[i + 1], level, work_.threads, work_.task);
    }
  }

  [[nodiscard]] int iterations(size_t i) const {
    const int asked = settings_.integer(kIterations);
    return i == coarsest_ ? std::max(kCoarsestIterations, asked) : asked;
  }

  // share: of all work, that each iteration is.
  void improve(size_t i, double share) {
    Level& level = pyramid_.levels[i];
    const bool is_coarsest = i == coarsest_;
    const bool exhaustive = is_coarsest && level.targets * level.sources() <= kMostComparisons;
    Search search{.x = canvas_.x >> i, .y = canvas_.y >> i};
    search.window = is_coarsest ? INT32_MAX : kWindow;
    for (int iteration = 0; iteration < iterations(i); ++iteration) {
      if (exhaustive) {
        search_all(level, work_.threads, work_.task);
      } else {
        search.key = key_of(work_.seed, i, iteration, 0);
        measure(level, search, work_.threads, work_.task);
        for (int pass = 0; pass < settings_.integer(kPasses); ++pass) {
          search.key = key_of(work_.seed, i, iteration, pass + 1);
          search.backward = (iteration + pass) % 2 != 0;
          search_pass(level, search, work_.threads, work_.task);
        }
      }
      if (i > 0 || iteration + 1 < iterations(i)) vote(level, work_.threads, work_.task);
      done_ += share;
      work_.task.done(done_);
    }
  }

  Canvas& canvas_;
  const Settings& settings_;
  Work& work_;
  Pyramid& pyramid_;
  ColourCode code_;
  size_t coarsest_ = 0;
  double done_ = 0;  // share of the work
};

void fill(Canvas& canvas, const Settings& settings, Work& work) {
  if (canvas.holes.empty()) return;
  const CanvasShape shape{.width = canvas.width,
                          .height = canvas.height,
                          .channels = canvas.channels,
                          .hole_pixels = canvas.hole_pixels,
                          .hole_runs = std::ssize(canvas.holes),
                          .reference_width = canvas.reference == nullptr ? 0 : canvas.reference->width,
                          .reference_height = canvas.reference == nullptr ? 0 : canvas.reference->height};
  if (!fits_positions(finest_shape(shape, copies_of(settings)))) {
    fail(Status::kUnsupported, "src: patchmatch works on less than 2^32 pixels at once, got ", shape.width,
         " x ", shape.height);
  }
  {
    const ArenaScope scope(work.arena);
    Pyramid pyramid(shape, copies_of(settings), work.arena);
    if (Fill(canvas, settings, work, pyramid).run()) return;
  }
  push_pull_fill(canvas, work);
}

constexpr std::array<Parameter, kPatchMatchParameterCount> kParameters = {{
    {"patchmatch.patch_size",
     "Width and height of a patch in pixels (an even size counts as the next odd one): larger keeps "
     "structures "
     "together, smaller follows detail and is faster.",
     true, 3, 15, 7},
    {"patchmatch.iterations",
     "Rounds of search and vote on each scale (the coarsest has at least 10): more settles large holes.",
     true, 1, 20, 3},
    {"patchmatch.passes", "Passes over all patches in one search: more finds better matches.", true, 1, 10,
     2},
    {"patchmatch.rotation",
     "Patches may be turned by up to this many degrees (0, half of it and all of it, both ways); 0: not at "
     "all. "
     "Takes five times the memory and longer.",
     false, 0, 180, 0},
    {"patchmatch.scale",
     "Patches may be larger and smaller by this share (0.25: sizes 0.8, 1 and 1.25); 0: not at all. Takes "
     "three "
     "times the memory and longer.",
     false, 0, 0.5, 0},
    {"patchmatch.detail",
     "How much of the finest detail, which averaging of patches takes away, is put back: 0 (none) to 1 "
     "(all).",
     false, 0, 1, 1},
}};

constexpr auto kPresets = std::to_array<Preset>({
    {Quality::kFast, kIterations, 2},
    {Quality::kFast, kPasses, 1},
    {Quality::kHigh, kPatchSize, 9},
    {Quality::kHigh, kIterations, 5},
    {Quality::kHigh, kPasses, 3},
});

}  // namespace

const Method kPatchMatchMethod = {
    .id = MethodId::kPatchMatch,
    .name = "patchmatch",
    .summary = "copies texture and structures from elsewhere in the picture; best for large holes",
    .parameters = kParameters,
    .context = context,
    .coupling = 16,
    .scratch = scratch,
    .fill = fill,
    .presets = kPresets,
    .patch = patch,
    .fills_rim = true,
};

}  // namespace infill::classic
