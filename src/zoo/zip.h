// The directory of a zip archive whose entries are stored, as torch.save writes them (PKWARE APPNOTE 6.3;
// zip64 too).
//
// Nothing is decompressed: compressed or encrypted entries are refused (kUnsupported), so there is no bomb.
// Entries lie between the start of the archive and its directory and do not overlap; names differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/memory.h"

namespace infill::zoo {

struct ZipEntry {
  std::string_view name;  // in the archive's directory
  std::span<const std::byte> bytes;
};

class ZipDirectory {
 public:
  // The archive ends where `bytes` end.
  ZipDirectory(std::span<const std::byte> bytes, Memory& memory);
  // Null: no such entry.
  [[nodiscard]] const ZipEntry* find(std::string_view name) const;
  [[nodiscard]] std::span<const ZipEntry> entries() const { return entries_; }  // by name

 private:
  std::vector<ZipEntry, StdAllocator<ZipEntry>> entries_;
};

}  // namespace infill::zoo
