#include "infill/ops/cuda.h"

#include <ATen/core/Tensor.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <string>
#include <typeinfo>

namespace infill {
namespace {

// Where the library lies that `symbol` is in, with a slash at its end.
std::string folder_of(const void* symbol) {
  Dl_info about{};
  if (dladdr(symbol, &about) == 0 || about.dli_fname == nullptr) return "";
  const std::string file = about.dli_fname;
  return file.substr(0, file.rfind('/') + 1);
}

void open(const char* what, const std::string& file) {
  TORCH_CHECK(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr, "infill: ", what,
              " cannot be opened: ", dlerror());
}

// Looking makes LibTorch decide, so only after its CUDA half was opened.
bool libtorch_knows_cuda() {
  const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
  return typeid(hooks) != typeid(at::CUDAHooksInterface);
}

}  // namespace

void open_cuda_operators() {
  open("LibTorch's CUDA half",
       folder_of(reinterpret_cast<const void*>(&at::detail::getCUDAHooks)) + "libtorch_cuda.so");
  TORCH_CHECK(libtorch_knows_cuda(),
              "infill: LibTorch was asked about CUDA before its CUDA half was opened, and now knows of none "
              "as long as "
              "this process lives. Call open_cuda_operators() first");
  open("the CUDA side of the operators",
       folder_of(reinterpret_cast<const void*>(&open_cuda_operators)) + INFILL_TORCH_CUDA_FILE);
}

}  // namespace infill
