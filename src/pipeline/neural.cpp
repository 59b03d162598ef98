#include "pipeline/neural.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "classic/harmonic.h"
#include "core/meter.h"
#include "core/pixels.h"
#include "core/srgb.h"
#include "core/status.h"
#include "kernels/parallel.h"

namespace infill::pipeline {

namespace {

constexpr std::array<Parameter, 2> kParameters{{
    {"neural.size",
     "Holes thicker than this many pixels are filled at a smaller scale; larger values keep more detail and "
     "trust the network with larger holes.",
     true, 32, 4096, 256},
    {"neural.context", "Pixels of the surroundings that the network sees at least, on every side of a hole.",
     true, 16, 4096, 128},
}};

// Rows that one piece of a parallel loop works on.
constexpr int64_t kRows = 16;

int32_t context_of(const Settings& settings, int32_t width, int32_t height) {
  return std::max(std::max(width, height), settings.integer(kNeuralContext));
}

int32_t ceil_divide(int32_t a, int32_t b) {
  return (a + b - 1) / b;
}

// The canvas at the network's scale.
struct Scaled {
  int32_t scale, width, height;
  std::array<Plane<float>, 3> colours;  // of the picture, then of the fill
  Plane<uint8_t> unknown;

  Scaled(Arena& arena, int32_t scale_, int32_t canvas_width, int32_t canvas_height)
      : scale(scale_), width(ceil_divide(canvas_width, scale_)), height(ceil_divide(canvas_height, scale_)) {
    const auto area = static_cast<size_t>(width) * static_cast<size_t>(height);
    for (Plane<float>& plane : colours) plane = {arena.take<float>(area).data(), width, height, width};
    unknown = {arena.take<uint8_t>(area).data(), width, height, width};
  }
};

float alpha_of(const Canvas& canvas, int32_t x, int32_t y) {
  return canvas.has_alpha ? canvas.planes.at(static_cast<size_t>(canvas.channels - 1)).at(x, y) : 1;
}

// What networks see of a colour: not premultiplied, encoded as sRGB, 0..1.
float encoded(const Canvas& canvas, float value, float alpha) {
  const float straight = value / alpha;
  return std::clamp(canvas.linear ? encode_srgb(straight) : straight, 0.0F, 1.0F);
}

// Means over blocks whose pixels are all known, weighted by alpha. What is transparent has no colour to show.
void reduce(const Canvas& canvas, const Scaled& scaled, classic::Work& work) {
  const auto colours = static_cast<size_t>(canvas.colour_channels());
  work.threads.parallel_for(work.task, scaled.height, kRows, [&](int64_t begin, int64_t end) {
    Meter meter(work.task);
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      const int32_t y0 = y * scaled.scale;
      const int32_t y1 = std::min(y0 + scaled.scale, canvas.height);
      for (int32_t x = 0; x < scaled.width; ++x) {
        const int32_t x0 = x * scaled.scale;
        const int32_t x1 = std::min(x0 + scaled.scale, canvas.width);
        std::array<float, 3> sums{};
        float weight = 0;
        bool unknown = false;
        for (int32_t i = y0; i < y1 && !unknown; ++i) {
          for (int32_t j = x0; j < x1 && !unknown; ++j) {
            unknown = canvas.label.at(j, i) != kKnown;
            const float alpha = alpha_of(canvas, j, i);
            if (!(alpha > 0)) continue;
            weight += alpha;
            for (size_t c = 0; c < 3; ++c) {
              const float value = canvas.planes.at(std::min(c, colours - 1)).at(j, i);
              sums.at(c) += alpha * encoded(canvas, value, alpha);
            }
          }
        }
        unknown = unknown || weight == 0;
        scaled.unknown.at(x, y) = unknown ? 1 : 0;
        for (size_t c = 0; c < 3; ++c) scaled.colours.at(c).at(x, y) = unknown ? 0 : sums.at(c) / weight;
        meter.add(static_cast<uint64_t>(y1 - y0) * static_cast<uint64_t>(x1 - x0));
      }
    }
    meter.flush();
  });
}

// The pixels of the scaled canvas from which those of the holes and of their rim are made.
kernels::Region wanted_of(const Canvas& canvas, const Scaled& scaled, Task& task) {
  kernels::Region hole{canvas.height, canvas.width, 0, 0};
  Meter meter(task);
  for (const Run& run : canvas.holes) {
    hole = {std::min(hole.y0, run.y), std::min(hole.x0, run.x0), std::max(hole.y1, run.y + 1),
            std::max(hole.x1, run.x1)};
    meter.add(1);
  }
  meter.flush();
  const auto low = [&](int32_t v) { return std::max(0, (v - 1) / scaled.scale - 1); };
  const auto high = [&](int32_t v, int32_t side) { return std::min(side, v / scaled.scale + 2); };
  return {low(hole.y0), low(hole.x0), high(hole.y1, scaled.height), high(hole.x1, scaled.width)};
}

void require_finite(const Scaled& scaled, const kernels::Region& region, Task& task) {
  for (int32_t y = region.y0; y < region.y1; ++y) {
    for (const Plane<float>& plane : scaled.colours) {
      const float* row = plane.row(y);
      const float* bad = std::find_if_not(row + region.x0, row + region.x1,
                                          [](float value) { return std::isfinite(value); });
      if (bad != row + region.x1)
        fail(Status::kUnsupported, "fill_model: its numbers overflow on this picture (", *bad, ")");
    }
    task.advance(static_cast<uint64_t>(region.x1 - region.x0));
  }
}

// A scaled plane at a pixel of the canvas: between the centres of the nearest four pixels.
class Enlarged {
 public:
  Enlarged(const Scaled& scaled, int32_t x, int32_t y)
      : at_x_(place(scaled.scale, scaled.width, x)), at_y_(place(scaled.scale, scaled.height, y)) {}

