#include "pipeline/device_part.h"

#include <algorithm>
#include <cstring>

#include "core/pixels.h"
#include "pipeline/device_blend.h"
#include "pipeline/device_neural.h"
#include "pipeline/device_patchmatch.h"
#include "pipeline/part.h"

namespace infill::pipeline {

namespace {

using device::Device;

// A canvas on the device, and what kernels need beside it.
struct DeviceCanvas {
  cuda::Canvas canvas;
  uint8_t* where = nullptr;  // pixels that a kernel works on
  unsigned long long* bad = nullptr;
  size_t area;

  DeviceCanvas(Arena& arena, const Part& part, const Request& request)
      : area(static_cast<size_t>(part.crop.area())) {
    canvas.width = part.crop.width;
    canvas.height = part.crop.height;
    canvas.x = part.crop.x;
    canvas.y = part.crop.y;
    canvas.stride = part.crop.width;
    canvas.channels = canvas_channels(request.src);
    canvas.has_alpha = canvas_has_alpha(request.src);
    canvas.linear = request.src.color == Color::kLinear;
    // One block: they are copied at once.
    float* planes = arena.take<float>(area * static_cast<size_t>(canvas.channels)).data();
    for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c)
      canvas.planes[c] = arena.is_measuring() ? nullptr : planes + c * area;
    canvas.label = arena.take<uint8_t>(area).data();
    where = arena.take<uint8_t>(area).data();
    bad = arena.take<unsigned long long>(1).data();
  }
};

// The pixels that a kernel is to work on, on both sides.
class Selection {
 public:
  Selection(const DevicePartJob& job, const DeviceCanvas& on_device, std::span<uint8_t> on_host)
      : job_(job), on_device_(on_device), on_host_(on_host) {}

  // Of runs in the picture: clear, add each, send.
  void clear() { std::memset(on_host_.data(), 0, on_host_.size()); }
  void add(const Run& run) {
    const Rect& crop = job_.host.part().crop;
    uint8_t* row = on_host_.data() + static_cast<size_t>(run.y - crop.y) * static_cast<size_t>(crop.width);
    std::memset(row + (run.x0 - crop.x), 1, static_cast<size_t>(run.x1 - run.x0));
  }
  void send() {
    device::upload(job_.place, on_device_.where, on_host_.data(), on_host_.size(),
                   "copying the places of holes");
  }

 private:
  const DevicePartJob& job_;
  const DeviceCanvas& on_device_;
  std::span<uint8_t> on_host_;
};

void load_earlier_fills(const DevicePartJob& job, const DeviceCanvas& own, Selection& selection, Task& task) {
  bool any = false;
  for_each_earlier_fill(job.host, [&](const Run& run) {
    if (!any) selection.clear();
    any = true;
    selection.add(run);
    task.advance(static_cast<uint64_t>(run.x1 - run.x0));
  });
  if (!any) return;
  selection.send();
  cuda::LoadCall call;
  call.src = device::picture_of(job.dst);
  call.canvas = own.canvas;
  call.where = own.where;
  const Device& device = job.place.device;
  device.check(device.kernels().load_canvas(call, job.place.stream.get()), "loading what was filled before");
  // The selection is written to again.
  job.place.stream.wait();
}

// Throws when a value that counts cannot be computed with. Waits.
void check_loaded(const DevicePartJob& job, const DeviceCanvas& own, Memory& host) {
  unsigned long long bad = 0;
  device::download(job.place, &bad, own.bad, sizeof(bad), "reading whether src holds numbers");
  if (bad == cuda::kNoBadPixel) return;
  const auto width = static_cast<unsigned long long>(own.canvas.width);
  const auto channels = static_cast<unsigned long long>(own.canvas.channels);
  const Point at{own.canvas.x + static_cast<int32_t>(bad % width),
                 own.canvas.y + static_cast<int32_t>(bad / width / channels)};
  Image pixel = job.src;
  pixel.data = job.src.at(at.x, at.y);
  pixel.width = pixel.height = 1;
  const device::HostCopy copy(job.place, pixel, host, "reading a pixel of src");
  fail_unusable("src", copy.image(), at, static_cast<int32_t>(bad / width % channels));
}

void load(const DevicePartJob& job, const DeviceCanvas& own, const Canvas& canvas) {
  device::upload(job.place, own.canvas.label, canvas.label.data, own.area, "copying labels");
  cuda::LoadCall call;
  call.src = device::picture_of(job.src);
  call.mask = device::picture_of(job.mask);
  call.canvas = own.canvas;
  call.bad = own.bad;
  const Device& device = job.place.device;
  device.check(device.kernels().load_canvas(call, job.place.stream.get()), "loading src");
}

void store(const DevicePartJob& job, const DeviceCanvas& own, Selection& selection, Task& task) {
  selection.clear();
  for (const Run& run : job.host.part().runs) {
    selection.add(run);
    task.advance(static_cast<uint64_t>(run.x1 - run.x0));
  }
  selection.send();
  cuda::StoreCall call;
  call.src = device::picture_of(job.src);
  call.mask = device::picture_of(job.mask);
  call.dst = device::picture_of(job.dst);
  call.canvas = own.canvas;
  call.where = own.where;
  const Device& device = job.place.device;
  device.check(device.kernels().store_canvas(call, job.place.stream.get()), "storing dst");
}

// Who fills the canvas.
enum class Route { kHost, kNeural, kPatchMatch, kHarmonic };
Route route_of(const Request& request, const Options& options) {
  if (options.device_model != nullptr) return Route::kNeural;
  if (options.method->id == classic::MethodId::kHarmonic) return Route::kHarmonic;
  const bool borrows = request.allow || request.reference;
  const bool copies = options.method->id == classic::MethodId::kPatchMatch && !borrows &&
                      device_patchmatch_can(options.method_settings);
  return copies ? Route::kPatchMatch : Route::kHost;
}

bool adds_grain(const Options& options) {
  return options.blend_settings[kGrain] > 0;
}

PartCanvas::Content content_of(Route route) {
  return route == Route::kHost ? PartCanvas::Content::kAll : PartCanvas::Content::kLabels;
}

size_t method_scratch(Route route, const Part& part, const Options& options, const device::Device& device,
                      const cuda::Canvas& canvas) {
  const double seam = options.blend_settings[kSeam];
  switch (route) {
    case Route::kHost:
      return 0;
    case Route::kNeural:
      return device_neural_scratch(device, *options.device_model, scale_of(part, options), canvas, seam);
    case Route::kPatchMatch:
      return device_patchmatch_scratch(device, options.method_settings, canvas, {}, seam);
    case Route::kHarmonic:
      return device_harmonic_scratch(device, canvas);
  }
  return 0;
}

void download_canvas(const DevicePartJob& job, const DeviceCanvas& own, const Canvas& canvas) {
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
    device::download(job.place, canvas.planes.at(c).data, own.canvas.planes[c], own.area * sizeof(float),
                     "copying a canvas");
  }
}

