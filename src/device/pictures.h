// Pictures of the caller, seen from the device and from the host, wherever they lie.
#pragma once

#include <span>

#include "core/canvas.h"
#include "core/image.h"
#include "core/memory.h"
#include "core/task.h"
#include "cuda/picture.h"
#include "device/device.h"
#include "device/graphs.h"

namespace infill::device {

// What work on a device takes its memory from, and the stream it is given to. Streams are not waited for but
// where a function says so.
struct Place {
  const Device& device;
  const Stream& stream;
  Memory& memory;            // the device's
  Graphs* graphs = nullptr;  // of what is done again and again; may be null
};

// Host memory that rows of copies pass through.
inline constexpr size_t kChunkBytes = size_t{4} << 20U;

// Workspace as launchers want it: aligned to 256 bytes, which arenas are not. Null on a measuring arena.
[[nodiscard]] void* take_workspace(Arena& arena, size_t bytes);

// As kernels see it. It lies on the device.
[[nodiscard]] cuda::Picture picture_of(const Image& image);

// Copies of bytes between host and device; `what` names them in errors. To the host: waits.
void upload(const Place& place, void* to, const void* from, size_t bytes, const char* what);
void download(const Place& place, void* to, const void* from, size_t bytes, const char* what);

// A picture of the device, in host memory, layout and all. Empty for one that lies there already.
class HostCopy {
 public:
  // Waits until it is there.
  HostCopy(const Place& place, const Image& image, Memory& host, const char* name);
  [[nodiscard]] const Image& image() const { return image_; }

 private:
  Block block_;
  Image image_;
};

// A rectangle of a picture of the host, on the device: packed, one pixel after the other. For one that lies
// on the device: that one.
class DeviceCopy {
 public:
  enum class Content { kCopied, kUndefined };
  DeviceCopy(const Place& place, const Image& image, const Rect& rect, Content content, Memory& host,
             Task& task, const char* name);
  // To be read and written inside of the rectangle, in the coordinates of the picture.
  [[nodiscard]] const Image& image() const { return image_; }
  [[nodiscard]] bool is_copy() const { return block_.size() != 0; }
  // Copies runs back, bit for bit, in ascending order of y; waits for the stream. Does nothing when it is no
  // copy.
  void store(std::span<const Run> runs, const Image& to, Memory& host, Task& task) const;

  // Bytes of device memory that a copy takes.
  [[nodiscard]] static size_t bytes(const Image& image, const Rect& rect);

 private:
  const Place& place_;
  Rect rect_;
  Block block_;
  Image image_;
};

}  // namespace infill::device
