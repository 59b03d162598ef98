// Files whose pickles Python itself wrote, in every protocol that is read (tests/fuzz/make_corpus.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "zoo/files.h"

namespace infill::zoo {
namespace {

namespace fs = std::filesystem;
const fs::path kCorpus = fs::path(INFILL_TEST_DATA).parent_path() / "fuzz" / "corpus";

std::vector<float> values_at(const WeightFile& file, const std::string& end) {
  std::vector<float> values;
  for (const Tensor& tensor : file.tensors()) {
    if (!tensor.name.ends_with(end)) continue;
    values.resize(static_cast<size_t>(tensor.elements()));
    tensor.copy_to_float(values);
  }
  return values;
}

TEST(PythonFiles, HoldTheSameTensors) {
  int count = 0;
  for (const char* kind : {"safetensors", "torch"}) {
    for (const auto& entry : fs::directory_iterator(kCorpus / kind)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with("good") || name.ends_with("-header")) continue;
      ++count;
      const WeightFile file(entry.path());
      EXPECT_EQ(file.tensors().size(), 2U) << name;
      EXPECT_EQ(values_at(file, "conv.weight"), (std::vector<float>{1, 2, 3, 4})) << name;
      EXPECT_EQ(values_at(file, "conv.bias"), (std::vector<float>{3})) << name;
      const bool module = name.find("module") != std::string::npos;
      EXPECT_EQ(std::ranges::find(file.ignored(), "evil.run") != file.ignored().end(), module) << name;
      EXPECT_EQ(file.ignored().empty(), !module) << name;
    }
  }
  EXPECT_EQ(count, 3 + 4 * 5);
}

}  // namespace
}  // namespace infill::zoo
