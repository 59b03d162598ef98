// What nvcc's host code calls beside the documented API: registration of fat binaries, kernels and variables,
// and launches. Together with cudasim's host API this is the stand-in libcudart.so.13.
//
// Device code in a fat binary is not looked at. Translated kernels are found by their mangled names in the
// libraries that CUDASIM_KERNELS lists (separated by colons), and in FILE.cudasim.so beside a program or
// library FILE.
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "cudasim/api.h"
#include "cudasim/driver.h"
#include "cudasim/enqueue.h"
#include "cudasim/ptx/launch.h"
#include "cudasim/report.h"

namespace infill::cudasim::ptx {
namespace {

constexpr int kExitFindings = 66;   // the checker found something
constexpr int kExitNoKernels = 67;  // CUDASIM_KERNELS is set and no kernel ran

struct CallConfiguration {
  dim3 grid, block;
  size_t dynamic_shared;
  cudaStream_t stream;
};

struct Registry {
  std::map<const void*, std::string> kernels;    // host function -> mangled name
  std::map<const void*, std::string> variables;  // host variable -> mangled name
  std::vector<CallConfiguration> calls;

  ~Registry() {
    const Statistics& ran = statistics();
    std::fprintf(stderr, "cudasim: %lld kernels, %lld blocks, %lld kinds of findings\n",
                 static_cast<long long>(ran.launches), static_cast<long long>(ran.blocks),
                 static_cast<long long>(count_findings()));
    std::fflush(nullptr);
    if (count_findings() != 0) _exit(kExitFindings);
    if (ran.launches == 0 && std::getenv("CUDASIM_KERNELS") != nullptr) _exit(kExitNoKernels);
  }
};

Registry& registry() {
  static Registry the_registry;
  return the_registry;
}

void open_translation(const std::string& file) {
  if (dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    std::fprintf(stderr, "cudasim: %s\n", dlerror());
    std::exit(kExitNoKernels);
  }
}

void open_listed_translations() {
  static bool done = false;
  const char* list = std::getenv("CUDASIM_KERNELS");
  if (done || list == nullptr) return;
  done = true;
  std::istringstream files(list);
  for (std::string file; std::getline(files, file, ':');) open_translation(file);
}

// Of the program or library that holds `fat_binary`.
void open_own_translation(const void* fat_binary) {
  Dl_info info;
  if (dladdr(fat_binary, &info) == 0 || info.dli_fname == nullptr) return;
  const std::string file = std::string(info.dli_fname) + ".cudasim.so";
  if (access(file.c_str(), R_OK) == 0) open_translation(file);
}

const Variable* variable_of(const void* symbol) {
  const auto found = registry().variables.find(symbol);
  return found == registry().variables.end() ? nullptr : find_variable(found->second);
}

cudaError_t launch(const void* function, dim3 grid, dim3 block, void** arguments, size_t dynamic_shared,
                   cudaStream_t stream) {
  const auto name = registry().kernels.find(function);
  const Kernel* kernel = name == registry().kernels.end() ? nullptr : find_kernel(name->second);
  if (kernel == nullptr) {
    std::fprintf(stderr, "cudasim: no translation of kernel %s; is CUDASIM_KERNELS set?\n",
                 name == registry().kernels.end() ? "(never registered)" : name->second.c_str());
    return call([] { return cudaErrorInvalidDeviceFunction; });
  }
  if (static_cast<int>(kernel->architecture) > driver().capability) {
    return call([] { return cudaErrorNoKernelImageForDevice; });
  }
  if (kernel->max_threads != 0 && size_t{block.x} * block.y * block.z > kernel->max_threads) {
    return call([] { return cudaErrorInvalidValue; });  // more than __launch_bounds__ says
  }
  Launch prepared = make_launch(*kernel, Index3{grid.x, grid.y, grid.z}, Index3{block.x, block.y, block.z},
                                dynamic_shared, arguments);
  prepared.function = function;
  return enqueue_kernel(std::move(prepared), stream);
}

}  // namespace
}  // namespace infill::cudasim::ptx

using infill::cudasim::ptx::registry;

// nvcc decides on these names.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {

void** __cudaRegisterFatBinary(void* fat_binary) {
  registry();
  infill::cudasim::ptx::open_listed_translations();
  infill::cudasim::ptx::open_own_translation(fat_binary);
  return static_cast<void**>(fat_binary);
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) {
  return 0;
}

void __cudaRegisterFunction(void**, const char* host, char*, const char* name, int, uint3*, uint3*, dim3*,
                            dim3*, int*) {
  registry().kernels[host] = name;
}
void __cudaRegisterVar(void**, char* host, char*, const char* name, int, size_t, int, int) {
  registry().variables[host] = name;
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t dynamic_shared, cudaStream_t stream) {
  registry().calls.push_back({grid, block, dynamic_shared, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* dynamic_shared, void* stream) {
  const auto call = registry().calls.back();
  registry().calls.pop_back();
  *grid = call.grid;
  *block = call.block;
  *dynamic_shared = call.dynamic_shared;
  *static_cast<cudaStream_t*>(stream) = call.stream;
  return cudaSuccess;
}

// A cudaKernel_t is the host function itself.
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  std::memcpy(kernel, &function, sizeof function);
  return cudaSuccess;
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments,
                               size_t dynamic_shared, cudaStream_t stream) {
  return infill::cudasim::ptx::launch(kernel, grid, block, arguments, dynamic_shared, stream);
}
cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                             size_t dynamic_shared, cudaStream_t stream) {
  return infill::cudasim::ptx::launch(function, grid, block, arguments, dynamic_shared, stream);
}

cudaError_t cudaGetSymbolAddress(void** address, const void* symbol) {
  return infill::cudasim::call([&] {
    const auto* variable = infill::cudasim::ptx::variable_of(symbol);
    if (variable == nullptr) return cudaErrorInvalidSymbol;
    *address = variable->address;
    return cudaSuccess;
  });
}
cudaError_t cudaGetSymbolSize(size_t* bytes, const void* symbol) {
  return infill::cudasim::call([&] {
    const auto* variable = infill::cudasim::ptx::variable_of(symbol);
    if (variable == nullptr) return cudaErrorInvalidSymbol;
    *bytes = variable->bytes;
    return cudaSuccess;
  });
}
cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* from, size_t bytes, size_t offset,
                               cudaMemcpyKind kind) {
  void* address = nullptr;
  const cudaError_t error = cudaGetSymbolAddress(&address, symbol);
  return error != cudaSuccess ? error : cudaMemcpy(static_cast<char*>(address) + offset, from, bytes, kind);
}
cudaError_t cudaMemcpyFromSymbol(void* to, const void* symbol, size_t bytes, size_t offset,
                                 cudaMemcpyKind kind) {
  void* address = nullptr;
  const cudaError_t error = cudaGetSymbolAddress(&address, symbol);
  return error != cudaSuccess ? error
                              : cudaMemcpy(to, static_cast<const char*>(address) + offset, bytes, kind);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
