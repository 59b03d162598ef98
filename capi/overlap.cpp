#include "overlap.h"

#include <algorithm>
#include <cstdlib>

namespace infill::capi {

namespace {

// One channel of a view: `rows` rows of `columns` cells of `cell` bytes. Strides are not negative; begin is
// an address.
struct Lattice {
  int64_t begin, row_stride, pixel_stride;
  int64_t rows, columns, cell;
  [[nodiscard]] int64_t row_length() const { return (columns - 1) * pixel_stride + cell; }
};

Lattice channel_of(const Image& image, int channel) {
  Lattice lattice{reinterpret_cast<intptr_t>(image.data) + channel * image.channel_stride,
                  std::abs(image.row_stride),
                  std::abs(image.pixel_stride),
                  image.height,
                  image.width,
                  bytes_per_channel(image.format->type)};
  if (image.row_stride < 0) lattice.begin += (lattice.rows - 1) * image.row_stride;
  if (image.pixel_stride < 0) lattice.begin += (lattice.columns - 1) * image.pixel_stride;
  return lattice;
}

int64_t floor_div(int64_t a, int64_t b) {
  return a / b - static_cast<int64_t>(a % b < 0);
}

// Two rows, b's beginning `offset` bytes after a's.
bool rows_share(const Lattice& a, const Lattice& b, int64_t offset) {
  if (offset >= a.row_length() || offset <= -b.row_length()) return false;
  if (a.pixel_stride != b.pixel_stride) return true;
  // Column xa of a against xb of b, j = xa - xb: they meet where -b.cell < offset - j * stride < a.cell.
  const int64_t stride = std::max<int64_t>(a.pixel_stride, 1);
  const int64_t first = std::max(-(b.columns - 1), floor_div(offset - a.cell, stride) + 1);
  const int64_t last = std::min(a.columns - 1, floor_div(offset + b.cell - 1, stride));
  return first <= last;
}

bool channels_share(const Lattice& a, const Lattice& b) {
  constexpr int64_t kMostChecks = 1 << 20;  // more would be stranger pictures than one need be exact about
  const int64_t offset = b.begin - a.begin;
  const int64_t stride = std::max<int64_t>(a.row_stride, 1);
  // Row ya of a against row yb of b, k = ya - yb: the offset is then offset - k * stride.
  const int64_t first = std::max(-(b.rows - 1), floor_div(offset - a.row_length(), stride));
  const int64_t last = std::min(a.rows - 1, floor_div(offset + b.row_length(), stride) + 1);
  if (last - first > kMostChecks) return true;
  for (int64_t k = first; k <= last; ++k) {
    if (rows_share(a, b, offset - k * a.row_stride)) return true;
  }
  return false;
}

}  // namespace

bool same_view(const Image& a, const Image& b) {
  return a.data == b.data && a.format == b.format && a.width == b.width && a.height == b.height &&
         a.row_stride == b.row_stride && a.pixel_stride == b.pixel_stride &&
         a.channel_stride == b.channel_stride;
}

bool share_bytes(const Image& a, const Image& b) {
  const ByteRange range_a = byte_range(a);
  const ByteRange range_b = byte_range(b);
  const auto address = [](const Image& image) { return reinterpret_cast<intptr_t>(image.data); };
  if (address(a) + range_a.end <= address(b) + range_b.begin ||
      address(b) + range_b.end <= address(a) + range_a.begin) {
    return false;
  }
  if (std::abs(a.row_stride) != std::abs(b.row_stride)) return true;
  for (int i = 0; i < a.format->channels; ++i) {
    for (int j = 0; j < b.format->channels; ++j) {
      if (channels_share(channel_of(a, i), channel_of(b, j))) return true;
    }
  }
  return false;
}

}  // namespace infill::capi
