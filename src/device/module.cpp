#include "device/module.h"

#include <dlfcn.h>

#include "core/status.h"

namespace infill::device {

namespace {

constexpr const char* kVersion = INFILL_MODULE_VERSION;
#define INFILL_QUOTED(name) #name
#define INFILL_NAME_OF(name) INFILL_QUOTED(name)
constexpr const char* kEntry = INFILL_NAME_OF(INFILL_MODULE_ENTRY);

// Where the library lies that this code is in, with a slash at its end.
std::string own_folder() {
  Dl_info about{};
  if (dladdr(reinterpret_cast<const void*>(&own_folder), &about) == 0 || about.dli_fname == nullptr)
    return "";
  const std::string file = about.dli_fname;
  return file.substr(0, file.rfind('/') + 1);
}

}  // namespace

std::string cuda_module_name() {
  return std::string("libinfill_cuda.so.") + kVersion;
}

const cuda::Module& open_cuda_module(const std::string& folder) {
  const std::string file = (folder.empty() ? own_folder() : folder + "/") + cuda_module_name();
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(Status::kNoDevice, "the CUDA module cannot be opened: ", dlerror());
  auto* entry = reinterpret_cast<cuda::ModuleEntry*>(dlsym(library, kEntry));
  if (entry == nullptr) fail(Status::kNoDevice, file, ": is no CUDA module of infill ", kVersion);
  const cuda::Module* module = entry();
  if (module->size != sizeof(cuda::Module) || std::string(module->version) != kVersion) {
    fail(Status::kNoDevice, file, ": is of infill ", module->version, ", this is ", kVersion);
  }
  return *module;
}

}  // namespace infill::device
