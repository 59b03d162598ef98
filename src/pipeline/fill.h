// A whole fill: plan -> fill -> blend, on the caller's pixels.
#pragma once

#include <cstdint>
#include <optional>

#include "classic/method.h"
#include "core/image.h"
#include "core/memory.h"
#include "core/parameter.h"
#include "core/task.h"
#include "core/threads.h"
#include "inference/deepfill.h"

namespace infill::inference {
class DeviceDeepFill;
}

namespace infill::pipeline {

// Images are resolved and checked one by one (core/image.h); check() sees whether they fit each other.
struct Request {
  Image src, mask, dst;
  std::optional<Image> reference;  // more pixels to borrow from
  std::optional<Image> allow;      // non-zero: may be copied from (pipeline/sources.h); src's size
  Rect roi;                        // holes inside it are filled
  uint64_t seed = 0;
};

enum BlendParameter : size_t { kSeam, kGrain, kBlendParameterCount };
// "blend.seam", "blend.grain".
[[nodiscard]] std::span<const Parameter> blend_parameters();

struct Options {
  const classic::Method* method = nullptr;
  // With kNeural (pipeline/neural.h), and only with it: one of them, for fill() or for fill_on_device().
  const inference::DeepFill* model = nullptr;
  const inference::DeviceDeepFill* device_model = nullptr;
  Settings method_settings;
  Settings blend_settings;
};

struct Result {
  uint64_t hole_pixels = 0;  // mask above 0 inside the roi
  uint32_t tiles = 0;        // crops worked on
  Rect bounds;               // of the filled pixels
  size_t scratch = 0;        // bytes that were planned beside the plan itself, and the most of them in use
  size_t scratch_used = 0;
};

// All that can be said of the arguments without reading a pixel. Throws Error; fill() and estimate() begin
// with it.
void check(const Request& request, const Options& options);

// Pixels whose mask is 0 come out of it bit for bit. Throws Error; see infill_fill in <infill.h> for what dst
// holds then. cache holds scratch between calls and may be empty.
Result fill(const Request& request, const Options& options, Memory& memory, Block& cache, Threads& threads,
            Task& task);

struct Estimate {
  uint64_t bytes = 0;  // most of memory that fill() would have in use at once, what its cache holds included
  uint32_t tiles = 0;
};
// Reads the masks (mask and allow) and no other pixel. A mask without data counts as all hole, a picture
// without a known pixel as fillable; for an allow without data see Sources::widen.
Estimate estimate(const Request& request, const Options& options, Memory& memory, size_t cached,
                  Threads& threads, Task& task);

}  // namespace infill::pipeline
