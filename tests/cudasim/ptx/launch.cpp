#include "cudasim/ptx/launch.h"

#include <cstring>

#include "cudasim/options.h"
#include "cudasim/ptx/isa/memory.h"
#include "cudasim/ptx/profile.h"

namespace infill::cudasim::ptx {

Launch make_launch(const Kernel& kernel, Index3 grid, Index3 block, size_t dynamic_shared,
                   void* const* arguments) {
  Launch launch;
  launch.name = kernel.name;
  launch.grid = grid;
  launch.block = block;
  launch.dynamic_shared = dynamic_shared;
  launch.body = kernel.body;
  launch.arguments.resize(kernel.parameter_bytes);
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    const Kernel::Field& field = kernel.parameters[i];
    std::memcpy(launch.arguments.data() + field.offset, arguments[i], field.bytes);
  }
  for (const Kernel::Array& array : kernel.shared) {
    launch.static_shared.push_back(StaticShared{array.name, array.offset, array.bytes});
  }
  launch.static_shared_bytes = kernel.shared_bytes;
  launch.on_block_end = profile().is_enabled() ? &Profile::end_block : nullptr;
  watching = options().checking || profile().is_enabled();
  return launch;
}

}  // namespace infill::cudasim::ptx
