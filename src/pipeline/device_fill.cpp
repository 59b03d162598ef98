#include "pipeline/device_fill.h"

#include <algorithm>
#include <array>
#include <optional>

#include "pipeline/device_part.h"
#include "pipeline/fill_steps.h"
#include "pipeline/part.h"
#include "pipeline/plan.h"

namespace infill::pipeline {

namespace {

using device::DeviceCopy;
using device::HostCopy;

// The request as planning sees it: masks, and a picture to borrow from, in host memory.
class HostRequest {
 public:
  HostRequest(const Request& given, const DeviceWork& work)
      : request_(given), mask_(work.place, given.mask, work.host, "copying mask") {
    request_.mask = mask_.image();
    if (given.allow) {
      allow_.emplace(work.place, *given.allow, work.host, "copying allow");
      request_.allow = allow_->image();
    }
    if (given.reference) {
      reference_.emplace(work.place, *given.reference, work.host, "copying reference");
      request_.reference = reference_->image();
    }
  }
  [[nodiscard]] const Request& request() const { return request_; }

 private:
  Request request_;
  HostCopy mask_;
  std::optional<HostCopy> allow_, reference_;
};

// What parts look at.
Rect crops_of(const Plan& plan) {
  Rect all;
  for (const Part& part : plan.parts) all = unite(all, part.crop);
  return all;
}

struct Sizes {
  size_t host = 0, device = 0;  // bytes of the blocks that parts work in
};

Sizes sizes_of(const Request& request, const Options& options, const Plan& plan, int32_t threads,
               const device::Device& device) {
  Sizes sizes;
  for (const Part& part : plan.parts) {
    sizes.host = std::max(sizes.host, device_part_host_scratch(part, request, options, threads));
    sizes.device = std::max(sizes.device, device_part_scratch(part, request, options, device));
  }
  sizes.host += reference_scratch(request);
  return sizes;
}

// The roi of src to dst, wherever they lie: through copies of some rows where they lie apart.
void copy_pictures(const Request& request, const DeviceWork& work) {
  const Image& src = request.src;
  const Image& dst = request.dst;
  const Rect& roi = request.roi;
  if (src.data == dst.data) return;  // in place
  if (src.device == DeviceType::kCpu && dst.device == DeviceType::kCpu) {
    copy_roi(request, work.threads, work.task);
    return;
  }
  const device::Device& device = work.place.device;
  std::array<Run, 256> rows{};
  const bool at_once = src.device == dst.device;
  const int32_t step = at_once ? roi.height : static_cast<int32_t>(rows.size());
  for (int32_t y = roi.y; y < roi.bottom(); y += step) {
    const Rect part{roi.x, y, roi.width, std::min(step, roi.bottom() - y)};
    const DeviceCopy from(work.place, src, part, DeviceCopy::Content::kCopied, work.host, work.task,
                          "copying src");
    const DeviceCopy to(work.place, dst, part, DeviceCopy::Content::kUndefined, work.host, work.task,
                        "copying dst");
    const cuda::CopyCall call{device::picture_of(from.image()),
                              device::picture_of(to.image()),
                              {part.x, part.y, part.width, part.height}};
    device.check(device.kernels().copy_pixels(call, work.place.stream.get()), "copying src to dst");
    if (at_once) continue;
    for (size_t i = 0; i < static_cast<size_t>(part.height); ++i)
      rows.at(i) = {part.y + static_cast<int32_t>(i), part.x, part.right()};
    to.store(std::span(rows).first(static_cast<size_t>(part.height)), dst, work.host, work.task);
    work.place.stream.wait();  // before the copies go
  }
}

}  // namespace

Result fill_on_device(const Request& request, const Options& options, const DeviceWork& work) {
  check(request, options);
  const device::Device::Use use(work.place.device);
  // What the last fill left behind may still be read, and what failed since is said now.
  work.place.stream.wait();
  work.task.set_range(Stage::kPlan, 0, 0, 0, 0);
  const HostRequest on_host(request, work);
  const Plan plan = make_plan(on_host.request(), options, work.host, work.threads, work.task);
  const Rect crops = crops_of(plan);
  const DeviceCopy src(work.place, request.src, crops, DeviceCopy::Content::kCopied, work.host, work.task,
                       "src");
  const DeviceCopy mask(work.place, request.mask, crops, DeviceCopy::Content::kCopied, work.host, work.task,
                        "mask");
  const bool in_place = request.src.data == request.dst.data;
  std::optional<DeviceCopy> own_dst;
  if (!in_place) {
    own_dst.emplace(work.place, request.dst, crops, DeviceCopy::Content::kUndefined, work.host, work.task,
                    "dst");
  }
  const DeviceCopy& dst = in_place ? src : *own_dst;
  const Sizes sizes = sizes_of(on_host.request(), options, plan, work.threads.count(), work.place.device);
  make_room(work.host_cache, work.host, sizes.host);
  make_room(work.cache, work.place.memory, sizes.device);
  Arena host_arena(work.host_cache.data(), work.host_cache.size());
  Arena arena(work.cache.data(), work.cache.size());
  copy_pictures(request, work);

  const std::optional<Canvas> reference =
      plan.parts.empty() ? std::nullopt
                         : load_reference(on_host.request(), host_arena, work.threads, work.task);
  for_each_part(on_host.request(), options, plan, reference, [&](const PartJob& job) {
    // The device may still read what the part before left in the host's arena.
    if (job.which > 0) work.place.stream.wait();
    fill_device_part({job, src.image(), mask.image(), dst.image(), work.place, arena, work.host}, host_arena,
                     work.threads, work.task);
  });
  for (const Part& part : plan.parts) dst.store(part.runs, request.dst, work.host, work.task);
  // Copies go with this call.
  if (src.is_copy() || mask.is_copy() || dst.is_copy()) work.place.stream.wait();
  work.task.finish();
  return {plan.hole_pixels, static_cast<uint32_t>(plan.parts.size()), plan.bounds, sizes.host,
          host_arena.peak()};
}

DeviceEstimate estimate_on_device(const Request& request, const Options& options, const DeviceWork& work) {
  check(request, options);
  const device::Device::Use use(work.place.device);
  Memory counted(&work.host);
  const DeviceWork counting{work.place, work.cache, counted, work.host_cache, work.threads, work.task};
  const HostRequest on_host(request, counting);
  const Plan plan = make_plan(on_host.request(), options, counted, work.threads, work.task);
  const Rect crops = crops_of(plan);
  const Sizes sizes = sizes_of(on_host.request(), options, plan, work.threads.count(), work.place.device);
  const size_t cached = work.host_cache.size();
  const size_t block = std::max(cached, sizes.host) + device::kChunkBytes;
  DeviceEstimate estimate;
  estimate.host = {std::max(counted.peak() + cached, counted.used() + block),
                   static_cast<uint32_t>(plan.parts.size())};
  size_t copies = DeviceCopy::bytes(request.src, crops) + DeviceCopy::bytes(request.mask, crops);
  if (request.src.data != request.dst.data || request.src.data == nullptr)
    copies += DeviceCopy::bytes(request.dst, crops);
  estimate.device_bytes = copies + std::max(work.cache.size(), sizes.device);
  return estimate;
}

}  // namespace infill::pipeline
