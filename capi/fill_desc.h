// The images and fills of <infill.h> as the pipeline takes them.
#pragma once

#include "context.h"
#include "infill.h"

namespace infill::capi {

enum class Role {
  kAny,      // infill_image_check: every format
  kPicture,  // src, dst, reference
  kMask,     // mask, allow
};

// Where an image may lie beside the host's memory.
struct Places {
  bool any_device = false;                 // it is looked at, not read
  const device::Device* device = nullptr;  // on this one; null: on none
};

// Checked for itself and with its strides resolved. data may be null.
[[nodiscard]] Image read_image(const infill_image* given, Role role, const char* name,
                               const Places& places = {});

// Throws, calling other `name`, unless the two share no byte. Both have data.
void check_apart(const Image& dst, const Image& other, const char* name);

enum class Data { kRequired, kOptional };

// Everything that can be said of the images one by one, and whether dst may be written. How they fit each
// other and the method is for Session::check.
[[nodiscard]] FillCall read_fill(const infill_fill_desc* given, Data data, const Context& context);

// The same of the images of a fill that has no desc, on the CPU.
[[nodiscard]] FillCall read_fill(const infill_image* src, const infill_image* mask, const infill_image* dst);

}  // namespace infill::capi
