#include "cuda/module.h"

#include <cuda_runtime_api.h>

namespace infill::cuda {
namespace {

int compute_capability(int device, int* value) {
  int major = 0;
  int minor = 0;
  cudaError_t error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  if (error == cudaSuccess) {
    error = cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
  }
  *value = 10 * major + minor;
  return error;
}

int device_of(const void* memory, int* device) {
  cudaPointerAttributes about{};
  const cudaError_t error = cudaPointerGetAttributes(&about, memory);
  const bool on_device = about.type == cudaMemoryTypeDevice || about.type == cudaMemoryTypeManaged;
  *device = error == cudaSuccess && on_device ? about.device : -1;
  return error;
}

int copy(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t row_bytes, size_t rows,
         cudaStream_t stream) {
  if (rows == 1 || (to_pitch == row_bytes && from_pitch == row_bytes)) {
    return cudaMemcpyAsync(to, from, row_bytes * rows, cudaMemcpyDefault, stream);
  }
  return cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, row_bytes, rows, cudaMemcpyDefault, stream);
}

// Not a blocking one: it does not wait for what the caller has on the legacy default stream.
int stream_create(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking);
}

int stream_is_capturing(cudaStream_t stream, int* yes) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  const cudaError_t error = cudaStreamIsCapturing(stream, &status);
  *yes = status == cudaStreamCaptureStatusNone ? 0 : 1;
  return error;
}

int stream_wait(cudaStream_t waiting, cudaStream_t first) {
  cudaEvent_t event = nullptr;
  cudaError_t error = cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  if (error != cudaSuccess) return error;
  error = cudaEventRecord(event, first);
  if (error == cudaSuccess) error = cudaStreamWaitEvent(waiting, event, 0);
  const cudaError_t destroyed = cudaEventDestroy(event);  // lives on until it was reached
  return error == cudaSuccess ? destroyed : error;
}

// Relaxed: other threads of the program may allocate meanwhile.
int capture_begin(cudaStream_t stream) {
  return cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed);
}

int capture_end(cudaStream_t stream, cudaGraphExec_t* graph) {
  *graph = nullptr;
  cudaGraph_t captured = nullptr;
  cudaError_t error = cudaStreamEndCapture(stream, &captured);
  if (error != cudaSuccess) return error;
  error = cudaGraphInstantiate(graph, captured, 0);
  const cudaError_t destroyed = cudaGraphDestroy(captured);
  return error == cudaSuccess ? destroyed : error;
}

constexpr Runtime kRuntime = {
    [](int* count) -> int { return cudaGetDeviceCount(count); },
    [](int* device) -> int { return cudaGetDevice(device); },
    [](int device) -> int { return cudaSetDevice(device); },
    compute_capability,
    [](size_t* free_bytes, size_t* total_bytes) -> int { return cudaMemGetInfo(free_bytes, total_bytes); },
    device_of,
    [](void** memory, size_t bytes) -> int { return cudaMalloc(memory, bytes); },
    [](void* memory) -> int { return cudaFree(memory); },
    copy,
    [](void* memory, int byte, size_t bytes, cudaStream_t stream) -> int {
      return cudaMemsetAsync(memory, byte, bytes, stream);
    },
    stream_create,
    [](cudaStream_t stream) -> int { return cudaStreamDestroy(stream); },
    [](cudaStream_t stream) -> int { return cudaStreamSynchronize(stream); },
    stream_is_capturing,
    stream_wait,
    capture_begin,
    capture_end,
    [](cudaGraphExec_t graph, cudaStream_t stream) -> int { return cudaGraphLaunch(graph, stream); },
    [](cudaGraphExec_t graph) -> int { return cudaGraphExecDestroy(graph); },
    [](int error) { return cudaGetErrorName(static_cast<cudaError_t>(error)); },
    [](int error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); },
};

// A launcher as the module gives it away. It ends with the thread's last error, which must be its own and not
// what a call before it, perhaps the program's, left behind.
template <auto kLauncher, class Call>
int launch(const Call& call, cudaStream_t stream) {
  cudaGetLastError();
  return kLauncher(call, stream);
}

template <auto kLauncher, class Call>
int launch_in(const Call& call, void* workspace, cudaStream_t stream) {
  cudaGetLastError();
  return kLauncher(call, workspace, stream);
}

constexpr Kernels kKernels = {
    launch<load_canvas, LoadCall>,
    launch<store_canvas, StoreCall>,
    launch<copy_pixels, CopyCall>,
    launch<reduce_canvas, ReduceCall>,
    launch<enlarge_picture, EnlargeCall>,
    launch<network_input, NetworkInputCall>,
    launch<network_mix, NetworkMixCall>,
    launch<network_mask, NetworkMaskCall>,
    launch<mark_wanted, MarkWantedCall>,
    launch<find_overflow, FindOverflowCall>,
    launch<spread_overflow, SpreadOverflowCall>,
    launch<network_output, NetworkOutputCall>,
    membrane_workspace,
    launch_in<membrane, MembraneCall>,
    grain_workspace,
    launch_in<add_grain, GrainCall>,
    patchmatch_levels,
    patchmatch_workspace,
    [](const PatchMatchCall& call, PatchMatchCounts* counts, void* workspace, cudaStream_t stream) -> int {
      cudaGetLastError();
      return patchmatch_prepare(call, counts, workspace, stream);
    },
    patchmatch_plan,
    [](const PatchMatchCall& call, const PatchMatchPlan& plan, void* workspace, cudaStream_t stream) -> int {
      cudaGetLastError();
      return patchmatch_fill(call, plan, workspace, stream);
    },
    gated_conv2d_packed_bytes,
    [](const GatedConv2dLayer& layer, const GatedConv2dWeights& weights, void* packed,
       cudaStream_t stream) -> int {
      cudaGetLastError();
      return gated_conv2d_pack(layer, weights, packed, stream);
    },
    gated_conv2d_workspace,
    launch<gated_conv2d, GatedConv2dCall>,
    contextual_attention_workspace,
    launch<contextual_attention, ContextualAttentionCall>,
};

constexpr Module kModule = {sizeof(Module), INFILL_MODULE_VERSION, kRuntime, kKernels};

}  // namespace
}  // namespace infill::cuda

extern "C" __attribute__((visibility("default"))) const infill::cuda::Module* INFILL_MODULE_ENTRY() {
  return &infill::cuda::kModule;
}
