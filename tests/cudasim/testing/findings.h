// What the checker says to a kernel.
#pragma once

#include <cuda_runtime.h>

#include <ostream>
#include <set>
#include <utility>

#include "cudasim/options.h"
#include "cudasim/report.h"

namespace infill::cudasim {

inline std::ostream& operator<<(std::ostream& out, Rule rule) {
  return out << name_of(rule);
}

using Rules = std::set<Rule>;

// Rules that are broken while `launch` and all work of the device run. The device is well afterwards.
template <class Launch>
Rules rules_broken_by(Launch launch) {
  const int most_reports = std::exchange(options().most_reports, 0);  // expected ones are not printed
  launch();
  cudaDeviceSynchronize();
  cudaDeviceReset();
  cudaGetLastError();
  options().most_reports = most_reports;
  Rules rules;
  for (const Finding& finding : take_findings()) rules.insert(finding.rule);
  return rules;
}

// Rules about single accesses are looked after in the checked variant only.
#define INFILL_NEEDS_CHECKER() \
  if (!::infill::cudasim::options().checking) GTEST_SKIP() << "the checker is off"

}  // namespace infill::cudasim
