#include "zoo/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/status.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

// Calls row(offset of its first element, its stride, number of elements) for every innermost row, in order.
template <class Row>
void for_each_row(const Tensor& tensor, Row row) {
  if (tensor.elements() == 0) return;
  const size_t rank = tensor.shape.size();
  if (rank == 0) return row(int64_t{0}, int64_t{1}, int64_t{1});
  if (tensor.is_contiguous()) return row(int64_t{0}, int64_t{1}, tensor.elements());
  std::array<int64_t, Dims::kMaximum> index{};
  int64_t offset = 0;
  while (true) {
    row(offset, tensor.strides[rank - 1], tensor.shape[rank - 1]);
    size_t axis = rank - 1;
    while (axis > 0) {
      --axis;
      offset += tensor.strides[axis];
      if (++index.at(axis) < tensor.shape[axis]) break;
      offset -= tensor.strides[axis] * tensor.shape[axis];
      index.at(axis) = 0;
      if (axis == 0) return;
    }
    if (rank == 1) return;
  }
}

}  // namespace

void Dims::push_back(int64_t value) {
  if (size_ == kMaximum) fail(Status::kUnsupported, "shape: more than ", kMaximum, " dimensions");
  values_.at(size_++) = value;
}

std::string to_string(const Dims& dims) {
  std::string text = "[";
  for (const int64_t value : dims.values()) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(value);
  }
  return text + "]";
}

std::optional<int64_t> element_count(const Dims& shape) {
  int64_t count = 1;
  bool empty = false;
  for (const int64_t size : shape.values()) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(count, size, &count)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : count;
}

Dims contiguous_strides(const Dims& shape) {
  Dims strides = shape;
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

std::optional<int64_t> element_span(const Dims& shape, const Dims& strides) {
  const auto negative = [](int64_t value) { return value < 0; };
  if (std::ranges::any_of(shape.values(), negative) || std::ranges::any_of(strides.values(), negative)) {
    return std::nullopt;
  }
  if (std::ranges::find(shape.values(), 0) != shape.values().end()) return 0;
  int64_t count = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t reach = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &reach)) return std::nullopt;
    if (__builtin_add_overflow(count, reach, &count)) return std::nullopt;
  }
  return count;
}

bool Tensor::is_contiguous() const {
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return elements() == 0;
    expected *= std::max<int64_t>(shape[i], 1);
  }
  return true;
}

void Tensor::copy_to(std::span<std::byte> to) const {
  if (to.size() != size_in_bytes()) {
    fail(Status::kInvalidArgument, "to: has ", to.size(), " bytes, ", in_quotes(name), " has ",
         size_in_bytes());
  }
  const auto size = static_cast<int64_t>(size_of(dtype));
  std::byte* out = to.data();
  for_each_row(*this, [&](int64_t offset, int64_t stride, int64_t count) {
    const std::byte* from = bytes.data() + offset * size;
    if (stride == 1) {
      std::memcpy(out, from, static_cast<size_t>(count * size));
    } else {
      for (int64_t i = 0; i < count; ++i) {
        std::memcpy(out + i * size, from + i * stride * size, static_cast<size_t>(size));
      }
    }
    out += count * size;
  });
}

void Tensor::copy_to_float(std::span<float> to) const {
  if (to.size() != static_cast<uint64_t>(elements())) {
    fail(Status::kInvalidArgument, "to: has ", to.size(), " floats, ", in_quotes(name), " has ", elements(),
         " elements");
  }
  float* out = to.data();
  for_each_row(*this, [&](int64_t offset, int64_t stride, int64_t count) {
    to_float(dtype, bytes.data() + offset * static_cast<int64_t>(size_of(dtype)), stride, out,
             static_cast<size_t>(count));
    out += count;
  });
}

std::optional<Tensor::Element> Tensor::first_not_finite() const {
  std::array<float, 1024> values{};
  std::optional<Element> found;
  int64_t row = 0;
  for_each_row(*this, [&](int64_t offset, int64_t stride, int64_t count) {
    int64_t n = 0;
    for (int64_t i = 0; i < count && !found; i += n) {
      n = std::min<int64_t>(count - i, values.size());
      const std::byte* from = bytes.data() + (offset + i * stride) * static_cast<int64_t>(size_of(dtype));
      to_float(dtype, from, stride, values.data(), static_cast<size_t>(n));
      const auto bad =
          std::find_if_not(values.begin(), values.begin() + n, [](float v) { return std::isfinite(v); });
      if (bad != values.begin() + n) found = {row + i + (bad - values.begin()), *bad};
    }
    row += count;
  });
  return found;
}

}  // namespace infill::zoo