void upload_canvas(const DevicePartJob& job, const DeviceCanvas& own, const Canvas& canvas) {
  for (size_t c = 0; c < static_cast<size_t>(canvas.channels); ++c) {
    device::upload(job.place, own.canvas.planes[c], canvas.planes.at(c).data, own.area * sizeof(float),
                   "copying a canvas");
  }
}

}  // namespace

size_t device_part_scratch(const Part& part, const Request& request, const Options& options,
                           const device::Device& device) {
  Arena arena = Arena::measuring();
  const DeviceCanvas own(arena, part, request);
  const Route route = route_of(request, options);
  size_t stage = method_scratch(route, part, options, device, own.canvas);
  if (route != Route::kHost && adds_grain(options))
    stage = std::max(stage, device_grain_scratch(device, own.canvas));
  return arena.peak() + stage;
}

size_t device_part_host_scratch(const Part& part, const Request& request, const Options& options,
                                int32_t threads) {
  Arena arena = Arena::measuring();
  static_cast<void>(arena.take<uint8_t>(static_cast<size_t>(part.crop.area())));
  const Route route = route_of(request, options);
  if (route == Route::kHost) return arena.peak() + part_scratch(part, request, options, threads);
  const PartCanvas on_host(arena, part, request, options, content_of(route));
  return arena.peak();
}

void fill_device_part(const DevicePartJob& job, Arena& host_arena, Threads& threads, Task& task) {
  const ArenaScope scope(job.arena);
  const ArenaScope host_scope(host_arena);
  const Part& part = job.host.part();
  const Options& options = job.host.options;
  const Route route = route_of(job.host.request, options);
  const double seam = options.blend_settings[kSeam];
  const DeviceCanvas own(job.arena, part, job.host.request);
  // Before the canvas, so that it outlives what methods take.
  Selection selection(job, own, host_arena.take<uint8_t>(own.area));
  PartCanvas on_host(host_arena, part, job.host.request, options, content_of(route));
  Canvas& canvas = on_host.canvas;
  label_canvas(job.host, canvas, threads, task);
  load(job, own, canvas);
  load_earlier_fills(job, own, selection, task);
  check_loaded(job, own, job.host_memory);
  const HoleBounds bounds = hole_bounds(canvas, task);
  set_method_range(job.host, task);
  switch (route) {
    case Route::kHost:
      download_canvas(job, own, canvas);
      fill_canvas(job.host, on_host, host_arena, threads, task);
      upload_canvas(job, own, canvas);
      break;
    case Route::kNeural:
      device_neural_fill({*options.device_model, scale_of(part, options), job.place, job.arena}, own.canvas,
                         bounds, seam, canvas.step, task);
      break;
    case Route::kPatchMatch: {
      const DevicePatchMatch patchmatch{.settings = options.method_settings,
                                        .place = job.place,
                                        .arena = job.arena,
                                        .reference = {},
                                        .seed = job.host.request.seed};
      if (!device_patchmatch_fill(patchmatch, own.canvas, bounds.holes, seam, canvas.step, task))
        device_harmonic_fill(job.place, job.arena, own.canvas, bounds.holes, canvas.step);
      break;
    }
    case Route::kHarmonic:
      device_harmonic_fill(job.place, job.arena, own.canvas, bounds.holes, canvas.step);
      break;
  }
  if (route != Route::kHost && adds_grain(options)) {
    device_add_grain(job.place, job.arena, own.canvas, bounds, options.blend_settings[kGrain],
                     job.host.request.seed);
  }
  store(job, own, selection, task);
}

}  // namespace infill::pipeline
