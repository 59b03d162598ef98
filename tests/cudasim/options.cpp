#include "cudasim/options.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace infill::cudasim {
namespace {

bool checking_is_linked = false;

Schedule schedule_named(const char* name) {
  if (std::strcmp(name, "forward") == 0) return Schedule::kForward;
  if (std::strcmp(name, "reverse") == 0) return Schedule::kReverse;
  if (std::strcmp(name, "random") == 0) return Schedule::kRandom;
  std::fprintf(stderr, "cudasim: CUDASIM_SCHEDULE: %s is none of forward, reverse, random\n", name);
  std::exit(2);
}

Options from_environment() {
  Options result;
  result.checking = checking_is_linked;
  if (const char* value = std::getenv("CUDASIM_SCHEDULE")) result.schedule = schedule_named(value);
  if (const char* value = std::getenv("CUDASIM_SEED")) {
    result.seed = static_cast<uint32_t>(std::strtoul(value, nullptr, 10));
  }
  if (const char* value = std::getenv("CUDASIM_CHECK")) result.checking = std::strcmp(value, "0") != 0;
  if (const char* value = std::getenv("CUDASIM_REPORTS")) {
    result.most_reports = static_cast<int>(std::strtol(value, nullptr, 10));
  }
  return result;
}

}  // namespace

Options& options() {
  static Options the_options = from_environment();
  return the_options;
}

void enable_checking() {
  checking_is_linked = true;
}

}  // namespace infill::cudasim
