// The containers of torch.save: zip archives and legacy files.
#include "zoo/torch_file.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "zoo/files.h"

namespace infill::zoo {
namespace {

const std::string kFour = little(1.0F) + little(2.0F) + little(3.0F) + little(4.0F);
const std::string kStateDict =
    dict(text("w") + tensor(storage("FloatStorage", "0", 4), 1, dims({3, 1}), dims({1, 1})));
const std::vector<ZipItem> kItems = {
    {"m/data.pkl", pickle(kStateDict)}, {"m/byteorder", "little"}, {"m/data/0", kFour}, {"m/version", "3\n"}};

std::array<float, 3> values_of(const Contents& contents) {
  std::array<float, 3> values{};
  contents.tensors.at(0).copy_to_float(values);
  return values;
}

// kItems with the storage's entry changed.
template <class Change>
std::string changed(Change change) {
  std::vector<ZipItem> items = kItems;
  change(items[2]);
  return zip(items);
}

TEST(TorchZip, Reads) {
  for (const bool zip64 : {false, true}) {
    std::vector<ZipItem> items = kItems;
    for (ZipItem& item : items) item.zip64 = zip64;
    const std::string file = zip(items, zip64);
    const Contents contents = read_weights(bytes_of(file));
    EXPECT_EQ(contents.container, Container::kTorchZip);
    EXPECT_EQ(values_of(contents), (std::array<float, 3>{2, 3, 4}));
    EXPECT_TRUE(contents.ignored.empty());
  }
}

TEST(TorchZip, TruncatedAtEveryByte) {
  for (const bool zip64 : {false, true}) {
    const std::string file = zip(kItems, zip64);
    for (size_t size = 0; size < file.size(); ++size) {
      EXPECT_TRUE(says(file.substr(0, size), "INVALID", "")) << size;
    }
    EXPECT_TRUE(says(file + "x", "INVALID", "no end record"));
  }
}

TEST(TorchZip, EveryByteChanged) {
  // Whatever it says: it must say it, or read tensors that lie inside of the file.
  const std::string good = zip(kItems);
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char value : {'\x00', '\x01', '\x7f', '\xff', static_cast<char>(good[i] ^ 0x10)}) {
      std::string file = good;
      file[i] = value;
      EXPECT_FALSE(outcome(file).starts_with("OTHER")) << i;
    }
  }
}

TEST(TorchZip, CompressedEntriesAreRefused) {
  // A bomb says that it has 4 GB.
  EXPECT_TRUE(says(changed([](ZipItem& item) {
                     item.method = 8;
                     item.original_size = 0xFFFFFFF0U;
                   }),
                   "UNSUPPORTED", "\"m/data/0\" is compressed (method 8, 16 to 4294967280 bytes)"));
  EXPECT_TRUE(says(changed([](ZipItem& item) { item.original_size = 0x7FFFFFFF; }), "INVALID",
                   "is stored in 16 bytes and has 2147483647"));
  EXPECT_TRUE(says(changed([](ZipItem& item) { item.flags = 1; }), "UNSUPPORTED", "encrypted"));
}

TEST(TorchZip, NamesAndMembers) {
  EXPECT_TRUE(says(zip({}), "INVALID", "no NAME/data.pkl"));
  EXPECT_TRUE(says(zip({{"data.pkl", pickle("N")}}), "INVALID", "no NAME/data.pkl"));
  EXPECT_TRUE(says(zip({{"a/b/data.pkl", pickle("N")}}), "INVALID", "no NAME/data.pkl"));
  EXPECT_TRUE(says(zip({{"a/data.pkl", pickle("N")}, {"b/data.pkl", pickle("N")}}), "INVALID",
                   "each with a data.pkl"));
  EXPECT_TRUE(
      says(zip({{"a/data.pkl", pickle("N")}, {"a/data.pkl", pickle("N")}}), "INVALID", "appears twice"));
  EXPECT_TRUE(says(zip({{"a/data.pkl", pickle("N")}, {"a/byteorder", "big"}}), "UNSUPPORTED",
                   "byte order is \"big\""));
  EXPECT_EQ(outcome(zip({{"a/data.pkl", pickle("N")}})), "OK");
}

TEST(TorchZip, DirectoriesThatLie) {
  const std::string good = zip(kItems);
  const auto with = [&](size_t from_end, std::string_view bytes) {
    std::string file = good;
    file.replace(file.size() - from_end, bytes.size(), bytes);
    return file;
  };
  EXPECT_TRUE(says(with(12, "\xff\xff"), "INVALID", "entries in a directory"));  // more than fit
  EXPECT_TRUE(
      says(with(10, std::string("\xff\xff\xff\x7f", 4)), "INVALID", "does not end before its end record"));
  EXPECT_TRUE(
      says(with(6, std::string("\xff\xff\xff\x7f", 4)), "INVALID", "does not end before its end record"));
  EXPECT_TRUE(says(with(6, std::string("\x01\x00\x00\x00", 4)), "INVALID", "is not one"));
  EXPECT_TRUE(says(with(18, std::string("\x01\x00", 2)), "UNSUPPORTED", "one part of several"));
  // The zip64 locator points at nothing.
  std::string file = zip(kItems, true);
  file.replace(file.size() - 34, 8, std::string(8, '\xff'));
  EXPECT_TRUE(says(file, "INVALID", "the zip64 end record is not at byte 18446744073709551615"));
  // Two entries in the same place: the offset of the last local header becomes that of the first.
  file = good;
  const size_t last = file.rfind("PK\x01\x02");
  file.replace(last + 42, 4, std::string(4, '\0'));
  EXPECT_TRUE(says(file, "INVALID", "has another name in its local header"));
  std::vector<ZipItem> inside = kItems;
  inside.push_back({"m/x", std::string(8, 'x')});
  file = zip(inside);
  const size_t length = file.find("PK\x01\x02") + 20;  // of data.pkl, which now reaches over the next entry
  const auto too_long = static_cast<uint32_t>(kItems[0].bytes.size() + 50);
  file.replace(length, 8, little(too_long) + little(too_long));
  EXPECT_TRUE(says(file, "INVALID", "overlap"));
}

