#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/status.h"
#include "zoo/safetensors.h"
#include "zoo/sha256.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

namespace fs = std::filesystem;

// A new file beside `path` that takes its place at commit(), and is gone if there is none.
class NewFile {
 public:
  explicit NewFile(const fs::path& path) : path_(path) {
    for (int attempt = 0; descriptor_ < 0; ++attempt) {
      temporary_ = path.string() + ".new" + std::to_string(getpid()) + "-" + std::to_string(attempt);
      descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ < 0 && (errno != EEXIST || attempt == kAttempts)) fail_with_errno();
    }
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!committed_) unlink(temporary_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) fail_with_errno();
      if (written > 0) bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }

  void commit() {
    if (fsync(descriptor_) != 0) fail_with_errno();
    const int closed = close(std::exchange(descriptor_, -1));
    if (closed != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with_errno();
    committed_ = true;
  }

 private:
  static constexpr int kAttempts = 1000;
  [[noreturn]] void fail_with_errno() const {
    fail(Status::kIo, in_quotes(path_.string()), ": ", std::generic_category().message(errno));
  }
  fs::path path_;
  std::string temporary_;
  int descriptor_ = -1;
  bool committed_ = false;
};

std::string in_json(std::string_view text) {
  return nlohmann::json(text).dump();
}

std::string header_of(const std::vector<const Tensor*>& tensors, const Metadata& metadata) {
  if (metadata.size() > kMostMetadata) {
    fail(Status::kInvalidArgument, "metadata: has ", metadata.size(), " entries, at most ", kMostMetadata);
  }
  std::string text = "{";
  const auto separate = [&text] {
    if (text.back() != '{' && text.back() != '[') text += ',';
  };
  if (!metadata.empty()) text += R"("__metadata__":{)";
  for (const auto& [key, value] : metadata) {
    if (!is_text(key) || !is_text(value)) {
      fail(Status::kInvalidArgument, "metadata: ", in_quotes(key),
           " or its value is not UTF-8 without zero bytes");
    }
    separate();
    text.append(in_json(key)).append(":").append(in_json(value));
  }
  if (!metadata.empty()) text += '}';
  uint64_t begin = 0;
  for (const Tensor* tensor : tensors) {
    const uint64_t end = begin + tensor->size_in_bytes();
    separate();
    text.append(in_json(tensor->name))
        .append(R"(:{"dtype":")")
        .append(name_of(tensor->dtype))
        .append(R"(","shape":[)");
    for (const int64_t size : tensor->shape.values()) {
      separate();
      text += std::to_string(size);
    }
    text.append(R"(],"data_offsets":[)")
        .append(std::to_string(begin))
        .append(",")
        .append(std::to_string(end));
    text += "]}";
    begin = end;
  }
  text += '}';
  // So that the data begins at a multiple of 8.
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > kLongestHeader) {
    fail(Status::kInvalidArgument, "header: would have ", text.size(), " bytes, at most ", kLongestHeader);
  }
  return text;
}

void check_names(const std::vector<const Tensor*>& tensors) {
  if (tensors.size() > kMostTensors) {
    fail(Status::kInvalidArgument, "tensors: ", tensors.size(), " of them, at most ", kMostTensors);
  }
  std::vector<std::string_view> names;
  size_t bytes = 0;
  for (const Tensor* tensor : tensors) {
    const std::string& name = tensor->name;
    if (!is_text(name) || name.size() > Tensor::kLongestName || name == "__metadata__") {
      fail(Status::kInvalidArgument, "tensors: the name ", in_quotes(name), " cannot be used");
    }
    bytes += name.size();
    names.push_back(name);
  }
  if (bytes > kMostNameBytes) {
    fail(Status::kInvalidArgument, "tensors: their names have ", bytes, " bytes, at most ", kMostNameBytes);
  }
  std::ranges::sort(names);
  const auto twin = std::ranges::adjacent_find(names);
  if (twin != names.end())
    fail(Status::kInvalidArgument, "tensors: the name ", in_quotes(*twin), " appears twice");
}

std::vector<const Tensor*> in_file_order(std::span<const Tensor> tensors) {
  std::vector<const Tensor*> order;
  for (const Tensor& tensor : tensors) order.push_back(&tensor);
  std::ranges::sort(order, [](const Tensor* a, const Tensor* b) {
    return std::pair(size_of(b->dtype), std::string_view(a->name)) <
           std::pair(size_of(a->dtype), std::string_view(b->name));
  });
  return order;
}

// Calls write(bytes) with the elements of every tensor, row-major.
template <class Write>
void for_each_data(const std::vector<const Tensor*>& tensors, Write write) {
  std::vector<std::byte> row_major;
  for (const Tensor* tensor : tensors) {
    if (tensor->is_contiguous()) {
      write(tensor->bytes.first(tensor->size_in_bytes()));
    } else {
      row_major.resize(tensor->size_in_bytes());
      tensor->copy_to(row_major);
      write(std::span<const std::byte>(row_major));
    }
  }
}

}  // namespace

std::string sha256_of_data(std::span<const Tensor> tensors) {
  Sha256 hash;
  for_each_data(in_file_order(tensors), [&](std::span<const std::byte> bytes) { hash.add(bytes); });
  return hash.finish();
}

void write_safetensors(const fs::path& path, std::span<const Tensor> tensors, const Metadata& metadata) {
  const std::vector<const Tensor*> order = in_file_order(tensors);
  check_names(order);
  const std::string header = header_of(order, metadata);
  const uint64_t length = header.size();
  NewFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(header)));
  for_each_data(order, [&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.commit();
}

}  // namespace infill::zoo
