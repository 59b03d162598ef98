#include "fill_desc.h"

#include "overlap.h"

namespace infill::capi {

namespace {

const FormatInfo& read_format(infill_format format, Role role, const char* name) {
  if (format == INFILL_FORMAT_UNDEFINED) fail(Status::kInvalidArgument, name, ".format: is UNDEFINED");
  const FormatInfo* info = format_info(static_cast<Format>(format));
  if (info == nullptr) fail(Status::kUnsupported, name, ".format: ", format, " is no format of this library");
  if (role == Role::kPicture && info->is_mask) {
    fail(Status::kUnsupported, name, ".format: ", info->name, " is for masks only");
  }
  if (role == Role::kMask && info->channels != 1) {
    fail(Status::kUnsupported, name, ".format: ", info->name,
         " is none of GRAY8, GRAY16, GRAY16F, GRAY32F, MASK8");
  }
  return *info;
}

DeviceType read_device(const infill_image& image, const char* name, const Places& places) {
  switch (image.device_type) {
    case INFILL_DEVICE_CPU:
      if (image.device_index == 0) return DeviceType::kCpu;
      fail(Status::kInvalidArgument, name, ".device_index: is ", image.device_index, ", the CPU has only 0");
    case INFILL_DEVICE_CUDA:
      if (image.device_index < 0)
        fail(Status::kInvalidArgument, name, ".device_index: is ", image.device_index);
      if (places.any_device) return DeviceType::kCuda;
      if (places.device == nullptr)
        fail(Status::kUnsupported, name, ".device_type: CUDA images are for contexts of their device");
      if (places.device->index() == image.device_index) return DeviceType::kCuda;
      fail(Status::kUnsupported, name, ".device_index: is ", image.device_index, ", the context's device is ",
           places.device->index());
    default:
      fail(Status::kUnsupported, name, ".device_type: ", image.device_type, " is no device of this library");
  }
}

// Reading host memory on a device ends the device, reading a device's memory on the host ends the program.
void check_place(const Image& image, const char* name, const device::Device* device) {
  if (device == nullptr || image.data == nullptr) return;
  int place = -1;
  device->check(device->runtime().device_of(image.data, &place), "asking where a picture lies");
  if (image.device == DeviceType::kCuda && place != device->index()) {
    fail(Status::kInvalidArgument, name, ".data: lies ", place < 0 ? "in host memory" : "on another device",
         ", device_type says CUDA");
  }
}

template <class Enum>
Enum read_enum(int32_t value, Enum last, const char* name, const char* field) {
  if (value < 0 || value > static_cast<int32_t>(last)) {
    fail(Status::kUnsupported, name, field, ": ", value, " is unknown to this library");
  }
  return static_cast<Enum>(value);
}

void check_data(const Image& image, const char* name) {
  if (image.data == nullptr) fail(Status::kInvalidArgument, name, ".data: is NULL");
}

void check_request(const pipeline::Request& request, Data data, const device::Device* device) {
  if (request.dst.read_only) fail(Status::kInvalidArgument, "dst.flags: READ_ONLY");
  if (data == Data::kRequired) {
    check_data(request.src, "src");
    check_data(request.mask, "mask");
    check_data(request.dst, "dst");
    if (request.reference) check_data(*request.reference, "reference");
    if (request.allow) check_data(*request.allow, "allow");
  }
  check_place(request.src, "src", device);
  check_place(request.mask, "mask", device);
  check_place(request.dst, "dst", device);
  if (request.reference) check_place(*request.reference, "reference", device);
  if (request.allow) check_place(*request.allow, "allow", device);
  if (request.dst.data == nullptr) return;
  if (!same_view(request.dst, request.src))
    check_apart(request.dst, request.src, "src, but is not the same view");
  check_apart(request.dst, request.mask, "mask");
  if (request.reference) check_apart(request.dst, *request.reference, "reference");
  if (request.allow) check_apart(request.dst, *request.allow, "allow");
}

}  // namespace

void check_apart(const Image& dst, const Image& other, const char* name) {
  if (share_bytes(dst, other)) {
    fail(Status::kInvalidArgument, "dst: shares memory with ", name, " (data ",
         static_cast<const void*>(dst.data), " and ", static_cast<const void*>(other.data), ")");
  }
}

Image read_image(const infill_image* given, Role role, const char* name, const Places& places) {
  const infill_image image = read_struct(given, name);
  check_flags(image.flags, INFILL_IMAGE_READ_ONLY, name);
  check_reserved(name, image.reserved, image.reserved_ptr);
  Image view;
  view.format = &read_format(image.format, role, name);
  view.device = read_device(image, name, places);
  view.width = image.width;
  view.height = image.height;
  if (role != Role::kMask) {
    view.color = read_enum(image.color, Color::kLinear, name, ".color");
    view.alpha = read_enum(image.alpha, Alpha::kIgnore, name, ".alpha");
    view.read_only = (image.flags & INFILL_IMAGE_READ_ONLY) != 0;
  }
  view.row_stride = image.row_stride;
  view.pixel_stride = image.pixel_stride;
  view.channel_stride = image.channel_stride;
  view.data = static_cast<std::byte*>(image.data);
  return resolve(view, name);
}

FillCall read_fill(const infill_image* src, const infill_image* mask, const infill_image* dst) {
  FillCall call;
  call.request.src = read_image(src, Role::kPicture, "src");
  call.request.mask = read_image(mask, Role::kMask, "mask");
  call.request.dst = read_image(dst, Role::kPicture, "dst");
  call.request.roi = call.request.src.bounds();
  check_request(call.request, Data::kRequired, nullptr);
  return call;
}

FillCall read_fill(const infill_fill_desc* given, Data data, const Context& context) {
  const infill_fill_desc desc = read_struct(given, "desc");
  check_flags(desc.flags, 0, "desc");
  const device::Device* device = context.device();
  if (desc.stream != nullptr && device == nullptr)
    fail(Status::kInvalidArgument, "desc.stream: the context has no CUDA device");
  const Places places{.device = device};
  FillCall call;
  call.stream = static_cast<CUstream_st*>(desc.stream);
  pipeline::Request& request = call.request;
  request.src = read_image(desc.src, Role::kPicture, "src", places);
  request.mask = read_image(desc.mask, Role::kMask, "mask", places);
  request.dst = read_image(desc.dst, Role::kPicture, "dst", places);
  if (desc.reference != nullptr)
    request.reference = read_image(desc.reference, Role::kPicture, "reference", places);
  if (desc.allow != nullptr) request.allow = read_image(desc.allow, Role::kMask, "allow", places);
  request.roi = {desc.roi.x, desc.roi.y, desc.roi.width, desc.roi.height};
  if (request.roi == Rect{}) request.roi = request.src.bounds();
  request.seed = desc.seed;
  call.progress = desc.progress;
  call.progress_user = desc.progress_user;
  check_request(request, data, device);
  return call;
}

}  // namespace infill::capi
