#include "device/pictures.h"

#include <algorithm>
#include <memory>

#include "core/pixels.h"

namespace infill::device {

namespace {

// The rectangle's pixels one after the other, at data; its coordinates are the picture's.
Image packed(const Image& like, const Rect& rect, std::byte* data) {
  Image image = like;
  image.channel_stride = bytes_per_channel(like.format->type);
  image.pixel_stride = image.channel_stride * like.format->channels;
  image.row_stride = image.pixel_stride * rect.width;
  // Within the rectangle addresses are inside of the memory again.
  image.data = data - (rect.y * image.row_stride + rect.x * image.pixel_stride);
  return image;
}

int32_t rows_of_chunk(const Image& image, const Rect& rect) {
  const size_t row = static_cast<size_t>(image.pixel_stride) * static_cast<size_t>(rect.width);
  return static_cast<int32_t>(std::clamp<size_t>(kChunkBytes / row, 1, static_cast<size_t>(rect.height)));
}

}  // namespace

static_assert(static_cast<int>(cuda::CellType::kF32) == static_cast<int>(PixelType::kF32));
static_assert(static_cast<int>(cuda::AlphaMeaning::kIgnore) == static_cast<int>(Alpha::kIgnore));

cuda::Picture picture_of(const Image& image) {
  cuda::Picture picture;
  picture.data = reinterpret_cast<unsigned char*>(image.data);
  picture.width = image.width;
  picture.height = image.height;
  picture.row_stride = image.row_stride;
  picture.pixel_stride = image.pixel_stride;
  picture.channel_stride = image.channel_stride;
  picture.type = static_cast<cuda::CellType>(image.format->type);
  picture.channels = image.format->channels;
  picture.alpha = image.format->alpha;
  std::ranges::copy(image.format->order, picture.order);
  picture.meaning = static_cast<cuda::AlphaMeaning>(image.alpha);
  picture.is_mask = image.format->is_mask;
  return picture;
}

void* take_workspace(Arena& arena, size_t bytes) {
  constexpr size_t kAlignment = 256;
  const std::span<std::byte> taken = arena.take<std::byte>(bytes + kAlignment);
  void* at = taken.data();
  size_t room = taken.size();
  return arena.is_measuring() ? nullptr : std::align(kAlignment, bytes, at, room);
}

void upload(const Place& place, void* to, const void* from, size_t bytes, const char* what) {
  if (bytes == 0) return;
  const Device::Use use(place.device);
  place.device.check(place.device.runtime().copy(to, bytes, from, bytes, bytes, 1, place.stream.get()), what);
}

void download(const Place& place, void* to, const void* from, size_t bytes, const char* what) {
  upload(place, to, from, bytes, what);
  place.stream.wait();
}

HostCopy::HostCopy(const Place& place, const Image& image, Memory& host, const char* name) : image_(image) {
  if (image.device == DeviceType::kCpu || image.data == nullptr) return;
  const ByteRange range = byte_range(image);
  block_ = Block(host, range.size());
  download(place, block_.data(), image.data + range.begin, range.size(), name);
  image_.data = block_.data() - range.begin;
  image_.device = DeviceType::kCpu;
}

size_t DeviceCopy::bytes(const Image& image, const Rect& rect) {
  if (image.device == DeviceType::kCuda) return 0;
  return static_cast<size_t>(rect.area()) * static_cast<size_t>(image.format->channels) *
         static_cast<size_t>(bytes_per_channel(image.format->type));
}

DeviceCopy::DeviceCopy(const Place& place, const Image& image, const Rect& rect, Content content,
                       Memory& host, Task& task, const char* name)
    : place_(place), rect_(rect), image_(image) {
  if (image.device == DeviceType::kCuda || rect.empty()) return;
  block_ = Block(place.memory, bytes(image, rect));
  image_ = packed(image, rect, block_.data());
  image_.device = DeviceType::kCuda;
  if (content == Content::kUndefined) return;
  const int32_t rows = rows_of_chunk(image_, rect);
  const auto row_bytes = static_cast<size_t>(image_.row_stride);
  const Block chunk(host, row_bytes * static_cast<size_t>(rows));
  for (int32_t y = rect.y; y < rect.bottom(); y += rows) {
    const Rect part{rect.x, y, rect.width, std::min(rows, rect.bottom() - y)};
    const Image passing = packed(image, part, chunk.data());
    for (int32_t row = part.y; row < part.bottom(); ++row) {
      copy_row(image, passing, {row, part.x, part.right()});
      task.advance(static_cast<uint64_t>(part.width));
    }
    upload(place, image_.at(part.x, y), chunk.data(), row_bytes * static_cast<size_t>(part.height), name);
    // The chunk is written to again.
    place.stream.wait();
  }
}

void DeviceCopy::store(std::span<const Run> runs, const Image& to, Memory& host, Task& task) const {
  if (!is_copy()) return;
  const int32_t rows = rows_of_chunk(image_, rect_);
  const auto row_bytes = static_cast<size_t>(image_.row_stride);
  const Block chunk(host, row_bytes * static_cast<size_t>(rows));
  for (size_t i = 0; i < runs.size();) {
    const Rect part{rect_.x, runs[i].y, rect_.width, std::min(rows, rect_.bottom() - runs[i].y)};
    const Image passing = packed(image_, part, chunk.data());
    download(place_, chunk.data(), image_.at(part.x, part.y), row_bytes * static_cast<size_t>(part.height),
             "dst");
    for (; i < runs.size() && runs[i].y < part.bottom(); ++i) {
      copy_row(passing, to, runs[i]);
      task.advance(static_cast<uint64_t>(runs[i].x1 - runs[i].x0));
    }
  }
}

}  // namespace infill::device