  [[nodiscard]] float of(const Plane<float>& plane) const {
    const float above = mix(plane.at(at_x_.low, at_y_.low), plane.at(at_x_.high, at_y_.low), at_x_.share);
    const float below = mix(plane.at(at_x_.low, at_y_.high), plane.at(at_x_.high, at_y_.high), at_x_.share);
    return mix(above, below, at_y_.share);
  }

 private:
  struct Place {
    int32_t low, high;
    float share;
  };
  static Place place(int32_t scale, int32_t side, int32_t i) {
    const float centre = (static_cast<float>(i) + 0.5F) / static_cast<float>(scale) - 0.5F;
    const auto low = static_cast<int32_t>(std::floor(centre));
    return {std::clamp(low, 0, side - 1), std::clamp(low + 1, 0, side - 1), centre - static_cast<float>(low)};
  }
  static float mix(float a, float b, float share) { return a + share * (b - a); }

  Place at_x_, at_y_;
};

// Calls put(channel, value) for the colours of the fill at a pixel of the canvas, whose alpha is there
// already.
void fill_at(const Canvas& canvas, const Scaled& scaled, int32_t x, int32_t y, const auto& put) {
  const Enlarged enlarged(scaled, x, y);
  std::array<float, 3> rgb{};
  for (size_t c = 0; c < 3; ++c) rgb.at(c) = enlarged.of(scaled.colours.at(c));
  const auto colours = static_cast<size_t>(canvas.colour_channels());
  if (colours == 1) rgb[0] = (rgb[0] + rgb[1] + rgb[2]) / 3.0F;
  const float alpha = alpha_of(canvas, x, y);
  for (size_t c = 0; c < colours; ++c) put(c, alpha * (canvas.linear ? decode_srgb(rgb.at(c)) : rgb.at(c)));
}

void enlarge(Canvas& canvas, const Scaled& scaled, classic::Work& work) {
  work.threads.parallel_for(
      work.task, static_cast<int64_t>(canvas.holes.size()), kRows, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const Run& run = canvas.holes[static_cast<size_t>(i)];
          for (int32_t x = run.x0; x < run.x1; ++x) {
            fill_at(canvas, scaled, x, run.y,
                    [&](size_t c, float value) { canvas.planes.at(c).at(x, run.y) = value; });
          }
          work.task.advance(static_cast<uint64_t>(run.x1 - run.x0));
        }
      });
  Meter meter(work.task);
  for (size_t k = 0; k < canvas.rim.size(); ++k) {
    const Point& point = canvas.rim[k];
    fill_at(canvas, scaled, point.x, point.y,
            [&](size_t c, float value) { canvas.rim_fill.at(c)[k] = value; });
    if (canvas.has_alpha) {
      const auto alpha = static_cast<size_t>(canvas.channels - 1);
      canvas.rim_fill.at(alpha)[k] = canvas.planes.at(alpha).at(point.x, point.y);
    }
    meter.add(1);
  }
  meter.flush();
  canvas.rim_is_filled = true;
}

