#include "cuda/neural.cuh"

namespace infill::cuda {

namespace {

bool is_picture(const NetworkPicture& picture) {
  return picture.scale >= 1 && picture.width >= 0 && picture.height >= 0 && picture.colours[0] != nullptr &&
         picture.colours[1] != nullptr && picture.colours[2] != nullptr;
}

// One or three colours, perhaps alpha; and the picture is the canvas at its scale.
bool fits(const Canvas& canvas, const NetworkPicture& picture) {
  const int32_t colours = canvas.channels - (canvas.has_alpha ? 1 : 0);
  const auto covers = [&](int32_t small, int32_t large) {
    return int64_t{small} * picture.scale >= large && (int64_t{small} - 1) * picture.scale < large;
  };
  if ((colours != 1 && colours != 3) || canvas.label == nullptr || canvas.stride < canvas.width) return false;
  for (int32_t c = 0; c < canvas.channels; ++c) {
    if (canvas.planes[c] == nullptr) return false;
  }
  return is_picture(picture) && covers(picture.width, canvas.width) && covers(picture.height, canvas.height);
}

bool is_map(const NetworkMap& map, int32_t channels) {
  return map.data != nullptr && map.height >= 0 && map.width >= 0 && map.channels == channels && channels > 0;
}

bool lies_in(const MapRegion& region, int32_t height, int32_t width) {
  return region.y0 >= 0 && region.x0 >= 0 && region.y1 <= height && region.x1 <= width;
}

bool is_empty(const MapRegion& region) {
  return region.y0 >= region.y1 || region.x0 >= region.x1;
}

dim3 region_grid(const MapRegion& region) {
  return pixel_grid(region.x1 - region.x0, region.y1 - region.y0);
}

// Calls body.run<T>() for the type that the map is stored in.
template <class Body>
void with_storage(Precision precision, const Body& body) {
  switch (precision) {
    case Precision::kFloat32:
    case Precision::kTf32:
      return body.template run<float>();
    case Precision::kFloat16:
      return body.template run<__half>();
    case Precision::kBfloat16:
      return body.template run<__nv_bfloat16>();
  }
}

struct LaunchInput {
  const NetworkInputCall& call;
  cudaStream_t stream;
  template <class T>
  void run() const {
    INFILL_LAUNCH(network_input_kernel<T>, pixel_grid(call.input.width, call.input.height), pixel_block(), 0,
                  stream, call);
  }
};
struct LaunchMix {
  const NetworkMixCall& call;
  cudaStream_t stream;
  template <class T>
  void run() const {
    INFILL_LAUNCH(network_mix_kernel<T>, region_grid(call.region), pixel_block(), 0, stream, call);
  }
};
struct LaunchMask {
  const NetworkMaskCall& call;
  cudaStream_t stream;
  template <class T>
  void run() const {
    INFILL_LAUNCH(network_mask_kernel<T>, pixel_grid(call.input.width, call.input.height), pixel_block(), 0,
                  stream, call);
  }
};
struct LaunchFindOverflow {
  const FindOverflowCall& call;
  cudaStream_t stream;
  template <class T>
  void run() const {
    INFILL_LAUNCH(find_overflow_kernel<T>, region_grid(call.region), pixel_block(), 0, stream, call);
  }
};
struct LaunchSpreadOverflow {
  const SpreadOverflowCall& call;
  cudaStream_t stream;
  template <class T>
  void run() const {
    INFILL_LAUNCH(spread_overflow_kernel<T>, region_grid(call.region), pixel_block(), 0, stream, call);
  }
};
struct LaunchOutput {
  const NetworkOutputCall& call;
  cudaStream_t stream;
  template <class T>
  void run() const {
    INFILL_LAUNCH(network_output_kernel<T>, region_grid(call.region), pixel_block(), 0, stream, call);
  }
};

}  // namespace

cudaError_t reduce_canvas(const ReduceCall& call, cudaStream_t stream) {
  if (!fits(call.canvas, call.picture) || call.picture.unknown == nullptr) return cudaErrorInvalidValue;
  if (call.picture.width == 0 || call.picture.height == 0) return cudaSuccess;
  INFILL_LAUNCH(reduce_kernel, pixel_grid(call.picture.width, call.picture.height), pixel_block(), 0, stream,
                call);
  return cudaGetLastError();
}

cudaError_t enlarge_picture(const EnlargeCall& call, cudaStream_t stream) {
  if (!fits(call.canvas, call.picture)) return cudaErrorInvalidValue;
  for (int32_t c = 1; c < call.canvas.channels; ++c) {
    if ((call.rim[c] == nullptr) != (call.rim[0] == nullptr)) return cudaErrorInvalidValue;
  }
  if (call.canvas.width == 0 || call.canvas.height == 0) return cudaSuccess;
  INFILL_LAUNCH(enlarge_kernel, pixel_grid(call.canvas.width, call.canvas.height), pixel_block(), 0, stream,
                call);
  return cudaGetLastError();
}

cudaError_t network_input(const NetworkInputCall& call, cudaStream_t stream) {
  if (!is_picture(call.picture) || call.picture.unknown == nullptr || !is_map(call.input, kInputChannels) ||
      call.picture.width < 1 || call.picture.height < 1 || call.input.width < call.picture.width ||
      call.input.height < call.picture.height) {
    return cudaErrorInvalidValue;
  }
  with_storage(call.input.precision, LaunchInput{call, stream});
  return cudaGetLastError();
}

cudaError_t network_mix(const NetworkMixCall& call, cudaStream_t stream) {
  const auto same = [&](const NetworkMap& map) {
    return map.height == call.input.height && map.width == call.input.width &&
           map.precision == call.input.precision;
  };
  if (!is_map(call.input, kInputChannels) || !is_map(call.coarse, 3) || !is_map(call.mixed, 3) ||
      !same(call.coarse) || !same(call.mixed) || !lies_in(call.region, call.input.height, call.input.width)) {
    return cudaErrorInvalidValue;
  }
  if (is_empty(call.region)) return cudaSuccess;
  with_storage(call.input.precision, LaunchMix{call, stream});
  return cudaGetLastError();
}

cudaError_t network_mask(const NetworkMaskCall& call, cudaStream_t stream) {
  if (!is_map(call.input, kInputChannels) || call.mask == nullptr) return cudaErrorInvalidValue;
  if (call.input.width == 0 || call.input.height == 0) return cudaSuccess;
  with_storage(call.input.precision, LaunchMask{call, stream});
  return cudaGetLastError();
}

cudaError_t mark_wanted(const MarkWantedCall& call, cudaStream_t stream) {
  if (call.wanted == nullptr || call.height < 0 || call.width < 0) return cudaErrorInvalidValue;
  if (call.width == 0 || call.height == 0) return cudaSuccess;
  INFILL_LAUNCH(mark_wanted_kernel, pixel_grid(call.width, call.height), pixel_block(), 0, stream, call);
  return cudaGetLastError();
}

cudaError_t find_overflow(const FindOverflowCall& call, cudaStream_t stream) {
  if (!is_map(call.map, call.map.channels) || call.bad == nullptr ||
      !lies_in(call.region, call.map.height, call.map.width)) {
    return cudaErrorInvalidValue;
  }
  INFILL_LAUNCH(forget_overflow_kernel, dim3(1), dim3(32), 0, stream, call.bad);
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess || is_empty(call.region)) return error;
  with_storage(call.map.precision, LaunchFindOverflow{call, stream});
  return cudaGetLastError();
}

cudaError_t spread_overflow(const SpreadOverflowCall& call, cudaStream_t stream) {
  if (!is_map(call.map, call.map.channels) || call.bad == nullptr ||
      !lies_in(call.region, call.map.height, call.map.width)) {
    return cudaErrorInvalidValue;
  }
  if (is_empty(call.region)) return cudaSuccess;
  with_storage(call.map.precision, LaunchSpreadOverflow{call, stream});
  return cudaGetLastError();
}

cudaError_t network_output(const NetworkOutputCall& call, cudaStream_t stream) {
  if (!is_map(call.map, 3) || !is_picture(call.picture) || call.map.width < call.picture.width ||
      call.map.height < call.picture.height ||
      !lies_in(call.region, call.picture.height, call.picture.width)) {
    return cudaErrorInvalidValue;
  }
  if (is_empty(call.region)) return cudaSuccess;
  with_storage(call.map.precision, LaunchOutput{call, stream});
  return cudaGetLastError();
}

}  // namespace infill::cuda
