#include "zoo/weight_file.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "core/status.h"
#include "zoo/safetensors.h"
#include "zoo/sha256.h"
#include "zoo/text.h"
#include "zoo/torch_file.h"

namespace infill::zoo {
namespace {

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

// The first 8 bytes of a safetensors file are a length, so they may look like anything; the ninth is a brace.
Container container_of(std::span<const std::byte> bytes) {
  const bool brace = bytes.size() > 8 && bytes[8] == std::byte{'{'};
  if (!brace && starts_with(bytes, "PK")) return Container::kTorchZip;
  if (!brace && starts_with(bytes, "\x80")) return Container::kTorchLegacy;
  constexpr size_t kTarMagic = 257;
  if (!brace && bytes.size() > kTarMagic && starts_with(bytes.subspan(kTarMagic), "ustar")) {
    fail(Status::kUnsupported,
         "is a tar archive, as torch wrote before 0.1.10: load and save it with a newer torch");
  }
  return Container::kSafetensors;
}

void sort_and_check(Contents& contents, uint64_t file_size) {
  std::vector<Tensor>& tensors = contents.tensors;
  std::ranges::sort(tensors, {}, &Tensor::name);
  const auto twin = std::ranges::adjacent_find(tensors, {}, &Tensor::name);
  if (twin != tensors.end()) fail(Status::kInvalidArgument, "key ", in_quotes(twin->name), ": appears twice");
  uint64_t total = 0;
  for (const Tensor& tensor : tensors) {
    total += tensor.size_in_bytes();
    if (total > file_size + kAliasMemory) {
      fail(Status::kUnsupported, "key ", in_quotes(tensor.name), ": the tensors up to here have ", total,
           " bytes, the file has ", file_size, ": they share too much");
    }
  }
}

// Calls read() and puts the file's name in front of what is wrong.
template <class Read>
auto named(const std::string& name, Read read) {
  try {
    return read();
  } catch (const Error& error) {
    fail(error.status(), in_quotes(name), ": ", error.what());
  } catch (const std::bad_alloc&) {
    fail(Status::kOutOfMemory, in_quotes(name), ": out of memory");
  }
}

}  // namespace

std::string_view name_of(Container container) {
  switch (container) {
    case Container::kSafetensors:
      return "safetensors";
    case Container::kTorchZip:
      return "torch zip";
    case Container::kTorchLegacy:
      return "torch legacy";
  }
  return {};
}

Contents read_weights(std::span<const std::byte> bytes) {
  if (bytes.empty()) fail(Status::kInvalidArgument, "is empty");
  Contents contents;
  contents.container = container_of(bytes);
  contents.data = bytes;
  try {
    switch (contents.container) {
      case Container::kSafetensors:
        read_safetensors(bytes, contents);
        break;
      case Container::kTorchZip:
        read_torch_zip(bytes, contents);
        break;
      case Container::kTorchLegacy:
        read_torch_legacy(bytes, contents);
        break;
    }
  } catch (const Error& error) {
    if (error.status() != Status::kMemoryLimit) throw;
    fail(Status::kUnsupported, "describes more than the memory for reading holds");
  }
  sort_and_check(contents, bytes.size());
  return contents;
}

WeightFile::WeightFile(const std::filesystem::path& path)
    : name_(path.string()), file_(path), bytes_(file_->bytes()) {
  contents_ = named(name_, [&] { return read_weights(bytes_); });
}

WeightFile::WeightFile(std::span<const std::byte> bytes, std::string name)
    : name_(std::move(name)), bytes_(bytes) {
  contents_ = named(name_, [&] { return read_weights(bytes_); });
}

const Tensor* WeightFile::find(std::string_view key) const {
  const auto found = std::ranges::lower_bound(contents_.tensors, key, {}, &Tensor::name);
  return found != contents_.tensors.end() && found->name == key ? &*found : nullptr;
}

std::string WeightFile::sha256(const Advance& advance) const {
  return zoo::sha256(bytes_, advance);
}

std::span<const Tensor> StateDict::tensors() const {
  const std::span<const Tensor> all = file_->tensors();
  const auto first = std::ranges::lower_bound(all, std::string_view(prefix_), {}, &Tensor::name);
  const auto last = std::find_if_not(
      first, all.end(), [this](const Tensor& tensor) { return tensor.name.starts_with(prefix_); });
  return {first, last};
}

void StateDict::require_finite(const Advance& advance) const {
  for (const Tensor& tensor : tensors()) {
    if (const auto bad = tensor.first_not_finite()) {
      fail(Status::kInvalidArgument, in_quotes(file_->name()), ": key ", in_quotes(tensor.name), ": element ",
           bad->index, " is ", bad->value);
    }
    if (advance) advance(tensor.size_in_bytes());
  }
}

}  // namespace infill::zoo
