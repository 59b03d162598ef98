#include "cudasim/enqueue.h"

#include <memory>

#include "cudasim/api.h"
#include "cudasim/driver.h"
#include "cudasim/report.h"
#include "cudasim/stream.h"

namespace infill::cudasim {
namespace {

bool is_valid(const Launch& launch) {
  const Index3& block = launch.block;
  const Index3& grid = launch.grid;
  if (block.x == 0 || block.y == 0 || block.z == 0 || block.x > 1024 || block.y > 1024 || block.z > 64)
    return false;
  if (block.x * block.y * block.z > 1024) return false;
  return grid.x != 0 && grid.y != 0 && grid.z != 0 && grid.x <= 0x7fffffff && grid.y <= 65535 &&
         grid.z <= 65535;
}

cudaError_t execute(const Launch& launch) {
  if (strikes(driver().lose_device)) return cudaErrorIllegalAddress;
  return run(launch) == LaunchResult::kDone ? cudaSuccess : cudaErrorLaunchFailure;
}

cudaError_t check_and_submit(Launch launch, cudaStream_t stream) {
  if (!is_valid(launch)) return cudaErrorInvalidConfiguration;
  const auto& set = device(current_device()).dynamic_shared;
  const auto found = set.find(launch.function);
  launch.dynamic_shared_limit = found != set.end() ? found->second : kSharedBytes;
  launch.shared_limit = found != set.end() ? most_shared_bytes() : kSharedBytes;
  if (launch.dynamic_shared > launch.dynamic_shared_limit ||
      launch.dynamic_shared + launch.static_shared_bytes > launch.shared_limit) {
    return cudaErrorInvalidValue;
  }
  if (strikes(driver().fail_launch)) return cudaErrorLaunchOutOfResources;
  Operation operation;
  operation.kind = OperationKind::kKernel;
  operation.execute = [kept = std::make_shared<const Launch>(std::move(launch))] { return execute(*kept); };
  return submit(stream, std::move(operation));
}

}  // namespace

cudaError_t enqueue_kernel(Launch launch, cudaStream_t stream) {
  return call([&] { return check_and_submit(std::move(launch), stream); });
}

}  // namespace infill::cudasim
