#include "zoo/zip.h"

#include <algorithm>

#include "core/status.h"
#include "zoo/little_endian.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

using Bytes = std::span<const std::byte>;

constexpr uint32_t kEndSignature = 0x06054B50;
constexpr uint32_t kEnd64Signature = 0x06064B50;
constexpr uint32_t kLocatorSignature = 0x07064B50;
constexpr uint32_t kCentralSignature = 0x02014B50;
constexpr uint32_t kLocalSignature = 0x04034B50;
constexpr uint64_t kEndSize = 22;
constexpr uint64_t kEnd64Size = 56;
constexpr uint64_t kLocatorSize = 20;
constexpr uint64_t kCentralSize = 46;
constexpr uint64_t kLocalSize = 30;
constexpr uint64_t kLongestComment = 0xFFFF;
constexpr const char* kEnd = "zip: end record";
constexpr const char* kCentral = "zip: directory";

struct Location {
  uint64_t count;   // entries
  uint64_t offset;  // of the directory
  uint64_t size;
};

// The record that ends the archive: its comment has to end where the file does.
uint64_t find_end(Bytes bytes) {
  for (uint64_t comment = 0; comment <= kLongestComment && comment + kEndSize <= bytes.size(); ++comment) {
    const uint64_t at = bytes.size() - kEndSize - comment;
    if (load<uint32_t>(bytes, at, kEnd) == kEndSignature && load<uint16_t>(bytes, at + 20, kEnd) == comment)
      return at;
  }
  fail(Status::kInvalidArgument, "zip: there is no end record: the file was cut short?");
}

Location locate(Bytes bytes) {
  const uint64_t end = find_end(bytes);
  Location found{load<uint16_t>(bytes, end + 10, kEnd), load<uint32_t>(bytes, end + 16, kEnd),
                 load<uint32_t>(bytes, end + 12, kEnd)};
  uint64_t disks = load<uint16_t>(bytes, end + 4, kEnd) | load<uint16_t>(bytes, end + 6, kEnd);
  uint64_t limit = end;
  if (end >= kLocatorSize && load<uint32_t>(bytes, end - kLocatorSize, kEnd) == kLocatorSignature) {
    const auto end64 = load<uint64_t>(bytes, end - kLocatorSize + 8, kEnd);
    if (end64 > end - kLocatorSize || end - kLocatorSize - end64 < kEnd64Size ||
        load<uint32_t>(bytes, end64, kEnd) != kEnd64Signature) {
      fail(Status::kInvalidArgument, "zip: the zip64 end record is not at byte ", end64);
    }
    disks = load<uint32_t>(bytes, end64 + 16, kEnd) | load<uint32_t>(bytes, end64 + 20, kEnd);
    found = {load<uint64_t>(bytes, end64 + 32, kEnd), load<uint64_t>(bytes, end64 + 48, kEnd),
             load<uint64_t>(bytes, end64 + 40, kEnd)};
    limit = end64;
  }
  if (disks != 0) fail(Status::kUnsupported, "zip: is one part of several");
  if (found.offset > limit || found.size > limit - found.offset) {
    fail(Status::kInvalidArgument, "zip: a directory of ", found.size, " bytes at byte ", found.offset,
         " does not end before its end record at byte ", limit);
  }
  if (found.count > found.size / kCentralSize) {
    fail(Status::kInvalidArgument, "zip: ", found.count, " entries in a directory of ", found.size, " bytes");
  }
  return found;
}

struct Sizes {
  uint64_t stored;
  uint64_t original;
  uint64_t local;  // offset of the local header
};

