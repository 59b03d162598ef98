// <infill.h>: images.
#include <array>

#include "dlpack.h"
#include "fill_desc.h"

using namespace infill;
using namespace infill::capi;

namespace {

struct Axis {
  int64_t length = 1, stride = 0;  // stride in bytes; 0: packed
};

// Axes of a tensor after its batch axis, slowest first.
std::array<Axis, 3> read_axes(const dlpack::Tensor& tensor, int32_t wanted, int64_t item) {
  if (tensor.ndim != wanted && tensor.ndim != wanted + 1) {
    fail(Status::kInvalidArgument, "tensor.ndim: is ", tensor.ndim, ", these axes are ", wanted,
         " and perhaps a leading one of length 1");
  }
  not_null(tensor.shape, "tensor.shape");
  const int32_t batch = tensor.ndim - wanted;
  if (batch == 1 && tensor.shape[0] != 1) {
    fail(Status::kInvalidArgument, "tensor.shape[0]: is ", tensor.shape[0], "; a batch must be taken apart");
  }
  std::array<Axis, 3> axes;
  int64_t compact = item;
  for (int32_t i = tensor.ndim - 1; i >= batch; --i) {
    Axis& axis = axes.at(static_cast<size_t>(i - batch));
    axis.length = tensor.shape[i];
    if (axis.length < 1 || axis.length > kMaximumSide) {
      fail(Status::kInvalidArgument, "tensor.shape[", i, "]: is ", axis.length, ", allowed are 1 to ",
           kMaximumSide);
    }
    axis.stride = compact;
    if (tensor.strides != nullptr && axis.length > 1) {
      const int64_t stride = tensor.strides[i];
      if (stride == 0) fail(Status::kUnsupported, "tensor.strides[", i, "]: is 0 (broadcast); make a copy");
      if (__builtin_mul_overflow(stride, item, &axis.stride)) {
        fail(Status::kInvalidArgument, "tensor.strides[", i, "]: ", stride, " overflows");
      }
    }
    if (__builtin_mul_overflow(compact, axis.length, &compact)) {
      fail(Status::kInvalidArgument, "tensor.shape: overflows");
    }
  }
  return axes;
}

// Formats of 1, 2, 3 and 4 channels of a type.
infill_format read_type(const dlpack::DataType& type, int64_t channels) {
  if (channels > 4) fail(Status::kUnsupported, "tensor.shape: ", channels, " channels; 1 to 4 are supported");
  const auto pick = [channels](infill_format gray, infill_format two, infill_format rgb, infill_format rgba) {
    return std::array{gray, two, rgb, rgba}.at(static_cast<size_t>(channels - 1));
  };
  if (type.lanes == 1) {
    if (type.code == dlpack::kUnsigned && type.bits == 8) {
      return pick(INFILL_FORMAT_GRAY8, INFILL_FORMAT_RG8, INFILL_FORMAT_RGB8, INFILL_FORMAT_RGBA8);
    }
    if (type.code == dlpack::kUnsigned && type.bits == 16) {
      return pick(INFILL_FORMAT_GRAY16, INFILL_FORMAT_RG16, INFILL_FORMAT_RGB16, INFILL_FORMAT_RGBA16);
    }
    if (type.code == dlpack::kFloat && type.bits == 16) {
      return pick(INFILL_FORMAT_GRAY16F, INFILL_FORMAT_RG16F, INFILL_FORMAT_RGB16F, INFILL_FORMAT_RGBA16F);
    }
    if (type.code == dlpack::kFloat && type.bits == 32) {
      return pick(INFILL_FORMAT_GRAY32F, INFILL_FORMAT_RG32F, INFILL_FORMAT_RGB32F, INFILL_FORMAT_RGBA32F);
    }
    if (type.code == dlpack::kBool && type.bits == 8 && channels == 1) return INFILL_FORMAT_MASK8;
  }
  fail(Status::kUnsupported, "tensor.dtype: code ", int{type.code}, ", ", int{type.bits}, " bits, ",
       type.lanes, " lanes with ", channels,
       " channels; supported are uint8, uint16, float16, float32 and one channel of bool");
}

void read_device(const dlpack::Device& device, infill_image& image) {
  switch (device.type) {
    case dlpack::kCpu:
    case dlpack::kCudaHost:
      return;
    case dlpack::kCuda:
    case dlpack::kCudaManaged:
      image.device_type = INFILL_DEVICE_CUDA;
      image.device_index = device.index;
      return;
    default:
      fail(Status::kUnsupported, "tensor.device: type ", device.type, " is neither CPU nor CUDA");
  }
}

infill_image view_of(const dlpack::ManagedTensorVersioned& managed, infill_axes order) {
  if (managed.version.major != 1) {
    fail(Status::kTooNew, "tensor.version: ", managed.version.major, '.', managed.version.minor,
         ", 1.x is read");
  }
  if (order < INFILL_AXES_HWC || order > INFILL_AXES_HW) {
    fail(Status::kUnsupported, "axes: ", order, " is unknown to this library");
  }
  const dlpack::Tensor& tensor = managed.tensor;
  const int64_t item = tensor.dtype.bits / 8;
  const std::array<Axis, 3> axes = read_axes(tensor, order == INFILL_AXES_HW ? 2 : 3, item);
  const bool planar = order == INFILL_AXES_CHW;
  const Axis& height = axes.at(planar ? 1 : 0);
  const Axis& width = axes.at(planar ? 2 : 1);
  const Axis channels = order == INFILL_AXES_HW ? Axis{1, item} : axes.at(planar ? 0 : 2);

  infill_image image = INFILL_IMAGE_INIT;
  image.format = read_type(tensor.dtype, channels.length);
  read_device(tensor.device, image);
  image.flags = (managed.flags & dlpack::kReadOnly) != 0 ? INFILL_IMAGE_READ_ONLY : 0;
  image.width = static_cast<int32_t>(width.length);
  image.height = static_cast<int32_t>(height.length);
  image.row_stride = height.stride;
  image.pixel_stride = width.stride;
  image.channel_stride = channels.stride;
  if (tensor.data != nullptr) image.data = static_cast<std::byte*>(tensor.data) + tensor.byte_offset;
  return image;
}

}  // namespace

infill_status infill_image_check(const infill_image* image, uint64_t* byte_size, infill_error* err) noexcept {
  return guarded(err, [&] {
    const ByteRange range = byte_range(read_image(image, Role::kAny, "image", {.any_device = true}));
    if (byte_size != nullptr) *byte_size = static_cast<uint64_t>(range.size());
  });
}

infill_status infill_image_from_dlpack(const DLManagedTensorVersioned* tensor, infill_axes axes,
                                       infill_image* image, infill_error* err) noexcept {
  return guarded(err, [&] {
    const auto* managed =
        reinterpret_cast<const dlpack::ManagedTensorVersioned*>(&not_null(tensor, "tensor"));
    write_struct(image, view_of(*managed, axes), "image");
  });
}
