#include "zoo/safetensors.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "zoo/files.h"
#include "zoo/sha256.h"

namespace infill::zoo {
namespace {

// Two tensors and metadata, at odd addresses.
const std::string kHeader =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
    R"("b.c":{"dtype":"F32","shape":[2,1],"data_offsets":[3,11]}})";
const std::string kData = std::string("\x01\x02\x03", 3) + little(1.5F) + little(-2.0F);

std::string one(std::string_view entry, size_t data = 4) {
  return safetensors(R"({"a":)" + std::string(entry) + "}", std::string(data, '\0'));
}
std::string fields(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return R"({"dtype":)" + std::string(dtype) + R"(,"shape":)" + std::string(shape) + R"(,"data_offsets":)" +
         std::string(offsets) + "}";
}

TEST(Safetensors, TruncatedAtEveryByte) {
  const std::string file = safetensors(kHeader, kData);
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_TRUE(says(file.substr(0, size), "INVALID", "")) << size;
  }
  EXPECT_TRUE(says(file + '\0', "INVALID", "the tensors end at 11, the file has 12"));
}

TEST(Safetensors, HeaderLengths) {
  const std::string rest = kHeader + kData;
  EXPECT_TRUE(says(std::string(8, '\xff') + rest, "INVALID", "18446744073709551615"));
  EXPECT_TRUE(says(little(uint64_t{1} << 63U) + rest, "INVALID", "9223372036854775808"));
  EXPECT_TRUE(says(little(uint64_t{rest.size() + 1}) + rest, "INVALID", "its length is"));
  EXPECT_TRUE(says(little(uint64_t{0}) + rest, "INVALID", "brace"));
  EXPECT_TRUE(says(little(uint64_t{kHeader.size() - 1}) + rest, "INVALID", "no JSON at byte"));
  const std::string large(kLongestHeader + 8, ' ');
  EXPECT_TRUE(says(safetensors("{}" + large, ""), "UNSUPPORTED", "header: its length"));
}

TEST(Safetensors, JsonThatIsNone) {
  for (const char* header :
       {"{", "{}}", "{\"a\"}", "{\"a\":}", "{\"a\":nul}", "{'a':1}", "{}x", "{\"\xff\":1}", "{,}"}) {
    EXPECT_TRUE(says(safetensors(header, ""), "INVALID", "")) << header;
  }
  EXPECT_TRUE(says(safetensors(std::string("{}\0", 3), ""), "INVALID", "zero byte at byte 10"));
  EXPECT_TRUE(says(safetensors(R"({"a\u0000":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", ""),
                   "INVALID", "is not UTF-8"));
}

TEST(Safetensors, DeepJson) {
  const size_t depth = 1000000;
  EXPECT_TRUE(says(safetensors(R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}", ""),
                   "INVALID", "an array is not allowed here"));
  std::string objects;
  for (size_t i = 0; i < depth; ++i) objects += R"({"a":)";
  EXPECT_TRUE(says(safetensors(objects + "1" + std::string(depth, '}'), ""), "INVALID", "unknown field"));
  EXPECT_TRUE(says(one(fields(R"("U8")", "[[4]]", "[0,4]")), "INVALID", "an array is not allowed here"));
}

TEST(Safetensors, DuplicateKeys) {
  const std::string entry = fields(R"("U8")", "[2]", "[0,2]");
  const std::string other = fields(R"("U8")", "[2]", "[2,4]");
  EXPECT_TRUE(says(safetensors(R"({"a":)" + entry + R"(,"a":)" + other + "}", "1234"), "INVALID",
                   R"(key "a": appears twice)"));
  EXPECT_TRUE(says(safetensors(R"({"a":)" + entry + R"(,"\u0061":)" + other + "}", "1234"), "INVALID",
                   R"(key "a": appears twice)"));
  EXPECT_TRUE(says(one(R"({"dtype":"U8","shape":[4],"dtype":"U8","data_offsets":[0,4]})"), "INVALID",
                   R"("dtype": appears twice)"));
  EXPECT_TRUE(
      says(safetensors(R"({"__metadata__":{"x":"1","x":"2"}})", ""), "INVALID", R"("x": appears twice)"));
  EXPECT_TRUE(says(safetensors(R"({"__metadata__":{},"__metadata__":{}})", ""), "INVALID", "appears twice"));
}

TEST(Safetensors, WrongFields) {
  EXPECT_TRUE(says(one(fields(R"("F33")", "[1]", "[0,4]")), "UNSUPPORTED", R"(unknown type "F33")"));
  EXPECT_TRUE(says(one(fields("32", "[1]", "[0,4]")), "INVALID", "32 is not allowed here"));
  EXPECT_TRUE(says(one(fields(R"(["F32"])", "[1]", "[0,4]")), "INVALID", "an array is not allowed"));
  EXPECT_TRUE(says(one(fields(R"("F32")", "1", "[0,4]")), "INVALID", "1 is not allowed here"));
  EXPECT_TRUE(says(one(fields(R"("F32")", "[-1]", "[0,4]")), "INVALID", "-1 is not allowed here"));
  EXPECT_TRUE(says(one(fields(R"("F32")", "[1.0]", "[0,4]")), "INVALID", "1.0 is not allowed here"));
  EXPECT_TRUE(says(one(fields(R"("F32")", "[true]", "[0,4]")), "INVALID", "true is not allowed here"));
  EXPECT_TRUE(says(one(fields(R"("F32")", "[\"1\"]", "[0,4]")), "INVALID", "\"1\" is not allowed here"));
  EXPECT_TRUE(says(one(fields(R"("F32")", "[1]", "[0]")), "INVALID", "has 1 numbers"));
  EXPECT_TRUE(says(one(fields(R"("F32")", "[1]", "[0,4,4]")), "INVALID", "a third offset"));
  EXPECT_TRUE(says(one(fields(R"("F32")", "[1]", "[0,-4]")), "INVALID", "-4 is not allowed here"));
  EXPECT_TRUE(
      says(one(fields(R"("F32")", "[1]", "[0,18446744073709551616]")), "INVALID", "is not allowed here"));
  EXPECT_TRUE(says(one(fields(R"("U8")", "[1,1,1,1,1,1,1,1,4]", "[0,4]")), "UNSUPPORTED", "8 dimensions"));
  EXPECT_TRUE(says(one(R"({"dtype":"F32","shape":[1]})"), "INVALID", "has 2 of them"));
  EXPECT_TRUE(says(one("{}"), "INVALID", "has 0 of them"));
  EXPECT_TRUE(
      says(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})"), "INVALID", "unknown field"));
  EXPECT_TRUE(says(one("null"), "INVALID", "null is not allowed here"));
  EXPECT_TRUE(says(one("[]"), "INVALID", "an array is not allowed here"));
  EXPECT_TRUE(says(safetensors(R"({"__metadata__":{"x":1}})", ""), "INVALID", "1 is not allowed here"));
  EXPECT_TRUE(says(safetensors(R"({"__metadata__":"x"})", ""), "INVALID", "is not allowed here"));
  EXPECT_TRUE(says(safetensors("[]", ""), "INVALID", "brace"));
}

TEST(Safetensors, ShapesThatOverflow) {
  EXPECT_TRUE(says(one(fields(R"("F32")", "[4294967296,4294967296]", "[0,4]")), "INVALID", "overflows"));
  EXPECT_TRUE(says(one(fields(R"("F64")", "[2305843009213693952]", "[0,0]")), "INVALID", "overflows"));
  // The zero comes last and must not hide it.
  EXPECT_TRUE(says(one(fields(R"("U8")", "[4294967296,4294967296,0]", "[0,0]")), "INVALID", "overflows"));
  EXPECT_TRUE(
      says(one(fields(R"("U8")", "[9223372036854775808]", "[0,4]")), "INVALID", "is not allowed here"));
}

TEST(Safetensors, OffsetsThatLie) {
  const auto two = [](std::string_view first, std::string_view second) {
    return safetensors(
        R"({"a":)" + fields(R"("U8")", "[2]", first) + R"(,"b":)" + fields(R"("U8")", "[2]", second) + "}",
        "1234");
  };
  EXPECT_EQ(outcome(two("[0,2]", "[2,4]")), "OK");
  EXPECT_EQ(outcome(two("[2,4]", "[0,2]")), "OK");
  EXPECT_TRUE(says(two("[0,2]", "[1,3]"), "INVALID", R"(key "b": data_offsets [1, 3] overlap)"));
  EXPECT_TRUE(says(two("[0,2]", "[0,2]"), "INVALID", "overlap"));
  EXPECT_TRUE(says(two("[2,0]", "[2,4]"), "INVALID", "[2, 0] are reversed"));
  EXPECT_TRUE(says(two("[0,2]", "[4,6]"), "INVALID", "end after the 4 bytes"));
  EXPECT_TRUE(says(two("[0,2]", "[18446744073709551613,18446744073709551615]"), "INVALID", "end after"));
  EXPECT_TRUE(says(one(fields(R"("U8")", "[2]", "[1,3]")), "INVALID", "leave a gap"));
  EXPECT_TRUE(says(one(fields(R"("U8")", "[2]", "[0,2]")), "INVALID", "the tensors end at 2"));
  EXPECT_TRUE(says(one(fields(R"("U8")", "[3]", "[0,4]")), "INVALID", "needs 3 bytes"));
}

TEST(Safetensors, TooMuchOfIt) {
  std::string header = "{";
  for (size_t i = 0; i <= kMostTensors; ++i) {
    header +=
        (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  }
  EXPECT_TRUE(says(safetensors(header + "}", ""), "UNSUPPORTED", "more than 32768 tensors"));
  header = R"({"__metadata__":{)";
  for (size_t i = 0; i <= kMostMetadata; ++i)
    header += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":"")";
  EXPECT_TRUE(says(safetensors(header + "}}", ""), "UNSUPPORTED", "more than 4096 entries"));
  header = R"({")" + std::string(Tensor::kLongestName + 1, 'n') + R"(":{}})";
  EXPECT_TRUE(says(safetensors(header, ""), "UNSUPPORTED", "has 1001 bytes"));
}

TEST(Safetensors, ReadsTensorsAtAnyAddress) {
  const std::string file = safetensors(kHeader, kData);
  for (size_t shift = 0; shift < 8; ++shift) {
    const std::string shifted = std::string(shift, 'x') + file;
    const WeightFile weights(bytes_of(shifted).subspan(shift), "shifted");
    EXPECT_EQ(weights.container(), Container::kSafetensors);
    EXPECT_EQ(weights.metadata(), (Metadata{{"format", "pt"}}));
    ASSERT_EQ(weights.tensors().size(), 2U);
    EXPECT_EQ(weights.find("b"), nullptr);
    const Tensor* tensor = weights.find("b.c");
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->shape, (Dims{2, 1}));
    EXPECT_EQ(tensor->strides, (Dims{1, 1}));
    std::array<float, 2> values{};
    tensor->copy_to_float(values);
    EXPECT_EQ(values, (std::array<float, 2>{1.5F, -2.0F}));
  }
}

TEST(Safetensors, EmptyAndScalarTensors) {
  const std::string file = safetensors(
      R"({"e":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]},"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}} )",
      little(7.0F));
  const WeightFile weights(bytes_of(file), "scalars");
  EXPECT_EQ(weights.find("e")->elements(), 0);
  std::array<float, 1> value{};
  weights.find("s")->copy_to_float(value);
  EXPECT_EQ(value[0], 7.0F);
  weights.find("e")->copy_to_float({});
  EXPECT_EQ(outcome(safetensors("{}", "")), "OK");
}

