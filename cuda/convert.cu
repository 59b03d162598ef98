#include <algorithm>

#include "cuda/convert.cuh"

namespace infill::cuda {

namespace {

bool same_size(const Picture& a, const Picture& b) {
  return a.width == b.width && a.height == b.height;
}

bool same_format(const Picture& a, const Picture& b) {
  return a.type == b.type && a.channels == b.channels && a.alpha == b.alpha && a.meaning == b.meaning &&
         std::equal(a.order, a.order + 4, b.order);
}

bool is_picture(const Picture& picture) {
  return picture.data != nullptr && picture.channels >= 1 && picture.channels <= 4 &&
         (picture.alpha < 0 || picture.channels == 4) && picture.alpha < picture.channels;
}

bool is_mask(const Picture& mask) {
  return mask.data != nullptr && mask.channels == 1;
}

bool fits(const Canvas& canvas, const Picture& src) {
  if (canvas.channels != canvas_channels(src) || canvas.has_alpha != canvas_has_alpha(src)) return false;
  for (int32_t c = 0; c < canvas.channels; ++c) {
    if (canvas.planes[c] == nullptr) return false;
  }
  return canvas.width >= 0 && canvas.height >= 0 && canvas.stride >= canvas.width && canvas.x >= 0 &&
         canvas.y >= 0 && canvas.x <= src.width - canvas.width && canvas.y <= src.height - canvas.height;
}

// Calls body.run<type, access>().
template <CellType kType, class Body>
void with_access(Access access, const Body& body) {
  constexpr Access kMisaligned = kType == CellType::kU8 ? Access::kCells : Access::kBytes;
  switch (access) {
    case Access::kBytes:
      return body.template run<kType, kMisaligned>();
    case Access::kCells:
      return body.template run<kType, Access::kCells>();
    case Access::kPixels:
      return body.template run<kType, Access::kPixels>();
  }
}
template <class Body>
void with_type(CellType type, Access access, const Body& body) {
  switch (type) {
    case CellType::kU8:
      return with_access<CellType::kU8>(access, body);
    case CellType::kU16:
      return with_access<CellType::kU16>(access, body);
    case CellType::kF16:
      return with_access<CellType::kF16>(access, body);
    case CellType::kF32:
      return with_access<CellType::kF32>(access, body);
  }
}

struct Load {
  const LoadCall& call;
  cudaStream_t stream;
  template <CellType kType, Access kAccess>
  void run() const {
    INFILL_LAUNCH((load_kernel<kType, kAccess>), pixel_grid(call.canvas.width, call.canvas.height),
                  pixel_block(), 0, stream, call);
  }
};

struct Store {
  const StoreCall& call;
  cudaStream_t stream;
  template <CellType kType, Access kAccess>
  void run() const {
    INFILL_LAUNCH((store_kernel<kType, kAccess>), pixel_grid(call.canvas.width, call.canvas.height),
                  pixel_block(), 0, stream, call);
  }
};

struct Copy {
  const CopyCall& call;
  cudaStream_t stream;
  template <CellType kType, Access kAccess>
  void run() const {
    constexpr Access kByCells = kAccess == Access::kBytes ? Access::kBytes : Access::kCells;
    INFILL_LAUNCH((copy_kernel<kType, kByCells>), pixel_grid(call.rect.width, call.rect.height),
                  pixel_block(), 0, stream, call);
  }
};

}  // namespace

cudaError_t load_canvas(const LoadCall& call, cudaStream_t stream) {
  if (!is_picture(call.src) || !fits(call.canvas, call.src)) return cudaErrorInvalidValue;
  if (call.mask.data != nullptr && (!is_mask(call.mask) || !same_size(call.mask, call.src))) {
    return cudaErrorInvalidValue;
  }
  if (call.bad != nullptr) {
    INFILL_LAUNCH(forget_bad_kernel, dim3(1), dim3(32), 0, stream, call.bad);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) return error;
  }
  if (call.canvas.width == 0 || call.canvas.height == 0) return cudaSuccess;
  with_type(call.src.type, access_of(call.src), Load{call, stream});
  return cudaGetLastError();
}

cudaError_t store_canvas(const StoreCall& call, cudaStream_t stream) {
  if (!is_picture(call.src) || !is_mask(call.mask) || !is_picture(call.dst) ||
      !same_format(call.src, call.dst) || !same_size(call.src, call.dst) || !same_size(call.src, call.mask) ||
      !fits(call.canvas, call.src)) {
    return cudaErrorInvalidValue;
  }
  if (call.canvas.width == 0 || call.canvas.height == 0) return cudaSuccess;
  with_type(call.src.type, std::min(access_of(call.src), access_of(call.dst)), Store{call, stream});
  return cudaGetLastError();
}

cudaError_t copy_pixels(const CopyCall& call, cudaStream_t stream) {
  const Rect& rect = call.rect;
  if (!is_picture(call.src) || !is_picture(call.dst) || !same_format(call.src, call.dst) ||
      !same_size(call.src, call.dst) || rect.x < 0 || rect.y < 0 || rect.width < 0 || rect.height < 0 ||
      rect.x > call.src.width - rect.width || rect.y > call.src.height - rect.height) {
    return cudaErrorInvalidValue;
  }
  if (rect.width == 0 || rect.height == 0) return cudaSuccess;
  with_type(call.src.type, std::min(access_of(call.src), access_of(call.dst)), Copy{call, stream});
  return cudaGetLastError();
}

}  // namespace infill::cuda
