#include "zoo/pickle_value.h"

#include "core/status.h"

namespace infill::zoo {
namespace {

constexpr std::array kKnown = {
    Global{"collections", "OrderedDict", Known::kOrderedDict},
    Global{"torch", "Size", Known::kSize},
    Global{"torch._utils", "_rebuild_tensor", Known::kRebuildTensor},
    Global{"torch._utils", "_rebuild_tensor_v2", Known::kRebuildTensorV2},
    Global{"torch._utils", "_rebuild_tensor_v3", Known::kRebuildTensorV3},
    Global{"torch._utils", "_rebuild_parameter", Known::kRebuildParameter},
    Global{"torch._utils", "_rebuild_parameter_with_state", Known::kRebuildParameter},
    Global{"_codecs", "encode", Known::kHarmless},
    Global{"numpy", "dtype", Known::kHarmless},
    Global{"numpy.core.multiarray", "scalar", Known::kHarmless},
    Global{"numpy._core.multiarray", "scalar", Known::kHarmless},
    Global{"builtins", "set", Known::kHarmless},
    Global{"builtins", "frozenset", Known::kHarmless},
    Global{"builtins", "bytes", Known::kHarmless},
    Global{"builtins", "bytearray", Known::kHarmless},
    Global{"builtins", "complex", Known::kHarmless},
    Global{"__builtin__", "set", Known::kHarmless},
    Global{"__builtin__", "frozenset", Known::kHarmless},
    Global{"__builtin__", "bytes", Known::kHarmless},
    Global{"__builtin__", "bytearray", Known::kHarmless},
    Global{"__builtin__", "complex", Known::kHarmless},
    Global{"torch", "DoubleStorage", Known::kStorageType, DType::kF64},
    Global{"torch", "FloatStorage", Known::kStorageType, DType::kF32},
    Global{"torch", "HalfStorage", Known::kStorageType, DType::kF16},
    Global{"torch", "BFloat16Storage", Known::kStorageType, DType::kBF16},
    Global{"torch", "LongStorage", Known::kStorageType, DType::kI64},
    Global{"torch", "IntStorage", Known::kStorageType, DType::kI32},
    Global{"torch", "ShortStorage", Known::kStorageType, DType::kI16},
    Global{"torch", "CharStorage", Known::kStorageType, DType::kI8},
    Global{"torch", "ByteStorage", Known::kStorageType, DType::kU8},
    Global{"torch", "BoolStorage", Known::kStorageType, DType::kBool},
    Global{"torch", "UntypedStorage", Known::kStorageType, DType::kU8},
    Global{"torch.storage", "UntypedStorage", Known::kStorageType, DType::kU8},
    Global{"torch", "float8_e4m3fn", Known::kElementType, DType::kF8E4M3},
    Global{"torch", "float8_e5m2", Known::kElementType, DType::kF8E5M2},
    Global{"torch", "uint16", Known::kElementType, DType::kU16},
    Global{"torch", "uint32", Known::kElementType, DType::kU32},
    Global{"torch", "uint64", Known::kElementType, DType::kU64},
};

}  // namespace

const char* name_of(Kind kind) {
  constexpr std::array<const char*, 13> kNames = {"None",   "bool",    "int",   "float", "str",
                                                  "bytes",  "tuple",   "list",  "dict",  "class name",
                                                  "object", "storage", "tensor"};
  return kNames.at(static_cast<size_t>(kind));
}

Value PickleHeap::make(Kind kind) {
  containers.push_back({});
  Value value;
  value.kind = kind;
  value.index = containers.size() - 1;
  return value;
}

void PickleHeap::append(Value container, Value item) {
  if (cells.size() >= kEnd) fail(Status::kUnsupported, "more than ", kEnd, " items");
  const auto cell = static_cast<uint32_t>(cells.size());
  cells.push_back({item, kEnd});
  Container& list = containers[container.index];
  if (list.last == kEnd) {
    list.first = cell;
  } else {
    cells[list.last].next = cell;
  }
  list.last = cell;
  ++list.size;
}

Global find_global(std::string_view module, std::string_view name) {
  for (const Global& entry : kKnown) {
    if (entry.module == module && entry.name == name) return {module, name, entry.known, entry.dtype};
  }
  return {module, name};
}

}  // namespace infill::zoo
