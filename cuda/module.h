// What libinfill_cuda.so gives to libinfill.so: functions of the CUDA runtime, and the launchers of kernels.
// Plain C++17 without a CUDA header, because libinfill.so is built where there is no CUDA toolkit.
//
// Functions that may fail return 0 or a cudaError_t. No exception crosses, nor an object of the C++ library,
// and neither side frees what the other allocated. The two files are of one version: its name is part of the
// module's file name and of its only symbol, infill_cuda_module_<version>.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/contextual_attention.h"
#include "cuda/convert.h"
#include "cuda/gated_conv2d.h"
#include "cuda/grain.h"
#include "cuda/membrane.h"
#include "cuda/neural.h"
#include "cuda/patchmatch.h"

struct CUstream_st;
struct CUgraphExec_st;

namespace infill::cuda {

// Work that is given to a stream is done in order and may go on after the call. "The device" is the calling
// thread's.
struct Runtime {
  int (*device_count)(int* count);
  int (*current_device)(int* device);
  int (*use_device)(int device);
  int (*compute_capability)(int device, int* value);  // 10 * major + minor
  int (*memory_info)(size_t* free_bytes, size_t* total_bytes);
  // On which device memory lies. -1: in the host's memory, or known to no device.
  int (*device_of)(const void* memory, int* device);

  int (*allocate)(void** memory, size_t bytes);
  int (*release)(void* memory);  // waits for the device
  // Rows of row_bytes, from one to the next as many bytes as the pitches say, at least row_bytes. Host or
  // device memory on either side; host memory may be read or written until the stream has come so far.
  int (*copy)(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t row_bytes, size_t rows,
              CUstream_st* stream);
  int (*set)(void* memory, int byte, size_t bytes, CUstream_st* stream);

  int (*stream_create)(CUstream_st** stream);
  int (*stream_destroy)(CUstream_st* stream);
  int (*stream_synchronize)(CUstream_st* stream);
  int (*stream_is_capturing)(CUstream_st* stream, int* yes);
  // What is given to `waiting` from now on begins when `first` has come so far as now.
  int (*stream_wait)(CUstream_st* waiting, CUstream_st* first);

  // Between the two, work given to the stream is written down instead of done.
  int (*capture_begin)(CUstream_st* stream);
  int (*capture_end)(CUstream_st* stream, CUgraphExec_st** graph);  // graph: null when it fails
  int (*graph_launch)(CUgraphExec_st* graph, CUstream_st* stream);
  int (*graph_destroy)(CUgraphExec_st* graph);

  const char* (*error_name)(int error);
  const char* (*error_text)(int error);
};

// The launchers, each under its name.
struct Kernels {
  // cuda/convert.h
  int (*load_canvas)(const LoadCall& call, CUstream_st* stream);
  int (*store_canvas)(const StoreCall& call, CUstream_st* stream);
  int (*copy_pixels)(const CopyCall& call, CUstream_st* stream);
  // cuda/neural.h
  int (*reduce_canvas)(const ReduceCall& call, CUstream_st* stream);
  int (*enlarge_picture)(const EnlargeCall& call, CUstream_st* stream);
  int (*network_input)(const NetworkInputCall& call, CUstream_st* stream);
  int (*network_mix)(const NetworkMixCall& call, CUstream_st* stream);
  int (*network_mask)(const NetworkMaskCall& call, CUstream_st* stream);
  int (*mark_wanted)(const MarkWantedCall& call, CUstream_st* stream);
  int (*find_overflow)(const FindOverflowCall& call, CUstream_st* stream);
  int (*spread_overflow)(const SpreadOverflowCall& call, CUstream_st* stream);
  int (*network_output)(const NetworkOutputCall& call, CUstream_st* stream);
  // cuda/membrane.h
  size_t (*membrane_workspace)(const Rect& box);
  int (*membrane)(const MembraneCall& call, void* workspace, CUstream_st* stream);
  // cuda/grain.h
  size_t (*grain_workspace)(const GrainCall& call);
  int (*add_grain)(const GrainCall& call, void* workspace, CUstream_st* stream);
  // cuda/patchmatch.h
  int32_t (*patchmatch_levels)(const PatchMatchCall& call);
  size_t (*patchmatch_workspace)(const PatchMatchCall& call);
  int (*patchmatch_prepare)(const PatchMatchCall& call, PatchMatchCounts* counts, void* workspace,
                            CUstream_st* stream);
  PatchMatchPlan (*patchmatch_plan)(const PatchMatchCall& call, const PatchMatchCounts* counts);
  int (*patchmatch_fill)(const PatchMatchCall& call, const PatchMatchPlan& plan, void* workspace,
                         CUstream_st* stream);
  // cuda/gated_conv2d.h
  size_t (*gated_conv2d_packed_bytes)(const GatedConv2dLayer& layer);
  int (*gated_conv2d_pack)(const GatedConv2dLayer& layer, const GatedConv2dWeights& weights, void* packed,
                           CUstream_st* stream);
  size_t (*gated_conv2d_workspace)(const GatedConv2dCall& call);
  int (*gated_conv2d)(const GatedConv2dCall& call, CUstream_st* stream);
  // cuda/contextual_attention.h
  size_t (*contextual_attention_workspace)(const ContextualAttentionCall& call);
  int (*contextual_attention)(const ContextualAttentionCall& call, CUstream_st* stream);
};

struct Module {
  uint32_t size;        // sizeof(Module)
  const char* version;  // of infill
  Runtime runtime;
  Kernels kernels;
};

using ModuleEntry = const Module*();

}  // namespace infill::cuda
