// Small pictures with memory of their own, for tests that are callers of <infill.h>.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "infill.h"

namespace capi_test {

struct Picture {
  std::vector<unsigned char> bytes;
  infill_image image;

  Picture(infill_format format, int32_t width, int32_t height) : image(INFILL_IMAGE_INIT) {
    image.format = format;
    image.width = width;
    image.height = height;
    uint64_t size = 0;
    EXPECT_EQ(infill_image_check(&image, &size, nullptr), INFILL_OK);
    bytes.resize(size);
    image.data = bytes.data();
  }
  Picture(const Picture& other) : bytes(other.bytes), image(other.image) { image.data = bytes.data(); }
  Picture& operator=(const Picture&) = delete;
};

// RGB8 with some structure.
inline Picture textured(int32_t width, int32_t height) {
  Picture picture(INFILL_FORMAT_RGB8, width, height);
  for (int32_t y = 0; y < height; ++y) {
    for (int32_t x = 0; x < width; ++x) {
      for (int32_t c = 0; c < 3; ++c) {
        picture.bytes[static_cast<size_t>((y * width + x) * 3 + c)] =
            static_cast<unsigned char>((x * 7 + y * (5 + c) + (x * y) % 11) % 256);
      }
    }
  }
  return picture;
}

// GRAY8, a hole of hole_width x hole_height at (x, y).
inline Picture mask_with(int32_t width, int32_t height, infill_rect hole) {
  Picture mask(INFILL_FORMAT_GRAY8, width, height);
  for (int32_t y = hole.y; y < hole.y + hole.height; ++y) {
    std::memset(&mask.bytes[static_cast<size_t>(y * width + hole.x)], 255, static_cast<size_t>(hole.width));
  }
  return mask;
}

inline infill_fill_desc desc_of(const infill_image& src, const infill_image& mask, const infill_image& dst) {
  infill_fill_desc desc = INFILL_FILL_DESC_INIT;
  desc.src = &src;
  desc.mask = &mask;
  desc.dst = &dst;
  return desc;
}

// A context and a session of a method.
struct Session {
  infill_context* context = nullptr;
  infill_session* session = nullptr;

  explicit Session(infill_method method = INFILL_METHOD_HARMONIC)
      : Session(method, INFILL_CONTEXT_DESC_INIT) {}
  Session(infill_method method, const infill_context_desc& desc) {
    infill_error error = INFILL_ERROR_INIT;
    EXPECT_EQ(infill_context_create(&desc, &context, &error), INFILL_OK) << error.message;
    infill_session_desc session_desc = INFILL_SESSION_DESC_INIT;
    session_desc.method = method;
    EXPECT_EQ(infill_session_create(context, &session_desc, &session, &error), INFILL_OK) << error.message;
  }
  ~Session() {
    infill_context_destroy(context);  // the order is free
    infill_session_destroy(session);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

}  // namespace capi_test
