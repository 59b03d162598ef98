// One part of a plan on a device.
#pragma once

#include "core/memory.h"
#include "device/pictures.h"
#include "pipeline/part_canvas.h"

namespace infill::pipeline {

// Most bytes of device memory that fill_device_part takes.
[[nodiscard]] size_t device_part_scratch(const Part& part, const Request& request, const Options& options,
                                         const device::Device& device);

struct DevicePartJob {
  const PartJob& host;            // its masks lie in host memory; src and dst are not read
  const Image &src, &mask, &dst;  // on the device
  const device::Place& place;
  Arena& arena;  // device memory
  Memory& host_memory;
};

// Bytes of the host's arena that it takes.
[[nodiscard]] size_t device_part_host_scratch(const Part& part, const Request& request,
                                              const Options& options, int32_t threads);

// What the host's arena holds may be read by the device until the stream has come so far.
void fill_device_part(const DevicePartJob& job, Arena& host_arena, Threads& threads, Task& task);

}  // namespace infill::pipeline
