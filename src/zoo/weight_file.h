// Opens a file of weights, whoever it comes from: safetensors, and what torch.save writes (.pth, .pt, .ckpt).
//
// Nothing in a file is executed: a pickle is read by a machine that knows tensors and plain containers and
// turns every other class or function into an inert value that is only reported. Every size, offset and count
// is checked against the file before it is used.
//
// Memory: reading takes at most kReadMemory bytes + the size of the file beside the mapped file itself,
// whatever the file says; tensors are views of it, and all of them together address at most kAliasMemory
// bytes more than the file has, so that copying them out stays within twice the file + 64 MB too.
//
// Errors: kInvalidArgument for a damaged or deceitful file, kUnsupported for an honest one that infill does
// not read (compressed, big-endian, above a limit below), kIo when it cannot be read, kOutOfMemory. Messages
// name the file, the key or the offset in bytes, and the value.
//
// Threads: const functions from any, at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zoo/mapped_file.h"
#include "zoo/tensor.h"

namespace infill::zoo {

// Limits on what is read, besides Dims::kMaximum and Tensor::kLongestName.
constexpr uint64_t kReadMemory = 24U << 20U;
constexpr uint64_t kAliasMemory = 8U << 20U;
constexpr size_t kMostTensors = 32768;
constexpr size_t kMostNameBytes = 8U << 20U;  // of all tensors together
constexpr size_t kLongestHeader = 8U << 20U;  // of a safetensors file, its metadata included
constexpr size_t kMostMetadata = 4096;        // entries of __metadata__

enum class Container : uint8_t { kSafetensors, kTorchZip, kTorchLegacy };
[[nodiscard]] std::string_view name_of(Container container);  // "safetensors", "torch zip", "torch legacy"

using Metadata = std::map<std::string, std::string, std::less<>>;

// What works for long calls it with the number of bytes it went through, from the thread that works. It may
// throw to stop; empty: nobody wants to know.
using Advance = std::function<void(uint64_t bytes)>;

// What a reader found: views of the bytes that it was given.
struct Contents {
  Container container = Container::kSafetensors;
  std::vector<Tensor> tensors;       // by name, ascending; names differ
  Metadata metadata;                 // safetensors: __metadata__; torch files have none
  std::vector<std::string> ignored;  // classes and functions in a pickle that were left inert: "os.system"
  std::span<const std::byte> data;   // safetensors: what follows the header. Else the whole file
};

// Reads from memory that the caller keeps. Messages do not name a file.
[[nodiscard]] Contents read_weights(std::span<const std::byte> bytes);

class WeightFile {
 public:
  explicit WeightFile(const std::filesystem::path& path);
  // Borrowed memory, which has to outlive the object; `name` stands in messages.
  WeightFile(std::span<const std::byte> bytes, std::string name);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] Container container() const { return contents_.container; }
  // Nested containers are flattened to dotted keys: {'G': {'conv.weight': t}} has "G.conv.weight", items of
  // lists are counted from 0.
  [[nodiscard]] std::span<const Tensor> tensors() const { return contents_.tensors; }
  [[nodiscard]] const Tensor* find(std::string_view key) const;  // null: no such tensor
  [[nodiscard]] const Metadata& metadata() const { return contents_.metadata; }
  [[nodiscard]] std::span<const std::string> ignored() const { return contents_.ignored; }
  [[nodiscard]] std::span<const std::byte> data() const { return contents_.data; }
  // Of the whole file; reads all of it, at every call.
  [[nodiscard]] std::string sha256(const Advance& advance = {}) const;

 private:
  std::string name_;
  std::optional<MappedFile> file_;
  std::span<const std::byte> bytes_;
  Contents contents_;
};

// The tensors of a file below one prefix ("G.", "state_dict.generator."; "" for all), by their names without
// it.
class StateDict {
 public:
  StateDict(const WeightFile& file, std::string prefix) : file_(&file), prefix_(std::move(prefix)) {}
  [[nodiscard]] const WeightFile& file() const { return *file_; }
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  [[nodiscard]] const Tensor* find(std::string_view key) const {
    return file_->find(prefix_ + std::string(key));
  }
  // All of them; their names still have the prefix.
  [[nodiscard]] std::span<const Tensor> tensors() const;
  // Throws kInvalidArgument naming the first tensor with an element that is no finite float32. Takes no
  // memory.
  void require_finite(const Advance& advance = {}) const;

 private:
  const WeightFile* file_;
  std::string prefix_;
};

}  // namespace infill::zoo
