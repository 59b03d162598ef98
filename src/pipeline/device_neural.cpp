#include "pipeline/device_neural.h"

#include <algorithm>

#include "core/status.h"
#include "pipeline/device_patchmatch.h"

namespace infill::pipeline {

namespace {

using device::Device;
using kernels::Region;

int32_t ceil_divide(int32_t a, int32_t b) {
  return (a + b - 1) / b;
}

cuda::NetworkPicture take_picture(Arena& arena, int32_t scale, int32_t width, int32_t height) {
  cuda::NetworkPicture picture;
  picture.scale = scale;
  picture.width = ceil_divide(width, scale);
  picture.height = ceil_divide(height, scale);
  const auto area = static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height);
  for (float*& plane : picture.colours) plane = arena.take<float>(area).data();
  picture.unknown = arena.take<uint8_t>(area).data();
  return picture;
}

// The pixels of the scaled picture that lie in, or from which are made, those of a rectangle of the canvas.
Region scaled(const Rect& rect, const cuda::NetworkPicture& picture, int32_t margin) {
  const auto low = [&](int32_t v) { return std::max(0, (v - margin) / picture.scale - margin); };
  const auto high = [&](int32_t v, int32_t side) {
    return std::min(side, ceil_divide(v + margin, picture.scale) + margin);
  };
  return {low(rect.y), low(rect.x), high(rect.bottom(), picture.height), high(rect.right(), picture.width)};
}

// The last channel's own canvas.
cuda::Canvas alpha_of(const cuda::Canvas& canvas) {
  cuda::Canvas alpha = canvas;
  alpha.channels = 1;
  alpha.has_alpha = false;
  alpha.planes[0] = canvas.planes[canvas.channels - 1];
  return alpha;
}

}  // namespace

void run_network(const inference::DeviceDeepFill& model, const inference::DeepFillCall& call,
                 const device::Place& place, Task& task) {
  struct Pictures {
    cuda::NetworkPicture picture, coarse;
    int32_t* overflow;
    Pictures(Arena& arena, const inference::DeepFillCall& of)
        : picture(take_picture(arena, 1, of.width, of.height)),
          coarse(take_picture(arena, 1, of.width, of.height)),
          overflow(arena.take<int32_t>(1).data()) {}
  };
  Arena measured = Arena::measuring();
  static_cast<void>(Pictures(measured, call));
  const Block block(place.memory, measured.peak() + model.scratch(call.height, call.width));
  Arena arena(block.data(), block.size());
  const Pictures on_device(arena, call);
  const size_t area = static_cast<size_t>(call.height) * static_cast<size_t>(call.width);
  for (size_t c = 0; c < 3; ++c) {
    device::upload(place, on_device.picture.colours[c], call.image.at(c).data, area * sizeof(float),
                   "copying image");
  }
  device::upload(place, on_device.picture.unknown, call.unknown.data, area, "copying mask");
  model.run({.picture = on_device.picture,
             .coarse = on_device.coarse,
             .wanted = call.wanted,
             .hole = {0, 0, call.height, call.width},
             .overflow = on_device.overflow},
            place, arena, [&](double share) {
              task.advance(1);
              task.done(share);
            });
  for (size_t c = 0; c < 3; ++c) {
    device::download(place, call.refined.at(c).data, on_device.picture.colours[c], area * sizeof(float),
                     "copying refined");
    device::download(place, call.coarse.at(c).data, on_device.coarse.colours[c], area * sizeof(float),
                     "copying coarse");
  }
}

size_t device_neural_scratch(const Device& device, const inference::DeviceDeepFill& model, int32_t scale,
                             const cuda::Canvas& canvas, double seam) {
  Arena arena = Arena::measuring();
  const cuda::NetworkPicture picture = take_picture(arena, scale, canvas.width, canvas.height);
  static_cast<void>(arena.take<int32_t>(1));
  size_t stage =
      std::max(model.scratch(picture.height, picture.width), DeviceSeam::scratch(device, canvas, seam));
  if (canvas.has_alpha) stage = std::max(stage, device_harmonic_scratch(device, canvas));
  return arena.peak() + stage;
}

void device_neural_fill(const DeviceNeural& neural, const cuda::Canvas& canvas, const HoleBounds& bounds,
                        double strength, float step, Task& task) {
  const ArenaScope scope(neural.arena);
  const Device& device = neural.place.device;
  const cuda::Kernels& kernels = device.kernels();
  CUstream_st* stream = neural.place.stream.get();
  const cuda::NetworkPicture picture = take_picture(neural.arena, neural.scale, canvas.width, canvas.height);
  int32_t* overflow = neural.arena.take<int32_t>(1).data();
  if (canvas.has_alpha)
    device_harmonic_fill(neural.place, neural.arena, alpha_of(canvas), bounds.holes, step);
  device.check(kernels.reduce_canvas({canvas, picture}, stream), "the network's picture");

  inference::DeviceDeepFillCall call;
  call.picture = picture;
  call.wanted = scaled(bounds.holes, picture, 1);
  // What is transparent is unknown, too, and the host does not know where that is.
  call.hole =
      canvas.has_alpha ? Region{0, 0, picture.height, picture.width} : scaled(bounds.unknown, picture, 0);
  call.overflow = overflow;
  neural.model.run(call, neural.place, neural.arena, [&](double share) {
    task.advance(1);
    task.done(share);
  });
  int32_t overflowed = 0;
  device::download(neural.place, &overflowed, overflow, sizeof(overflowed), "the network");
  if (overflowed != 0) fail(Status::kUnsupported, "fill_model: its numbers overflow on this picture");

  const DeviceSeam seam(neural.arena, canvas, strength);
  cuda::EnlargeCall enlarge;
  enlarge.picture = picture;
  enlarge.canvas = canvas;
  std::ranges::copy(seam.rim(), enlarge.rim);
  device.check(kernels.enlarge_picture(enlarge, stream), "putting the network's picture into the hole");
  seam.close(neural.place, neural.arena, bounds.holes, step);
}

}  // namespace infill::pipeline
