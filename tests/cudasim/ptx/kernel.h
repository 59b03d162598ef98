// What a translated module tells of itself: its kernels, what is in them, its variables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cudasim/memory.h"
#include "cudasim/shadow.h"
#include "cudasim/site.h"

namespace infill::cudasim::ptx {

// An instruction that accesses memory; of an ldmatrix the row that a lane gives.
struct AccessSite {
  Site place;
  Space space;
  Access access;
  unsigned bytes;  // of one lane
};

// Operations of one lane. multiply_adds: fused ones of any floating type; tensor_multiply_adds: a lane's 1/32
// of an mma.
enum class Operation : uint8_t {
  multiply_adds,
  tensor_multiply_adds,
  other_floats,
  special,
  integers,
  conversions,
  shuffles,
};
inline constexpr const char* kOperationNames[] = {
    "multiply_adds", "tensor_multiply_adds", "other_floats", "special",
    "integers",      "conversions",          "shuffles"};

// Operations of one kind that a basic block holds of one source line.
struct Work {
  unsigned block;
  Site place;
  Operation operation;
  unsigned count;
};

struct FunctionTables {
  const AccessSite* sites;
  size_t site_count;
  const Work* work;
  size_t work_count;
  uint64_t* blocks;  // times that each basic block was executed, by all lanes of all launches
  size_t block_count;
};

struct Kernel {
  struct Field {
    size_t offset, bytes;
  };
  struct Array {
    const char* name;
    unsigned offset, bytes;
  };

  const char* name;  // mangled
  void (*body)(const void* arguments);
  std::vector<Field> parameters;
  size_t parameter_bytes;
  std::vector<Array> shared;
  size_t shared_bytes;
  unsigned max_threads;   // of __launch_bounds__, 0: none
  unsigned architecture;  // 80: compiled for compute capability 8.0
  // The kernel's own function first, then those that it calls.
  const FunctionTables* functions;
  size_t function_count;

  template <size_t count>
  Kernel(const char* kernel_name, void (*kernel_body)(const void*), std::vector<Field> fields,
         size_t field_bytes, std::vector<Array> arrays, size_t array_bytes, unsigned threads,
         unsigned compiled_for, const FunctionTables (&tables)[count])
      : name(kernel_name),
        body(kernel_body),
        parameters(std::move(fields)),
        parameter_bytes(field_bytes),
        shared(std::move(arrays)),
        shared_bytes(array_bytes),
        max_threads(threads),
        architecture(compiled_for),
        functions(tables),
        function_count(count) {}
};

struct KernelRegistration {
  explicit KernelRegistration(const Kernel& kernel);
};
// Device memory for a variable of a module, with its initial value; as long as the program runs.
unsigned char* make_variable(const char* name, const unsigned char* initial, size_t bytes);

struct Variable {
  std::string name;
  unsigned char* address;
  size_t bytes;
};

const std::vector<const Kernel*>& kernels();
// By mangled name; null if there is none.
const Kernel* find_kernel(const std::string& name);
const Variable* find_variable(const std::string& name);

}  // namespace infill::cudasim::ptx
