#include "zoo/dtype.h"

#include <array>
#include <bit>
#include <cstring>

#include "core/half.h"

namespace infill::zoo {
namespace {

static_assert(std::endian::native == std::endian::little, "weight files are little-endian and used in place");

struct Entry {
  std::string_view name;
  size_t size;
};
constexpr std::array<Entry, 15> kTable = {{{"BOOL", 1},
                                           {"U8", 1},
                                           {"I8", 1},
                                           {"F8_E4M3", 1},
                                           {"F8_E5M2", 1},
                                           {"U16", 2},
                                           {"I16", 2},
                                           {"F16", 2},
                                           {"BF16", 2},
                                           {"U32", 4},
                                           {"I32", 4},
                                           {"F32", 4},
                                           {"U64", 8},
                                           {"I64", 8},
                                           {"F64", 8}}};

float e4m3_to_float(uint8_t bits) {
  const uint32_t sign = (bits & 0x80U) << 24U;
  const uint32_t magnitude = bits & 0x7FU;
  if (magnitude == 0x7FU) return std::bit_cast<float>(sign | 0x7FC00000U);
  const uint32_t as_float = magnitude >= 8 ? (magnitude << 20U) + ((127U - 7U) << 23U)
                                           : std::bit_cast<uint32_t>(static_cast<float>(magnitude) * 0x1p-9F);
  return std::bit_cast<float>(sign | as_float);
}

template <class T, class Convert>
void convert_each(const std::byte* from, int64_t stride, float* to, size_t count, Convert convert) {
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, from + static_cast<int64_t>(i) * stride * static_cast<int64_t>(sizeof(T)), sizeof(T));
    to[i] = convert(value);
  }
}

}  // namespace

size_t size_of(DType dtype) {
  return kTable[static_cast<size_t>(dtype)].size;
}

std::string_view name_of(DType dtype) {
  return kTable[static_cast<size_t>(dtype)].name;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

bool is_floating(DType dtype) {
  return name_of(dtype).find('F') != std::string_view::npos;
}

void to_float(DType dtype, const std::byte* from, int64_t stride, float* to, size_t count) {
  const auto cast = [](auto value) { return static_cast<float>(value); };
  switch (dtype) {
    case DType::kBool:
      return convert_each<uint8_t>(from, stride, to, count, [](uint8_t v) { return v != 0 ? 1.0F : 0.0F; });
    case DType::kU8:
      return convert_each<uint8_t>(from, stride, to, count, cast);
    case DType::kI8:
      return convert_each<int8_t>(from, stride, to, count, cast);
    case DType::kF8E4M3:
      return convert_each<uint8_t>(from, stride, to, count, e4m3_to_float);
    case DType::kF8E5M2:  // the upper byte of a half
      return convert_each<uint8_t>(from, stride, to, count,
                                   [](uint8_t v) { return half_to_float(static_cast<uint16_t>(v << 8U)); });
    case DType::kU16:
      return convert_each<uint16_t>(from, stride, to, count, cast);
    case DType::kI16:
      return convert_each<int16_t>(from, stride, to, count, cast);
    case DType::kF16:
      return convert_each<uint16_t>(from, stride, to, count, half_to_float);
    case DType::kBF16:
      return convert_each<uint16_t>(from, stride, to, count, [](uint16_t v) {
        return std::bit_cast<float>(static_cast<uint32_t>(v) << 16U);
      });
    case DType::kU32:
      return convert_each<uint32_t>(from, stride, to, count, cast);
    case DType::kI32:
      return convert_each<int32_t>(from, stride, to, count, cast);
    case DType::kF32:
      return convert_each<float>(from, stride, to, count, cast);
    case DType::kU64:
      return convert_each<uint64_t>(from, stride, to, count, cast);
    case DType::kI64:
      return convert_each<int64_t>(from, stride, to, count, cast);
    case DType::kF64:
      return convert_each<double>(from, stride, to, count, cast);
  }
}

}  // namespace infill::zoo
