#include "zoo/pickle_opcodes.h"

#include <array>
#include <string_view>

namespace infill::zoo {
namespace {

struct Name {
  uint8_t code;
  std::string_view name;
};

// The names of Python's pickletools.
constexpr std::array kNames = {
    Name{0x28, "MARK"},         Name{0x29, "EMPTY_TUPLE"},
    Name{0x2E, "STOP"},         Name{0x30, "POP"},
    Name{0x31, "POP_MARK"},     Name{0x32, "DUP"},
    Name{0x42, "BINBYTES"},     Name{0x43, "SHORT_BINBYTES"},
    Name{0x46, "FLOAT"},        Name{0x47, "BINFLOAT"},
    Name{0x49, "INT"},          Name{0x4A, "BININT"},
    Name{0x4B, "BININT1"},      Name{0x4C, "LONG"},
    Name{0x4D, "BININT2"},      Name{0x4E, "NONE"},
    Name{0x50, "PERSID"},       Name{0x51, "BINPERSID"},
    Name{0x52, "REDUCE"},       Name{0x53, "STRING"},
    Name{0x54, "BINSTRING"},    Name{0x55, "SHORT_BINSTRING"},
    Name{0x56, "UNICODE"},      Name{0x58, "BINUNICODE"},
    Name{0x5D, "EMPTY_LIST"},   Name{0x61, "APPEND"},
    Name{0x62, "BUILD"},        Name{0x63, "GLOBAL"},
    Name{0x64, "DICT"},         Name{0x65, "APPENDS"},
    Name{0x67, "GET"},          Name{0x68, "BINGET"},
    Name{0x69, "INST"},         Name{0x6A, "LONG_BINGET"},
    Name{0x6C, "LIST"},         Name{0x6F, "OBJ"},
    Name{0x70, "PUT"},          Name{0x71, "BINPUT"},
    Name{0x72, "LONG_BINPUT"},  Name{0x73, "SETITEM"},
    Name{0x74, "TUPLE"},        Name{0x75, "SETITEMS"},
    Name{0x7D, "EMPTY_DICT"},   Name{0x80, "PROTO"},
    Name{0x81, "NEWOBJ"},       Name{0x82, "EXT1"},
    Name{0x83, "EXT2"},         Name{0x84, "EXT4"},
    Name{0x85, "TUPLE1"},       Name{0x86, "TUPLE2"},
    Name{0x87, "TUPLE3"},       Name{0x88, "NEWTRUE"},
    Name{0x89, "NEWFALSE"},     Name{0x8A, "LONG1"},
    Name{0x8B, "LONG4"},        Name{0x8C, "SHORT_BINUNICODE"},
    Name{0x8D, "BINUNICODE8"},  Name{0x8E, "BINBYTES8"},
    Name{0x8F, "EMPTY_SET"},    Name{0x90, "ADDITEMS"},
    Name{0x91, "FROZENSET"},    Name{0x92, "NEWOBJ_EX"},
    Name{0x93, "STACK_GLOBAL"}, Name{0x94, "MEMOIZE"},
    Name{0x95, "FRAME"},        Name{0x96, "BYTEARRAY8"},
    Name{0x97, "NEXT_BUFFER"},  Name{0x98, "READONLY_BUFFER"},
};

}  // namespace

std::string name_of(Opcode opcode) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto code = static_cast<uint8_t>(opcode);
  std::string number = std::string("0x") + kDigits[code >> 4U] + kDigits[code & 15U];
  for (const Name& entry : kNames) {
    if (entry.code == code) return std::string(entry.name) + " (" + number + ")";
  }
  return number;
}

}  // namespace infill::zoo