TEST(Legacy, Reads) {
  const std::string file = legacy(kStateDict, {{"0", 4, kFour}});
  const Contents contents = read_weights(bytes_of(file));
  EXPECT_EQ(contents.container, Container::kTorchLegacy);
  EXPECT_EQ(values_of(contents), (std::array<float, 3>{2, 3, 4}));
}

TEST(Legacy, ViewsOfStorages) {
  // Elements 1 to 3 of the storage are a storage of their own, as torch 0.3 wrote.
  const std::string view = storage("FloatStorage", "0", 4, tuple(text("v") + number(1) + number(3)));
  const std::string file = legacy(dict(text("w") + tensor(view, 0, dims({3}), dims({1}))), {{"0", 4, kFour}});
  EXPECT_EQ(values_of(read_weights(bytes_of(file))), (std::array<float, 3>{2, 3, 4}));
}

TEST(Legacy, TruncatedAtEveryByte) {
  const std::string file = legacy(kStateDict, {{"0", 4, kFour}});
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_TRUE(says(file.substr(0, size), "INVALID", "")) << size;
  }
  EXPECT_TRUE(says(file + "x", "INVALID", "the storages end at byte"));
}

TEST(Legacy, EveryByteChanged) {
  const std::string good = legacy(kStateDict, {{"0", 4, kFour}});
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char value : {'\x00', '\x01', '\x7f', '\xff', static_cast<char>(good[i] ^ 0x10)}) {
      std::string file = good;
      file[i] = value;
      EXPECT_FALSE(outcome(file).starts_with("OTHER")) << i;
    }
  }
}

TEST(Legacy, StartsThatAreNone) {
  EXPECT_TRUE(says(pickle("K\x01"), "INVALID", "torch.save did not write it"));
  EXPECT_TRUE(says(pickle(text("x")), "INVALID", "torch.save did not write it"));
  const std::string start = legacy_start();
  std::string other = start;
  other[other.find('M') + 1] = '\x07';
  EXPECT_TRUE(says(other + pickle("N"), "UNSUPPORTED", "the version is not 1001"));
  EXPECT_TRUE(says(legacy_start("N") + pickle("N"), "INVALID", "the third pickle is no dict"));
  EXPECT_TRUE(says(legacy_start(dict(text("little_endian") + "\x89")), "UNSUPPORTED", "big-endian"));
}

TEST(Legacy, StoragesThatLie) {
  EXPECT_TRUE(says(legacy(kStateDict), "INVALID", "storage \"0\" is not in the file"));
  EXPECT_TRUE(says(legacy(kStateDict, {{"1", 4, kFour}}), "INVALID", "storage \"1\" belongs to no tensor"));
  EXPECT_TRUE(
      says(legacy(kStateDict, {{"0", 3, kFour.substr(4)}}), "INVALID", "should have 16 bytes and has 12"));
  EXPECT_TRUE(
      says(legacy(kStateDict, {{"0", UINT64_MAX, kFour}}), "INVALID", "has 18446744073709551615 elements"));
  EXPECT_TRUE(says(legacy(kStateDict, {{"0", uint64_t{1} << 62U, kFour}}), "INVALID", "elements of 4 bytes"));
  EXPECT_TRUE(says(legacy(kStateDict, {{"0", 4, kFour}, {"0", 4, kFour}}), "INVALID", "appears twice"));
  EXPECT_TRUE(says(legacy_start() + pickle(kStateDict) + pickle("N"), "INVALID", "are no list"));
  EXPECT_TRUE(says(legacy_start() + pickle(kStateDict) + pickle("](Ne"), "INVALID", "is no text"));
}

TEST(OtherFiles, AreRefusedByName) {
  EXPECT_TRUE(says("", "INVALID", "is empty"));
  EXPECT_TRUE(says("x", "INVALID", "neither safetensors nor a torch file"));
  EXPECT_TRUE(says("\x89PNG\r\n\x1a\n and more of it", "INVALID", "neither safetensors nor a torch file"));
  std::string tar(1024, '\0');
  tar.replace(257, 5, "ustar");
  EXPECT_TRUE(says(tar, "UNSUPPORTED", "is a tar archive"));
  EXPECT_TRUE(says(std::string(1024, '\0'), "INVALID", "brace"));
}

}  // namespace
}  // namespace infill::zoo
