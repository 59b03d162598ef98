// What every call of the host API does first and last.
#pragma once

#include <cuda_runtime_api.h>

#include <mutex>

namespace infill::cudasim {

std::recursive_mutex& api_mutex();

// Why the driver would not even look at a call now; cudaSuccess if it would.
cudaError_t refusal();

// Remembers an error of this host thread for cudaGetLastError, and returns it.
cudaError_t note(cudaError_t error);

template <class Body>
cudaError_t call(Body body) {
  const std::lock_guard<std::recursive_mutex> lock(api_mutex());
  const cudaError_t refused = refusal();
  return note(refused != cudaSuccess ? refused : body());
}

// While a host function of a stream runs, which must not call the API.
class InHostFunction {
 public:
  InHostFunction();
  ~InHostFunction();
  InHostFunction(const InHostFunction&) = delete;
  InHostFunction& operator=(const InHostFunction&) = delete;
};

}  // namespace infill::cudasim
