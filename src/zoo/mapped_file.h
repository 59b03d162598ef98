// A file's bytes, read on demand by the system.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace infill::zoo {

// Read-only and private. The file must not shrink while it is mapped: touching what is gone ends the process.
// Replacing it (rename) is harmless.
class MappedFile {
 public:
  // Throws kIo when the file cannot be opened or is no ordinary file. An empty file gives no bytes.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace infill::zoo