CanvasShape alpha_shape(const CanvasShape& shape) {
  CanvasShape alpha = shape;
  alpha.channels = 1;
  return alpha;
}

void fill_alpha(Canvas& canvas, classic::Work& work) {
  Canvas alpha = canvas;
  alpha.channels = 1;
  alpha.planes[0] = canvas.planes.at(static_cast<size_t>(canvas.channels - 1));
  alpha.has_alpha = false;
  alpha.linear = false;
  alpha.rim = {};
  const ArenaScope scope(work.arena);
  classic::kHarmonic.fill(alpha, Settings(classic::kHarmonic.parameters), work);
}

}  // namespace

const classic::Method kNeural{
    .id = classic::MethodId::kNeural,
    .name = "neural",
    .summary = "a network fills the hole; needs a model",
    .parameters = kParameters,
    .context = context_of,
    .coupling = 128,
    .scratch = nullptr,
    .fill = nullptr,
    .presets = {},
    .patch = nullptr,
    .fills_rim = true,
};

void check_neural(const Image& src) {
  if (canvas_channels(src) - (canvas_has_alpha(src) ? 1 : 0) == 2)
    fail(Status::kUnsupported, "src.format: ", src.format->name, " is no colour; networks fill RGB and grey");
}

int32_t neural_scale(const Settings& settings, const Rect& bounds, int64_t hole_pixels) {
  const int64_t along = std::max(bounds.width, bounds.height);
  const int64_t across = std::min(bounds.width, bounds.height);
  const int64_t thickness = std::min(across, (hole_pixels + along - 1) / std::max<int64_t>(along, 1));
  const int64_t size = settings.integer(kNeuralSize);
  return static_cast<int32_t>(std::max<int64_t>(1, (thickness + size - 1) / size));
}

size_t neural_scratch(const inference::DeepFill& model, int32_t scale, const CanvasShape& shape) {
  Arena arena = Arena::measuring();
  const Scaled scaled(arena, scale, shape.width, shape.height);
  const size_t network = arena.peak() + model.scratch(scaled.height, scaled.width, shape.threads);
  // Two and four channels end with alpha.
  if (shape.channels % 2 != 0) return network;
  return std::max(network,
                  classic::kHarmonic.scratch(alpha_shape(shape), Settings(classic::kHarmonic.parameters)));
}

void neural_fill(const inference::DeepFill& model, int32_t scale, Canvas& canvas, classic::Work& work) {
  if (canvas.has_alpha) fill_alpha(canvas, work);
  const Scaled scaled(work.arena, scale, canvas.width, canvas.height);
  reduce(canvas, scaled, work);
  const kernels::Region wanted = wanted_of(canvas, scaled, work.task);
  const auto plane = [&](size_t c) {
    const Plane<float>& own = scaled.colours.at(c);
    return Plane<const float>{own.data, own.width, own.height, own.stride};
  };
  run_network(model,
              {.height = scaled.height,
               .width = scaled.width,
               .image = {plane(0), plane(1), plane(2)},
               .unknown = {scaled.unknown.data, scaled.width, scaled.height, scaled.width},
               .wanted = wanted,
               .coarse = {},
               .refined = scaled.colours},
              work.arena, work.threads, work.task);
  require_finite(scaled, wanted, work.task);
  enlarge(canvas, scaled, work);
}

void run_network(const inference::DeepFill& model, const inference::DeepFillCall& call, Arena& arena,
                 Threads& threads, Task& task) {
  kernels::ThreadsParallel parallel(threads, task);
  model.run(call, arena, parallel, [&](double share) { task.done(share); });
}

}  // namespace infill::pipeline
