#include "cudasim/launch.h"

#include <string>

#include "cudasim/execution.h"
#include "cudasim/ordering.h"
#include "cudasim/report.h"
#include "cudasim/shared_memory.h"

namespace infill::cudasim {
namespace {

Statistics the_statistics{};

}  // namespace

const Statistics& statistics() {
  return the_statistics;
}

LaunchResult run(const Launch& launch) {
  launch_context = LaunchContext{launch.grid, launch.block, {0, 0, 0}, nullptr, launch.name};
  ordering.begin_launch();
  begin_shared_memory(launch);
  Block block(launch);
  ++the_statistics.launches;
  Index3& index = launch_context.block_index;
  for (index.z = 0; index.z < launch.grid.z; ++index.z) {
    for (index.y = 0; index.y < launch.grid.y; ++index.y) {
      for (index.x = 0; index.x < launch.grid.x && !block.trapped(); ++index.x) {
        ordering.begin_block();
        begin_block_shared_memory();
        block.run();
        ++the_statistics.blocks;
        the_statistics.threads += static_cast<int64_t>(launch.block.x) * launch.block.y * launch.block.z;
        if (launch.on_block_end != nullptr) launch.on_block_end();
      }
    }
  }
  const size_t shared_bytes = end_shared_memory() + launch.dynamic_shared;
  if (shared_bytes > launch.shared_limit) {
    report(Rule::kLaunch, Site(),
           std::string(launch.name) + " uses " + std::to_string(shared_bytes) +
               " bytes of shared memory, it may use " + std::to_string(launch.shared_limit));
  }
  return block.trapped() ? LaunchResult::kTrapped : LaunchResult::kDone;
}

}  // namespace infill::cudasim