class Writer : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_ = [] {
    std::string name = (std::filesystem::temp_directory_path() / "infill-zoo-XXXXXX").string();
    return std::filesystem::path(mkdtemp(name.data()));
  }();
  std::filesystem::path path_ = folder_ / "w.safetensors";
};

Tensor tensor_of(std::string name, DType dtype, const Dims& shape, const Dims& strides,
                 std::string_view bytes) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = dtype;
  tensor.shape = shape;
  tensor.strides = strides;
  tensor.bytes = bytes_of(bytes);
  return tensor;
}

TEST_F(Writer, RefusesAndLeavesNothingBehind) {
  const Tensor good = tensor_of("a", DType::kU8, {2}, {1}, "12");
  const std::vector<Tensor> twins = {good, good};
  EXPECT_THROW(write_safetensors(path_, twins, {}), Error);
  const std::vector<Tensor> reserved = {tensor_of("__metadata__", DType::kU8, {2}, {1}, "12")};
  EXPECT_THROW(write_safetensors(path_, reserved, {}), Error);
  const std::vector<Tensor> no_text = {tensor_of("\xff", DType::kU8, {2}, {1}, "12")};
  EXPECT_THROW(write_safetensors(path_, no_text, {}), Error);
  EXPECT_THROW(write_safetensors(path_, std::vector{good}, {{"k", "\xff"}}), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));

  std::filesystem::create_directory(path_);  // rename() cannot replace a folder
  try {
    write_safetensors(path_, std::vector{good}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kIo);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  try {
    write_safetensors(folder_ / "missing" / "w", std::vector{good}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kIo);
  }
}

