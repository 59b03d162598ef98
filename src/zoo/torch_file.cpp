#include "zoo/torch_file.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/memory.h"
#include "core/status.h"
#include "zoo/little_endian.h"
#include "zoo/pickle.h"
#include "zoo/pickle_tensors.h"
#include "zoo/text.h"
#include "zoo/zip.h"

namespace infill::zoo {
namespace {

using Bytes = std::span<const std::byte>;

// Names of what was left inert, each once.
std::vector<std::string> inert_names(const PickleHeap& heap) {
  constexpr size_t kMost = 64;
  constexpr size_t kLongest = 200;
  std::vector<std::string> names;
  for (const Global& global : heap.globals) {
    if (global.known != Known::kInert || names.size() == kMost) continue;
    std::string name =
        std::string(global.module.substr(0, kLongest)) + "." + std::string(global.name.substr(0, kLongest));
    if (!is_text(name)) name = in_quotes(name);
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

// Fills contents from the object that was saved. bytes_of(reference) gives the bytes of a storage.
template <class BytesOf>
void fill(Contents& contents, const PickleHeap& heap, const Value& object, BytesOf bytes_of) {
  contents.ignored = inert_names(heap);
  size_t name_bytes = 0;
  find_tensors(heap, object, [&](const std::string& key, const TensorReference& reference) {
    name_bytes += key.size();
    if (contents.tensors.size() == kMostTensors || name_bytes > kMostNameBytes) {
      fail(Status::kUnsupported, "key ", in_quotes(key), ": more than ", kMostTensors, " tensors or ",
           kMostNameBytes, " bytes of names");
    }
    const StorageReference& storage = heap.storages[reference.storage];
    const Bytes whole = bytes_of(key, storage);
    const size_t size = size_of(reference.dtype);
    // The machine checked that this lies inside of what the reference claims, bytes_of that the storage has
    // it.
    Tensor tensor;
    tensor.name = key;
    tensor.dtype = reference.dtype;
    tensor.shape = reference.shape;
    tensor.strides = reference.strides;
    tensor.bytes =
        slice(whole, storage.offset * size_of(storage.dtype) + reference.offset * size,
              static_cast<uint64_t>(*element_span(reference.shape, reference.strides)) * size, "storage");
    contents.tensors.push_back(std::move(tensor));
  });
}

void check_size(const std::string& key, const StorageReference& storage, uint64_t bytes) {
  const uint64_t needed = storage.whole * size_of(storage.dtype);
  if (needed > bytes) {
    fail(Status::kInvalidArgument, "key ", in_quotes(key), ": storage ", in_quotes(storage.key),
         " should have ", needed, " bytes and has ", bytes);
  }
}

// "NAME/" of the one NAME/data.pkl.
std::string_view find_root(const ZipDirectory& zip) {
  constexpr std::string_view kPickle = "/data.pkl";
  std::string_view root;
  for (const ZipEntry& entry : zip.entries()) {
    if (!entry.name.ends_with(kPickle)) continue;
    const std::string_view name = entry.name.substr(0, entry.name.size() - kPickle.size() + 1);
    if (name.find('/') != name.size() - 1) continue;
    if (!root.empty()) {
      fail(Status::kInvalidArgument, "zip: has ", in_quotes(root), " and ", in_quotes(name),
           ", each with a data.pkl");
    }
    root = name;
  }
  if (root.empty()) fail(Status::kInvalidArgument, "zip: has no NAME/data.pkl: torch.save did not write it");
  return root;
}

Value run(Bytes bytes, uint64_t& at, PickleHeap& heap, Memory& memory) {
  const PickleResult result = read_pickle(bytes, at, heap, memory);
  at = result.end;
  return result.value;
}

// The description of the machine that wrote the file: {'little_endian': True, ...}
void check_machine(const PickleHeap& heap, const Value& machine) {
  if (machine.kind != Kind::kDict) fail(Status::kInvalidArgument, "legacy: the third pickle is no dict");
  Value name;
  bool is_name = true;
  heap.for_each(machine, [&](Value item) {
    if (!is_name && name.kind == Kind::kText && name.view() == "little_endian" && item.integer == 0) {
      fail(Status::kUnsupported, "legacy: was written on a big-endian machine");
    }
    name = item;
    is_name = !is_name;
  });
}

struct LegacyStorage {
  std::string_view key;
  uint64_t elements;
  Bytes bytes;
};
using LegacyStorages = PickleHeap::Vector<LegacyStorage>;

// Where the storages are: in the order of `keys`, and `size_of_element(key)` is known from who refers to
// them.
void locate_storages(Bytes bytes, uint64_t at, const PickleHeap& heap, const Value& keys,
                     LegacyStorages& located) {
  PickleHeap::Vector<StorageReference> references = heap.storages;
  std::ranges::sort(references, {}, &StorageReference::key);
  heap.for_each(keys, [&](Value key) {
    if (key.kind != Kind::kText) fail(Status::kInvalidArgument, "legacy: the key of a storage is no text");
    const auto reference = std::ranges::lower_bound(references, key.view(), {}, &StorageReference::key);
    if (reference == references.end() || reference->key != key.view()) {
      fail(Status::kInvalidArgument, "legacy: storage ", in_quotes(key.view()), " belongs to no tensor");
    }
    const auto elements = load<uint64_t>(bytes, at, "the file");
    const size_t size = size_of(reference->dtype);
    at += sizeof(elements);
    if (elements > (bytes.size() - at) / size) {
      fail(Status::kInvalidArgument, "legacy: storage ", in_quotes(key.view()), " has ", elements,
           " elements of ", size, " bytes, the file has ", bytes.size() - at, " bytes from byte ", at, " on");
    }
    located.push_back({key.view(), elements, bytes.subspan(at, elements * size)});
    at += elements * size;
  });
  if (at != bytes.size()) {
    fail(Status::kInvalidArgument, "legacy: the storages end at byte ", at, ", the file at byte ",
         bytes.size());
  }
  std::ranges::sort(located, {}, &LegacyStorage::key);
  const auto twin = std::ranges::adjacent_find(located, {}, &LegacyStorage::key);
  if (twin != located.end())
    fail(Status::kInvalidArgument, "legacy: storage ", in_quotes(twin->key), " appears twice");
}

}  // namespace

void read_torch_zip(Bytes bytes, Contents& contents) {
  Memory memory({}, bytes.size() + kReadMemory);
  const ZipDirectory zip(bytes, memory);
  const std::string_view root = find_root(zip);
  const auto entry = [&](std::string_view name) { return zip.find(std::string(root) + std::string(name)); };
  if (const ZipEntry* order = entry("byteorder"); order != nullptr) {
    constexpr std::string_view kLittle = "little";
    const std::string_view found(reinterpret_cast<const char*>(order->bytes.data()), order->bytes.size());
    if (found != kLittle)
      fail(Status::kUnsupported, "zip: the byte order is ", in_quotes(found), ", little is read");
  }
  const Bytes pickle = entry("data.pkl")->bytes;
  PickleHeap heap(memory);
  uint64_t end = 0;
  const Value object = run(pickle, end, heap, memory);
  if (end != pickle.size()) {
    fail(Status::kInvalidArgument, "data.pkl: ends at byte ", end, " of ", pickle.size());
  }
  fill(contents, heap, object, [&](const std::string& key, const StorageReference& storage) {
    const ZipEntry* data = entry("data/" + std::string(storage.key.substr(0, Tensor::kLongestName)));
    if (data == nullptr) {
      fail(Status::kInvalidArgument, "key ", in_quotes(key), ": storage ", in_quotes(storage.key),
           " is not in the archive");
    }
    check_size(key, storage, data->bytes.size());
    return data->bytes;
  });
}

void read_torch_legacy(Bytes bytes, Contents& contents) {
  // The number 0x1950A86A20F9469CFC6C, its least byte first.
  constexpr std::string_view kMagic = "\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";
  constexpr int64_t kVersion = 1001;
  Memory memory({}, bytes.size() + kReadMemory);
  PickleHeap heap(memory);
  uint64_t at = 0;
  const Value magic = run(bytes, at, heap, memory);
  if (magic.kind != Kind::kBytes || magic.view() != kMagic) {
    fail(Status::kInvalidArgument, "is a pickle, but torch.save did not write it");
  }
  const Value version = run(bytes, at, heap, memory);
  if (version.kind != Kind::kInt || version.integer != kVersion) {
    fail(Status::kUnsupported, "legacy: the version is not ", kVersion);
  }
  check_machine(heap, run(bytes, at, heap, memory));
  const Value object = run(bytes, at, heap, memory);
  const Value keys = run(bytes, at, heap, memory);
  if (keys.kind != Kind::kList)
    fail(Status::kInvalidArgument, "legacy: the keys of the storages are no list");
  LegacyStorages storages{StdAllocator<LegacyStorage>(memory)};
  locate_storages(bytes, at, heap, keys, storages);
  fill(contents, heap, object, [&](const std::string& key, const StorageReference& storage) {
    const auto found = std::ranges::lower_bound(storages, storage.key, {}, &LegacyStorage::key);
    if (found == storages.end() || found->key != storage.key) {
      fail(Status::kInvalidArgument, "key ", in_quotes(key), ": storage ", in_quotes(storage.key),
           " is not in the file");
    }
    check_size(key, storage, found->bytes.size());
    return found->bytes;
  });
}

}  // namespace infill::zoo
