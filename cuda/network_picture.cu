#include <algorithm>

#include "cuda/network_picture.cuh"

namespace infill::cuda {

namespace {

bool is_colour_canvas(const Canvas& canvas) {
  const int32_t colours = canvas.channels - (canvas.has_alpha ? 1 : 0);
  if (canvas.channels < 1 || canvas.channels > 4 || (colours != 1 && colours != 3) ||
      canvas.label == nullptr || canvas.width < 1 || canvas.height < 1 || canvas.stride < canvas.width) {
    return false;
  }
  return std::none_of(canvas.planes, canvas.planes + canvas.channels,
                      [](const float* plane) { return plane == nullptr; });
}

int32_t divided(int32_t side, int32_t scale) {
  return (side + scale - 1) / scale;
}

bool is_scaled(const ScaledPicture& picture) {
  return picture.scale >= 1 && picture.width >= 1 && picture.height >= 1 && picture.unknown != nullptr &&
         picture.colours[0] != nullptr && picture.colours[1] != nullptr && picture.colours[2] != nullptr;
}

bool is_scaled_from(int32_t scale, int32_t width, int32_t height, const Canvas& canvas) {
  return scale >= 1 && width == divided(canvas.width, scale) && height == divided(canvas.height, scale);
}

// Calls body with a value of the tensor's type.
template <class Body>
cudaError_t with_type(TensorType type, const Body& body) {
  switch (type) {
    case TensorType::kFloat:
      return body(float{});
    case TensorType::kHalf:
      return body(__half{});
    case TensorType::kBfloat16:
      return body(__nv_bfloat16{});
  }
  return cudaErrorInvalidValue;
}

Rect with_rim(const Rect& box, const Canvas& canvas) {
  const int32_t x = std::max(0, box.x - 1);
  const int32_t y = std::max(0, box.y - 1);
  return {x, y, std::min(canvas.width, box.x + box.width + 1) - x,
          std::min(canvas.height, box.y + box.height + 1) - y};
}

}  // namespace

cudaError_t reduce_canvas(const ReduceCall& call, cudaStream_t stream) {
  const ScaledPicture& scaled = call.scaled;
  if (!is_colour_canvas(call.canvas) || !is_scaled(scaled) ||
      !is_scaled_from(scaled.scale, scaled.width, scaled.height, call.canvas)) {
    return cudaErrorInvalidValue;
  }
  INFILL_LAUNCH(reduce_canvas_kernel, pixel_grid(scaled.width, scaled.height), pixel_block(), 0, stream,
                call);
  return cudaGetLastError();
}

cudaError_t network_input(const NetworkInputCall& call, cudaStream_t stream) {
  const PictureTensor& tensor = call.tensor;
  if (!is_scaled(call.picture) || tensor.data == nullptr || tensor.width < call.picture.width ||
      tensor.height < call.picture.height) {
    return cudaErrorInvalidValue;
  }
  return with_type(tensor.type, [&](auto zero) {
    INFILL_LAUNCH((network_input_kernel<decltype(zero)>), pixel_grid(tensor.width, tensor.height),
                  pixel_block(), 0, stream, call);
    return cudaGetLastError();
  });
}

cudaError_t enlarge_fill(const EnlargeCall& call, cudaStream_t stream) {
  const Canvas& canvas = call.canvas;
  const Rect& box = call.box;
  if (!is_colour_canvas(canvas) || call.tensor.data == nullptr ||
      !is_scaled_from(call.scale, call.tensor.width, call.tensor.height, canvas) || box.x < 0 || box.y < 0 ||
      box.width < 0 || box.height < 0 || box.x > canvas.width - box.width ||
      box.y > canvas.height - box.height) {
    return cudaErrorInvalidValue;
  }
  for (int32_t c = 0; c < canvas.channels; ++c) {
    if ((call.rim[c] == nullptr) != (call.rim[0] == nullptr)) return cudaErrorInvalidValue;
  }
  if (call.bad != nullptr) {
    INFILL_LAUNCH(forget_bad_pixel_kernel, dim3(1), dim3(32), 0, stream, call.bad);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) return error;
  }
  if (box.width == 0 || box.height == 0) return cudaSuccess;
  return with_type(call.tensor.type, [&](auto zero) {
    const Rect rect = with_rim(box, canvas);
    INFILL_LAUNCH((enlarge_kernel<decltype(zero)>), pixel_grid(rect.width, rect.height), pixel_block(), 0,
                  stream, call, rect);
    return cudaGetLastError();
  });
}

}  // namespace infill::cuda
