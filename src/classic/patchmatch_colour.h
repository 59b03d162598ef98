// Colours as PatchMatch compares them: encoded as sRGB, scaled to bytes.
#pragma once

#include <cstdint>

#include "core/canvas.h"
#include "core/srgb.h"
#include "core/task.h"
#include "core/threads.h"

namespace infill::classic::patchmatch {

// Maps colours to bytes and back.
struct ColourCode {
  float low = 0, scale = 255;  // byte = (encoded - low) * scale
  bool linear = false;

  [[nodiscard]] float encode(float value) const { return linear ? encode_srgb(value) : value; }
  [[nodiscard]] float decode(float encoded) const { return linear ? decode_srgb(encoded) : encoded; }
  [[nodiscard]] uint8_t byte(float value) const {
    const float rounded = (encode(value) - low) * scale + 0.5F;
    return rounded >= 255 ? uint8_t{255}
           : rounded > 0  ? static_cast<uint8_t>(rounded)
                          : uint8_t{0};  // NaN: 0
  }
};

// The range of the known pixels; rare extremes (beyond 8 standard deviations) are cut off.
[[nodiscard]] ColourCode measure_colours(const Canvas& canvas, Threads& threads, Task& task);

}  // namespace infill::classic::patchmatch
