// Recognition, model cards, and the same weights out of both containers.
#include "zoo/architecture.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "zoo/files.h"
#include "zoo/model_card.h"
#include "zoo/safetensors.h"
#include "zoo/sha256.h"

namespace infill::zoo {
namespace {

namespace fs = std::filesystem;
const fs::path kGolden = fs::path(INFILL_TEST_DATA) / "golden";

Parameters width_of(int64_t width) {
  return {{"width", width}};
}

// "KEY  float32  [8, 5, 5, 5]" per line.
std::vector<KeyShape> keys_in(const std::string& name) {
  std::vector<KeyShape> keys;
  std::istringstream lines(slurp(kGolden / name));
  std::string key;
  std::string type;
  while (lines >> key >> type) {
    EXPECT_EQ(type, "float32");
    std::string shape;
    std::getline(lines, shape);
    KeyShape entry{key, {}};
    for (char& c : shape) {
      if (c == '[' || c == ']' || c == ',') c = ' ';
    }
    std::istringstream numbers(shape);
    for (int64_t number = 0; numbers >> number;) entry.shape.push_back(number);
    keys.push_back(entry);
  }
  return keys;
}

// Tensors of zeros with these keys; the file in memory that holds them.
class Made {
 public:
  void add(const std::string& key, const Dims& shape, DType dtype = DType::kF32) {
    Tensor tensor;
    tensor.name = key;
    tensor.dtype = dtype;
    tensor.shape = shape;
    tensor.strides = contiguous_strides(shape);
    tensor.bytes = bytes_of(zeros_).first(static_cast<size_t>(*element_count(shape)) * size_of(dtype));
    if (key.ends_with("fuse_weight")) tensor.bytes = bytes_of(identity_);
    tensors_.push_back(tensor);
  }
  void add(const std::vector<KeyShape>& keys, const std::string& prefix = {}) {
    for (const KeyShape& entry : keys) add(prefix + entry.key, entry.shape);
  }
  std::vector<Tensor>& tensors() { return tensors_; }
  WeightFile& file(const Metadata& metadata = {}) {
    const fs::path path =
        fs::temp_directory_path() / ("infill-made-" + std::to_string(getpid()) + ".safetensors");
    write_safetensors(path, tensors_, metadata);
    bytes_ = slurp(path);
    fs::remove(path);
    return file_.emplace(bytes_of(bytes_), "made.safetensors");
  }
  std::string outcome(const std::optional<std::string>& prefix = {}) {
    try {
      const Recognised found = recognise(file(), prefix);
      return std::string(found.architecture->name) + " below '" + found.weights.prefix() + "'";
    } catch (const Error& error) {
      return (error.status() == Status::kUnsupported ? "UNSUPPORTED " : "INVALID ") +
             std::string(error.what());
    }
  }

