#include "zoo/pickle_rebuild.h"

#include <array>
#include <optional>
#include <string>

#include "core/status.h"
#include "zoo/text.h"
#include "zoo/weight_file.h"

namespace infill::zoo {
namespace {

void expect(const Value& value, Kind kind, const char* what) {
  if (value.kind != kind) {
    fail(Status::kInvalidArgument, what, ": is a ", name_of(value.kind), ", not a ", name_of(kind));
  }
}

uint64_t count_of(const Value& value, const char* what) {
  expect(value, Kind::kInt, what);
  if (value.integer < 0) fail(Status::kInvalidArgument, what, ": is ", value.integer);
  return static_cast<uint64_t>(value.integer);
}

Dims dims_of(const PickleHeap& heap, const Value& value, const char* what) {
  expect(value, Kind::kTuple, what);
  if (heap.size_of(value) > Dims::kMaximum) {
    fail(Status::kUnsupported, what, ": ", heap.size_of(value), " dimensions, at most ", Dims::kMaximum);
  }
  Dims dims;
  heap.for_each(value, [&](Value item) { dims.push_back(static_cast<int64_t>(count_of(item, what))); });
  return dims;
}

// Checks that every element lies in the storage, and that there are no more of them than it has: an expanded
// tensor would grow when it is copied out.
void check_inside(const TensorReference& tensor, const StorageReference& storage) {
  const std::optional<int64_t> count = element_count(tensor.shape);
  const std::optional<int64_t> span = element_span(tensor.shape, tensor.strides);
  const uint64_t bytes = storage.elements * size_of(storage.dtype);  // checked by load_persistent
  const uint64_t elements = bytes / size_of(tensor.dtype);
  if (!count || !span || tensor.offset > elements ||
      static_cast<uint64_t>(*span) > elements - tensor.offset || static_cast<uint64_t>(*count) > elements) {
    fail(Status::kInvalidArgument, "tensor: shape ", to_string(tensor.shape), ", strides ",
         to_string(tensor.strides), ", offset ", tensor.offset, " do not fit storage ",
         in_quotes(storage.key), " of ", elements, " elements");
  }
}

// (storage, offset, shape, strides, ...); the third version has its element type in item 6.
Value rebuild_tensor(PickleHeap& heap, Known function, const Value& arguments) {
  const auto items = heap.first<7>(arguments);
  if (items[0].kind == Kind::kObject) return items[0];  // a storage of a type that is not known
  expect(items[0], Kind::kStorage, "tensor: storage");
  TensorReference tensor;
  tensor.storage = items[0].index;
  const StorageReference& storage = heap.storages[tensor.storage];
  tensor.dtype = storage.dtype;
  if (function == Known::kRebuildTensorV3) {
    expect(items[6], Kind::kGlobal, "tensor: dtype");
    const Global& type = heap.globals[items[6].index];
    if (type.known != Known::kElementType) return heap.make(Kind::kObject);
    tensor.dtype = type.dtype;
  }
  tensor.offset = count_of(items[1], "tensor: storage offset");
  tensor.shape = dims_of(heap, items[2], "tensor: shape");
  tensor.strides = dims_of(heap, items[3], "tensor: strides");
  if (tensor.shape.size() != tensor.strides.size()) {
    fail(Status::kInvalidArgument, "tensor: ", tensor.shape.size(), " sizes and ", tensor.strides.size(),
         " strides");
  }
  check_inside(tensor, storage);
  if (heap.tensors.size() == kMostTensors) {
    fail(Status::kUnsupported, "more than ", kMostTensors, " tensors");
  }
  heap.tensors.push_back(tensor);
  Value value;
  value.kind = Kind::kTensor;
  value.index = heap.tensors.size() - 1;
  return value;
}

// OrderedDict() or, from Python 2, OrderedDict([[key, value], ...]).
Value rebuild_dict(PickleHeap& heap, const Value& arguments) {
  const Value dict = heap.make(Kind::kDict);
  if (heap.size_of(arguments) == 0) return dict;
  const Value pairs = heap.first<1>(arguments)[0];
  expect(pairs, Kind::kList, "OrderedDict: argument");
  heap.for_each(pairs, [&](Value pair) {
    if ((pair.kind != Kind::kList && pair.kind != Kind::kTuple) || heap.size_of(pair) != 2) {
      fail(Status::kInvalidArgument, "OrderedDict: an item is no pair");
    }
    for (const Value& item : heap.first<2>(pair)) heap.append(dict, item);
  });
  return dict;
}

}  // namespace

Value rebuild(PickleHeap& heap, const Value& callable, const Value& arguments) {
  if (callable.kind == Kind::kObject) return heap.make(Kind::kObject);
  expect(callable, Kind::kGlobal, "what is called");
  expect(arguments, Kind::kTuple, "arguments");
  const Known known = heap.globals[callable.index].known;
  switch (known) {
    case Known::kOrderedDict:
      return rebuild_dict(heap, arguments);
    case Known::kSize: {
      const Value sizes = heap.first<1>(arguments)[0];
      expect(sizes, Kind::kTuple, "torch.Size: argument");
      return sizes;
    }
    case Known::kRebuildTensor:
    case Known::kRebuildTensorV2:
    case Known::kRebuildTensorV3:
      return rebuild_tensor(heap, known, arguments);
    case Known::kRebuildParameter: {
      const Value data = heap.first<1>(arguments)[0];
      if (data.kind != Kind::kObject) expect(data, Kind::kTensor, "parameter: data");
      return data;
    }
    case Known::kInert:
    case Known::kHarmless:
    case Known::kStorageType:
    case Known::kElementType:
      break;
  }
  return heap.make(Kind::kObject);
}

Value load_persistent(PickleHeap& heap, const Value& id) {
  expect(id, Kind::kTuple, "persistent id");
  const auto items = heap.first<6>(id);
  expect(items[0], Kind::kText, "persistent id: kind");
  if (items[0].view() == "module") return heap.make(Kind::kObject);  // a class, with its source
  if (items[0].view() != "storage") {
    fail(Status::kInvalidArgument, "persistent id: kind is ", in_quotes(items[0].view()));
  }
  if (items[1].kind == Kind::kObject) return items[1];
  expect(items[1], Kind::kGlobal, "storage: type");
  const Global& type = heap.globals[items[1].index];
  if (type.known != Known::kStorageType) return heap.make(Kind::kObject);
  expect(items[2], Kind::kText, "storage: key");
  StorageReference storage;
  storage.key = items[2].view();
  storage.dtype = type.dtype;
  storage.whole = count_of(items[4], "storage: elements");
  storage.elements = storage.whole;
  if (storage.whole > UINT64_MAX / size_of(DType::kF64)) {
    fail(Status::kInvalidArgument, "storage: ", in_quotes(storage.key), " has ", storage.whole, " elements");
  }
  if (items[5].kind != Kind::kNone) {  // (key, offset, elements)
    expect(items[5], Kind::kTuple, "storage: view");
    const auto view = heap.first<3>(items[5]);
    storage.offset = count_of(view[1], "storage: offset of the view");
    storage.elements = count_of(view[2], "storage: elements of the view");
    if (storage.offset > storage.whole || storage.elements > storage.whole - storage.offset) {
      fail(Status::kInvalidArgument, "storage: a view of ", storage.elements, " elements at ", storage.offset,
           " does not fit ", in_quotes(storage.key), " of ", storage.whole);
    }
  }
  heap.storages.push_back(storage);
  Value value;
  value.kind = Kind::kStorage;
  value.index = heap.storages.size() - 1;
  return value;
}

}  // namespace infill::zoo
