// Launching kernels, and their shared memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cudasim/enqueue.h"
#include "cudasim/launch.h"
#include "cudasim/shared_memory.h"
#include "cudasim/thread.h"

namespace infill::cudasim {

// `arguments` is a kernel and what it is called with.
template <class... Parameters>
void call_kernel(const void* arguments) {
  using Call = std::tuple<void (*)(Parameters...), Parameters...>;
  std::apply([](auto kernel, const Parameters&... values) { kernel(values...); },
             *static_cast<const Call*>(arguments));
}

template <class... Parameters, class... Arguments>
void launch_kernel(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block,
                   size_t shared_bytes, cudaStream_t stream, Arguments&&... arguments) {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "arguments of kernels travel as bytes");
  using Call = std::tuple<void (*)(Parameters...), Parameters...>;
  const Call call(kernel, static_cast<Parameters>(arguments)...);
  Launch launch;
  launch.name = name;
  launch.function = reinterpret_cast<const void*>(kernel);
  launch.grid = Index3{grid.x, grid.y, grid.z};
  launch.block = Index3{block.x, block.y, block.z};
  launch.dynamic_shared = shared_bytes;
  launch.body = &call_kernel<Parameters...>;
  const auto* bytes = reinterpret_cast<const std::byte*>(&call);
  launch.arguments.assign(bytes, bytes + sizeof call);
  enqueue_kernel(std::move(launch), stream);
}

INFILL_CUDASIM_UNCHECKED inline void* dynamic_shared() {
  return launch_context.dynamic_shared;
}

}  // namespace infill::cudasim

#define INFILL_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
  ::infill::cudasim::launch_kernel(#kernel, kernel, (grid), (block), (shared_bytes), (stream), __VA_ARGS__)

#define INFILL_SHARED(T, name, dims)                                                              \
  using name##_of_block = T dims;                                                                 \
  static ::infill::cudasim::SharedArray name##_array{#name, sizeof(name##_of_block), 0, nullptr}; \
  name##_of_block& name = *static_cast<name##_of_block*>(::infill::cudasim::shared_array(name##_array))

#define INFILL_DYNAMIC_SHARED(T, name) auto* name = static_cast<T*>(::infill::cudasim::dynamic_shared())