TEST_F(Writer, WhatItWritesIsRead) {
  const std::string bytes =
      little(1.0F) + little(2.0F) + little(3.0F) + little(4.0F) + little(5.0F) + little(6.0F);
  const std::vector<Tensor> tensors = {tensor_of("q\"\\\n\xc3\xa9", DType::kU8, {2}, {1}, "12"),
                                       tensor_of("transposed", DType::kF32, {3, 2}, {1, 3}, bytes),
                                       tensor_of("empty", DType::kF16, {0, 2}, {2, 1}, "")};
  const Metadata metadata = {{"k", "v \"quoted\" \xc3\xa9"}, {"z", ""}};
  write_safetensors(path_, tensors, metadata);
  const std::string first = slurp(path_);
  const WeightFile file(path_);
  EXPECT_EQ(file.metadata(), metadata);
  ASSERT_EQ(file.tensors().size(), 3U);
  std::array<float, 6> values{};
  file.find("transposed")->copy_to_float(values);
  EXPECT_EQ(values, (std::array<float, 6>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(file.find("q\"\\\n\xc3\xa9")->bytes.size(), 2U);
  EXPECT_EQ((file.data().data() - file.bytes().data()) % 8, 0);
  EXPECT_EQ(sha256(file.data()), sha256_of_data(tensors));
  // Again over itself: the mapping of the old one stays good.
  write_safetensors(path_, file.tensors(), file.metadata());
  EXPECT_EQ(slurp(path_), first);
}

TEST_F(Writer, FilesThatCannotBeOpened) {
  for (const std::filesystem::path& path : {folder_ / "missing", folder_}) {
    try {
      const WeightFile file(path);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Status::kIo);
      EXPECT_NE(std::string(error.what()).find(path.filename().string()), std::string::npos);
    }
  }
  std::ofstream(path_).flush();
  try {
    const WeightFile file(path_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("w.safetensors\": is empty"), std::string::npos);
  }
}

TEST(Sha256, KnownAnswers) {
  // FIPS 180-2, appendix B.
  EXPECT_EQ(sha256(bytes_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace infill::zoo
