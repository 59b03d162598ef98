// Sums of what comes before each of a list of numbers, for the profile.
#include "cuda/scan.h"
#include "profile.h"

int main() {
  using namespace infill::cuda;
  constexpr int64_t kCount = 16 * 1024;
  auto* values = profile::zeros<uint32_t>(kCount);
  auto* total = profile::zeros<uint32_t>(1);
  auto* space = profile::zeros<unsigned char>(exclusive_scan_workspace(kCount));
  profile::check(exclusive_scan(values, kCount, total, space, nullptr));
  profile::finish();
  return 0;
}
