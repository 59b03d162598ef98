// One tensor of a weight file: a typed, strided, bounds-checked view of bytes that stay where they are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

#include "zoo/dtype.h"

namespace infill::zoo {

// Sizes or strides of up to 8 dimensions; none for a scalar.
class Dims {
 public:
  static constexpr size_t kMaximum = 8;
  Dims() = default;
  Dims(std::initializer_list<int64_t> values) {
    for (const int64_t value : values) push_back(value);
  }
  // Throws kUnsupported for the ninth.
  void push_back(int64_t value);
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] int64_t operator[](size_t i) const { return values_.at(i); }
  [[nodiscard]] int64_t& operator[](size_t i) { return values_.at(i); }
  [[nodiscard]] std::span<const int64_t> values() const { return {values_.data(), size_}; }
  bool operator==(const Dims& other) const = default;

 private:
  std::array<int64_t, kMaximum> values_{};
  uint8_t size_ = 0;
};

// "[8, 5, 3, 3]"
[[nodiscard]] std::string to_string(const Dims& dims);

// Product of the sizes; none when a size is negative or the product is above 2^63 - 1, zeros or not.
[[nodiscard]] std::optional<int64_t> element_count(const Dims& shape);

// Strides, in elements, of row-major order.
[[nodiscard]] Dims contiguous_strides(const Dims& shape);

// How many elements lie between the first and the last that is addressed, both included (0 when there are no
// elements); none when a stride is negative or the number is above 2^63 - 1.
[[nodiscard]] std::optional<int64_t> element_span(const Dims& shape, const Dims& strides);

struct Tensor {
  std::string name;  // UTF-8, at most kLongestName bytes
  DType dtype = DType::kF32;
  Dims shape;
  Dims strides;                      // in elements, not negative
  std::span<const std::byte> bytes;  // first to last element addressed; no alignment is promised

  static constexpr size_t kLongestName = 1000;

  [[nodiscard]] int64_t elements() const { return *element_count(shape); }
  [[nodiscard]] uint64_t size_in_bytes() const { return static_cast<uint64_t>(elements()) * size_of(dtype); }
  [[nodiscard]] bool is_contiguous() const;

  // Row-major copy in the tensor's own type; `to` has size_in_bytes() bytes (else kInvalidArgument).
  void copy_to(std::span<std::byte> to) const;
  // Row-major copy as float32 (zoo::to_float); `to` has elements() floats (else kInvalidArgument).
  void copy_to_float(std::span<float> to) const;

  struct Element {
    int64_t index;  // row-major
    float value;
  };
  // As float32; none: all are finite.
  [[nodiscard]] std::optional<Element> first_not_finite() const;
};

}  // namespace infill::zoo
