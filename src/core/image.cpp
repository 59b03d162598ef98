#include "core/image.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "core/status.h"

namespace infill {

namespace {

constexpr std::array<FormatInfo, 20> kFormats{{
    {Format::kGray8, "GRAY8", PixelType::kU8, 1, -1, {0, 0, 0, 0}, false},
    {Format::kRgb8, "RGB8", PixelType::kU8, 3, -1, {0, 1, 2, 0}, false},
    {Format::kRgba8, "RGBA8", PixelType::kU8, 4, 3, {0, 1, 2, 3}, false},
    {Format::kBgr8, "BGR8", PixelType::kU8, 3, -1, {2, 1, 0, 0}, false},
    {Format::kBgra8, "BGRA8", PixelType::kU8, 4, 3, {2, 1, 0, 3}, false},
    {Format::kRg8, "RG8", PixelType::kU8, 2, -1, {0, 1, 0, 0}, false},
    {Format::kArgb8, "ARGB8", PixelType::kU8, 4, 0, {1, 2, 3, 0}, false},
    {Format::kMask8, "MASK8", PixelType::kU8, 1, -1, {0, 0, 0, 0}, true},
    {Format::kGray16, "GRAY16", PixelType::kU16, 1, -1, {0, 0, 0, 0}, false},
    {Format::kRgb16, "RGB16", PixelType::kU16, 3, -1, {0, 1, 2, 0}, false},
    {Format::kRgba16, "RGBA16", PixelType::kU16, 4, 3, {0, 1, 2, 3}, false},
    {Format::kRg16, "RG16", PixelType::kU16, 2, -1, {0, 1, 0, 0}, false},
    {Format::kGray16F, "GRAY16F", PixelType::kF16, 1, -1, {0, 0, 0, 0}, false},
    {Format::kRgb16F, "RGB16F", PixelType::kF16, 3, -1, {0, 1, 2, 0}, false},
    {Format::kRgba16F, "RGBA16F", PixelType::kF16, 4, 3, {0, 1, 2, 3}, false},
    {Format::kRg16F, "RG16F", PixelType::kF16, 2, -1, {0, 1, 0, 0}, false},
    {Format::kGray32F, "GRAY32F", PixelType::kF32, 1, -1, {0, 0, 0, 0}, false},
    {Format::kRgb32F, "RGB32F", PixelType::kF32, 3, -1, {0, 1, 2, 0}, false},
    {Format::kRgba32F, "RGBA32F", PixelType::kF32, 4, 3, {0, 1, 2, 3}, false},
    {Format::kRg32F, "RG32F", PixelType::kF32, 2, -1, {0, 1, 0, 0}, false},
}};

// The three axes' farthest offsets add up to less than INT64_MAX.
constexpr int64_t kFarthest = INT64_MAX / 4;

struct Axis {
  const char* name;  // of the field
  int64_t stride, count;
  [[nodiscard]] int64_t span() const { return std::abs(stride) * (count - 1); }
};

void check_side(const char* argument, const char* field, int32_t value) {
  if (value < 1 || value > kMaximumSide) {
    fail(Status::kInvalidArgument, argument, ".", field, ": is ", value, ", allowed are 1 to ", kMaximumSide);
  }
}

void check_axis(const char* argument, const Axis& axis) {
  const int64_t most = axis.count > 1 ? kFarthest / (axis.count - 1) : kFarthest;
  if (axis.stride < -most || axis.stride > most) {
    fail(Status::kInvalidArgument, argument, ".", axis.name, ": is ", axis.stride, " bytes, ", axis.count,
         " of which overflow the address space");
  }
}

// Whether a * x, for an integer |x| <= most and x != 0 unless `zero`, comes closer to -offset than cell
// bytes.
bool meets(int64_t a, int64_t most, int64_t offset, int64_t cell, bool zero) {
  if (zero && std::abs(offset) < cell) return true;
  if (a == 0) return most > 0 && std::abs(offset) < cell;
  const int64_t nearest = -offset / a;
  for (int64_t x = nearest - 1; x <= nearest + 1; ++x) {
    if (x != 0 && std::abs(x) <= most && std::abs(a * x + offset) < cell) return true;
  }
  return false;
}

// Two cells share bytes when some difference of their indices leads less than a cell away.
bool cells_share_bytes(const std::array<Axis, 3>& axes, int64_t cell) {
  std::array<Axis, 3> sorted = axes;
  std::sort(sorted.begin(), sorted.end(),
            [](const Axis& a, const Axis& b) { return std::abs(a.stride) < std::abs(b.stride); });
  // The usual view is nested: each axis steps over all that lies within.
  int64_t extent = cell;
  bool nested = true;
  for (const Axis& axis : sorted) {
    if (axis.count == 1) continue;
    nested = nested && std::abs(axis.stride) >= extent;
    extent += axis.span();
  }
  if (nested) return false;
  // Any other is searched: all differences of the two shorter axes, the nearest one of the longest.
  std::sort(sorted.begin(), sorted.end(), [](const Axis& a, const Axis& b) { return a.count < b.count; });
  const Axis& longest = sorted[2];
  for (int64_t i = 0; i < sorted[0].count; ++i) {  // by symmetry, one sign is enough
    for (int64_t j = 1 - sorted[1].count; j < sorted[1].count; ++j) {
      const int64_t offset = i * sorted[0].stride + j * sorted[1].stride;
      if (meets(longest.stride, longest.count - 1, offset, cell, i != 0 || j != 0)) return true;
    }
  }
  return false;
}

void check_addresses(const char* argument, const Image& image) {
  if (image.data == nullptr) return;
  const ByteRange range = byte_range(image);
  const auto address = reinterpret_cast<uintptr_t>(image.data);
  if (static_cast<uint64_t>(-range.begin) > address ||
      static_cast<uint64_t>(range.end) > UINTPTR_MAX - address) {
    fail(Status::kInvalidArgument, argument, ".data: the view needs ", range.size(),
         " bytes and leaves the address space");
  }
}

}  // namespace

const FormatInfo* format_info(Format format) {
  for (const FormatInfo& info : kFormats) {
    if (info.format == format) return &info;
  }
  return nullptr;
}

Image resolve(Image view, const char* argument) {
  check_side(argument, "width", view.width);
  check_side(argument, "height", view.height);
  const int64_t cell = bytes_per_channel(view.format->type);
  const int channels = view.format->channels;
  if (view.channel_stride == 0) view.channel_stride = cell;
  check_axis(argument, {"channel_stride", view.channel_stride, channels});
  if (view.pixel_stride == 0) view.pixel_stride = cell * channels;
  check_axis(argument, {"pixel_stride", view.pixel_stride, view.width});
  if (view.row_stride == 0) view.row_stride = view.width * std::abs(view.pixel_stride);
  check_axis(argument, {"row_stride", view.row_stride, view.height});

  const std::array<Axis, 3> axes{{{"channel_stride", view.channel_stride, channels},
                                  {"pixel_stride", view.pixel_stride, view.width},
                                  {"row_stride", view.row_stride, view.height}}};
  if (cells_share_bytes(axes, cell)) {
    fail(Status::kInvalidArgument, argument, ": pixels share bytes (", view.width, " x ", view.height, " ",
         view.format->name, ", row_stride ", view.row_stride, ", pixel_stride ", view.pixel_stride,
         ", channel_stride ", view.channel_stride, ")");
  }
  check_addresses(argument, view);
  return view;
}

ByteRange byte_range(const Image& image) {
  ByteRange range{0, bytes_per_channel(image.format->type)};
  for (const int64_t reach : {image.row_stride * (image.height - 1), image.pixel_stride * (image.width - 1),
                              image.channel_stride * (image.format->channels - 1)}) {
    (reach < 0 ? range.begin : range.end) += reach;
  }
  return range;
}

}  // namespace infill
