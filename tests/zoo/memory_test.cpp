// Files that want much memory: what reading takes is measured at operator new, and the file counts once as
// mapped.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>

#include "zoo/architecture.h"
#include "zoo/deepfill_model.h"
#include "zoo/files.h"

namespace {

std::atomic<size_t> in_use = 0;
std::atomic<size_t> peak = 0;

void* take(size_t size, size_t alignment) {
  const size_t rounded = (std::max<size_t>(size, 1) + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) return nullptr;
  const size_t now = in_use += malloc_usable_size(memory);
  size_t before = peak;
  while (now > before && !peak.compare_exchange_weak(before, now)) {
  }
  return memory;
}

void give(void* memory) {
  if (memory != nullptr) in_use -= malloc_usable_size(memory);
  std::free(memory);  // NOLINT: this is the allocator
}

}  // namespace

// NOLINTBEGIN(misc-new-delete-overloads)
void* operator new(size_t size) {
  void* memory = take(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t& /*tag*/) noexcept {
  return take(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  give(memory);
}
void operator delete(void* memory, size_t /*size*/) noexcept {
  give(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  give(memory);
}
// NOLINTEND(misc-new-delete-overloads)

namespace infill::zoo {
namespace {

constexpr size_t kMiB = 1U << 20U;
constexpr const char* kGolden = INFILL_TEST_DATA "/golden/deepfill_c8.weights.safetensors";

std::string repeat(std::string_view piece, size_t bytes) {
  std::string text;
  text.reserve(bytes + piece.size());
  while (text.size() < bytes) text += piece;
  return text;
}

std::string numbered(size_t count, const std::function<std::string(size_t)>& piece) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += piece(i);
  return text;
}

// Reading takes at most the size of the file and 64 MiB, the mapped file apart.
void expect_bounded(const char* what, const std::string& file) {
  const size_t before = in_use;
  peak = before;
  std::string found;
  {
    try {
      const Contents contents = read_weights(bytes_of(file));
      found = std::to_string(contents.tensors.size()) + " tensors";
    } catch (const Error& error) {
      EXPECT_NE(error.status(), Status::kOutOfMemory) << what;
      found = error.what();
    }
  }
  const size_t used = peak - before;
  EXPECT_LE(used, file.size() + 64 * kMiB) << what;
  std::printf("%-28s file %6.1f MiB, reading %6.1f MiB: %s\n", what, static_cast<double>(file.size()) / kMiB,
              static_cast<double>(used) / kMiB, found.substr(0, 80).c_str());
}

TEST(Memory, CountsWhatIsAllocated) {
  const size_t before = in_use;
  const std::string text(kMiB, 'x');
  EXPECT_GE(in_use - before, kMiB);
}

TEST(Memory, PicklesThatWantMuch) {
  const size_t size = 4 * kMiB;
  expect_bounded("empty dicts", torch_zip(repeat("}", size)));
  expect_bounded("empty tuples, popped", torch_zip(repeat(")0", size)));
  expect_bounded("marks", torch_zip(repeat("(", size)));
  expect_bounded("none", torch_zip(repeat("N", size)));
  expect_bounded("memo", torch_zip("N" + repeat("\x94", size)));
  expect_bounded("names of classes", torch_zip(repeat("ca\nb\n0", size)));
  expect_bounded("lists in lists", torch_zip(repeat("]", size / 2) + repeat("a", size / 2)));
  expect_bounded("objects", torch_zip("cx\ny\nq\x01" + repeat("h\x01)R0", size)));
  expect_bounded("one long text", torch_zip(text(std::string(size, 'x'))));
  const std::string reference = storage("FloatStorage", "0", 4);
  expect_bounded("storages", torch_zip(repeat(reference + "0", size) + "N"));
  const std::string value = tensor(reference, 0, dims({4}), dims({1}));
  expect_bounded("tensors, popped", torch_zip(repeat(value + "0", size) + "N"));
  // 20,000 long keys; then every one in three places.
  const std::string put("r\1\0\0\0", 5);
  const std::string get("j\1\0\0\0", 5);
  const std::string pairs = numbered(20000, [&](size_t i) {
    return text(std::string(300, 'k') + std::to_string(i)) + (i == 0 ? value + put : get);
  });
  const std::vector<ZipItem> data = {{"m/data/0", std::string(16, '\0')}};
  expect_bounded("long keys", torch_zip(dict(pairs), data));
  const std::string put_dict("r\2\0\0\0", 5);
  const std::string get_dict("j\2\0\0\0", 5);
  expect_bounded("shared dicts",
                 torch_zip(dict(text("a") + dict(pairs) + put_dict + text("b") + get_dict), data));
}

// Weights made ready to run take several times the file: what is refused in the end never gets there.
TEST(Memory, WeightsThatAreNotFiniteAreRefusedFirst) {
  std::string bytes = slurp(kGolden);
  const auto growth = [&] {
    const WeightFile file(bytes_of(bytes), "file");
    const Recognised model = recognise(file);
    const size_t before = in_use;
    peak = before;
    std::string message;
    try {
      (void)build_deepfill(model);
    } catch (const Error& error) {
      message = error.what();
    }
    return std::pair(peak - before, message);
  };
  EXPECT_GT(growth().first, 32U << 10U) << "each tensor is copied on its way";
  EXPECT_EQ(growth().second, "");
  std::fill(bytes.end() - 4, bytes.end(), '\xff');
  EXPECT_LT(growth().first, 16U << 10U);
  EXPECT_NE(growth().second.find("\"file\": key \"stage2."), std::string::npos) << growth().second;
  EXPECT_NE(growth().second.find(" is -nan"), std::string::npos) << growth().second;
}

TEST(Memory, HeadersThatWantMuch) {
  const size_t size = 7 * kMiB;
  expect_bounded("one long key", safetensors(R"({")" + std::string(size, 'x') + R"(":{}})", ""));
  expect_bounded("one long value",
                 safetensors(R"({"__metadata__":{"k":")" + std::string(size, 'x') + R"("}})", ""));
  expect_bounded("one long shape",
                 safetensors(R"({"a":{"dtype":"U8","shape":[)" + repeat("1,", size) + "1]}}", ""));
  expect_bounded("tensors",
                 safetensors("{" +
                                 numbered(kMostTensors,
                                          [](size_t i) {
                                            return (i == 0 ? "\"" : ",\"") + std::to_string(i) +
                                                   std::string(120, 'n') +
                                                   R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
                                          }) +
                                 "}",
                             ""));
}

TEST(Memory, ArchivesThatWantMuch) {
  std::vector<ZipItem> items;
  for (size_t i = 0; i < 60000; ++i) items.push_back({std::to_string(i), ""});
  expect_bounded("entries", zip(items));
  std::vector<LegacyItem> storages;
  for (size_t i = 0; i < 60000; ++i) storages.push_back({std::to_string(i), 0, ""});
  expect_bounded("legacy keys", legacy("N", storages));
}

}  // namespace
}  // namespace infill::zoo
