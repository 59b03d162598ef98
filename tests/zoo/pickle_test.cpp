// The pickle machine, through files that torch.save could have written and others.
#include "zoo/pickle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "zoo/files.h"

namespace infill::zoo {
namespace {

const std::string kFour = little(1.0F) + little(2.0F) + little(3.0F) + little(4.0F);

// A pickle of one tensor "w" of four floats that needs storage "0".
std::string with_tensor(std::string_view more = {}) {
  return dict(text("w") + tensor(storage("FloatStorage", "0", 4), 0, dims({2, 2}), dims({2, 1})) +
              std::string(more));
}
std::string file_of(std::string_view opcodes) {
  return torch_zip(opcodes, {{"m/data/0", kFour}});
}

TEST(Pickle, EveryOpcodeOutsideTheListIsNamed) {
  const std::string allowed = std::string(
      "\x80\x95.(01N\x88\x89JKM\x8a\x8bGTUX\x8c\x8d"
      "BC\x8e)\x85\x86\x87t\x91]\x8f}ae\x90suhjqr\x94"
      "c\x93R\x81\x92"
      "bQ");
  ASSERT_EQ(std::set<char>(allowed.begin(), allowed.end()).size(), allowed.size());
  const std::map<char, std::string> names = {
      {'i', "INST"}, {'o', "OBJ"}, {'P', "PERSID"},  {'I', "INT"},           {'S', "STRING"},
      {'p', "PUT"},  {'g', "GET"}, {'\x82', "EXT1"}, {'\x96', "BYTEARRAY8"}, {'2', "DUP"}};
  int refused = 0;
  for (int code = 0; code < 256; ++code) {
    const char opcode = static_cast<char>(code);
    if (allowed.find(opcode) != std::string::npos) continue;
    ++refused;
    const auto name = names.find(opcode);
    const std::string expected =
        "pickle: byte 3: opcode " + (name == names.end() ? std::string() : name->second + " (0x");
    EXPECT_TRUE(says(torch_zip(std::string("N") + opcode + "1\n1\n1\n"), "UNSUPPORTED", expected)) << code;
  }
  EXPECT_EQ(refused, 256 - 49);
  // The offset counts from the beginning of the file where the pickle is not a file of its own.
  EXPECT_TRUE(says(legacy("2"), "UNSUPPORTED", "pickle: byte " + std::to_string(legacy_start().size() + 2)));
}

TEST(Pickle, NothingIsCalled) {
  const std::string attack = global("os", "system") + tuple(text("touch /tmp/infill-was-here")) + "R";
  const std::string file = file_of(with_tensor(text("x") + attack + text("y") + "cposix\nsystem\n)\x81"));
  const Contents contents = read_weights(bytes_of(file));
  EXPECT_EQ(contents.ignored, (std::vector<std::string>{"os.system", "posix.system"}));
  ASSERT_EQ(contents.tensors.size(), 1U);
  EXPECT_EQ(contents.tensors[0].name, "w");
  EXPECT_FALSE(std::filesystem::exists("/tmp/infill-was-here"));
}

TEST(Pickle, NothingIsCalledInAnyOtherWay) {
  const std::string system = global("os", "system");
  const std::string arguments = tuple(text("true"));
  for (const std::string& opcodes : {
           system + arguments + "R", system + arguments + "\x81", system + arguments + "}\x92",
           text("os") + text("system") + "\x93" + arguments + "R",                // STACK_GLOBAL
           global("builtins", "getattr") + tuple(system + text("x")) + "R)R",     // what was returned, called
           system + ")R" + tuple(dict(text("__reduce__") + system) + "N") + "b",  // BUILD
           global("functools", "partial") + tuple(system) + "R",
           system,  // a name alone
       }) {
    const std::string file = torch_zip(opcodes);
    EXPECT_EQ(outcome(file), "OK");
    const std::vector<std::string> ignored = read_weights(bytes_of(file)).ignored;
    EXPECT_NE(std::ranges::find(ignored, "os.system"), ignored.end());
  }
}

TEST(Pickle, KnownFunctionsRefuseWrongArguments) {
  const std::string v2 = global("torch._utils", "_rebuild_tensor_v2");
  const std::string four = storage("FloatStorage", "0", 4);
  EXPECT_TRUE(says(file_of(v2 + ")R"), "INVALID", "tensor: storage: is a None"));
  EXPECT_TRUE(says(file_of(v2 + "NR"), "INVALID", "arguments: is a None"));
  EXPECT_TRUE(says(file_of(v2 + text("x") + "R"), "INVALID", "arguments: is a str"));
  EXPECT_TRUE(says(file_of("N)R"), "INVALID", "what is called: is a None"));
  EXPECT_TRUE(says(file_of(v2 + tuple(four) + "R"), "INVALID", "storage offset: is a None"));
  EXPECT_TRUE(says(file_of(tensor(four, -1, dims({2}), dims({1}))), "INVALID", "storage offset: is -1"));
  EXPECT_TRUE(says(file_of(tensor(four, 0, dims({-2}), dims({1}))), "INVALID", "shape: is -2"));
  EXPECT_TRUE(says(file_of(tensor(four, 0, dims({2}), dims({-1}))), "INVALID", "strides: is -1"));
  EXPECT_TRUE(says(file_of(tensor(four, 0, dims({2}), dims({1, 1}))), "INVALID", "1 sizes and 2 strides"));
  EXPECT_TRUE(says(file_of(tensor(four, 0, dims({5}), dims({1}))), "INVALID", "do not fit storage \"0\""));
  EXPECT_TRUE(says(file_of(tensor(four, 1, dims({4}), dims({1}))), "INVALID", "do not fit"));
  EXPECT_TRUE(says(file_of(tensor(four, 5, dims({0}), dims({1}))), "INVALID", "do not fit"));
  EXPECT_TRUE(says(file_of(tensor(four, 0, dims({2, 2}), dims({3, 1}))), "INVALID", "do not fit"));
  EXPECT_TRUE(says(file_of(tensor(four, 0, dims({1000}), dims({0}))), "INVALID", "do not fit"));  // expanded
  EXPECT_TRUE(says(file_of(tensor(four, 0, dims({65536, 65536, 65536, 65536}), dims({0, 0, 0, 0}))),
                   "INVALID", "do not fit"));
  EXPECT_TRUE(says(file_of(tensor(four, 0, dims({2}), dims({2147483647}))), "INVALID", "do not fit"));
  EXPECT_TRUE(says(file_of(tensor(four, 0, dims({1, 1, 1, 1, 1, 1, 1, 1, 1}), dims({1}))), "UNSUPPORTED",
                   "9 dimensions"));
  EXPECT_TRUE(says(file_of(global("torch", "Size") + ")R"), "INVALID", "torch.Size"));
  EXPECT_TRUE(
      says(file_of(global("collections", "OrderedDict") + tuple("N") + "R"), "INVALID", "OrderedDict"));
  EXPECT_TRUE(
      says(file_of(global("collections", "OrderedDict") + tuple("](Ne") + "R"), "INVALID", "no pair"));
  EXPECT_TRUE(
      says(file_of(global("torch._utils", "_rebuild_parameter") + tuple("N") + "R"), "INVALID", "parameter"));
}

TEST(Pickle, PersistentIdsThatLie) {
  EXPECT_TRUE(says(file_of("NQ"), "INVALID", "persistent id: is a None"));
  EXPECT_TRUE(says(file_of(")Q"), "INVALID", "persistent id: kind: is a None"));
  EXPECT_TRUE(says(file_of(tuple(text("x")) + "Q"), "INVALID", "kind is \"x\""));
  EXPECT_TRUE(says(file_of(tuple(text("storage")) + "Q"), "INVALID", "storage: type"));
  EXPECT_TRUE(says(file_of(storage("FloatStorage", "0", -1)), "INVALID", "storage: elements: is -1"));
  const std::string huge = tuple(text("storage") + global("torch", "DoubleStorage") + text("0") +
                                 text("cpu") + "\x8a\x08" + little(INT64_MAX)) +
                           "Q";
  EXPECT_TRUE(says(file_of(huge), "INVALID", "has 9223372036854775807 elements"));
  const auto view = [](int32_t offset, int32_t elements) {
    return storage("FloatStorage", "0", 4, tuple(text("v") + number(offset) + number(elements)));
  };
  EXPECT_TRUE(says(file_of(view(3, 2)), "INVALID", "a view of 2 elements at 3"));
  EXPECT_TRUE(says(file_of(view(5, 0)), "INVALID", "a view of 0 elements at 5"));
  EXPECT_TRUE(says(file_of(view(-1, 2)), "INVALID", "offset of the view: is -1"));
  // The whole storage is in the file.
  EXPECT_TRUE(
      says(file_of(dict(text("w") + tensor(storage("FloatStorage", "0", 5), 0, dims({1}), dims({1})))),
           "INVALID", "should have 20 bytes and has 16"));
  EXPECT_TRUE(
      says(file_of(dict(text("w") + tensor(storage("FloatStorage", "7", 4), 0, dims({1}), dims({1})))),
           "INVALID", "storage \"7\" is not in the archive"));
}

TEST(Pickle, StackMemoAndTexts) {
  for (const char* opcodes :
       {"",      "0",  "a",  "e",    "s",      "u",    "t",    "\x85", "\x86", "\x87", "R",
        "b",     "Q",  "1",  "\x90", "\x91",   "\x93", "\x81", "\x92", "(0",   "N(0",  "](t",
        "q\x01", "NN", "N(", "}(Nu", "](NNeu", "Na",   "NNa",  "]NNs", "}Na",  "]]b",  "NNb"}) {
    EXPECT_TRUE(says(torch_zip(opcodes), "INVALID", "pickle: byte ")) << opcodes;
  }
  EXPECT_TRUE(says(torch_zip("h\x05"), "INVALID", "memo number 5 was never put"));
  EXPECT_TRUE(says(torch_zip("Nq\x04h\x02"), "INVALID", "memo number 2 was never put"));
  EXPECT_TRUE(says(torch_zip(std::string("Nr\xff\xff\xff\xff", 6)), "UNSUPPORTED", "memo number 4294967295"));
  EXPECT_TRUE(says(torch_zip(std::string("X\xff\xff\xff\xff", 5)), "INVALID", "4294967295 more are needed"));
  EXPECT_TRUE(says(torch_zip("\x8d" + std::string(8, '\xff')), "INVALID", "18446744073709551615 more"));
  EXPECT_TRUE(says(torch_zip("cos\nsystem"), "INVALID", "a name has no end"));
  EXPECT_TRUE(says(torch_zip("NN\x93"), "INVALID", "the name of a class is a None"));
  EXPECT_TRUE(says(zip({{"m/data.pkl", "N."}}), "INVALID", "PROTO"));
  EXPECT_TRUE(says(zip({{"m/data.pkl", ""}}), "INVALID", "pickle: byte 0"));
  EXPECT_TRUE(says(zip({{"m/data.pkl", "\x80\x06N."}}), "UNSUPPORTED", "protocol 6"));
  EXPECT_TRUE(says(zip({{"m/data.pkl", pickle("N") + "x"}}), "INVALID", "data.pkl: ends at byte 4 of 5"));
}

TEST(Pickle, Nesting) {
  const auto lists = [](size_t depth) { return std::string(depth, ']') + "}" + std::string(depth, 'a'); };
  EXPECT_EQ(outcome(file_of(lists(63))), "OK");
  EXPECT_TRUE(says(file_of(lists(64)), "UNSUPPORTED", "nested more than 64 deep"));
  // A hundred thousand levels cost no stack.
  EXPECT_TRUE(
      says(file_of(std::string(100000, ']') + std::string(99999, 'a')), "UNSUPPORTED", "nested more than"));
  // A list in itself.
  EXPECT_TRUE(says(file_of(std::string("]q\0h\0a", 6)), "UNSUPPORTED", "nested more than 64 deep"));
  // An object whose state is its own dict.
  EXPECT_TRUE(
      says(file_of(std::string("cx\ny\n)R}q\0X\1\0\0\0ah\0sb", 20)), "UNSUPPORTED", "nested more than"));
}

TEST(Pickle, WhatIsSharedCannotGrowWithoutEnd) {
  // Each of 40 levels holds the one below, which is in the memo, twice: 2^40 places of what is at the bottom.
  const auto levels = [](std::string bottom) {
    bottom.append("q\0", 2);
    for (char level = 1; level <= 40; ++level) {
      const char below = static_cast<char>(level - 1);
      bottom.append({'0', ']', '(', 'h', below, 'h', below, 'e', 'q', level});
    }
    return bottom;
  };
  EXPECT_TRUE(says(file_of(levels(with_tensor())), "UNSUPPORTED", "too much is shared"));
  EXPECT_TRUE(says(file_of(levels("]")), "UNSUPPORTED", "too much is shared"));
}

TEST(Pickle, SharedStoragesAreBounded) {
  const std::string large(1U << 20U, '\0');
  std::string pairs = text("0") +
                      tensor(storage("ByteStorage", "0", 1 << 20), 0, dims({1 << 20}), dims({1})) +
                      std::string("q\0", 2);
  for (int i = 1; i < 12; ++i) pairs += text(std::to_string(i)) + std::string("h\0", 2);
  EXPECT_TRUE(says(torch_zip(dict(pairs), {{"m/data/0", large}}), "UNSUPPORTED", "they share too much"));
}

TEST(Pickle, KeysThatCannotBe) {
  const std::string value = tensor(storage("FloatStorage", "0", 4), 0, dims({4}), dims({1}));
  EXPECT_TRUE(
      says(file_of(dict(text("a") + value + text("a") + value)), "INVALID", "key \"a\": appears twice"));
  EXPECT_TRUE(says(file_of(dict(text("a.b") + value + text("a") + dict(text("b") + value))), "INVALID",
                   "key \"a.b\": appears twice"));
  EXPECT_TRUE(says(file_of(dict(text("\xff") + value)), "INVALID", "key \"\\xff\": is not UTF-8"));
  EXPECT_TRUE(
      says(file_of(dict(text(std::string(1001, 'k')) + value)), "UNSUPPORTED", "has more than 1000 bytes"));
  EXPECT_EQ(outcome(file_of(dict(text(std::string(1000, 'k')) + value))), "OK");
}

TEST(Pickle, PlainValuesOfAllProtocols) {
  const std::string values = text("i") + "K\x01" + text("j") + "M\x01\x02" + text("l") +
                             "\x8a\x03\x01\x02\xff" + text("m") + std::string("\x8b\x01\0\0\0\x05", 6) +
                             text("f") + std::string("G\x3f\xf8\0\0\0\0\0\0", 9) + text("b") + "\x88" +
                             text("n") + "N" + text("s") + "\x8c\x02hi" + text("y") + "C\x02yo" + text("t") +
                             "NN\x86" + text("e") + ")" + text("set") + "\x8f(K\x01K\x02\x90" + text("fs") +
                             "(K\x01\x91" + text("u") + "U\x01u" + "K\x05" + "N";
  EXPECT_EQ(outcome(file_of(with_tensor(values))), "OK");
  EXPECT_EQ(read_weights(bytes_of(file_of(with_tensor(values)))).tensors.size(), 1U);
}

TEST(Pickle, ContainersAreFlattened) {
  const auto value = [](int32_t offset) {
    return tensor(storage("FloatStorage", "0", 4), offset, dims({1}), dims({1}));
  };
  const std::string module_state = dict(text("_parameters") + dict(text("p") + value(0)) + text("_modules") +
                                        dict(text("conv") + global("torch.nn", "Conv2d") + ")\x81" +
                                             dict(text("_buffers") + dict(text("w") + value(1))) + "b") +
                                        text("training") + "\x88");
  const std::string opcodes =
      dict(text("list") + "](" + value(0) + value(1) + "e" + text("tuple") + value(2) + "\x85" + number(7) +
           value(3) + text("ordered") + global("collections", "OrderedDict") + ")R(" + text("a") + value(0) +
           "u}b" +  //
           text("python2") + global("collections", "OrderedDict") + "](](U\x01k" + value(0) + "ee\x85R" +
           text("parameter") + global("torch._utils", "_rebuild_parameter") + tuple(value(1) + "\x88" + "N") +
           "R" + text("net") + global("my", "Net") + ")\x81" + module_state + "b");
  const std::string file = file_of(opcodes);
  const Contents contents = read_weights(bytes_of(file));
  std::vector<std::string> names;
  for (const Tensor& found : contents.tensors) names.push_back(found.name);
  EXPECT_EQ(names, (std::vector<std::string>{"7", "list.0", "list.1", "net.conv.w", "net.p", "ordered.a",
                                             "parameter", "python2.k", "tuple.0"}));
  EXPECT_EQ(contents.ignored, (std::vector<std::string>{"my.Net", "torch.nn.Conv2d"}));
  float seven = 0;
  contents.tensors[0].copy_to_float({&seven, 1});
  EXPECT_EQ(seven, 4.0F);
}

TEST(Pickle, ElementTypes) {
  const auto contents = [](std::string_view type, std::string_view data) {
    const auto count = static_cast<int32_t>(2);
    return torch_zip(dict(text("w") + tensor(storage(type, "0", count), 0, dims({2}), dims({1}))),
                     {{"m/data/0", std::string(data)}});
  };
  const auto expect = [&](std::string_view type, std::string_view data, DType dtype, float first,
                          float second) {
    const std::string file = contents(type, data);
    const Contents found = read_weights(bytes_of(file));
    ASSERT_EQ(found.tensors.size(), 1U) << type;
    EXPECT_EQ(found.tensors[0].dtype, dtype);
    std::array<float, 2> values{};
    found.tensors[0].copy_to_float(values);
    EXPECT_EQ(values, (std::array<float, 2>{first, second})) << type;
  };
  expect("FloatStorage", little(1.5F) + little(-2.0F), DType::kF32, 1.5F, -2.0F);
  expect("DoubleStorage", little(1.5) + little(-2.0), DType::kF64, 1.5F, -2.0F);
  expect("HalfStorage", little(uint16_t{0x3E00}) + little(uint16_t{0xC000}), DType::kF16, 1.5F, -2.0F);
  expect("BFloat16Storage", little(uint16_t{0x3FC0}) + little(uint16_t{0xC000}), DType::kBF16, 1.5F, -2.0F);
  expect("LongStorage", little(int64_t{1} << 40U) + little(int64_t{-2}), DType::kI64, 0x1p40F, -2.0F);
  expect("IntStorage", little(int32_t{70000}) + little(int32_t{-2}), DType::kI32, 70000.0F, -2.0F);
  expect("ShortStorage", little(int16_t{700}) + little(int16_t{-2}), DType::kI16, 700.0F, -2.0F);
  expect("CharStorage", "\x07\xfe", DType::kI8, 7.0F, -2.0F);
  expect("ByteStorage", "\x07\xfe", DType::kU8, 7.0F, 254.0F);
  expect("BoolStorage", std::string("\x01\x00", 2), DType::kBool, 1.0F, 0.0F);
  // A type that is not known leaves no tensor, and is reported.
  const std::string complex = contents("ComplexFloatStorage", std::string(16, '\0'));
  EXPECT_EQ(read_weights(bytes_of(complex)).ignored, (std::vector<std::string>{"torch.ComplexFloatStorage"}));
  // The third version has its type apart: two numbers of E4M3 in an untyped storage.
  const std::string v3 =
      torch_zip(dict(text("w") + global("torch._utils", "_rebuild_tensor_v3") +
                     tuple(storage("UntypedStorage", "0", 2) + number(0) + dims({2}) + dims({1}) + "\x89" +
                           "N" + global("torch", "float8_e4m3fn") + "N") +
                     "R"),
                {{"m/data/0", "\x3c\xc0"}});
  const Contents found = read_weights(bytes_of(v3));
  std::array<float, 2> values{};
  found.tensors.at(0).copy_to_float(values);
  EXPECT_EQ(values, (std::array<float, 2>{1.5F, -2.0F}));
}

}  // namespace
}  // namespace infill::zoo
