// <infill.h>: version, status names, devices, methods.
#include <array>
#include <cstdio>

#include "boundary.h"
#include "core/simd.h"
#include "device.h"
#include "methods.h"

using namespace infill;
using namespace infill::capi;

static_assert(INFILL_VERSION ==
              INFILL_MAKE_VERSION(INFILL_VERSION_MAJOR, INFILL_VERSION_MINOR, INFILL_VERSION_PATCH));

namespace {

struct StatusName {
  infill_status status;
  const char* name;
};

#define INFILL_STATUS_NAME(name) \
  { name, #name }
constexpr auto kStatusNames = std::to_array<StatusName>({
    INFILL_STATUS_NAME(INFILL_OK),
    INFILL_STATUS_NAME(INFILL_PENDING),
    INFILL_STATUS_NAME(INFILL_ERROR_INVALID_ARGUMENT),
    INFILL_STATUS_NAME(INFILL_ERROR_INVALID_STATE),
    INFILL_STATUS_NAME(INFILL_ERROR_UNSUPPORTED),
    INFILL_STATUS_NAME(INFILL_ERROR_UNKNOWN_PARAMETER),
    INFILL_STATUS_NAME(INFILL_ERROR_TOO_NEW),
    INFILL_STATUS_NAME(INFILL_ERROR_MEMORY_LIMIT),
    INFILL_STATUS_NAME(INFILL_ERROR_OUT_OF_MEMORY),
    INFILL_STATUS_NAME(INFILL_ERROR_NO_DEVICE),
    INFILL_STATUS_NAME(INFILL_ERROR_DEVICE_LOST),
    INFILL_STATUS_NAME(INFILL_ERROR_IO),
    INFILL_STATUS_NAME(INFILL_ERROR_BAD_MODEL),
    INFILL_STATUS_NAME(INFILL_ERROR_WRONG_MODEL),
    INFILL_STATUS_NAME(INFILL_ERROR_CANCELLED),
    INFILL_STATUS_NAME(INFILL_ERROR_INTERNAL),
});
#undef INFILL_STATUS_NAME

#if defined(__clang__)
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "gcc " __VERSION__;
#endif

struct BuildInfo {
  std::array<char, 160> text{};
  BuildInfo() {
    std::string_view simd = "INFILL_ISA is wrong";
    try {
      apply_simd_environment();
      simd = simd_name();
    } catch (const Error&) {  // contexts report it
    } catch (...) {
      simd = "instruction set unknown";
    }
    std::snprintf(text.data(), text.size(), "infill %d.%d.%d, %s, %.*s", INFILL_VERSION_MAJOR,
                  INFILL_VERSION_MINOR, INFILL_VERSION_PATCH, kCompiler, static_cast<int>(simd.size()),
                  simd.data());
  }
};

}  // namespace

const char* infill_status_name(infill_status status) noexcept {
  for (const StatusName& each : kStatusNames) {
    if (each.status == status) return each.name;
  }
  return "INFILL_UNKNOWN";
}

uint32_t infill_version(void) noexcept {
  return INFILL_VERSION;
}

const char* infill_build_info(void) noexcept {
  static const BuildInfo info;
  return info.text.data();
}

int32_t infill_has_feature(infill_feature feature) noexcept {
  if (feature == INFILL_FEATURE_CUDA) return INFILL_BUILT_WITH_CUDA;
  return feature == INFILL_FEATURE_NEURAL ? 1 : 0;
}

uint32_t infill_device_count(void) noexcept {
  try {
    return device_count();
  } catch (...) {  // no memory for the list
    return 1;
  }
}

infill_status infill_device_get_info(uint32_t which, infill_device_info* info, infill_error* err) noexcept {
  return guarded(err, [&] { write_struct(info, device_info(which), "info"); });
}

uint32_t infill_method_count(void) noexcept {
  return static_cast<uint32_t>(classic::methods().size());
}

infill_status infill_method_get_info(uint32_t which, infill_method_info* info, infill_error* err) noexcept {
  return guarded(err, [&] {
    const auto methods = classic::methods();
    if (which >= methods.size()) fail(Status::kInvalidArgument, "which: is ", which, " of ", methods.size());
    infill_method_info value = INFILL_METHOD_INFO_INIT;
    value.method = static_cast<infill_method>(methods[which]->id);
    value.name = methods[which]->name;
    value.summary = methods[which]->summary;
    write_struct(info, value, "info");
  });
}
