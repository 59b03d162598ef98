// How kernels are run. Tests set it by functions, programs by environment variables.
#pragma once

#include <cstdint>

namespace infill::cudasim {

// Which of the threads that could go on goes on. Greedy ones show a missing barrier best: a thread runs as
// far ahead of the others as it can.
enum class Schedule : uint8_t {
  kForward,  // the lowest thread
  kReverse,  // the highest
  kRandom,   // any, drawn with the seed
};

struct Options {
  Schedule schedule = Schedule::kForward;  // CUDASIM_SCHEDULE=forward|reverse|random
  uint32_t seed = 1;                       // CUDASIM_SEED
  bool checking = false;                   // CUDASIM_CHECK=0|1; on where the checker's hooks are linked
  int most_reports = 20;                   // CUDASIM_REPORTS: printed; all are counted
};

// Read from the environment at first use. Changes take effect at the next launch; `checking` is for programs
// that have allocated nothing yet.
Options& options();

// Kernels are compiled with the checker's hooks: called before main.
void enable_checking();

}  // namespace infill::cudasim
