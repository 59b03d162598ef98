// Opcodes of pickle, protocols 0 to 5: those that are read, and the names of all of them for messages.
#pragma once

#include <cstdint>
#include <string>

namespace infill::zoo {

enum class Opcode : uint8_t {
  kProto = 0x80,
  kFrame = 0x95,
  kStop = 0x2E,
  kMark = 0x28,
  kPop = 0x30,
  kPopMark = 0x31,
  kNone = 0x4E,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 0x4A,
  kBinInt1 = 0x4B,
  kBinInt2 = 0x4D,
  kLong1 = 0x8A,
  kLong4 = 0x8B,
  kBinFloat = 0x47,
  kBinString = 0x54,
  kShortBinString = 0x55,
  kBinUnicode = 0x58,
  kShortBinUnicode = 0x8C,
  kBinUnicode8 = 0x8D,
  kBinBytes = 0x42,
  kShortBinBytes = 0x43,
  kBinBytes8 = 0x8E,
  kEmptyTuple = 0x29,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kTuple = 0x74,
  kFrozenSet = 0x91,
  kEmptyList = 0x5D,
  kEmptySet = 0x8F,
  kEmptyDict = 0x7D,
  kAppend = 0x61,
  kAppends = 0x65,
  kAddItems = 0x90,
  kSetItem = 0x73,
  kSetItems = 0x75,
  kBinGet = 0x68,
  kLongBinGet = 0x6A,
  kBinPut = 0x71,
  kLongBinPut = 0x72,
  kMemoize = 0x94,
  kGlobal = 0x63,
  kStackGlobal = 0x93,
  kReduce = 0x52,
  kNewObj = 0x81,
  kNewObjEx = 0x92,
  kBuild = 0x62,
  kBinPersId = 0x51,
};

// "INST (0x69)"; "0xFF" for what is no opcode.
[[nodiscard]] std::string name_of(Opcode opcode);

}  // namespace infill::zoo