// Fields that do not fit 32 bits are in the extra field with tag 1, in this order.
Sizes sizes_of(Bytes central, Bytes extra) {
  Sizes sizes{load<uint32_t>(central, 20, kCentral), load<uint32_t>(central, 24, kCentral),
              load<uint32_t>(central, 42, kCentral)};
  constexpr uint64_t kElsewhere = 0xFFFFFFFF;
  while (extra.size() >= 4) {
    const auto tag = load<uint16_t>(extra, 0, kCentral);
    const Bytes field = slice(extra, 4, load<uint16_t>(extra, 2, kCentral), kCentral);
    if (tag == 1) {
      uint64_t at = 0;
      for (uint64_t* size : {&sizes.original, &sizes.stored, &sizes.local}) {
        if (*size != kElsewhere) continue;
        *size = load<uint64_t>(field, at, kCentral);
        at += sizeof(uint64_t);
      }
      break;
    }
    extra = extra.subspan(4 + field.size());
  }
  return sizes;
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The bytes of one entry; `files` is what lies before the directory.
ZipEntry read_entry(Bytes files, Bytes central, std::string_view name, Bytes extra) {
  const auto flags = load<uint16_t>(central, 8, kCentral);
  const auto method = load<uint16_t>(central, 10, kCentral);
  const Sizes sizes = sizes_of(central, extra);
  if ((flags & 1U) != 0) fail(Status::kUnsupported, "zip: ", in_quotes(name), " is encrypted");
  if (method != 0) {
    fail(Status::kUnsupported, "zip: ", in_quotes(name), " is compressed (method ", method, ", ",
         sizes.stored, " to ", sizes.original,
         " bytes); torch.save stores, so zip it again without compression");
  }
  if (sizes.stored != sizes.original) {
    fail(Status::kInvalidArgument, "zip: ", in_quotes(name), " is stored in ", sizes.stored,
         " bytes and has ", sizes.original);
  }
  if (load<uint32_t>(files, sizes.local, "zip: local header") != kLocalSignature) {
    fail(Status::kInvalidArgument, "zip: ", in_quotes(name), ": byte ", sizes.local, " is no local header");
  }
  const Bytes local = slice(files, sizes.local, kLocalSize, "zip: local header");
  const auto name_size = load<uint16_t>(local, 26, "zip: local header");
  const auto extra_size = load<uint16_t>(local, 28, "zip: local header");
  if (text_of(slice(files, sizes.local + kLocalSize, name_size, "zip: local header")) != name) {
    fail(Status::kInvalidArgument, "zip: ", in_quotes(name), " has another name in its local header");
  }
  return {name, slice(files, sizes.local + kLocalSize + name_size + extra_size, sizes.stored, "zip: entry")};
}

}  // namespace

ZipDirectory::ZipDirectory(Bytes bytes, Memory& memory) : entries_(StdAllocator<ZipEntry>(memory)) {
  const Location location = locate(bytes);
  const Bytes files = bytes.first(location.offset);
  Bytes directory = bytes.subspan(location.offset, location.size);
  entries_.reserve(location.count);
  for (uint64_t i = 0; i < location.count; ++i) {
    if (load<uint32_t>(directory, 0, kCentral) != kCentralSignature) {
      fail(Status::kInvalidArgument, "zip: entry ", i, " of the directory is not one");
    }
    const Bytes central = slice(directory, 0, kCentralSize, kCentral);
    const auto name_size = load<uint16_t>(central, 28, kCentral);
    const auto extra_size = load<uint16_t>(central, 30, kCentral);
    const auto comment_size = load<uint16_t>(central, 32, kCentral);
    const std::string_view name = text_of(slice(directory, kCentralSize, name_size, kCentral));
    const Bytes extra = slice(directory, kCentralSize + name_size, extra_size, kCentral);
    entries_.push_back(read_entry(files, central, name, extra));
    const uint64_t size = kCentralSize + name_size + extra_size + comment_size;
    directory = directory.subspan(slice(directory, 0, size, kCentral).size());
  }

  std::ranges::sort(entries_, {}, [](const ZipEntry& entry) { return entry.bytes.data(); });
  for (size_t i = 1; i < entries_.size(); ++i) {
    // The local header of an entry comes before its bytes.
    const ZipEntry& before = entries_[i - 1];
    const ZipEntry& entry = entries_[i];
    if (entry.bytes.data() - before.bytes.data() <
        static_cast<int64_t>(before.bytes.size() + kLocalSize + entry.name.size())) {
      fail(Status::kInvalidArgument, "zip: ", in_quotes(before.name), " and ", in_quotes(entry.name),
           " overlap");
    }
  }
  std::ranges::sort(entries_, {}, &ZipEntry::name);
  const auto twin = std::ranges::adjacent_find(entries_, {}, &ZipEntry::name);
  if (twin != entries_.end())
    fail(Status::kInvalidArgument, "zip: ", in_quotes(twin->name), " appears twice");
}

const ZipEntry* ZipDirectory::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(entries_, name, {}, &ZipEntry::name);
  return found != entries_.end() && found->name == name ? &*found : nullptr;
}

}  // namespace infill::zoo
