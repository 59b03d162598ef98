// What the pipeline knows of a classical method. methods.cpp holds the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/canvas.h"
#include "core/memory.h"
#include "core/parameter.h"
#include "core/task.h"
#include "core/threads.h"

namespace infill::classic {

// Values equal infill_method.
enum class MethodId : int32_t {
  kAuto = 0,
  kHarmonic = 1,
  kBiharmonic = 2,
  kTelea = 3,
  kNavierStokes = 4,
  kPushPull = 5,
  kPatchMatch = 32,
  kNeural = 64,  // not in the table: it needs a model (pipeline/neural.h)
};

// What a running fill may use. Memory comes from the arena alone: no container that grows, no new.
struct Work {
  Threads& threads;
  Task& task;
  Arena& arena;
  uint64_t seed = 0;
};

// Values equal infill_quality.
enum class Quality : int32_t { kDefault = 0, kFast = 16, kBalanced = 32, kHigh = 48 };

// What a quality means to a method: values that replace defaults.
struct Preset {
  Quality quality;
  size_t parameter;  // index in Method::parameters
  double value;
};

struct Method {
  MethodId id;
  const char* name;     // "navier-stokes"
  const char* summary;  // one line for --help: what it is good at
  std::span<const Parameter> parameters;

  // Known pixels wanted on every side of a hole whose bounding box is width x height.
  int32_t (*context)(const Settings& settings, int32_t width, int32_t height);
  // Two holes with fewer known pixels than this between them are solved together.
  int32_t coupling;
  // Bytes of arena that fill() takes at most, and not less than half of that.
  size_t (*scratch)(const CanvasShape& shape, const Settings& settings);
  // Writes every kHole pixel of every plane and nothing else. The bytes do not depend on the number of
  // threads or on the instruction set. The canvas has a known pixel.
  void (*fill)(Canvas& canvas, const Settings& settings, Work& work);
  std::span<const Preset> presets = {};  // kDefault and kBalanced need none
  // Width and height of the patches that fill() copies from canvas.allowed and canvas.reference. Null: it
  // copies nothing, and heeds neither.
  int32_t (*patch)(const Settings& settings) = nullptr;
  bool fills_rim = false;  // fill() may write canvas.rim_fill
};

// The defaults of the method at a quality.
[[nodiscard]] Settings default_settings(const Method& method, Quality quality);

[[nodiscard]] std::span<const Method* const> methods();
// Null when there is none.
[[nodiscard]] const Method* find_method(MethodId id);

}  // namespace infill::classic
