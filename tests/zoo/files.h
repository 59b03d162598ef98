// Weight files made by hand, whole and broken.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "zoo/weight_file.h"

// Sums of short texts: gcc 12 warns of an overlap that cannot be (its bug 105651).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wrestrict"
#endif

namespace infill::zoo {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
std::string little(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

// "OK" or the status and the message of what read_weights says.
inline std::string outcome(std::string_view file) {
  try {
    (void)read_weights(bytes_of(file));
  } catch (const Error& error) {
    switch (error.status()) {
      case Status::kInvalidArgument:
        return std::string("INVALID ") + error.what();
      case Status::kUnsupported:
        return std::string("UNSUPPORTED ") + error.what();
      default:
        return std::string("OTHER ") + error.what();
    }
  }
  return "OK";
}

inline ::testing::AssertionResult says(std::string_view file, std::string_view status,
                                       std::string_view part) {
  const std::string found = outcome(file);
  if (found.starts_with(status) && found.find(part) != std::string::npos)
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "expected " << status << " ... " << part << "\nfound    " << found;
}

// ------------------------------------------------------------------------------------------------
// safetensors

inline std::string safetensors(std::string_view header, std::string_view data) {
  return little(uint64_t{header.size()}) + std::string(header) + std::string(data);
}

// -----------------------------------------------------------------------------------------------------
// pickles

// Opcodes of protocol 2.
inline std::string text(std::string_view value) {
  return "X" + little(static_cast<uint32_t>(value.size())) + std::string(value);
}
inline std::string number(int32_t value) {
  return "J" + little(value);
}
inline std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string pickle(std::string_view opcodes) {
  return "\x80\x02" + std::string(opcodes) + ".";
}
inline std::string tuple(std::string_view items) {
  return "(" + std::string(items) + "t";
}

inline std::string storage(std::string_view type, std::string_view key, int32_t elements,
                           std::string_view more = {}) {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") + number(elements) +
               std::string(more)) +
         "Q";
}
inline std::string dims(std::initializer_list<int32_t> values) {
  std::string items;
  for (const int32_t value : values) items += number(value);
  return tuple(items);
}
// torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, False, OrderedDict())
inline std::string tensor(std::string_view storage_opcodes, int32_t offset, std::string_view shape,
                          std::string_view strides) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple(std::string(storage_opcodes) + number(offset) + std::string(shape) + std::string(strides) +
               "\x89" + global("collections", "OrderedDict") + ")R") +
         "R";
}
// {key: value, ...}
inline std::string dict(std::string_view pairs) {
  return "}(" + std::string(pairs) + "u";
}

// --------------------------------------------------------------------------------------------------------
// zips

struct ZipItem {
  std::string name;
  std::string bytes;
  uint16_t method = 0;
  uint16_t flags = 0;
  std::optional<uint32_t> original_size = std::nullopt;  // what the directory says
  bool zip64 = false;
};

inline std::string zip(const std::vector<ZipItem>& items, bool zip64_end = false) {
  std::string files;
  std::string directory;
  const auto u16 = [](size_t value) { return little(static_cast<uint16_t>(value)); };
  const auto u32 = [](size_t value) { return little(static_cast<uint32_t>(value)); };
  for (const ZipItem& item : items) {
    const size_t offset = files.size();
    files += "PK\x03\x04" + u16(20) + u16(item.flags) + u16(item.method) + u32(0) + u32(0) +
             u32(item.bytes.size()) + u32(item.original_size.value_or(item.bytes.size())) +
             u16(item.name.size()) + u16(0) + item.name + item.bytes;
    std::string extra;
    const uint32_t elsewhere = 0xFFFFFFFF;
    if (item.zip64) {
      extra = u16(1) + u16(24) + little(uint64_t{item.bytes.size()}) + little(uint64_t{item.bytes.size()}) +
              little(uint64_t{offset});
    }
    directory += "PK\x01\x02" + u16(20) + u16(20) + u16(item.flags) + u16(item.method) + u32(0) + u32(0) +
                 u32(item.zip64 ? elsewhere : item.bytes.size()) +
                 u32(item.zip64 ? elsewhere : item.original_size.value_or(item.bytes.size())) +
                 u16(item.name.size()) + u16(extra.size()) + u16(0) + u16(0) + u16(0) + u32(0) +
                 u32(item.zip64 ? elsewhere : offset) + item.name + extra;
  }
  std::string end;
  if (zip64_end) {
    end = "PK\x06\x06" + little(uint64_t{44}) + u16(45) + u16(45) + u32(0) + u32(0) +
          little(uint64_t{items.size()}) + little(uint64_t{items.size()}) +
          little(uint64_t{directory.size()}) + little(uint64_t{files.size()});
    end += std::string("PK\x06\x07") + u32(0) + little(uint64_t{files.size() + directory.size()}) + u32(1);
    end += std::string("PK\x05\x06") + u16(0) + u16(0) + u16(0xFFFF) + u16(0xFFFF) + u32(0xFFFFFFFF) +
           u32(0xFFFFFFFF) + u16(0);
  } else {
    end = std::string("PK\x05\x06") + u16(0) + u16(0) + u16(items.size()) + u16(items.size()) +
          u32(directory.size()) + u32(files.size()) + u16(0);
  }
  return files + directory + end;
}

// The archive that torch.save would write around these opcodes.
inline std::string torch_zip(std::string_view opcodes, std::vector<ZipItem> storages = {}) {
  storages.insert(storages.begin(), {"m/data.pkl", pickle(opcodes)});
  storages.push_back({"m/byteorder", "little"});
  return zip(storages);
}

// ------------------------------------------------------------------------------------------------ legacy
// files

inline std::string legacy_start(std::string_view machine) {
  const std::string magic("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12);
  return pickle(magic) + pickle("M" + little(uint16_t{1001})) + pickle(machine);
}
inline std::string legacy_start() {
  return legacy_start(dict(text("little_endian") + "\x88"));
}

struct LegacyItem {
  std::string key;
  uint64_t elements;
  std::string bytes;
};

inline std::string legacy(std::string_view opcodes, const std::vector<LegacyItem>& storages = {}) {
  std::string keys = "](";
  std::string data;
  for (const LegacyItem& item : storages) {
    keys += text(item.key);
    data += little(item.elements) + item.bytes;
  }
  return legacy_start() + pickle(opcodes) + pickle(keys + "e") + data;
}

}  // namespace infill::zoo
