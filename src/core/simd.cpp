#include "core/simd.h"

#include <hwy/highway.h>

#include <cstdlib>
#include <mutex>

#include "core/status.h"

namespace infill {

std::string_view simd_name() {
  const auto targets = hwy::SupportedTargets();
  if ((targets & HWY_AVX3) != 0) return "avx512";
  return (targets & HWY_AVX2) != 0 ? "avx2" : "sse4";
}

void apply_simd_environment() {
  static std::once_flag once;
  std::call_once(once, [] {
    const char* value = std::getenv("INFILL_ISA");  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name = value == nullptr ? "avx512" : value;
    if (name == "sse4") {
      hwy::DisableTargets(HWY_AVX3 | HWY_AVX2);
    } else if (name == "avx2") {
      hwy::DisableTargets(HWY_AVX3);
    } else if (name != "avx512") {
      fail(Status::kInvalidArgument, "INFILL_ISA: '", name, "' is none of sse4, avx2, avx512");
    }
  });
}

}  // namespace infill
