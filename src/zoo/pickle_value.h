// What a pickle describes: plain values, containers, and tensors without their bytes. All of it lies in a few
// arrays that are counted against a limit; texts stay in the file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/memory.h"
#include "zoo/dtype.h"
#include "zoo/tensor.h"

namespace infill::zoo {

enum class Kind : uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kText,   // str, also of Python 2
  kBytes,  // bytes, and whole numbers above 64 bits (little-endian, two's complement)
  kTuple,
  kList,  // and set
  kDict,
  kGlobal,  // a class or a function, by its name
  kObject,  // an instance of an unknown class, or what an unknown function would have returned
  kStorage,
  kTensor,
};
[[nodiscard]] const char* name_of(Kind kind);

struct Value {
  Kind kind = Kind::kNone;
  uint32_t size = 0;  // of kText and kBytes, in bytes
  union {
    int64_t integer = 0;  // kInt, kBool
    double number;        // kFloat
    const char* text;     // kText, kBytes
    uint64_t index;       // of the others: in the array of PickleHeap for their kind
  };

  [[nodiscard]] std::string_view view() const { return {text, size}; }
};

// What a global name stands for; everything else is kInert.
enum class Known : uint8_t {
  kInert,
  kOrderedDict,
  kSize,
  kRebuildTensor,
  kRebuildTensorV2,
  kRebuildTensorV3,
  kRebuildParameter,
  kStorageType,
  kElementType,  // torch.uint16
  kHarmless,     // makes an object that needs no report
};

struct Global {
  std::string_view module;
  std::string_view name;
  Known known = Known::kInert;
  DType dtype = DType::kU8;  // of kStorageType and kElementType
};

// "torch._utils", "_rebuild_tensor_v2": what that is.
[[nodiscard]] Global find_global(std::string_view module, std::string_view name);

// A storage that the pickle refers to. Its bytes come from the container.
struct StorageReference {
  std::string_view key;
  DType dtype = DType::kU8;
  uint64_t whole = 0;     // elements of the storage with that key
  uint64_t offset = 0;    // first element that belongs to it: above 0 only in legacy views
  uint64_t elements = 0;  // from there
};

struct TensorReference {
  uint64_t storage = 0;  // index
  DType dtype = DType::kF32;
  uint64_t offset = 0;  // first element, in elements of `dtype`
  Dims shape;
  Dims strides;
};

class PickleHeap {
 public:
  template <class T>
  using Vector = std::vector<T, StdAllocator<T>>;
  static constexpr uint32_t kEnd = 0xFFFFFFFF;

  // A list of values: items of a tuple or list; key, value, key, value, ... of a dict. An object is like a
  // dict; the key kNone stands for the state that was set as a whole.
  struct Container {
    uint32_t first = kEnd;
    uint32_t last = kEnd;
    uint32_t size = 0;
  };
  struct Cell {
    Value value;
    uint32_t next = kEnd;
  };

  explicit PickleHeap(Memory& memory)
      : containers(StdAllocator<Container>(memory)),
        cells(StdAllocator<Cell>(memory)),
        globals(StdAllocator<Global>(memory)),
        storages(StdAllocator<StorageReference>(memory)),
        tensors(StdAllocator<TensorReference>(memory)) {}

  // kTuple, kList, kDict or kObject; empty.
  [[nodiscard]] Value make(Kind kind);
  void append(Value container, Value item);
  [[nodiscard]] uint32_t size_of(const Value& container) const { return containers[container.index].size; }
  // Calls visit(item) for every item, in order. visit may append to other containers.
  template <class Visit>
  void for_each(const Value& container, Visit visit) const {
    for (uint32_t i = containers[container.index].first; i != kEnd; i = cells[i].next)
      visit(Value(cells[i].value));
  }
  // The first items; kNone for those that are not there.
  template <size_t count>
  [[nodiscard]] std::array<Value, count> first(const Value& container) const {
    std::array<Value, count> items{};
    uint32_t cell = containers[container.index].first;
    for (size_t i = 0; i < count && cell != kEnd; ++i, cell = cells[cell].next) items[i] = cells[cell].value;
    return items;
  }

  Vector<Container> containers;
  Vector<Cell> cells;
  Vector<Global> globals;
  Vector<StorageReference> storages;
  Vector<TensorReference> tensors;
};

}  // namespace infill::zoo
