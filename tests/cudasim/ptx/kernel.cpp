#include "cudasim/ptx/kernel.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "cudasim/device_memory.h"

namespace infill::cudasim::ptx {
namespace {

std::vector<const Kernel*>& all_kernels() {
  static std::vector<const Kernel*> list;
  return list;
}

std::vector<Variable>& all_variables() {
  static std::vector<Variable> list;
  return list;
}

}  // namespace

KernelRegistration::KernelRegistration(const Kernel& kernel) {
  all_kernels().push_back(&kernel);
}

unsigned char* make_variable(const char* name, const unsigned char* initial, size_t bytes) {
  auto* address = static_cast<unsigned char*>(allocate_device(std::max(bytes, size_t{1})));
  if (address == nullptr) throw std::bad_alloc();
  all_variables().push_back(Variable{name, address, bytes});
  const DeviceMemoryOpen open;
  std::memcpy(address, initial, bytes);
  mark_written(address, bytes);
  return address;
}

const std::vector<const Kernel*>& kernels() {
  return all_kernels();
}

const Kernel* find_kernel(const std::string& name) {
  const auto found = std::find_if(kernels().begin(), kernels().end(),
                                  [&](const Kernel* kernel) { return name == kernel->name; });
  return found == kernels().end() ? nullptr : *found;
}

const Variable* find_variable(const std::string& name) {
  const Variable* found = nullptr;
  for (const Variable& variable : all_variables()) {
    if (variable.name != name) continue;
    if (found != nullptr) {
      std::fprintf(stderr, "cudasim: two modules have a variable %s; which is meant?\n", name.c_str());
      std::abort();
    }
    found = &variable;
  }
  return found;
}

}  // namespace infill::cudasim::ptx
