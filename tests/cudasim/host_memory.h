// Pinned host memory, and copies between all kinds of memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace infill::cudasim {

// malloc and free, and known to cudaPointerGetAttributes. Null when there is no room.
void* allocate_pinned(size_t bytes);
bool free_pinned(void* pointer);
void register_pinned(void* pointer, size_t bytes);
bool unregister_pinned(void* pointer);
bool is_pinned(const void* pointer);

// Rows of `width` bytes, `to_pitch` and `from_pitch` apart.
struct Copy {
  void* to;
  size_t to_pitch;
  const void* from;
  size_t from_pitch;
  size_t width, height;
  cudaMemcpyKind kind;

  static Copy linear(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    return Copy{to, bytes, from, bytes, bytes, 1, kind};
  }
  [[nodiscard]] bool empty() const { return width == 0 || height == 0; }
};

// Enqueues it. Until it runs, a destination on the host holds no values, and a source there may still be
// read, pinned or not.
cudaError_t enqueue_copy(const Copy& copy, cudaStream_t stream);
// On the legacy default stream; done at return, unless both sides are on a device.
cudaError_t copy_now(const Copy& copy);
cudaError_t enqueue_fill(void* to, size_t pitch, int value, size_t width, size_t height, cudaStream_t stream);

}  // namespace infill::cudasim
