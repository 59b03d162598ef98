// A whole fill on a device: as pipeline/fill.h, with pictures that lie there or in host memory, each for
// itself.
//
// Masks are planned on the host, which gets a copy of them. Pictures of the host get copies on the device, of
// what lies around their holes. Each part is loaded, blended and stored on the device; a method that has no
// kernels runs on the host, on the part's canvas.
#pragma once

#include "core/memory.h"
#include "device/pictures.h"
#include "pipeline/fill.h"

namespace infill::pipeline {

struct DeviceWork {
  device::Place place;
  Block& cache;  // device memory that is kept between calls; may be empty
  Memory& host;
  Block& host_cache;
  Threads& threads;
  Task& task;
};

// Throws Error as fill() does, and what the device says (core/status.h). Returns when all work was given to
// the stream, or with dst in host memory, when dst is written. What fails on the device after that is found
// by the next call.
Result fill_on_device(const Request& request, const Options& options, const DeviceWork& work);

struct DeviceEstimate {
  Estimate host;
  uint64_t device_bytes = 0;
};
DeviceEstimate estimate_on_device(const Request& request, const Options& options, const DeviceWork& work);

}  // namespace infill::pipeline