 private:
  std::string zeros_ = std::string(1U << 16U, '\0');
  std::string identity_ = [] {
    std::string bytes;
    for (int i = 0; i < 9; ++i) bytes += little(i % 4 == 0 ? 1.0F : 0.0F);
    return bytes;
  }();
  std::vector<Tensor> tensors_;
  std::string bytes_;
  std::optional<WeightFile> file_;
};

void expect_in(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "\n  lacks " << part;
}

std::vector<KeyShape> deepfill(int64_t width = 4) {
  return architectures()[0].keys(width_of(width));
}
std::vector<KeyShape> deepfill_tf(int64_t width = 4) {
  return architectures()[1].keys(width_of(width));
}

TEST(Architecture, EveryMissingKeyIsNamed) {
  for (const std::vector<KeyShape>& keys : {deepfill(), deepfill_tf()}) {
    for (size_t gone = 0; gone < keys.size(); ++gone) {
      if (keys[gone].key.ends_with("fuse_weight")) continue;
      Made made;
      made.add(keys);
      made.tensors().erase(made.tensors().begin() + static_cast<int64_t>(gone));
      expect_in(made.outcome(), "INVALID \"made.safetensors\": deepfill-v2");
      expect_in(made.outcome(), "key \"" + keys[gone].key + "\": is missing");
    }
  }
}

TEST(Architecture, TheFirstMisshapenKeyIsNamed) {
  for (const std::vector<KeyShape>& keys : {deepfill(), deepfill_tf()}) {
    for (size_t wrong = 1; wrong < keys.size(); ++wrong) {
      Made made;
      made.add(keys);
      made.tensors()[wrong].shape = {3, 1, 1, 1};
      made.tensors()[wrong].strides = {1, 1, 1, 1};
      made.tensors()[wrong].bytes = bytes_of(std::string_view("012345678901"));
      const std::string found = made.outcome();
      expect_in(found, "key \"" + keys[wrong].key + "\": has shape [3, 1, 1, 1], expected is [");
      if (!keys[wrong].key.ends_with("fuse_weight"))
        expect_in(found, "expected is " + to_string(keys[wrong].shape));
    }
  }
}

TEST(Architecture, WrongWidthsTypesAndExtras) {
  for (const int64_t width : {6, 1028}) {
    Made made;
    made.add(deepfill_tf());
    made.tensors()[0].shape = {width, 5, 5, 5};
    made.tensors()[0].dtype = DType::kU8;
    made.tensors()[0].strides = contiguous_strides({width, 5, 5, 5});
    const std::string bytes(static_cast<size_t>(width) * 125, '\0');
    made.tensors()[0].bytes = bytes_of(bytes);
    expect_in(made.outcome(), "expected is [width, 5, 5, 5] with a width of 4, 8, ... 1024");
  }
  {
    Made made;
    made.add(deepfill());
    made.tensors()[1].dtype = DType::kI32;
    expect_in(made.outcome(),
              "key \"stage1.conv1.conv.bias\": has type I32, expected is a floating-point type");
  }
  {
    Made made;
    made.add(deepfill());
    made.add("stage3.conv.weight", {1});
    expect_in(made.outcome(), "key \"stage3.conv.weight\": is not expected");
  }
  {
    Made made;
    made.add(deepfill());
    const std::string ones(36, '\0');
    made.tensors().back().bytes = bytes_of(ones);
    expect_in(made.outcome(),
              "UNSUPPORTED \"made.safetensors\": deepfill-v2: key "
              "\"stage2.contextual_attention.fuse_weight\": element 0 is 0, only the identity is known");
  }
}

TEST(Architecture, UnknownFilesShowTheirFirstKeys) {
  Made made;
  expect_in(made.outcome(), "UNSUPPORTED \"made.safetensors\": unknown architecture, it has no tensors");
  for (const char* key : {"d", "c", "b", "a"}) made.add(key, {1});
  expect_in(made.outcome(),
            R"(unknown architecture, its first keys are "a", "b", "c"; known are deepfill-v2, )");
  const std::string attack = torch_zip(global("os", "system") + ")R");
  try {
    (void)recognise(WeightFile(bytes_of(attack), "attack.pth"));
    FAIL();
  } catch (const Error& error) {
    expect_in(error.what(), "left inert: os.system");
  }
}

TEST(Architecture, PrefixesAreFound) {
  for (const char* prefix :
       {"", "G.", "state_dict.generator.", "params_ema.", "module.net.0.inner.a.b.c.d.e.f."}) {
    for (const auto& [keys, name] :
         {std::pair(deepfill(), "deepfill-v2"), std::pair(deepfill_tf(), "deepfill-v2-tf")}) {
      Made made;
      made.add(keys, prefix);
      EXPECT_EQ(made.outcome(), std::string(name) + " below '" + prefix + "'");
      EXPECT_EQ(made.outcome(prefix), std::string(name) + " below '" + prefix + "'");
      expect_in(made.outcome("other."), "unknown architecture");
    }
  }
}

TEST(Architecture, OneOfSeveral) {
  Made made;
  made.add(deepfill(), "params.");
  made.add(deepfill(), "params_ema.");
  made.add("D.conv.weight", {1});
  EXPECT_EQ(made.outcome(), "deepfill-v2 below 'params_ema.'");
  EXPECT_EQ(made.outcome("params."), "deepfill-v2 below 'params.'");
  made.add(deepfill(), "ema.");
  expect_in(made.outcome(), R"(has deepfill-v2 below "ema." and deepfill-v2 below "params_ema.": say which)");
}

TEST(Architecture, KeysOfThePublishedWidth) {
  for (const auto& [list, architecture, width] :
       {std::tuple("deepfill.keys.txt", 0, 48), std::tuple("deepfill_tf.keys.txt", 1, 48),
        std::tuple("deepfill_c8.keys.txt", 0, 8), std::tuple("deepfill_tf_c8.keys.txt", 1, 8)}) {
    std::map<std::string, std::string> expected;
    for (const KeyShape& entry : keys_in(list)) expected[entry.key] = to_string(entry.shape);
    std::map<std::string, std::string> found;
    for (const KeyShape& entry : architectures()[static_cast<size_t>(architecture)].keys(width_of(width))) {
      found[entry.key] = to_string(entry.shape);
    }
    EXPECT_EQ(found, expected) << list;
  }
}

TEST(Architecture, WithoutFusion) {
  Made made;
  made.add(deepfill());
  made.tensors().pop_back();
  const Recognised found = recognise(made.file());
  EXPECT_EQ(found.parameters.at("fuse"), ParameterValue(false));
  EXPECT_FALSE(found.parameters.contains("fuse_kernel"));
}

TEST(Golden, BothContainersHoldTheSameTensors) {
  for (const auto& [name, prefix, architecture] :
       {std::tuple("deepfill_c8.weights", "G.", "deepfill-v2"),
        std::tuple("deepfill_tf_c8.weights", "G.", "deepfill-v2-tf")}) {
    const WeightFile plain(kGolden / (std::string(name) + ".safetensors"));
    const WeightFile torch(kGolden / (std::string(name) + ".pth"));
    EXPECT_EQ(plain.container(), Container::kSafetensors);
    EXPECT_EQ(torch.container(), Container::kTorchZip);
    EXPECT_TRUE(torch.ignored().empty());
    const Recognised from_plain = recognise(plain);
    const Recognised from_torch = recognise(torch);
    EXPECT_EQ(from_plain.architecture->name, architecture);
    EXPECT_EQ(from_torch.architecture->name, architecture);
    EXPECT_EQ(from_plain.weights.prefix(), "");
    EXPECT_EQ(from_torch.weights.prefix(), prefix);
    EXPECT_EQ(from_plain.parameters, from_torch.parameters);
    EXPECT_EQ(from_plain.parameters.at("width"), ParameterValue(int64_t{8}));
    ASSERT_EQ(plain.tensors().size(), torch.tensors().size());
    for (const Tensor& tensor : plain.tensors()) {
      const Tensor* other = from_torch.weights.find(tensor.name);
      ASSERT_NE(other, nullptr) << tensor.name;
      EXPECT_EQ(tensor.shape, other->shape);
      EXPECT_EQ(tensor.dtype, other->dtype);
      std::vector<std::byte> a(tensor.size_in_bytes());
      std::vector<std::byte> b(other->size_in_bytes());
      tensor.copy_to(a);
      other->copy_to(b);
      EXPECT_EQ(a, b) << tensor.name;
    }
  }
}

TEST(Golden, Sha256OfTheFile) {
  const WeightFile file(kGolden / "deepfill_c8.weights.safetensors");
  EXPECT_EQ(file.sha256(), sha256(bytes_of(slurp(file.name()))));
}

class Card : public ::testing::Test {
 protected:
  void TearDown() override { fs::remove(path_); }
  fs::path path_ = fs::temp_directory_path() / ("infill-card-" + std::to_string(getpid()) + ".safetensors");
};

TEST_F(Card, TravelsWithTheWeights) {
  const WeightFile golden(kGolden / "deepfill_c8.weights.safetensors");
  ModelCard card = card_of(recognise(golden));
  EXPECT_EQ(card.name, "deepfill_c8.weights");
  EXPECT_EQ(card.kind, "fill");
  EXPECT_EQ(card.architecture, "deepfill-v2");
  EXPECT_EQ(card.licence, "unknown");
  EXPECT_EQ(card.parameters, (Parameters{{"width", int64_t{8}},
                                         {"padding", std::string("equal")},
                                         {"fuse", true},
                                         {"fuse_kernel", int64_t{3}}}));
  card.name = "a name \"of\" its own";
  card.licence = "CC0-1.0";
  write_model(path_, golden.tensors(), card, {{"other", "kept"}});
  const WeightFile written(path_);
  EXPECT_EQ(written.metadata().at("other"), "kept");
  const ModelCard read = card_of(recognise(written));
  EXPECT_EQ(read.name, card.name);
  EXPECT_EQ(read.licence, "CC0-1.0");
  EXPECT_EQ(read.parameters, card.parameters);
  EXPECT_EQ(read.sha256, sha256(written.data()));
}

TEST_F(Card, ThatContradictsTheFileIsRefused) {
  const WeightFile golden(kGolden / "deepfill_c8.weights.safetensors");
  const ModelCard good = card_of(recognise(golden));
  const auto outcome_of = [&](const ModelCard& card) -> std::string {
    write_safetensors(path_, golden.tensors(), {{std::string(kCardKey), to_json(card)}});
    try {
      (void)card_of(recognise(WeightFile(path_)));
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Status::kInvalidArgument);
      return error.what();
    }
    return "OK";
  };
  ModelCard card = good;
  card.architecture = "lama";
  expect_in(outcome_of(card), R"(infill.card: architecture: is "lama", the file has "deepfill-v2")");
  card = good;
  card.parameters["width"] = int64_t{48};
  expect_in(outcome_of(card), "infill.card: parameters: width: is 48, the file has 8");
  card = good;
  card.parameters["depth"] = int64_t{3};
  expect_in(outcome_of(card), "infill.card: parameters: depth: is 3, the file has null");
  card.parameters = {{"width", int64_t{8}}};
  EXPECT_EQ(outcome_of(card), "OK") << "a part of them, but right";
  card = good;
  card.kind = "detect";
  expect_in(outcome_of(card), "infill.card: kind");
  card = good;
  card.sha256 = std::string(64, '0');
  expect_in(outcome_of(card), "infill.card: sha256: is \"0000");
  card.sha256.clear();
  EXPECT_EQ(outcome_of(card), "OK");
}

TEST(CardJson, Mistakes) {
  const auto message = [](const std::string& json) -> std::string {
    try {
      (void)card_from_json(json);
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Status::kInvalidArgument);
      return error.what();
    }
    return "OK";
  };
  const std::string rest = R"("kind":"fill","architecture":"a","parameters":{"x":1}})";
  EXPECT_EQ(message(R"({"name":"n",)" + rest), "OK");
  for (const char* json : {"", "x", "[]", "{", "null", "\xff"})
    expect_in(message(json), "JSON: is no object");
  expect_in(message("{" + rest), "infill.card: name: is missing");
  expect_in(message(R"({"name":1,)" + rest), "infill.card: name: is no string");
  expect_in(message(R"({"name":"n","licence":[],)" + rest), "infill.card: licence: is no string");
  expect_in(message(R"({"name":"n","kind":"fill","architecture":"a"})"), "parameters: is missing");
  expect_in(message(R"({"name":"n","kind":"fill","architecture":"a","parameters":{"x":[]}})"),
            "\"x\" is no number");
  expect_in(message(R"({"name":"n","kind":"f","architecture":"a","parameters":{"x":18446744073709551615}})"),
            "too large");
  expect_in(message(std::string(kLongestCard + 1, ' ')), "has more than 65536 bytes");
  expect_in(message(std::string(kLongestCard, '[')), "JSON: is no object");
}

}  // namespace
}  // namespace infill::zoo
